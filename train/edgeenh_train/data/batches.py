"""Batches prepared ahead by threads, each a function of (seed, step) alone, so that a resumed run sees what an unbroken one would."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from edgeenh_train.config import TrainConfig
from edgeenh_train.data.domains import Domains
from edgeenh_train.data.folder import PictureFolder, view
from edgeenh_train.methods.base import Batch

AHEAD = 4
"""Batches in preparation or ready."""

_LOW, _HIGH, _PAIR, _STEP = range(4)  # streams of random numbers, kept apart

Float = NDArray[np.float32]


class Batches:
    """An iterator over the batches of the steps `start` … `stop` − 1; with several processes, over this one's share of each.

    Use it as a context manager; leaving it ends the threads.

    Args:
        domains: The pictures.
        config: Sizes, shares and seed.
        needs: Names of the `Batch` fields to fill.
        start, stop: Steps.
        rank, processes: Which share of a batch this process takes: every `processes`-th picture from `rank` on.
        threads: How many prepare batches.
        clock: Seconds.

    Attributes:
        waited: Seconds the training loop has waited for data so far.
    """

    def __init__(
        self, domains: Domains, config: TrainConfig, needs: frozenset[str], *, start: int, stop: int, rank: int = 0,
        processes: int = 1, threads: int = 1, clock: Callable[[], float] = time.monotonic,
    ) -> None:  # fmt: skip
        self._domains, self._config, self._needs = domains, config, needs
        self._start, self._stop = start, stop
        self._slots = range(rank, config.batch, processes)
        self._clock = clock
        self.waited = 0.0
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="batches")

    def make(self, step: int) -> Batch:
        """The batch of one step; the same step always gives the same batch. Float [B,C,H,W], 0…1."""
        d, needs = self._domains, self._needs
        low = self._views(d.low, step, _LOW) if d.low is not None and "low" in needs else None
        high = self._views(d.high, step, _HIGH) if d.high is not None and "high" in needs else None
        degraded, truth = self._pairs(step) if "degraded" in needs else (None, None)
        seed = int(np.random.default_rng([self._config.seed, _STEP, step]).integers(2**62))
        return Batch(low, high, degraded, truth, seed)

    def _views(self, folder: PictureFolder, step: int, stream: int) -> Tensor:
        return _tensor([self._view(folder, step, slot, stream)[0] for slot in self._slots])

    def _view(self, folder: PictureFolder, step: int, slot: int, stream: int) -> tuple[Float, list[int]]:
        """One view and the seed that belongs to it: every epoch takes every picture once, in an order of its own."""
        c = self._config
        epoch, index = divmod(step * c.batch + slot, len(folder))
        order = np.random.default_rng([c.seed, stream, epoch]).permutation(len(folder))
        seed = [c.seed, stream, epoch, index, 1]
        return self._cut(folder, int(order[index]), seed), seed

    def _cut(self, folder: PictureFolder, index: int, seed: list[int]) -> Float:
        c = self._config
        rng = np.random.default_rng(seed)
        image = folder.images[index]
        return view(image, height=c.view_height, width=c.view_width, whole_share=c.whole_share, rng=rng)

    def _pairs(self, step: int) -> tuple[Tensor, Tensor]:
        pairs = [self._pair(step, slot) for slot in self._slots]
        return _tensor([degraded for degraded, _ in pairs]), _tensor([truth for _, truth in pairs])

    def _pair(self, step: int, slot: int) -> tuple[Float, Float]:
        """A degraded view and its truth: the same view of both partners, or a good view and what the camera makes of it."""
        d, c = self._domains, self._config
        if d.inputs is not None and d.truths is not None:
            epoch, index = divmod(step * c.batch + slot, len(d.inputs))
            order = np.random.default_rng([c.seed, _PAIR, epoch]).permutation(len(d.inputs))
            seed = [c.seed, _PAIR, epoch, index, 1]
            return self._cut(d.inputs, int(order[index]), seed), self._cut(d.truths, int(order[index]), seed)
        if d.high is None or d.camera is None:
            raise ValueError("pairs were asked for and there is nothing to make them of")
        truth, seed = self._view(d.high, step, slot, _PAIR)
        return d.camera.degrade(truth, d.camera.draw(np.random.default_rng([*seed, 2]))), truth

    def __iter__(self) -> Iterator[Batch]:
        ahead: deque[Future[Batch]] = deque()
        steps = iter(range(self._start, self._stop))
        for step in steps:
            ahead.append(self._pool.submit(self.make, step))
            if len(ahead) >= AHEAD:
                break
        while ahead:
            began = self._clock()
            batch = ahead.popleft().result()
            self.waited += self._clock() - began
            following = next(steps, None)
            if following is not None:
                ahead.append(self._pool.submit(self.make, following))
            yield batch

    def __enter__(self) -> Batches:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)


def _tensor(views: list[Float]) -> Tensor:
    return torch.from_numpy(np.stack(views)).permute(0, 3, 1, 2).contiguous()
