"""Rival: DnCNN, taught by pairs.

Zhang, Zuo, Chen, Meng and Zhang, IEEE TIP 26(7), 2017 (arXiv 1608.03981), equation 1: half the summed squared error of each picture,
averaged over the batch. Adam stands in for the paper's choice between it and SGD, and the loop's schedule for its steps.
"""

from __future__ import annotations

from lightning_fabric import Fabric

from edgeenh_train.config import TrainConfig
from edgeenh_train.losses.precision import at_least_float32
from edgeenh_train.methods.base import Batch, Losses, Method, given
from edgeenh_train.networks.rivals import DnCnn
from edgeenh_train.networks.rivals.dncnn import WIDTH

BETAS = (0.9, 0.999)


class DnCnnMethod(Method):
    """See the module's docstring. A picture and its truth are all it needs: noise that a camera model adds, or found pairs."""

    def __init__(self, config: TrainConfig, fabric: Fabric) -> None:
        super().__init__(config, fabric)
        self.add("enhancer", build_dncnn(config), fabric, rate=config.generator_rate, betas=BETAS)

    @staticmethod
    def needs(config: TrainConfig) -> frozenset[str]:  # noqa: ARG004  # the same whatever the settings
        """Pairs, found or made."""
        return frozenset({"degraded", "truth"})

    def step(self, batch: Batch, fabric: Fabric) -> Losses:
        """One update."""
        degraded, truth = given(batch.degraded, "degraded"), given(batch.truth, "truth")
        apart = at_least_float32(self.networks["enhancer"](degraded) - truth)
        loss = 0.5 * apart.square().sum(dim=(1, 2, 3)).mean()
        self.update(["enhancer"], loss, fabric)
        return {"squared": loss.detach()}


def build_dncnn(config: TrainConfig) -> DnCnn:
    """The network that a configuration asks for, with fresh weights."""
    return DnCnn(config.rival_depth, config.rival_width or WIDTH, config.channels)
