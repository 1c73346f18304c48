"""Rival: UEGAN, one generator and a judge of five depths, without pairs.

Ni, Yang, Wang, Ma and Kwong, IEEE TIP 29, 2020 (arXiv 2012.15020), section III-D: quality, fidelity (here: consistency) and identity
losses. Order of updates, second fake, pool of 50 and weight decay are those of the authors' published settings. The
consistency is measured on the configuration's backbone; VGG19 (`backbone = "vgg19"`) is the paper's.
"""

from __future__ import annotations

import torch
from lightning_fabric import Fabric
from torch import Tensor

from edgeenh_train.config import TrainConfig
from edgeenh_train.losses import discriminator_loss, generator_loss, identity_loss
from edgeenh_train.losses.consistency import Consistency
from edgeenh_train.methods.base import Batch, Losses, Method, given, trainable
from edgeenh_train.methods.pool import ImagePool
from edgeenh_train.methods.unpaired import weighted_sum
from edgeenh_train.networks.rivals import UeganDiscriminator, UeganGenerator
from edgeenh_train.networks.rivals.uegan import WIDTH

WEIGHT_DECAY = 1e-4
RANGE = 2.0
"""The paper measures on −1…1, we on 0…1: its L1 distances are twice ours."""


class Uegan(Method):
    """See the module's docstring. All its norms look at one picture at a time, so low and high go through as one batch."""

    def __init__(self, config: TrainConfig, fabric: Fabric) -> None:
        super().__init__(config, fabric)
        c = config
        self.add("enhancer", build_uegan(c), fabric, rate=c.generator_rate)
        judge = UeganDiscriminator(c.rival_width or WIDTH, c.channels)
        self.add("discriminator", judge, fabric, rate=c.discriminator_rate)
        for optimizer in self.optimizers.values():
            for group in optimizer.param_groups:
                group["weight_decay"] = WEIGHT_DECAY
        self.pool = ImagePool((c.channels, c.view_height, c.view_width)).to(fabric.device)
        self.networks["pool"] = self.pool
        self.consistency = Consistency(c.backbone, c.backbone_file, c.backbone_sha256)

    @staticmethod
    def needs(config: TrainConfig) -> frozenset[str]:  # noqa: ARG004  # the same whatever the settings
        """Both domains."""
        return frozenset({"low", "high"})

    def step(self, batch: Batch, fabric: Fabric) -> Losses:
        """The judge first, on what the generator makes now; then the generator, judged anew."""
        low, high = given(batch.low, "low"), given(batch.high, "high")
        enhanced, kept = self.networks["enhancer"](torch.cat([low, high])).chunk(2)
        d_loss = self._teach_judge(low, high, self.pool.shown(enhanced.detach(), batch.seed), fabric)
        losses = {
            "quality": self._fooled(high, enhanced),
            "consistency": self.consistency(enhanced, low),
            "identity": RANGE * identity_loss(kept, high),
        }
        self.update(["enhancer"], weighted_sum(losses, self.config), fabric)
        return {name: value.detach() for name, value in {"discriminator": d_loss, **losses}.items()}

    def _teach_judge(self, low: Tensor, high: Tensor, fake: Tensor, fabric: Fabric) -> Tensor:
        """Good pictures above two fakes: what the generator made, now or before, and the raw input."""
        trainable(self.networks["discriminator"], on=True)
        judged = [depth.chunk(3) for depth in self.networks["discriminator"](torch.cat([high, fake, low]))]
        good, made, raw = ([depth[i] for depth in judged] for i in range(3))
        loss = discriminator_loss(good, made) + discriminator_loss(good, raw)
        self.update(["discriminator"], loss, fabric)
        return loss

    def _fooled(self, high: Tensor, enhanced: Tensor) -> Tensor:
        judge = trainable(self.networks["discriminator"], on=False)
        judged = [depth.chunk(2) for depth in judge(torch.cat([high, enhanced]))]
        return generator_loss([good for good, _ in judged], [fake for _, fake in judged])


def build_uegan(config: TrainConfig) -> UeganGenerator:
    """The generator that a configuration asks for, with fresh weights."""
    return UeganGenerator(config.rival_width or WIDTH, config.channels)
