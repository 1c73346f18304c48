"""The determinism probe: whether an engine gives the same picture for the same frame. One function for everybody.

Three ways to ask, each of which has found engines that do not: the same frame twice in one session; the same frame in a
second session, opened (where the backend builds engines: built) again; and the same frame in every row of a batch, where the engine
takes one (NVIDIA/TensorRT #4813: four identical rows, four results). A difference is no fault by itself, since a GPU may
add up in another order from run to run; it is told and recorded, and the gate's self-test fails what exceeds one step.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from edgeenh.gate.self_test import Enhance
    from edgeenh.pixels import Levels

OpenEngine = Callable[[], AbstractContextManager["Enhance"]]
"""Opens an engine anew, without anything that an earlier one left; closes it at the end."""

BATCH_ROWS = 4
"""Rows that hold the same frame."""

NO_BATCH = "none: the graph takes one frame at a time"


@dataclass(frozen=True, slots=True)
class Determinism:
    """Largest differences between two pictures of one frame, in steps of the pictures' range; 0 = byte for byte the same.

    Attributes:
        same_frame_twice: In one session, with another frame in between where more than one was given.
        second_session: Of the first session's picture and that of one opened again.
        batch_rows: Between the rows of a batch; None where the engine takes no batch.
        frames: How many frames were tried.
    """

    same_frame_twice: int
    second_session: int
    batch_rows: int | None
    frames: int

    @property
    def holds(self) -> bool:
        """Every picture came back byte for byte."""
        return not (self.same_frame_twice or self.second_session or self.batch_rows)

    def lines(self, who: str) -> list[str]:
        """What was tried and how it ended: one line where `who` repeats itself, one for every way in which it does not."""
        ways = (
            ("the same frame twice", self.same_frame_twice),
            ("a second session", self.second_session),
            ("the rows of a batch", self.batch_rows),
        )
        apart = [f"not deterministic: {who}, {what}, differs by up to {found}" for what, found in ways if found]
        tried = ", ".join(what for what, found in ways if found is not None)
        return apart or [f"deterministic: {who}, byte for byte: {tried}"]

    def to_json(self) -> dict[str, Any]:
        """The differences as JSON values."""
        return {
            "same_frame_twice_max_abs": self.same_frame_twice,
            "second_session_max_abs": self.second_session,
            "batch_rows_max_abs": self.batch_rows,
            "batch_rows": NO_BATCH if self.batch_rows is None else f"{BATCH_ROWS} rows",
            "frames": self.frames,
            "deterministic": self.holds,
        }


def probe(
    open_engine: OpenEngine,
    frames: Sequence[Levels],
    run_batch: Callable[[NDArray[Any]], NDArray[Any]] | None = None,
) -> Determinism:
    """Probe an engine.

    Args:
        open_engine: Opens it; called twice, one at a time.
        frames: At least one, all of a size that one engine takes; only read.
        run_batch: For an engine that takes a batch: [N,H,W,C] to [N,H,W,C].

    Raises:
        InferenceFailed: The engine failed on a frame.
    """
    with open_engine() as enhance:
        first = [enhance(frame, 1.0).copy() for frame in frames]
        twice = max(_apart(one, enhance(frame, 1.0)) for one, frame in zip(first, frames, strict=True))
    with open_engine() as again:
        reopened = max(_apart(one, again(frame, 1.0)) for one, frame in zip(first, frames, strict=True))
    rows = None if run_batch is None else batch_rows(run_batch, frames[0])
    return Determinism(twice, reopened, rows, len(frames))


def batch_rows(run_batch: Callable[[NDArray[Any]], NDArray[Any]], frame: Levels) -> int:
    """Largest difference between the rows of a batch that all hold `frame`."""
    made = run_batch(np.repeat(frame[None], BATCH_ROWS, axis=0))
    return max(_apart(made[0], row) for row in made[1:])


def _apart(one: NDArray[Any], other: NDArray[Any]) -> int:
    """Largest difference; the whole range of the type where the shapes are not even the same."""
    if one.shape != other.shape or one.dtype != other.dtype:
        return int(np.iinfo(one.dtype).max)
    return int(np.abs(one.astype(np.int64) - other.astype(np.int64)).max())
