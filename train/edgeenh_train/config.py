"""What a training run is told: one frozen record, presets as rows of a table, a TOML file and options on top."""

from __future__ import annotations

import dataclasses
import difflib
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgeenh.errors import UsageError

VARIANT_NAMES = ("n", "s", "m", "seed")
"""`edgeenh_train.networks.VARIANTS`, repeated here so that `--dry-run` and `--help` load no torch (a test holds them equal)."""

RIVAL_NAMES = ("cyclegan", "uegan", "dncnn")
"""Keys of `edgeenh_train.methods.networks.RIVALS`, repeated likewise."""

METHOD_NAMES = ("unpaired", "paired", *RIVAL_NAMES)
"""Keys of `edgeenh_train.methods.METHODS`, repeated likewise."""

CAMERA_NAMES = ("none", "estimated", "dental", "dental-noise", "xray")
"""Where a run's made pairs come from: nowhere, a camera estimated from its own two folders, or a camera model (`edgeenh_train.camera`)."""

BACKBONE_NAMES = ("pyramid", "squeezenet", "vgg19")
PRECISION_NAMES = ("fp32", "fp16", "bf16")

VIEW_MULTIPLE = 16
"""Height and width of a training view are multiples of this, which the networks of all methods take: ours need less, UEGAN's this."""


@dataclass(frozen=True, slots=True)
class TrainConfig:
    """Everything that decides the outcome of a run, next to the pictures themselves.

    Attributes:
        method: How to train, one of `METHOD_NAMES`.
        variant: Size of our generator, one of `VARIANT_NAMES`; the rivals' networks have one form each and go by `rival_width`.
        cap: Largest change of a pixel that our generator may make, 0…1 of the full range.
        channels: 3 for colour, 1 for grey pictures of 8 to 16 bit.
        bits: That the values of 16-bit grey files have, 9 to 16, e.g. 12 of many sensors; 0 = all of them.
        camera: Where made pairs come from, one of `CAMERA_NAMES`.
        images: Pictures to see in all, of the domain that is to be improved.
        batch: Pictures of each kind per step, over all processes.
        view_height, view_width: Size of a training view in pixels; multiples of `VIEW_MULTIPLE`, at least 64.
        whole_share: Share of views that show the whole picture; the others are crops.
        decode_side: Pictures are kept in memory with their short side reduced to this many pixels.
        rotate, zoom: Augmentation on the device, of every view: at most so many degrees, and a scale of 1…1 + zoom.
        quality, consistency, structure, identity, truth, colour: Weights of the losses.
        backbone: Features of the consistency loss, one of `BACKBONE_NAMES`; `backbone_file` holds the weights of the last two, and
            `backbone_sha256` is the SHA-256 that this file must have, hex.
        generator_rate, discriminator_rate: Adam's learning rates.
        constant_epochs, decay_epochs: The schedule in passes over the domain that is improved: full rate, then linearly to 0.
            0 and 0 = by `images` and `constant_share` instead.
        constant_share: Share of the run at the full rate; it then falls linearly to 0.
        frozen_norm_share: Share of the run, at its end, in which batch norm uses its running statistics, as it will in use.
        average: Decay per step of the running average of the weights, which is what the checkpoint holds.
        discriminator_width: Channels of our discriminator's first stage.
        rival_width: Channels of a rival's first layer; 0 = what its paper has.
        rival_depth: Layers of `dncnn`, 17 or 20.
        precision: Of the arithmetic: `fp32` anywhere; `fp16` (with loss scaling) and `bf16` mixed precision on CUDA.
        max_gradient: Gradients whose norm is larger are scaled down to it; 0 = never.
        checkpoint_every, sample_every: Images between checkpoints and between sample sheets.
        seed: Seed of weights, order, views and draws.
        name, version: The model's id and whole-number version.
        data, licence: What the pictures are and under which licence, for checkpoint, bundle and model card.
    """

    method: str = "unpaired"
    variant: str = "n"
    cap: float = 0.6
    channels: int = 3
    bits: int = 0
    camera: str = "estimated"
    images: int = 24_000
    batch: int = 8
    view_height: int = 192
    view_width: int = 256
    whole_share: float = 0.7
    decode_side: int = 512
    rotate: float = 0.0
    zoom: float = 0.0
    quality: float = 0.01
    consistency: float = 0.1
    structure: float = 0.1
    identity: float = 1.0
    truth: float = 1.0
    colour: float = 0.5
    backbone: str = "pyramid"
    backbone_file: str = ""
    backbone_sha256: str = ""
    generator_rate: float = 2e-3
    discriminator_rate: float = 2e-4
    constant_epochs: int = 0
    decay_epochs: int = 0
    constant_share: float = 0.5
    frozen_norm_share: float = 0.7
    average: float = 0.99
    discriminator_width: int = 16
    rival_width: int = 0
    rival_depth: int = 17
    precision: str = "fp32"
    max_gradient: float = 0.0
    checkpoint_every: int = 2_000
    sample_every: int = 8_000
    seed: int = 1
    name: str = "unnamed"
    version: int = 1
    data: str = "not stated"
    licence: str = "not stated"

    def __post_init__(self) -> None:
        _check(self)


