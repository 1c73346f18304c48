"""Progress of a TensorRT build: how much of it is done, and about how much time is left.

TensorRT tells phases, each with a number of steps, and phases within phases. The share that is done is that of the
outermost phase, refined by what is open inside its current step. Steps differ in length, so the time left is an
estimate and is called one.
"""

from __future__ import annotations

from collections.abc import Callable

QUIET_S = 2.0
"""A build shorter than this says nothing; a longer one says something this often."""


class TimeLeft:
    """A `Progress` (see `edgeenh.backends.tensorrt_build`) that tells a line every two seconds. One per build.

    Args:
        tell: Takes each line; called from the builder's thread.
        clock: Monotonic time in seconds.
    """

    def __init__(self, tell: Callable[[str], None], clock: Callable[[], float]) -> None:
        self._tell, self._clock = tell, clock
        self._begun = self._told = clock()
        self._open: dict[str, tuple[int, int]] = {}  # by phase, outermost first: steps done, steps in all

    def __call__(self, phase: str, done: int, total: int) -> None:
        """Note a step, and tell how far the build is when it is time."""
        if done >= total and (done or not total):
            self._open.pop(phase, None)
        else:
            self._open[phase] = (done, total)
        now = self._clock()
        if now - self._told < QUIET_S:
            return
        self._told = now
        self._tell(f"      building the plan: {self._state(phase, now - self._begun)}")

    @property
    def share(self) -> float:
        """How much of the outermost phase is done, 0…1."""
        share, width = 0.0, 1.0
        for done, total in self._open.values():
            share += width * done / total
            width /= total
        return share

    def _state(self, phase: str, elapsed: float) -> str:
        share = self.share
        left = f"{share:.0%} of it, about {_span(elapsed * (1 - share) / share)} left" if share > 0 else "just begun"
        return f"{_span(elapsed)} gone, {left} ({phase})"


def _span(seconds: float) -> str:
    whole = round(seconds)
    return f"{whole // 60} min {whole % 60:02d} s" if whole >= 60 else f"{whole} s"
