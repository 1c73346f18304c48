"""What holds for every test: no deadline in property tests, Ctrl-C reaches the commands that tests start, and no test
inherits what another one's command line decided."""

import signal

import pytest
from hypothesis import settings

from edgeenh.cli import output

# Tests never assert on time.
settings.register_profile("edgeenh", deadline=None)
settings.load_profile("edgeenh")

# A shell starts background jobs with SIGINT ignored, and children inherit that: the suite would then hang on its own
# Ctrl-C tests in `make test &` or under a CI runner that does the same.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def fresh_command_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process has one command line; this one runs many: after `--json -` the next test's words would go to stderr."""
    monkeypatch.setattr(output._State, "words", ())
    monkeypatch.setattr(output._State, "json_on_stdout", False)
