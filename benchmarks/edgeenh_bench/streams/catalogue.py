"""Which ways there are to bring a clip through a session, and at which paces they are measured. Imports nothing heavy."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

UNPACED, PACED, SLOW = "unpaced", "paced", "slow-sink"
PACES = {
    UNPACED: "as fast as it goes, every frame in order",
    PACED: "a camera's pace: frame k is there k periods after the first, and whoever asks earlier waits",
    SLOW: "the same, and whoever takes a frame needs longer than a period for it, as an encoder or a network may",
}
"""Name → what it means. The three are measured one after the other."""


@dataclass(frozen=True, slots=True)
class Way:
    """One row, per backend.

    Attributes:
        name: What the table calls it.
        what: What runs, in words.
        ours: It is a stream of edgeenh.
        paces: Those at which it can be measured.
    """

    name: str
    what: str
    ours: bool = False
    paces: tuple[str, ...] = (UNPACED, PACED, SLOW)


WAYS = (
    Way("edgeenh", "edgeenh.Stream around an Enhancer: offline unpaced, live at a pace", ours=True),
    Way("edgeenh-contained", "the same with the session in a worker process, as `edgeenh run` has it", ours=True),
    Way("pyav", "a loop: PyAV decodes, a bare session enhances"),
    Way("opencv", "a loop: cv2.VideoCapture decodes, a bare session enhances"),
    Way("ffmpeg", "a loop: an ffmpeg process decodes into a pipe of raw frames, a bare session enhances"),
    Way("gstreamer", "a loop: a gst-launch process decodes into a pipe of raw frames, a bare session enhances"),
    Way("inference", "Roboflow's InferencePipeline around a bare session (not yet run here)", paces=(UNPACED,)),
)

BY_NAME = {way.name: way for way in WAYS}


@dataclass(frozen=True, slots=True)
class Pace:
    """How frames come and go.

    Attributes:
        name: One of `PACES`.
        fps: The camera's; None = no pace.
        sink_ms: Milliseconds that whoever takes a frame needs for it.
    """

    name: str
    fps: float | None = None
    sink_ms: float = 0.0

    def to_json(self) -> dict[str, Any]:
        """JSON values, which also make it again."""
        return asdict(self)
