"""What holds for every test: no deadline in property tests, since tests never assert on time."""

from hypothesis import settings

settings.register_profile("edgeenh", deadline=None)
settings.load_profile("edgeenh")
