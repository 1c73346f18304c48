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
SLOWER = 4.0
"""How much slower than when it was warm a session may become before it counts as hanging."""


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

    def frames_in(self, seconds: float, typical_ms: float, cores: int) -> int:
        """How many frames fill so many seconds, for a session that takes so long for one alone; no more run at a time than there are cores."""
        if self.fps is not None:
            return max(1, round(seconds * self.fps))
        return max(1, round(seconds * 1000 / typical_ms * min(self.in_flight, cores)))

    def timeout_s(self, frames: int, typical_ms: float) -> float:
        """How long a block of so many frames may take before its worker is given up, for a session that takes so long for one."""
        paced_s = 0.0 if self.fps is None else frames / self.fps
        return SLACK_S + paced_s + frames * SLOWER * typical_ms / 1000

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
