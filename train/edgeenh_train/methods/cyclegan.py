"""Rival: CycleGAN, two generators that must undo each other, two judges.

Zhu, Park, Isola and Efros, ICCV 2017 (arXiv 1703.10593): equations 1 and 2, section 4 (least-squares judges, pool of 50 fakes, weight of
the cycle 10), section 5.2 (identity at half the cycle's weight). Its schedule and rates are the preset's.
"""

from __future__ import annotations

import torch
from lightning_fabric import Fabric
from torch import Tensor
from torch.nn.functional import l1_loss, mse_loss

from edgeenh_train.config import TrainConfig
from edgeenh_train.methods.base import Batch, Losses, Method, given, trainable
from edgeenh_train.methods.pool import ImagePool
from edgeenh_train.networks.rivals import PatchDiscriminator, ResnetGenerator
from edgeenh_train.networks.rivals.patchgan import WIDTH as JUDGE_WIDTH
from edgeenh_train.networks.rivals.resnet9 import WIDTH

CYCLE = 10.0
IDENTITY = 0.5 * CYCLE
RANGE = 2.0
"""The paper measures on −1…1, we on 0…1: its L1 distances are twice ours."""


class CycleGan(Method):
    """`enhancer` turns low pictures into high ones, `worsener` high into low; each has a judge and a pool.

    Instance norm looks at one picture at a time, so pictures for one generator go through it as one batch.
    """

    def __init__(self, config: TrainConfig, fabric: Fabric) -> None:
        super().__init__(config, fabric)
        c = config
        for name in ("enhancer", "worsener"):
            self.add(name, build_cyclegan(c), fabric, rate=c.generator_rate)
        for kind in ("high", "low"):
            judge = PatchDiscriminator(c.rival_width or JUDGE_WIDTH, c.channels)
            self.add(f"judge_{kind}", judge, fabric, rate=c.discriminator_rate)
            pool = ImagePool((c.channels, c.view_height, c.view_width))
            self.networks[f"pool_{kind}"] = pool.to(fabric.device)

    @staticmethod
    def needs(config: TrainConfig) -> frozenset[str]:  # noqa: ARG004  # the same whatever the settings
        """Both domains."""
        return frozenset({"low", "high"})

    def step(self, batch: Batch, fabric: Fabric) -> Losses:
        """Both generators first, then both judges on what the generators had made, in the authors' order."""
        low, high = given(batch.low, "low"), given(batch.high, "high")
        fake_high, kept_high = self.networks["enhancer"](torch.cat([low, high])).chunk(2)
        fake_low, kept_low, low_again = self.networks["worsener"](torch.cat([high, low, fake_high])).chunk(3)
        high_again = self.networks["enhancer"](fake_low)
        losses = {
            "quality_high": self._fooled("high", fake_high),
            "quality_low": self._fooled("low", fake_low),
            "cycle": RANGE * (l1_loss(low_again, low) + l1_loss(high_again, high)),
            "identity": RANGE * (l1_loss(kept_high, high) + l1_loss(kept_low, low)),
        }
        total = losses["quality_high"] + losses["quality_low"] + CYCLE * losses["cycle"] + IDENTITY * losses["identity"]
        self.update(["enhancer", "worsener"], total, fabric)
        losses["judge_high"] = self._teach("high", high, fake_high, batch.seed, fabric)
        losses["judge_low"] = self._teach("low", low, fake_low, batch.seed + 1, fabric)
        return {name: value.detach() for name, value in losses.items()}

    def _fooled(self, kind: str, fake: Tensor) -> Tensor:
        """How far the judge is from taking fakes for real ones (label 1)."""
        judged = trainable(self.networks[f"judge_{kind}"], on=False)(fake)
        return mse_loss(judged, torch.ones_like(judged))

    def _teach(self, kind: str, real: Tensor, fake: Tensor, seed: int, fabric: Fabric) -> Tensor:
        """Label 1 for real pictures, 0 for fakes out of the pool; halved, which slows the judge down."""
        name, pool = f"judge_{kind}", self.networks[f"pool_{kind}"]
        assert isinstance(pool, ImagePool)
        trainable(self.networks[name], on=True)
        judged_real, judged_fake = self.networks[name](torch.cat([real, pool.shown(fake.detach(), seed)])).chunk(2)
        loss: Tensor = 0.5 * (mse_loss(judged_real, torch.ones_like(judged_real)) + judged_fake.square().mean())
        self.update([name], loss, fabric)
        return loss


def build_cyclegan(config: TrainConfig) -> ResnetGenerator:
    """The generator that a configuration asks for, with fresh weights."""
    return ResnetGenerator(config.rival_width or WIDTH, config.channels)
