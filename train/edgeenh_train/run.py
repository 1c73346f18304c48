"""A run: networks, their average, optimizers, how far it is; saved, restored, and stepped along its schedule."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path
from typing import Any

import torch
from lightning_fabric import Fabric
from torch import nn
from torch.optim import Adam, Optimizer

from edgeenh.errors import UsageError
from edgeenh_train.average import averaged_copy
from edgeenh_train.checkpoint import CheckpointInfo, save_generator
from edgeenh_train.config import TrainConfig
from edgeenh_train.networks import MultiScaleDiscriminator, build_generator
from edgeenh_train.state import load_state, restore_optimizer, save_state

CHECKPOINT_FILE = "generator.safetensors"


def make_fabric(device: str) -> Fabric:
    """One device, full precision.

    Raises:
        UsageError: An unknown device, or CUDA asked for and not usable.
    """
    if device not in ("auto", "cpu", "cuda"):
        raise UsageError(f"device '{device}' is unknown; choose auto, cpu or cuda")
    if device == "cuda" and not torch.cuda.is_available():
        raise UsageError(
            "--device cuda: torch finds no usable CUDA device; use --device cpu, or install a CUDA build of torch and its driver"
        )
    chosen = ("cuda" if torch.cuda.is_available() else "cpu") if device == "auto" else device
    return Fabric(accelerator=chosen, devices=1, precision="32-true")


class Run:
    """What a run consists of: networks, their average, optimizers, and how far it is."""

    def __init__(self, config: TrainConfig, fabric: Fabric) -> None:
        torch.manual_seed(config.seed)
        self.config = config
        generator = build_generator(config.variant, config.cap)
        discriminator = MultiScaleDiscriminator(config.discriminator_width)
        self.average = averaged_copy(generator).to(fabric.device)
        betas = (0.5, 0.999)  # UEGAN's code; the usual choice for adversarial training
        g_adam = Adam(generator.parameters(), lr=config.generator_rate, betas=betas)
        d_adam = Adam(discriminator.parameters(), lr=config.discriminator_rate, betas=betas)
        self.generator: nn.Module
        self.discriminator: nn.Module
        self.generator_adam: Optimizer
        self.discriminator_adam: Optimizer
        self.generator, self.generator_adam = fabric.setup(generator, g_adam)
        self.discriminator, self.discriminator_adam = fabric.setup(discriminator, d_adam)
        self.step = 0

    @property
    def steps(self) -> int:
        """Steps in the whole run."""
        return math.ceil(self.config.images / self.config.batch)

    @property
    def images(self) -> int:
        """Pictures of the low domain seen so far."""
        return self.step * self.config.batch

    def _modules(self) -> dict[str, nn.Module]:
        return {"generator": self.generator, "discriminator": self.discriminator, "average": self.average}

    def _optimizers(self) -> dict[str, Optimizer]:
        return {"generator_adam": self.generator_adam, "discriminator_adam": self.discriminator_adam}

    def save(self, out: Path) -> None:
        """Write the state to resume from and the checkpoint to export."""
        facts = {"step": self.step, "config": dataclasses.asdict(self.config)}
        save_state(out, self._modules(), self._optimizers(), facts)
        c = self.config
        info = CheckpointInfo(
            c.name, c.version, c.variant, c.cap, self.images, c.data, c.licence, config=dataclasses.asdict(c)
        )
        save_generator(out / CHECKPOINT_FILE, self.average.state_dict(), info)

    def restore(self, out: Path) -> None:
        """Go on where the run in `out` stopped.

        Raises:
            CheckpointError: There is no state, or it is damaged.
            UsageError: It was made with another configuration.
        """
        parts, facts = load_state(out)
        _refuse_other_config(self.config, facts["config"], out)
        for name, module in self._modules().items():
            module.load_state_dict(parts[name])
        for name, optimizer in self._optimizers().items():
            restore_optimizer(optimizer, parts.get(name, {}))
        self.step = int(facts["step"])

    def set_rate(self) -> None:
        """Full rate for the first `constant_share` of the run, then linearly down to 0."""
        c = self.config
        left = (self.steps - self.step) / max(1.0, self.steps * (1.0 - c.constant_share))
        factor = min(1.0, left)
        for optimizer, rate in (
            (self.generator_adam, c.generator_rate),
            (self.discriminator_adam, c.discriminator_rate),
        ):
            for group in optimizer.param_groups:
                group["lr"] = rate * factor

    def set_norm(self) -> None:
        """Batch statistics first; running statistics for the last `frozen_norm_share`, as they will be in use."""
        self.generator.train()
        if self.step >= self.steps * (1.0 - self.config.frozen_norm_share):
            for module in self.generator.modules():
                if isinstance(module, nn.BatchNorm2d):
                    module.eval()


def _refuse_other_config(config: TrainConfig, saved: dict[str, Any], out: Path) -> None:
    now = dataclasses.asdict(config)
    changed = [key for key in now if key != "images" and now[key] != saved.get(key)]
    if changed:
        key = changed[0]
        raise UsageError(
            f"{out} was started with {key} = {saved.get(key)!r}, not {now[key]!r}; resume with the same options, or start in another --out"
        )
