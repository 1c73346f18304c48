"""A run: its method, the average of its weights, how far it is; saved, restored, and stepped along its schedule."""

from __future__ import annotations

import dataclasses
import inspect
import logging
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import torch.distributed
from lightning_fabric import Fabric
from lightning_fabric.strategies.ddp import DDPStrategy
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from edgeenh.errors import CheckpointError, OutputFailed, TrainingFailed, UsageError
from edgeenh_train.average import averaged_copy, update_average
from edgeenh_train.checkpoint import CheckpointInfo, read_info, save_generator
from edgeenh_train.config import TrainConfig
from edgeenh_train.distributed import in_any, leave_at_exit, rank, whole_losses, with_global_norm
from edgeenh_train.distributed import processes as process_count
from edgeenh_train.methods import METHODS, Batch
from edgeenh_train.methods.base import Losses
from edgeenh_train.methods.networks import network_name
from edgeenh_train.methods.pool import ImagePool
from edgeenh_train.resuming import circumstances, departures, refuse_other_config
from edgeenh_train.state import STATE_FILE, load_state, restore_optimizer, save_state

CHECKPOINT_FILE = "generator.safetensors"
# Spectral norm's buffers change in every forward pass and are equal everywhere by themselves: nothing to broadcast. Newer releases
# of torch have another word for it.
_NO_BROADCAST: dict[str, Any] = {
    "forward_sync_buffers"
    if "forward_sync_buffers" in inspect.signature(DistributedDataParallel).parameters
    else "broadcast_buffers": False
}
_PRECISIONS = {"fp32": "32-true", "fp16": "16-mixed", "bf16": "bf16-mixed"}


def make_fabric(device: str, precision: str = "fp32", *, processes: int = 1) -> Fabric:
    """One device per process.

    Args:
        device: `auto`, `cpu` or `cuda`.
        precision: `fp32`, `fp16` or `bf16`; the latter two mixed, and on CUDA only.
        processes: How many `torchrun` started.

    Raises:
        UsageError: An unknown device, CUDA asked for and not usable, or mixed precision on the CPU.
    """
    if device not in ("auto", "cpu", "cuda"):
        raise UsageError(f"device '{device}' is unknown; choose auto, cpu or cuda")
    if device == "cuda" and not torch.cuda.is_available():
        raise UsageError(
            "--device cuda: torch finds no usable CUDA device; use --device cpu, or install a CUDA build of torch and its driver"
        )
    chosen = ("cuda" if torch.cuda.is_available() else "cpu") if device == "auto" else device
    if precision != "fp32" and chosen == "cpu":
        raise UsageError(f"precision '{precision}' is for CUDA; this run is on the CPU: use fp32")
    logging.getLogger("lightning_fabric").setLevel(logging.WARNING)  # how processes find each other is no news
    strategy: Any = DDPStrategy(**_NO_BROADCAST) if processes > 1 else "auto"
    fabric = Fabric(accelerator=chosen, devices=processes, strategy=strategy, precision=_PRECISIONS[precision])  # type: ignore[arg-type]  # a Literal
    fabric.launch()
    if processes > 1:
        leave_at_exit()
    return fabric


