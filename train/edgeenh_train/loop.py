"""The training loop: one story, told in `train`."""

from __future__ import annotations

import json
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from lightning_fabric import Fabric
from torch import Tensor, nn

from edgeenh.errors import TrainingFailed, UsageError
from edgeenh.files import make_folder
from edgeenh_train.average import update_average
from edgeenh_train.config import TrainConfig
from edgeenh_train.data import Batches, PictureFolder
from edgeenh_train.losses import consistency_loss, discriminator_loss, generator_loss, identity_loss
from edgeenh_train.run import CHECKPOINT_FILE, Run, make_fabric
from edgeenh_train.samples import write_sample_sheet
from edgeenh_train.state import STATE_FILE

LOG_FILE = "log.jsonl"
SAMPLES_PER_DOMAIN = 4
LOG_EVERY_STEPS = 10


@dataclass(frozen=True, slots=True)
class Report:
    """How a run ended.

    Attributes:
        out: The run's folder.
        checkpoint: The generator's checkpoint in it.
        images: Pictures of the low domain seen, over all sessions of the run.
        seconds: Wall time of this session.
        data_wait_share: Share of this session spent waiting for pictures, 0…1.
        losses: Mean of each loss over the last logged steps.
        finished: False when it was interrupted.
    """

    out: Path
    checkpoint: Path
    images: int
    seconds: float
    data_wait_share: float
    losses: dict[str, float]
    finished: bool


Progress = Callable[[int, int, dict[str, float]], None]
"""Called with images seen, images in all, and the current figures."""


