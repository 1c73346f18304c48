"""How frames are given to a row: one after another, at a camera's pace, or several at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from edgeenh.errors import UsageError

LATENCY, PACED, THROUGHPUT = "latency", "paced", "throughput"
MODES = {
    LATENCY: "closed loop, one frame in flight",
    PACED: "open loop: frames come at a pace and have one period to be enhanced; the newest wins",
    THROUGHPUT: "several frames in flight, each with a session of its own; the threads are divided among them",
}
"""Name → what it means."""

FASTEST_FPS = 1000.0
SLACK_S = 300.0


@dataclass(frozen=True, slots=True)
class Mode:
    """One of `MODES`.

    Attributes:
        name: Which.
        fps: Frames per second, where frames are paced.
        in_flight: Sessions, and frames at a time.
    """

    name: str = LATENCY
    fps: float | None = None
    in_flight: int = 1

    @property
    def deadline_ms(self) -> float | None:
        """Age that a frame may have: one period; None without a pace."""
        return None if self.fps is None else 1000.0 / self.fps

    def threads_of_each(self, threads: int | None, cores: int) -> int | None:
        """CPU threads of one session: the given ones, or all cores (None), divided among the sessions."""
        return threads if self.in_flight == 1 else max(1, (threads or cores) // self.in_flight)

    def frames_in(self, seconds: float, typical_ms: float) -> int:
        """How many frames fill so many seconds, for a session that takes so long for one."""
        if self.fps is not None:
            return max(1, round(seconds * self.fps))
        return max(1, round(seconds * 1000 / typical_ms * self.in_flight))

    def timeout_s(self, frames: int) -> float:
        """How long a block of so many frames may take before its worker is given up."""
        return SLACK_S + (0.0 if self.fps is None else frames / self.fps)

    def request(self) -> dict[str, Any]:
        """What a worker is told."""
        return {"mode": self.name, "fps": self.fps}

    def to_json(self) -> dict[str, Any]:
        """What a result says."""
        return {
            "name": self.name,
            "meaning": f"{MODES[self.name]}; host memory to host memory",
            "fps": self.fps,
            "deadline_ms": self.deadline_ms,
            "in_flight": self.in_flight,
        }


def choose(paced: float | None, in_flight: int | None) -> Mode:
    """The mode of the command's options.

    Raises:
        UsageError: A pace outside 0…`FASTEST_FPS`.
    """
    if paced is not None:
        if not 0.0 < paced <= FASTEST_FPS:
            raise UsageError(f"--paced {paced:g}: expected frames per second, above 0 and up to {FASTEST_FPS:g}")
        return Mode(PACED, paced)
    return Mode() if in_flight is None else Mode(THROUGHPUT, in_flight=in_flight)
