"""Every network that a checkpoint can hold, ours and the rivals', and how to use it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import nn

from edgeenh.errors import CheckpointError, UsageError
from edgeenh_train.checkpoint import CheckpointInfo, load_network
from edgeenh_train.config import TrainConfig
from edgeenh_train.enhance import Enhance, enhance_with
from edgeenh_train.methods.cyclegan import build_cyclegan
from edgeenh_train.methods.dncnn import build_dncnn
from edgeenh_train.methods.uegan import build_uegan
from edgeenh_train.networks import SIZE_MULTIPLE, VARIANTS, build_generator
from edgeenh_train.networks.cost import convolution_macs
from edgeenh_train.networks.rivals import resnet9, uegan


@dataclass(frozen=True, slots=True)
class Rival:
    """A network that is trained to be compared with, and never shipped.

    Attributes:
        title: What tables call it.
        multiple: Height and width that it takes are multiples of this.
        build: Makes it for a configuration, with fresh weights.
    """

    title: str
    multiple: int
    build: Callable[[TrainConfig], nn.Module]


RIVALS = {
    "cyclegan": Rival("CycleGAN, ResNet-9", resnet9.SIZE_MULTIPLE, build_cyclegan),
    "uegan": Rival("UEGAN", uegan.SIZE_MULTIPLE, build_uegan),
    "dncnn": Rival("DnCNN", 1, build_dncnn),
}
"""By method, which is also what their checkpoints call the network."""

FACTS_HEIGHT, FACTS_WIDTH = 720, 1280
"""Size of the picture for which costs are stated."""


def network_name(config: TrainConfig) -> str:
    """What the checkpoint of a run calls its network: our variant, or the rival."""
    return config.variant if config.method in ("unpaired", "paired") else config.method


def build_network(config: TrainConfig, name: str) -> nn.Module:
    """The network of a checkpoint, with fresh weights.

    Raises:
        CheckpointError: There is no such network.
    """
    if name in RIVALS:
        return RIVALS[name].build(config)
    if name in VARIANTS:
        return build_generator(name, config.cap, config.channels)
    raise CheckpointError(f"network '{name}' is unknown; known: {', '.join((*VARIANTS, *RIVALS))}")


def load_enhancer(path: Path, strength: float | None = None) -> tuple[Enhance, dict[str, Any], CheckpointInfo]:
    """Open any checkpoint, ours or a rival's, for use on pictures.

    Args:
        path: The checkpoint.
        strength: 0…1, of a generator of ours; None = full.

    Returns:
        The function, facts for tables (method, network, parameters, multiply-accumulates of its convolutions per pixel of a
        picture of 1280×720, images seen, seconds of training, setting, data, whether the file is proven whole, strength), and the checkpoint's description.

    Raises:
        CheckpointError: It cannot be used.
        UsageError: A strength is asked of a rival, which has none.
    """
    network, info = load_network(path, lambda info: build_network(_config(path, info), info.variant))
    if strength is not None and info.variant in RIVALS:
        raise UsageError(
            f"{path} is of '{info.variant}', a rival, which has no strength: leave out the strength, or the rival"
        )
    multiple = SIZE_MULTIPLE if info.variant in VARIANTS else RIVALS[info.variant].multiple
    macs = convolution_macs(network, info.channels, FACTS_HEIGHT, FACTS_WIDTH)
    facts = {
        "method": info.config.get("method", "unpaired"), "network": info.variant, "images_seen": info.images_seen,
        "parameters": sum(parameter.numel() for parameter in network.parameters()),
        "macs_per_pixel": macs / (FACTS_HEIGHT * FACTS_WIDTH),
        "training_seconds": info.training_seconds, "setting": _setting(_config(path, info)) if info.config else None,
        "data": info.data, "whole": info.whole, "strength": None if info.variant in RIVALS else 1.0 if strength is None else strength,
    }  # fmt: skip
    return enhance_with(network, multiple, strength), facts, info


def _setting(config: TrainConfig) -> str:
    """What tables state about a training, next to the pictures it saw."""
    c = config
    words = [f"views of {c.view_width}×{c.view_height}", f"batch {c.batch}"]
    if c.method in RIVALS:
        words.append(f"width {c.rival_width}" if c.rival_width else "the paper's width")
    if c.method == "dncnn":
        words.append(f"{c.rival_depth} layers")
    return ", ".join([*words, f"camera {c.camera}", f"seed {c.seed}"])


def _config(path: Path, info: CheckpointInfo) -> TrainConfig:
    known = {field.name for field in dataclasses.fields(TrainConfig)}
    try:
        return TrainConfig(**{key: value for key, value in info.config.items() if key in known} | {
            "cap": info.cap, "channels": info.channels,
        })  # fmt: skip
    except (TypeError, UsageError) as exc:
        raise CheckpointError(f"{path} carries a configuration that cannot be read ({exc}): train it again") from exc
