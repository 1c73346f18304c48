"""What a training run is told: one frozen record, presets as rows of a table, a TOML file and options on top."""

from __future__ import annotations

import dataclasses
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgeenh.errors import UsageError

VARIANT_NAMES = ("n", "s", "m", "seed")
"""Keys of `edgeenh_train.networks.VARIANTS`, repeated here so that `--dry-run` and `--help` load no torch (a test holds them equal)."""


@dataclass(frozen=True, slots=True)
class TrainConfig:
    """Everything that decides the outcome of a run, next to the pictures themselves.

    Attributes:
        variant: Size of the generator, a key of `edgeenh_train.networks.VARIANTS`.
        cap: Largest change of a pixel the generator may make, 0…1 of the full range.
        images: Pictures of the low domain to see in all.
        batch: Pictures of each domain per step.
        view_height, view_width: Size of a training view in pixels; multiples of 16, at least 64.
        whole_share: Share of views that show the whole picture; the others are crops.
        decode_side: Pictures are kept in memory with their short side reduced to this many pixels.
        quality, consistency, identity: Weights of the three losses.
        generator_rate, discriminator_rate: Adam's learning rates.
        constant_share: Share of the run at the full rate; it then falls linearly to 0.
        frozen_norm_share: Share of the run, at its end, in which batch norm uses its running statistics, as it will in use.
        average: Decay per step of the running average of the weights, which is what the checkpoint holds.
        discriminator_width: Channels of the discriminator's first stage.
        checkpoint_every, sample_every: Images between checkpoints and between sample sheets.
        seed: Seed of weights, order and views.
        name, version: The model's id and whole-number version.
        data, licence: What the pictures are and under which licence, for checkpoint, bundle and model card.
    """

    variant: str = "n"
    cap: float = 0.4
    images: int = 12_000
    batch: int = 8
    view_height: int = 128
    view_width: int = 176
    whole_share: float = 0.7
    decode_side: int = 720
    quality: float = 0.03
    consistency: float = 1.0
    identity: float = 2.5
    generator_rate: float = 5e-4
    discriminator_rate: float = 2e-4
    constant_share: float = 0.5
    frozen_norm_share: float = 0.85
    average: float = 0.995
    discriminator_width: int = 16
    checkpoint_every: int = 1_000
    sample_every: int = 4_000
    seed: int = 1
    name: str = "unnamed"
    version: int = 1
    data: str = "not stated"
    licence: str = "not stated"

    def __post_init__(self) -> None:
        _check(self)


PRESETS: dict[str, dict[str, Any]] = {
    "default": {},
    # The seed's text: Adam 1e-4, linear decay after epoch 150; its total is not stated, 300 is ours. Needs `--epochs` or a known data size.
    "seed": {
        "variant": "seed", "view_height": 256, "view_width": 256, "whole_share": 0.0, "quality": 0.05, "consistency": 1.0,
        "identity": 0.1, "generator_rate": 1e-4, "discriminator_rate": 4e-4, "constant_share": 0.5, "frozen_norm_share": 0.0,
        "discriminator_width": 32,
    },
}  # fmt: skip
"""Named starting points: what differs from the defaults. A file and options override them."""

_RANGES: dict[str, tuple[float, float]] = {
    "cap": (0.01, 1.0), "images": (1, 10**9), "batch": (1, 1024), "view_height": (64, 2048), "view_width": (64, 2048),
    "whole_share": (0.0, 1.0), "decode_side": (64, 8192), "quality": (0.0, 100.0), "consistency": (0.0, 100.0),
    "identity": (0.0, 100.0), "generator_rate": (0.0, 1.0), "discriminator_rate": (0.0, 1.0), "constant_share": (0.0, 1.0),
    "frozen_norm_share": (0.0, 1.0), "average": (0.0, 0.999999), "discriminator_width": (1, 256), "version": (1, 2**31),
    "checkpoint_every": (1, 10**9), "sample_every": (1, 10**9), "seed": (0, 2**31),
}  # fmt: skip


def _check(config: TrainConfig) -> None:
    if config.variant not in VARIANT_NAMES:
        raise UsageError(f"variant '{config.variant}' is unknown; choose one of {', '.join(VARIANT_NAMES)}")
    for key, (low, high) in _RANGES.items():
        value = getattr(config, key)
        if not low <= value <= high:
            raise UsageError(f"{key} = {value} is out of range; expected {low:g} to {high:g}")
    for key in ("view_height", "view_width"):
        if getattr(config, key) % 16:
            raise UsageError(
                f"{key} = {getattr(config, key)} is not a multiple of 16; the generator halves the size four times"
            )


def with_values(config: TrainConfig, values: Mapping[str, Any], origin: str) -> TrainConfig:
    """A copy of `config` with `values` in place; `origin` says where they came from, for messages.

    Raises:
        UsageError: An unknown key, a value of the wrong type or out of range.
    """
    types = {field.name: type(getattr(config, field.name)) for field in dataclasses.fields(config)}
    clean: dict[str, Any] = {}
    for key, value in values.items():
        if key not in types:
            raise UsageError(f"{origin}: unknown key '{key}'; known keys: {', '.join(types)}")
        expected = types[key]
        if expected is float and type(value) is int:
            value = float(value)
        if type(value) is not expected:
            raise UsageError(f"{origin}: {key} = {value!r} is a {type(value).__name__}; expected {expected.__name__}")
        clean[key] = value
    return dataclasses.replace(config, **clean)


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
