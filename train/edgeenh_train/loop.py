"""The training loop: one story, told in `train`."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from edgeenh.errors import TrainingFailed, UsageError
from edgeenh.files import make_folder
from edgeenh_train.config import TrainConfig
from edgeenh_train.data import Batches, Domains, Folders, open_domains
from edgeenh_train.data.augment import augmented
from edgeenh_train.data.reading import Picture
from edgeenh_train.distributed import in_any, process_count_of_torchrun, processes, rank
from edgeenh_train.interrupts import held_back
from edgeenh_train.journal import Journal
from edgeenh_train.methods import needs_of
from edgeenh_train.run import CHECKPOINT_FILE, Run, last_good, make_fabric
from edgeenh_train.samples import sample_sheet
from edgeenh_train.state import STATE_FILE

SAMPLES_PER_DOMAIN = 4
LOG_EVERY_STEPS = 10


@dataclass(frozen=True, slots=True)
class Report:
    """How a run ended.

    Attributes:
        out: The run's folder.
        checkpoint: The enhancer's checkpoint in it.
        images: Pictures seen, over all sessions of the run.
        seconds: Wall time of this session.
        images_per_second: Over this session, waiting included.
        data_wait_share: Share of this session spent waiting for pictures, 0…1.
        losses: The figures that were logged last.
        finished: False when it was interrupted.
        remarks: What the user should know of the folders and of what was resumed, and what the journal lacks.
    """

    out: Path
    checkpoint: Path
    images: int
    seconds: float
    images_per_second: float
    data_wait_share: float
    losses: dict[str, float]
    finished: bool
    remarks: tuple[str, ...] = ()


Progress = Callable[[int, int, dict[str, float]], None]
"""Called with images seen, images in all, and the current figures."""


def train(
    config: TrainConfig, folders: Folders, out: Path, *, device: str = "auto", resume: bool = False,
    progress: Progress | None = None, loading: Callable[[int, int], None] | None = None, threads: int = 1,
    clock: Callable[[], float] = time.monotonic,
) -> Report:  # fmt: skip
    """Train an enhancer: ours or a rival, without pairs or with them, as the configuration says.

    Under `torchrun` every process calls this with the same arguments; together they train on the same batches as one would.

    Args:
        config: What to train and how.
        folders: The pictures.
        out: Folder for checkpoint, state, log, TensorBoard and sample sheets.
        device: `auto`, `cpu` or `cuda`.
        resume: Go on with the run in `out`; it ends exactly as an unbroken run would have.
        progress, loading: Called while training and while decoding the folders.
        threads: How many prepare pictures beside the training.
        clock: Monotonic seconds.

    Returns:
        The report; `finished` is False after Ctrl-C or SIGTERM, with everything saved.

    Raises:
        InputError: A folder cannot be used. UsageError: `out` holds another run, or folders and method do not fit.
        TrainingFailed: A loss or a weight was not finite; the message names the last good checkpoint.
        OutputFailed: A checkpoint could not be written; likewise.
    """
    # Set up: device and processes, pictures, networks, and where we are.
    fabric = make_fabric(device, config.precision, processes=process_count_of_torchrun())
    make_folder(out)
    if not resume and (out / STATE_FILE).exists():
        raise UsageError(f"{out} already holds a run; add --resume to go on with it, or choose another --out")
    needs = needs_of(config)
    domains = open_domains(config, folders, needs, progress=loading)
    run = Run(config, fabric, epoch=len(domains.improved), pictures=domains.sha256)
    if resume:
        run.restore(out)

    first, before_now, began, finished = run.images, run.seconds, clock(), True
    figures: dict[str, float] = {}
    batches = Batches(
        domains,
        config,
        needs,
        start=run.step,
        stop=run.steps,
        rank=rank(),
        processes=processes(),
        threads=threads,
        clock=clock,
    )
    with batches, held_back() as interrupted, Journal(out, active=rank() == 0, images=first) as journal:
        for remark in (*domains.remarks, *run.remarks):
            journal.event({"event": remark})
        for batch in batches:
            # One step of whatever is trained.
            losses = run.advance(augmented(batch.to(fabric.device), rotate=config.rotate, zoom=config.zoom))
            _refuse_non_finite(losses, run, out)
            before, run.step = run.images, run.step + 1
            last = run.step == run.steps
            run.seconds = before_now + clock() - began

            # Report, save, show.
            if run.step % LOG_EVERY_STEPS == 0 or last:
                elapsed = max(clock() - began, 1e-9)
                speed = {"images_per_second": (run.images - first) / elapsed, "data_wait": batches.waited / elapsed}
                figures = {name: value.item() for name, value in losses.items()} | speed
                journal.figures(run.images, figures)
                if progress is not None:
                    progress(run.images, run.total, figures)
            if _crossed(before, run.images, config.checkpoint_every) or last:
                run.save(out)
            if (_crossed(before, run.images, config.sample_every) or last) and rank() == 0:
                journal.samples(run.images, sample_sheet(run.average, _samples(domains)))
            if in_any(interrupted(), fabric.device) and not last:
                run.save(out)
                finished = False
                break
    elapsed = max(clock() - began, 1e-9)
    seen = (run.images - first) / elapsed
    wait = batches.waited / elapsed
    remarks = (*domains.remarks, *run.remarks, *journal.remarks)
    return Report(out, out / CHECKPOINT_FILE, run.images, elapsed, seen, wait, figures, finished, remarks)


def _samples(domains: Domains) -> list[Picture]:
    """The same few pictures of every domain each time, for a person to compare."""
    folders = [folder for folder in (domains.low, domains.inputs, domains.high) if folder is not None]
    return [image for folder in folders for image in folder.images[:SAMPLES_PER_DOMAIN]]


def _crossed(before: int, after: int, every: int) -> bool:
    return before // every != after // every


def _refuse_non_finite(losses: dict[str, Tensor], run: Run, out: Path) -> None:
    finite = torch.stack(
        [value.float() for value in losses.values()]
    ).isfinite()  # one question to the device, not one per loss
    if not bool(finite.all()):
        bad = next(name for name, fine in zip(losses, finite.tolist(), strict=True) if not fine)
        raise TrainingFailed(f"the {bad} loss is not finite at image {run.images}; {last_good(out)}")
