"""Batches prepared ahead by a thread, each a function of (seed, step) alone, so that a resumed run sees what an unbroken one would."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterator
from types import TracebackType

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from edgeenh_train.data.folder import PictureFolder, view

AHEAD = 3
_LOW, _HIGH = 0, 1


class Batches:
    """An iterator over (low, high) batches, float [B,3,H,W] RGB 0…1, for the steps `start` … `stop` − 1.

    Use it as a context manager; leaving it ends the thread.

    Attributes:
        waited: Seconds the training loop has waited for data so far.
    """

    def __init__(
        self, low: PictureFolder, high: PictureFolder, *, batch: int, height: int, width: int, whole_share: float, seed: int,
        start: int, stop: int, clock: Callable[[], float] = time.monotonic,
    ) -> None:  # fmt: skip
        self._domains = (low, high)
        self._batch, self._height, self._width, self._whole_share = batch, height, width, whole_share
        self._seed, self._start, self._stop = seed, start, stop
        self._clock = clock
        self.waited = 0.0
        self._queue: queue.Queue[tuple[Tensor, Tensor] | BaseException | None] = queue.Queue(AHEAD)
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._work, name="batches", daemon=True)

    def make(self, step: int) -> tuple[Tensor, Tensor]:
        """The batch of one step, low and high; the same step always gives the same batch."""
        return self._domain(step, _LOW), self._domain(step, _HIGH)

    def _domain(self, step: int, which: int) -> Tensor:
        folder = self._domains[which]
        views: list[NDArray[np.uint8]] = []
        for slot in range(self._batch):
            position = step * self._batch + slot
            epoch, index = divmod(position, len(folder))
            order = np.random.default_rng([self._seed, which, epoch]).permutation(len(folder))
            rng = np.random.default_rng([self._seed, which, epoch, index, 1])
            image = folder.images[int(order[index])]
            views.append(view(image, height=self._height, width=self._width, whole_share=self._whole_share, rng=rng))
        return torch.from_numpy(np.stack(views)).permute(0, 3, 1, 2).contiguous().float() / 255.0

    def _work(self) -> None:
        try:
            for step in range(self._start, self._stop):
                if not self._put(self.make(step)):
                    return
            self._put(None)
        except BaseException as exc:
            self._put(exc)

    def _put(self, item: tuple[Tensor, Tensor] | BaseException | None) -> bool:
        while not self._ended.is_set():
            try:
                self._queue.put(item, timeout=0.1)
            except queue.Full:
                continue
            return True
        return False

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        while True:
            began = self._clock()
            item = self._queue.get()
            self.waited += self._clock() - began
            if item is None:
                return
            if isinstance(item, BaseException):
                raise item
            yield item

    def __enter__(self) -> Batches:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._thread.join()