_ADVERSARIAL = {
    "generator_rate": 5e-4,
    "camera": "none",
    "quality": 0.03,
    "consistency": 1.0,
    "structure": 0.0,
    "identity": 2.5,
}

PRESETS: dict[str, dict[str, Any]] = {
    "default": {},
    # Quality, consistency and identity alone: what the seed's text asks for, on an edge variant.
    "adversarial": {**_ADVERSARIAL, "images": 12_000, "average": 0.995, "frozen_norm_share": 0.85},
    # With the truth of every low picture, or with a camera model's: `--pairs DIR`, or `--high DIR` and a camera.
    "paired": {"method": "paired", "camera": "none"},
    "self-pairs": {"method": "paired", "camera": "dental"},
    # A window's two ends saturate at the default rate, and every picture then gets the same one; whole views, for a crop of a good
    # radiograph looks like a windowed one; and the norm frozen early, for a window decided by a batch's statistics falls apart when
    # they are frozen later.
    "xray": {
        "method": "paired", "camera": "xray", "channels": 1, "colour": 0.0, "generator_rate": 5e-4, "whole_share": 1.0,
        "frozen_norm_share": 0.95,
    },
    # The seed's text: Adam 1e-4, linear decay after epoch 150; its total is not stated, 150 more are ours.
    "seed": {
        **_ADVERSARIAL, "variant": "seed", "view_height": 256, "view_width": 256, "whole_share": 0.0, "quality": 0.1,
        "identity": 0.1, "generator_rate": 1e-4, "discriminator_rate": 1e-4, "constant_epochs": 150, "decay_epochs": 150,
        "frozen_norm_share": 0.0, "average": 0.999, "discriminator_width": 32,
    },
    # Rivals as their papers have them; `rival_width` makes them narrower where a machine cannot train them whole. UEGAN's 0.05 for
    # quality is 0.1 here and in its code, where each depth's term carries a half.
    "cyclegan": {
        "method": "cyclegan", "camera": "none", "batch": 1, "view_height": 256, "view_width": 256, "generator_rate": 2e-4,
        "discriminator_rate": 2e-4, "constant_epochs": 100, "decay_epochs": 100, "frozen_norm_share": 0.0, "average": 0.0,
    },
    "uegan": {
        "method": "uegan", "camera": "none", "batch": 10, "view_height": 256, "view_width": 256, "generator_rate": 1e-4,
        "discriminator_rate": 4e-4, "quality": 0.1, "consistency": 1.0, "identity": 0.1, "constant_epochs": 50,
        "decay_epochs": 50, "frozen_norm_share": 0.0, "average": 0.0,
    },
    "dncnn": {
        "method": "dncnn", "camera": "dental-noise", "batch": 16, "view_height": 64, "view_width": 64, "whole_share": 0.0,
        "generator_rate": 1e-3, "constant_share": 0.3, "frozen_norm_share": 0.0, "average": 0.0,
    },
}  # fmt: skip
"""Named starting points: what differs from the defaults. A file and options override them."""

_CHOICES = {
    "method": METHOD_NAMES, "variant": VARIANT_NAMES, "camera": CAMERA_NAMES, "backbone": BACKBONE_NAMES, "precision": PRECISION_NAMES,
}  # fmt: skip