def train(
    config: TrainConfig, low_dir: Path, high_dir: Path, out: Path, *, device: str = "auto", resume: bool = False,
    progress: Progress | None = None, loading: Callable[[int, int], None] | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> Report:  # fmt: skip
    """Train a generator without pairs: pictures of `low_dir` shall come to look as if they were of `high_dir`.

    Args:
        config: What to train and how.
        low_dir, high_dir: Folders of pictures to improve and of good pictures, of different scenes.
        out: Folder for checkpoint, state, log and sample sheets.
        device: `auto`, `cpu` or `cuda`.
        resume: Go on with the run in `out`; it ends exactly as an unbroken run would have.
        progress, loading: Called while training and while decoding the folders.
        clock: Monotonic seconds.

    Returns:
        The report; `finished` is False after Ctrl-C, with everything saved.

    Raises:
        InputError: A folder cannot be used. UsageError: `out` holds another run. TrainingFailed: A loss was not finite.
    """
    # Set up: device, networks, and where we are.
    fabric = make_fabric(device)
    make_folder(out)
    run = Run(config, fabric)
    if resume:
        run.restore(out)
    elif (out / STATE_FILE).exists():
        raise UsageError(f"{out} already holds a run; add --resume to go on with it, or choose another --out")

    # Read both domains once; views are cut from memory.
    low = PictureFolder(low_dir, decode_side=config.decode_side, progress=loading)
    high = PictureFolder(high_dir, decode_side=config.decode_side, progress=loading)
    for name in (*low.unreadable, *high.unreadable):
        _log(out, {"event": "unreadable picture left out", "picture": name})

    began = clock()
    finished = True
    figures: dict[str, float] = {}
    batches = Batches(
        low, high, batch=config.batch, height=config.view_height, width=config.view_width,
        whole_share=config.whole_share, seed=config.seed, start=run.step, stop=run.steps, clock=clock,
    )  # fmt: skip
    first = run.images
    whole = True  # False in the middle of a step: a state saved then would not be one of an unbroken run
    try:
        with batches, _held_back() as interrupted:
            for low_batch, high_batch in batches:
                run.set_rate()
                run.set_norm()
                whole = False
                losses = training_step(run, fabric, fabric.to_device(low_batch), fabric.to_device(high_batch))
                _refuse_non_finite(losses, run, out)
                update_average(run.average, _bare(run.generator), config.average)
                before, run.step = run.images, run.step + 1
                whole = True

                # Report, save, show.
                if run.step % LOG_EVERY_STEPS == 0 or run.step == run.steps:
                    elapsed = max(clock() - began, 1e-9)
                    figures = {
                        **{name: value.item() for name, value in losses.items()},
                        "images_per_second": (run.images - first) / elapsed, "data_wait": batches.waited / elapsed,
                    }  # fmt: skip
                    _log(out, {"images": run.images, **figures})
                    if progress is not None:
                        progress(run.images, config.images, figures)
                if _crossed(before, run.images, config.checkpoint_every) or run.step == run.steps:
                    run.save(out)
                if _crossed(before, run.images, config.sample_every) or run.step == run.steps:
                    pictures = low.images[:SAMPLES_PER_DOMAIN] + high.images[:SAMPLES_PER_DOMAIN]
                    write_sample_sheet(out / "samples" / f"{run.images:08d}.jpg", run.average, pictures)
                if interrupted() and run.step < run.steps:
                    raise KeyboardInterrupt
    except KeyboardInterrupt:
        if not whole:
            raise  # asked twice: what was saved before stays
        finished = False
        run.save(out)
    elapsed = max(clock() - began, 1e-9)
    wait = batches.waited / elapsed
    return Report(out, out / CHECKPOINT_FILE, run.images, elapsed, wait, figures, finished)


def training_step(run: Run, fabric: Fabric, low: Tensor, high: Tensor) -> dict[str, Tensor]:
    """One update of discriminator and generator, in UEGAN's order.

    Low and high go through the generator as one batch: batch norm that saw only dark pictures in one pass and only bright
    ones in the next would hide the very difference the network must act on.

    Args:
        run: The networks; updated in place.
        fabric: Carries the backward pass.
        low, high: Float [B,3,H,W] RGB 0…1.

    Returns:
        Every loss, detached scalars.
    """
    config = run.config
    enhanced, kept = run.generator(torch.cat([low, high])).chunk(2)

    # Discriminator: good pictures against enhanced ones, and against the raw input.
    run.discriminator.requires_grad_(requires_grad=True)
    judged_high = run.discriminator(high)
    d_loss = discriminator_loss(judged_high, run.discriminator(enhanced.detach()))
    d_loss = d_loss + discriminator_loss(judged_high, run.discriminator(low))
    run.discriminator_adam.zero_grad(set_to_none=True)
    fabric.backward(d_loss)
    run.discriminator_adam.step()

    # Generator: better quality, same structure, good pictures untouched.
    run.discriminator.requires_grad_(requires_grad=False)
    with torch.no_grad():
        judged_high = run.discriminator(high)
    quality = generator_loss(judged_high, run.discriminator(enhanced))
    consistency = consistency_loss(enhanced, low)
    identity = identity_loss(kept, high)
    g_loss = config.quality * quality + config.consistency * consistency + config.identity * identity
    run.generator_adam.zero_grad(set_to_none=True)
    fabric.backward(g_loss)
    run.generator_adam.step()

    losses = {"discriminator": d_loss, "quality": quality, "consistency": consistency, "identity": identity}
    return {name: value.detach() for name, value in losses.items()}


@contextmanager
def _held_back() -> Iterator[Callable[[], bool]]:
    """Hold the first Ctrl-C back, so that a step is never cut in two; gives a function that says whether it came. A second one raises."""
    came: list[int] = []

    def note(number: int, _frame: object) -> None:
        came.append(number)
        if len(came) > 1:
            raise KeyboardInterrupt

    if threading.current_thread() is not threading.main_thread():  # no signal arrives here, and none can be handled
        yield lambda: False
        return
    former = signal.signal(signal.SIGINT, note)
    try:
        yield lambda: bool(came)
    finally:
        signal.signal(signal.SIGINT, former)


def _bare(module: nn.Module) -> nn.Module:
    """The network inside Fabric's wrapper."""
    inner = getattr(module, "module", module)
    return inner if isinstance(inner, nn.Module) else module


def _crossed(before: int, after: int, every: int) -> bool:
    return before // every != after // every


def _refuse_non_finite(losses: dict[str, Tensor], run: Run, out: Path) -> None:
    bad = [name for name, value in losses.items() if not bool(torch.isfinite(value))]
    if not bad:
        return
    good = out / CHECKPOINT_FILE
    kept = f"the last good checkpoint is {good}" if good.exists() else "no checkpoint had been written yet"
    raise TrainingFailed(
        f"the {bad[0]} loss is not finite at image {run.images}; {kept}; lower the learning rates and resume"
    )


def _log(out: Path, record: dict[str, Any]) -> None:
    """Append one JSON line; a full disk must not end a training for want of a log line, checkpoints will speak up."""
    with suppress(OSError), (out / LOG_FILE).open("a", encoding="utf-8") as file:
        file.write(json.dumps(record) + "\n")