class Run:
    """What a run consists of: the method with its networks and optimizers, the average of its enhancer, and how far it is.

    Attributes:
        step: Steps done.
        seconds: Wall time they took, over all sessions; the loop keeps it. NaN once a state that does not say was restored.
        remarks: What the user should know of what was restored.
    """

    def __init__(self, config: TrainConfig, fabric: Fabric, *, epoch: int, pictures: str = "") -> None:
        """Make everything anew, from the configuration's seed.

        Args:
            config: What to train and how.
            fabric: Device, precision and processes.
            epoch: Pictures in one pass over the domain that is improved.
            pictures: A digest of all pictures, to know them by when the run is resumed.

        Raises:
            UsageError: The batch cannot be shared out evenly among the processes.
        """
        if config.batch % process_count():
            raise UsageError(
                f"batch = {config.batch} cannot be shared evenly by {process_count()} processes; expected a multiple: change one of them"
            )
        torch.manual_seed(config.seed)
        self.config, self.fabric, self.epoch, self.pictures = config, fabric, epoch, pictures
        self.method = METHODS[config.method](config, fabric)
        for network in self.method.networks.values():
            with_global_norm(network)
        self.average = averaged_copy(self.method.enhancer).to(fabric.device)
        self.step, self.seconds = 0, 0.0
        self.remarks: list[str] = []

    @property
    def total(self) -> int:
        """Pictures in the whole run."""
        c = self.config
        epochs = c.constant_epochs + c.decay_epochs
        return epochs * self.epoch if epochs else c.images

    @property
    def steps(self) -> int:
        """Steps in the whole run."""
        return math.ceil(self.total / self.config.batch)

    @property
    def images(self) -> int:
        """Pictures of the improved domain seen so far."""
        return self.step * self.config.batch

    @property
    def known_seconds(self) -> float | None:
        """`seconds`, rounded to what a table says; None where they are not known."""
        return None if math.isnan(self.seconds) else round(self.seconds, 1)

    def advance(self, batch: Batch) -> Losses:
        """One step: rates and norm as the schedule has them, the method's update, the average; the whole batch's losses."""
        self._set_rate()
        self._set_norm()
        losses = self.method.step(batch, self.fabric)
        update_average(self.average, self.method.enhancer, self.config.average)
        return whole_losses(losses)

    def save(self, out: Path) -> None:
        """Write the state to resume from and the checkpoint to export; only the first of several processes writes.

        Raises:
            TrainingFailed: The weights are not finite; what was saved before stays.
            UsageError, OutputFailed: It cannot be written; likewise.
        """
        weights = [value for module in self._modules().values() for value in module.state_dict().values()]
        if not all(bool(value.isfinite().all()) for value in weights):
            raise TrainingFailed(f"the weights are not finite at image {self.images}; {last_good(out)}")
        config = dataclasses.asdict(self.config)
        facts = {
            "step": self.step, "seconds": self.known_seconds, "config": config, "pictures": self.pictures,
            "circumstances": circumstances(self.fabric.device),
        }  # fmt: skip

        def write() -> None:
            save_state(out, self._modules(), self.method.optimizers, facts)
            self._save_checkpoint(out)

        self._by_the_first(write, out)

    def _by_the_first(self, write: Callable[[], None], out: Path) -> None:
        """Have the first process write; where it cannot, every process ends, and none waits for one that is gone.

        Raises:
            UsageError, OutputFailed: It cannot be written; only the first process says why.
        """
        failure: UsageError | OutputFailed | None = None
        if rank() == 0:
            try:
                write()
            except (UsageError, OutputFailed) as exc:
                failure = type(exc)(f"{exc}; {_kept(out)}")
        if in_any(failure is not None, self.fabric.device):
            raise failure or OutputFailed(f"the first process could not write to {out}: see what it says")

    def _save_checkpoint(self, out: Path) -> None:
        save_generator(out / CHECKPOINT_FILE, self.average.state_dict(), self._info())

    def _info(self) -> CheckpointInfo:
        c = self.config
        return CheckpointInfo(
            c.name, c.version, network_name(c), c.cap, self.images, c.data, c.licence,
            config=dataclasses.asdict(c), channels=c.channels, training_seconds=self.known_seconds,
        )  # fmt: skip

    def restore(self, out: Path) -> None:
        """Go on where the run in `out` stopped; a checkpoint that is not what the state says is written anew from it.

        Raises:
            CheckpointError: There is no state, or it is damaged.
            UsageError: It was made with another configuration.
            OutputFailed: The checkpoint could not be written.
        """
        try:
            parts, facts, whole = load_state(out)
        except CheckpointError as exc:
            raise CheckpointError(f"{exc}{_still_good(out)}") from exc
        if not whole:
            self.remarks.append(
                f"{out / STATE_FILE} carries no seal (it is from before there were any), so damage to it would go unnoticed"
            )
        try:
            refuse_other_config(self.config, facts["config"], out)
            for name, module in self._modules().items():
                module.load_state_dict(parts[name])
            for name, optimizer in self.method.optimizers.items():
                restore_optimizer(optimizer, parts.get(f"adam.{name}", {}))
            self.step, self.seconds = int(facts["step"]), _seconds(facts.get("seconds"))
        except (KeyError, ValueError, RuntimeError) as exc:
            reason = " ".join(str(exc).split())[:160]
            raise CheckpointError(
                f"the state in {out} does not fit this edgeenh ({reason}): start again without --resume in another --out folder"
            ) from exc

        self._by_the_first(lambda: self._mend_checkpoint(out), out)
        self.remarks += self._departures(facts)

    def _departures(self, facts: dict[str, Any]) -> list[str]:
        """Why this run will not end as an unbroken one would have, a line each."""
        if self.step >= self.steps:
            return [
                f"nothing is left to train: {self.images} of {self.total} pictures were seen; go on with a larger --images"
            ]
        lines = departures(facts, self.config, self.pictures, self.fabric.device)
        if process_count() > 1 and any(isinstance(network, ImagePool) for network in self.method.networks.values()):
            lines.append(
                "every process kept a pool of its own, and the first one's was saved: it will not end as an unbroken run would have"
            )
        return lines

    def _mend_checkpoint(self, out: Path) -> None:
        """A kill between the writing of state and checkpoint, or damage since, leaves a checkpoint that is not of this state."""
        path = out / CHECKPOINT_FILE
        try:
            found = f"is of {read_info(path).images_seen} pictures seen"
            fits = read_info(path).images_seen == self.images
        except CheckpointError:
            found, fits = "is damaged" if path.exists() else "is missing", False
        if fits:
            return
        self.remarks.append(f"{path} {found}; written anew from the state, of {self.images} pictures seen")
        self._save_checkpoint(out)

    def _modules(self) -> dict[str, nn.Module]:
        return {**self.method.networks, "average": self.average}

    def _set_rate(self) -> None:
        """Full rate at first, then linearly down to 0: by epochs where the configuration has them, else by `constant_share`."""
        c = self.config
        constant = (
            c.constant_epochs * self.epoch / self.total if c.constant_epochs + c.decay_epochs else c.constant_share
        )
        left = (self.steps - self.step) / max(1.0, self.steps * (1.0 - constant))
        for optimizer in self.method.optimizers.values():
            for group in optimizer.param_groups:
                group["lr"] = group["initial_lr"] * min(1.0, left)

    def _set_norm(self) -> None:
        """Batch statistics first; running statistics for the last `frozen_norm_share`, as they will be in use."""
        for network in self.method.networks.values():
            network.train()
        if self.step >= self.steps * (1.0 - self.config.frozen_norm_share):
            for module in self.method.enhancer.modules():
                if isinstance(module, nn.BatchNorm2d):
                    module.eval()


def _seconds(noted: float | None) -> float:
    return math.nan if noted is None else float(noted)


def _still_good(out: Path) -> str:
    """What is left of a run without its state, in words; nothing where there is nothing."""
    try:
        info = read_info(out / CHECKPOINT_FILE)
    except CheckpointError:
        return ""
    return f" (the checkpoint {out / CHECKPOINT_FILE}, of {info.images_seen} pictures seen, is whole and can be used)"


def _kept(out: Path) -> str:
    """What a full disk left, in words."""
    if not (out / STATE_FILE).exists():
        return "no checkpoint had been written yet"
    return f"what was saved before in {out} is whole: go on from there with --resume"


def last_good(out: Path) -> str:
    """Where to go on from after a failure, in words."""
    good = out / CHECKPOINT_FILE
    kept = f"the last good checkpoint is {good}" if good.exists() else "no checkpoint had been written yet"
    return f"{kept}; lower the learning rates, or set max_gradient, and start again in another --out"