_RANGES: dict[str, tuple[float, float]] = {
    "cap": (0.01, 1.0), "images": (1, 10**9), "batch": (1, 1024), "view_height": (64, 2048), "view_width": (64, 2048),
    "whole_share": (0.0, 1.0), "decode_side": (64, 8192), "rotate": (0.0, 180.0), "zoom": (0.0, 4.0),
    "quality": (0.0, 100.0), "consistency": (0.0, 100.0), "structure": (0.0, 100.0), "identity": (0.0, 100.0),
    "truth": (0.0, 100.0), "colour": (0.0, 100.0), "generator_rate": (0.0, 1.0), "discriminator_rate": (0.0, 1.0),
    "constant_epochs": (0, 10**6), "decay_epochs": (0, 10**6), "constant_share": (0.0, 1.0), "frozen_norm_share": (0.0, 1.0),
    "average": (0.0, 0.999999), "discriminator_width": (1, 256), "rival_width": (0, 512), "rival_depth": (3, 100),
    "max_gradient": (0.0, 1e9), "version": (1, 2**31), "checkpoint_every": (1, 10**9), "sample_every": (1, 10**9), "seed": (0, 2**31),
}  # fmt: skip


def _check(config: TrainConfig) -> None:
    for key, choices in _CHOICES.items():
        if getattr(config, key) not in choices:
            raise UsageError(f"{key} '{getattr(config, key)}' is unknown; choose one of {', '.join(choices)}")
    for key, (low, high) in _RANGES.items():
        value = getattr(config, key)
        if not low <= value <= high:
            raise UsageError(f"{key} = {value} is out of range; expected {low:g} to {high:g}")
    for key in ("view_height", "view_width"):
        if getattr(config, key) % VIEW_MULTIPLE:
            raise UsageError(
                f"{key} = {getattr(config, key)} is not a multiple of {VIEW_MULTIPLE}, which every method's network takes"
            )
    if config.bits and not (config.channels == 1 and 9 <= config.bits <= 16):
        raise UsageError(f"bits = {config.bits} with channels = {config.channels}; expected 9 to 16 of grey, or 0")
    if config.channels not in (1, 3):
        raise UsageError(f"channels = {config.channels}; expected 3 (colour) or 1 (grey)")
    if (config.backbone == "pyramid") != (not config.backbone_file):
        raise UsageError(
            f"backbone '{config.backbone}' with backbone_file '{config.backbone_file}': squeezenet and vgg19 need a file, pyramid none"
        )
    if config.backbone_sha256 and not config.backbone_file:
        raise UsageError("backbone_sha256 is given without backbone_file: give the file it belongs to")


SMALLEST_STEADY_BATCH = 8


def remarks_on(config: TrainConfig) -> list[str]:
    """What is allowed and seldom wise, a line each."""
    relativistic = config.method in ("unpaired", "uegan") and config.quality > 0
    if not relativistic or config.batch >= SMALLEST_STEADY_BATCH:
        return []
    return [
        f"batch = {config.batch}: the quality loss compares with the average picture of the batch, which is unsteady below "
        f"{SMALLEST_STEADY_BATCH} and leaves artefacts"
    ]


def with_values(config: TrainConfig, values: Mapping[str, Any], origin: str) -> TrainConfig:
    """A copy of `config` with `values` in place; `origin` says where they came from, for messages.

    Raises:
        UsageError: An unknown key, a value of the wrong type or out of range.
    """
    types = {field.name: type(getattr(config, field.name)) for field in dataclasses.fields(config)}
    clean: dict[str, Any] = {}
    for key, value in values.items():
        if key not in types:
            near = difflib.get_close_matches(key, types, n=1)
            meant = f" (perhaps {near[0]} is meant)" if near else ""
            raise UsageError(f"{origin}: unknown key '{key}'{meant}; known keys: {', '.join(types)}")
        expected = types[key]
        if expected is float and type(value) is int:
            value = float(value)
        if type(value) is not expected:
            raise UsageError(f"{origin}: {key} = {value!r} is a {type(value).__name__}; expected {expected.__name__}")
        clean[key] = value
    try:
        return dataclasses.replace(config, **clean)
    except UsageError as exc:
        raise UsageError(f"{origin}: {exc}") from exc


def resolve(preset: str, file: Path | None, options: Mapping[str, Any]) -> TrainConfig:
    """Preset, then TOML file, then options; later ones win.

    Raises:
        UsageError: An unknown preset or key, an unreadable file, a value of the wrong type or out of range.
    """
    if preset not in PRESETS:
        raise UsageError(f"preset '{preset}' is unknown; choose one of {', '.join(PRESETS)}")
    config = with_values(TrainConfig(), PRESETS[preset], f"preset {preset}")
    if file is not None:
        config = with_values(config, _read_toml(file), str(file))
    return with_values(config, options, "options")


def _read_toml(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as exc:
        raise UsageError(f"{file} cannot be read ({exc.strerror}); --config takes a TOML file") from exc
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as exc:
        raise UsageError(f'{file} is not TOML ({exc}); write lines such as `variant = "n"`') from exc
