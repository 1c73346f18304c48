"""What holds for every test: no deadline in property tests, and Ctrl-C reaches the commands that tests start."""

import signal

from hypothesis import settings

# Tests never assert on time.
settings.register_profile("edgeenh", deadline=None)
settings.load_profile("edgeenh")

# A shell starts background jobs with SIGINT ignored, and children inherit that: the suite would then hang on its own
# Ctrl-C tests in `make test &` or under a CI runner that does the same.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
