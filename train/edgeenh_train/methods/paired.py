"""Ours, with pairs: the same generator taught by the truth. Upper bound of `unpaired`, and, with a camera, self-pairs.

A self-pair is a good picture and what a camera model makes of it: no paired data is needed, only a camera model worth believing.
"""

from __future__ import annotations

import torch
from lightning_fabric import Fabric

from edgeenh_train.config import TrainConfig
from edgeenh_train.losses import colour_loss, identity_loss, structure_loss, truth_loss
from edgeenh_train.methods.base import Batch, Losses, Method, given
from edgeenh_train.methods.unpaired import weighted_sum
from edgeenh_train.networks import build_generator


class Paired(Method):
    """Truth, colour and structure against the truth; identity on the truth itself, which must pass unchanged."""

    def __init__(self, config: TrainConfig, fabric: Fabric) -> None:
        super().__init__(config, fabric)
        generator = build_generator(config.variant, config.cap, config.channels)
        self.add("enhancer", generator, fabric, rate=config.generator_rate)

    @staticmethod
    def needs(config: TrainConfig) -> frozenset[str]:  # noqa: ARG004  # the same whatever the settings
        """Pairs, found or made."""
        return frozenset({"degraded", "truth"})

    def step(self, batch: Batch, fabric: Fabric) -> Losses:
        """One update of the generator."""
        degraded, truth = given(batch.degraded, "degraded"), given(batch.truth, "truth")
        restored, kept = self.networks["enhancer"](torch.cat([degraded, truth])).chunk(2)
        losses = {
            "truth": truth_loss(restored, truth),
            "colour": colour_loss(restored, truth),
            "structure": structure_loss(restored, truth),
            "identity": identity_loss(kept, truth),
        }
        self.update(["enhancer"], weighted_sum(losses, self.config), fabric)
        return {name: value.detach() for name, value in losses.items()}
