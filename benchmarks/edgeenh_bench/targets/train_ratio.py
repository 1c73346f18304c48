"""Target: `n` trains at least ten times as many pictures a second as UEGAN, and waits for data at most a tenth of the time.

Both are trained by our loop's own steps on the same pictures: views of 256×256, batch 8, one machine, one run, taking turns. UEGAN is
our re-implementation at the paper's width, with the weight-free pyramid in place of VGG19, which favours UEGAN. The share of
time spent waiting is that of `n`, whose steps are the shorter ones; pictures are drawn, cropped and degraded while it trains.
"""

from __future__ import annotations

import dataclasses
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import cv2

from edgeenh.errors import MissingExtra
from edgeenh_bench.targets.figures import CLIP, Figure, Measurement

LEAST_RATIO = 10.0
MOST_WAIT = 0.10
SIDE, BATCH = 256, 8
ROUNDS, STEPS = 3, {"n": 12, "uegan": 1}
PICTURES = 16


def measure(_model: Path | None, threads: int | None) -> Measurement:
    """Train both for a few steps.

    Raises:
        MissingExtra: The trainer is not installed.
    """
    try:
        import torch

        from edgeenh_train.config import resolve
    except ImportError as exc:
        raise MissingExtra("measuring training", "train") from exc
    if threads:
        torch.set_num_threads(threads)
    shared = {"batch": BATCH, "view_height": SIDE, "view_width": SIDE}
    configs = {name: resolve(preset, None, shared) for name, preset in (("n", "default"), ("uegan", "uegan"))}
    with tempfile.TemporaryDirectory() as scratch, ExitStack() as open_batches:
        folders = _folders(Path(scratch))
        sides = {name: _Side(config, folders, open_batches) for name, config in configs.items()}
        for side in sides.values():
            side.steps(1)  # the first step allocates
        for side in sides.values():
            side.forget()
        for _ in range(ROUNDS):
            for name, side in sides.items():
                side.steps(STEPS[name])
    speeds = {name: side.images_per_second for name, side in sides.items()}
    ratio = speeds["n"] / speeds["uegan"]
    wait = sides["n"].wait
    figures = [
        Figure("training n against UEGAN, pictures per second", ratio, "times", at_least=LEAST_RATIO),
        Figure("n waits for data", wait, "of the time", at_most=MOST_WAIT),
    ]
    details = {"images_per_second": speeds, "settings": {n: dataclasses.asdict(c) for n, c in configs.items()}}
    raw = {name: side.seconds for name, side in sides.items()}
    return Measurement(figures, {**details, "raw_seconds_per_step": raw, "torch_threads": torch.get_num_threads()})


class _Side:
    """One of the two, stepped on demand."""

    def __init__(self, config: Any, folders: tuple[Path, Path], stack: ExitStack) -> None:
        from edgeenh_train.data import Batches, Folders, open_domains
        from edgeenh_train.methods import needs_of
        from edgeenh_train.run import Run, make_fabric

        needs = needs_of(config)
        domains = open_domains(config, Folders(*folders), needs)
        self._run = Run(config, make_fabric("cpu"), epoch=len(domains.improved))
        self._batches = stack.enter_context(Batches(domains, config, needs, start=0, stop=self._run.steps))
        self._stream: Iterator[Any] = iter(self._batches)
        self.seconds: list[float] = []
        self._waited = 0.0

    def steps(self, count: int) -> None:
        for _ in range(count):
            began = time.perf_counter()
            self._run.advance(next(self._stream))
            self.seconds.append(time.perf_counter() - began)
            self._run.step += 1

    def forget(self) -> None:
        self.seconds, self._waited = [], self._batches.waited

    @property
    def images_per_second(self) -> float:
        return BATCH / statistics.median(self.seconds)

    @property
    def wait(self) -> float:
        return (self._batches.waited - self._waited) / sum(self.seconds)


def _folders(scratch: Path) -> tuple[Path, Path]:
    """Two folders of frames of the project's own clip, the first ones darkened: speed does not ask what they show."""
    low, high = scratch / "low", scratch / "high"
    low.mkdir()
    high.mkdir()
    clip = cv2.VideoCapture(str(CLIP))
    for index in range(2 * PICTURES):
        _, frame = clip.read()
        dim = cv2.convertScaleAbs(frame, alpha=0.4)
        cv2.imwrite(str((low if index % 2 else high) / f"{index}.png"), dim if index % 2 else frame)
    clip.release()
    return low, high
