"""Ours, without pairs: the seed's three losses, the fidelity losses beside them, and an estimated camera where the run has one.

Quality, consistency and identity are UEGAN's idea (arXiv 2012.15020) and the seed's text. An estimated camera
(`edgeenh_train.camera.estimated`) turns good pictures into low ones by what the two folders show on average; the generator then
also learns to undo that, on pictures whose truth is at hand. No pair of a low picture and its truth is seen by anybody.
"""

from __future__ import annotations

import torch
from lightning_fabric import Fabric
from torch import Tensor
from torch.nn.functional import avg_pool2d

from edgeenh_train.config import TrainConfig
from edgeenh_train.losses import (
    colour_loss,
    discriminator_loss,
    generator_loss,
    identity_loss,
    structure_loss,
    truth_loss,
)
from edgeenh_train.losses.consistency import Consistency
from edgeenh_train.methods.base import Batch, Losses, Method, given, trainable
from edgeenh_train.networks import MultiScaleDiscriminator, build_generator


class Unpaired(Method):
    """See the module's docstring. Low, high and degraded pictures go through the generator as one batch.

    Batch norm that saw only dark pictures in one pass and only bright ones in the next would hide the very difference that
    the network must act on.
    """

    def __init__(self, config: TrainConfig, fabric: Fabric) -> None:
        super().__init__(config, fabric)
        c = config
        generator = build_generator(c.variant, c.cap, c.channels)
        self.add("enhancer", generator, fabric, rate=c.generator_rate)
        judge = MultiScaleDiscriminator(c.discriminator_width, c.channels)
        self.add("discriminator", judge, fabric, rate=c.discriminator_rate)
        self.consistency = Consistency(c.backbone, c.backbone_file, c.backbone_sha256)

    @staticmethod
    def needs(config: TrainConfig) -> frozenset[str]:
        """Both domains, and made pairs where there is a camera."""
        return frozenset({"low", "high"} | ({"degraded", "truth"} if config.camera != "none" else set()))

    def step(self, batch: Batch, fabric: Fabric) -> Losses:
        """One update of discriminator and generator, in UEGAN's order."""
        low, high = given(batch.low, "low"), given(batch.high, "high")
        shown = [low, high] if batch.degraded is None else [low, high, batch.degraded]
        enhanced, kept, *restored = self.networks["enhancer"](torch.cat(shown)).chunk(len(shown))
        d_loss = self._teach_judge(low, high, enhanced.detach(), fabric)
        losses = self._generator_losses(low, high, enhanced, kept)
        if restored:
            losses |= self._truth_losses(restored[0], given(batch.truth, "truth"))
        self.update(["enhancer"], weighted_sum(losses, self.config), fabric)
        return {name: value.detach() for name, value in {"discriminator": d_loss, **losses}.items()}

    def _teach_judge(self, low: Tensor, high: Tensor, enhanced: Tensor, fabric: Fabric) -> Tensor:
        """Good pictures against enhanced ones, and against the raw input."""
        trainable(self.networks["discriminator"], on=True)
        judged = [depth.chunk(3) for depth in self.networks["discriminator"](glance(high, enhanced, low))]
        good, fake, raw = ([depth[i] for depth in judged] for i in range(3))
        d_loss = discriminator_loss(good, fake) + discriminator_loss(good, raw)
        self.update(["discriminator"], d_loss, fabric)
        return d_loss

    def _generator_losses(self, low: Tensor, high: Tensor, enhanced: Tensor, kept: Tensor) -> Losses:
        """Better quality, same structure, good pictures untouched."""
        judge = trainable(self.networks["discriminator"], on=False)
        judged = [depth.chunk(2) for depth in judge(glance(high, enhanced))]
        return {
            "quality": generator_loss([good for good, _ in judged], [fake for _, fake in judged]),
            "consistency": self.consistency(enhanced, low),
            "structure": structure_loss(enhanced, low),
            "identity": identity_loss(kept, high),
        }

    def _truth_losses(self, restored: Tensor, truth: Tensor) -> Losses:
        return {"truth": truth_loss(restored, truth), "colour": colour_loss(restored, truth)}


def glance(*pictures_BCHW: Tensor) -> Tensor:
    """What the discriminator sees: everything in one batch, at half size. It judges light and colour, which lose nothing, in a quarter of the time."""
    return avg_pool2d(torch.cat(pictures_BCHW), 2)


def weighted_sum(losses: Losses, config: TrainConfig) -> Tensor:
    """The sum of the losses, each times the setting of its name."""
    return torch.stack([getattr(config, name) * value for name, value in losses.items()]).sum()
