"""What every way of training is: some networks, their optimizers, and one step. The loop knows nothing more of it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from lightning_fabric import Fabric
from torch import Tensor, nn
from torch.optim import Optimizer

from edgeenh_train.config import TrainConfig
from edgeenh_train.distributed import bare

__all__ = ["Batch", "Losses", "Method", "given", "trainable"]

Losses = dict[str, Tensor]
"""Every loss of a step by name, detached scalars, weighted by nothing."""


@dataclass(frozen=True, slots=True)
class Batch:
    """The pictures of one step, each float [B,C,H,W], RGB or grey, 0…1; None where the run has no such pictures.

    Attributes:
        low: Pictures to improve.
        high: Good pictures of other scenes.
        degraded: Pictures whose truth is known: made by a camera model of good ones, or the inputs of a paired set.
        truth: What `degraded` shows, undegraded.
        seed: For whatever is random in the step; a function of the run's seed and the step alone.
    """

    low: Tensor | None
    high: Tensor | None
    degraded: Tensor | None
    truth: Tensor | None
    seed: int = 0

    def to(self, device: torch.device) -> Batch:
        """The same pictures on `device`."""
        low, high, degraded, truth = (
            None if pictures is None else pictures.to(device, non_blocking=True)
            for pictures in (self.low, self.high, self.degraded, self.truth)
        )
        return Batch(low, high, degraded, truth, self.seed)


class Method(ABC):
    """One way of training.

    Attributes:
        networks: Everything that has weights or buffers, by name; all of it is saved and restored. `enhancer` is the one that
            is shipped, and that the running average follows. Fabric's wrappers, where there are any.
        optimizers: By name; every parameter group carries `initial_lr`, which the loop scales along the schedule.
    """

    networks: dict[str, nn.Module]
    optimizers: dict[str, Optimizer]

    def __init__(self, config: TrainConfig, fabric: Fabric) -> None:  # noqa: ARG002  # methods set their networks up with it
        self.config = config
        self.networks, self.optimizers = {}, {}

    @staticmethod
    @abstractmethod
    def needs(config: TrainConfig) -> frozenset[str]:
        """Names of the `Batch` fields that the step uses."""

    @abstractmethod
    def step(self, batch: Batch, fabric: Fabric) -> Losses:
        """One update of every network.

        Args:
            batch: With the fields that `needs` names.
            fabric: Carries the backward passes.

        Returns:
            Every loss of this step.
        """

    @property
    def enhancer(self) -> nn.Module:
        """The network that is shipped, without wrappers: float [B,C,H,W] 0…1 to the same."""
        return bare(self.networks["enhancer"])

    def add(
        self, name: str, network: nn.Module, fabric: Fabric, *, rate: float, betas: tuple[float, float] = (0.5, 0.999)
    ) -> None:
        """Put a network and its Adam in place under `name`. β₁ = 0.5 is the usual choice for adversarial training (UEGAN's code)."""
        adam = torch.optim.Adam(network.parameters(), lr=rate, betas=betas)
        for group in adam.param_groups:
            group["initial_lr"] = rate
        self.networks[name], self.optimizers[name] = fabric.setup(network, adam)

    def update(self, names: Sequence[str], loss: Tensor, fabric: Fabric) -> None:
        """Clear the gradients of the named networks' optimizers, go backward, and step them."""
        for name in names:
            self.optimizers[name].zero_grad(set_to_none=True)
        fabric.backward(loss)
        for name in names:
            if self.config.max_gradient:
                network, optimizer = self.networks[name], self.optimizers[name]
                # the loop refuses what is not finite, and the scaling of fp16 looks for it
                fabric.clip_gradients(network, optimizer, max_norm=self.config.max_gradient, error_if_nonfinite=False)
            self.optimizers[name].step()


def trainable(network: nn.Module, *, on: bool) -> nn.Module:
    """`network` itself, without wrappers, with its gradients switched on or off: a judge is no pupil of the generator's step."""
    return bare(network).requires_grad_(requires_grad=on)


def given(value: Tensor | None, name: str) -> Tensor:
    """`value`, which the method said it needs.

    Raises:
        ValueError: The batch lacks it: the loop and the method disagree, which no user can cause.
    """
    if value is None:
        raise ValueError(f"the batch has no '{name}', which this method needs")
    return value
