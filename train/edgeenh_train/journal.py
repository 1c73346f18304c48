"""What a run writes down as it goes: JSON lines for machines, TensorBoard for people, sample sheets for eyes."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch.utils.tensorboard import SummaryWriter

from edgeenh.errors import OutputFailed, UsageError
from edgeenh.pictures import write_picture

LOG_FILE = "log.jsonl"
TENSORBOARD_FOLDER = "tensorboard"
SAMPLES_FOLDER = "samples"


class Journal:
    """The journal of one run's folder; a context manager.

    A full disk must not end a training for want of a log line or a sheet: what cannot be written is left out, which `remarks` says, and checkpoints,
    which matter, will speak up.

    Args:
        out: The run's folder.
        active: False in all but the first of several processes: nothing is written.
        images: Pictures seen when the journal is opened; TensorBoard forgets what an interrupted run wrote beyond.
    """

    def __init__(self, out: Path, *, active: bool = True, images: int = 0) -> None:
        self._out, self._active, self._images = out, active, images
        self._board: SummaryWriter | None = None
        self._lost: dict[str, str] = {}
        self._former_hook = threading.excepthook

    def event(self, record: Mapping[str, Any]) -> None:
        """Append one JSON line to `log.jsonl`."""
        if self._active:
            with self._noted(LOG_FILE), (self._out / LOG_FILE).open("a", encoding="utf-8") as file:
                file.write(json.dumps(record) + "\n")

    def figures(self, images: int, figures: Mapping[str, float]) -> None:
        """Figures at so many images, to both places."""
        self.event({"images": images, **figures})
        if self._board is not None:
            with self._noted(TENSORBOARD_FOLDER):
                for name, value in figures.items():
                    self._board.add_scalar(name, value, images)

    def samples(self, images: int, sheet: NDArray[np.uint8]) -> None:
        """A sample sheet, uint8 [H,W,3] RGB, to its folder and to TensorBoard."""
        if self._active:
            with self._noted(SAMPLES_FOLDER):
                write_picture(self._out / SAMPLES_FOLDER / f"{images:08d}.jpg", sheet)
        if self._board is not None:
            with self._noted(TENSORBOARD_FOLDER):
                self._board.add_image("samples", sheet, images, dataformats="HWC")

    @property
    def remarks(self) -> list[str]:
        """What could not be written, a line each."""
        return [
            f"{self._out / name} is incomplete: some of it could not be written ({why})"
            for name, why in self._lost.items()
        ]

    @contextmanager
    def _noted(self, name: str) -> Iterator[None]:
        try:
            yield
        except OSError as exc:
            self._lost.setdefault(name, exc.strerror or str(exc))
        except (OutputFailed, UsageError) as exc:  # what `write_picture` makes of it
            self._lost.setdefault(name, str(exc))

    def _heard(self, failure: threading.ExceptHookArgs) -> None:
        """TensorBoard writes in a thread of its own, which prints what it fails of; the next call raises it again, and it is noted there."""
        if not (isinstance(failure.exc_value, OSError) and type(failure.thread).__module__.startswith("tensorboard.")):
            self._former_hook(failure)

    def __enter__(self) -> Journal:
        if self._active:
            threading.excepthook = self._heard
            purge = self._images + 1 if self._images else None
            with self._noted(TENSORBOARD_FOLDER):
                self._board = SummaryWriter(str(self._out / TENSORBOARD_FOLDER), purge_step=purge)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._board is not None:
            with self._noted(TENSORBOARD_FOLDER):
                self._board.close()
        threading.excepthook = self._former_hook
