"""What a run writes down as it goes: JSON lines for machines, TensorBoard for people, sample sheets for eyes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch.utils.tensorboard import SummaryWriter

LOG_FILE = "log.jsonl"
TENSORBOARD_FOLDER = "tensorboard"


class Journal:
    """The journal of one run's folder; a context manager.

    A full disk must not end a training for want of a log line: what cannot be written is left out, and checkpoints, which
    matter, will speak up.

    Args:
        out: The run's folder.
        active: False in all but the first of several processes: nothing is written.
        images: Pictures seen when the journal is opened; TensorBoard forgets what an interrupted run wrote beyond.
    """

    def __init__(self, out: Path, *, active: bool = True, images: int = 0) -> None:
        self._out, self._active = out, active
        self._board: SummaryWriter | None = None
        if active:
            with suppress(OSError):
                self._board = SummaryWriter(str(out / TENSORBOARD_FOLDER), purge_step=images + 1 if images else None)

    def event(self, record: Mapping[str, Any]) -> None:
        """Append one JSON line to `log.jsonl`."""
        if self._active:
            with suppress(OSError), (self._out / LOG_FILE).open("a", encoding="utf-8") as file:
                file.write(json.dumps(record) + "\n")

    def figures(self, images: int, figures: Mapping[str, float]) -> None:
        """Figures at so many images, to both places."""
        self.event({"images": images, **figures})
        if self._board is not None:
            with suppress(OSError):
                for name, value in figures.items():
                    self._board.add_scalar(name, value, images)

    def samples(self, images: int, sheet: NDArray[np.uint8]) -> None:
        """A sample sheet, uint8 [H,W,3] RGB, to TensorBoard."""
        if self._board is not None:
            with suppress(OSError):
                self._board.add_image("samples", sheet, images, dataformats="HWC")

    def __enter__(self) -> Journal:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._board is not None:
            with suppress(OSError):
                self._board.close()
