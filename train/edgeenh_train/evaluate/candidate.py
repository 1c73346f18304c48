"""What is evaluated: a named function from picture to picture, with the facts that a table tells of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from edgeenh.bundle.reader import SHIPPED_NAMES
from edgeenh.errors import UsageError
from edgeenh_train.enhance import Enhance
from edgeenh_train.evaluate.scoring import COLOUR

if TYPE_CHECKING:
    from edgeenh.enhancer import Enhancer

FACTS = ("method", "parameters", "macs_per_pixel", "images_seen", "training_seconds", "setting")
BUNDLE_SUFFIX = ".edgeenh"


@dataclass(frozen=True)
class Candidate:
    """One row of the table.

    Attributes:
        name: Its name; unique within a run.
        enhance: The method itself. What it raises, or gives that is no picture of the right shape, fails its own row
            only.
        facts: At least the keys of `FACTS`; a value may be None. `trained` tells models from methods that need no
            training.
    """

    name: str
    enhance: Enhance
    facts: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "facts", dict.fromkeys(FACTS) | self.facts)


def input_candidate() -> Candidate:
    """The picture as it is: what every method must beat."""
    return Candidate("input", lambda image: image.copy(), {"method": "input", "trained": False})


def model_candidate(path: Path, name: str | None = None, strength: float | None = None) -> Candidate:
    """A trained model as a candidate.

    Args:
        path: A checkpoint (`.safetensors`), or a bundle (`.edgeenh`, or the name of one that ships), which then runs as it ships.
        name: Its name in the table; None = the file's own.
        strength: 0…1; None = full.

    Raises:
        CheckpointError, IntegrityError, UsageError: The file cannot be used.
    """
    if path.suffix == BUNDLE_SUFFIX or (str(path) in SHIPPED_NAMES and not path.exists()):
        enhance, facts = open_bundle(path, strength)
    elif path.suffix == ".safetensors":
        enhance, facts = open_model(path, strength)
    else:
        raise UsageError(
            f"{path} is not a model: expected a .safetensors checkpoint, an {BUNDLE_SUFFIX} bundle, or the name of one that ships ({', '.join(SHIPPED_NAMES)})"
        )
    return Candidate(name or path.stem, enhance, {**facts, "trained": True})


def remarks_on(candidates: Sequence[Candidate]) -> list[str]:
    """What a user should know of the models' files before the figures are believed, a line each."""
    unproven = [candidate.name for candidate in candidates if candidate.facts.get("whole") is False]
    return [f"{name}: its checkpoint carries no seal, so damage to its weights would go unnoticed" for name in unproven]


def open_model(path: Path, strength: float | None = None) -> tuple[Enhance, dict[str, Any]]:
    """A checkpoint as a function, and its facts.

    Raises:
        CheckpointError: It is missing, damaged, or not a checkpoint of edgeenh.
        UsageError: A strength is asked of a rival, which has none.
    """
    from edgeenh_train.methods.networks import load_enhancer

    enhance, facts, info = load_enhancer(path, strength)
    return enhance, {**facts, "sha256": info.sha256}


def open_bundle(path: Path, strength: float | None = None) -> tuple[Enhance, dict[str, Any]]:
    """A bundle as a function and its facts; ONNX Runtime runs it in FP32 on 8-bit colour or 16-bit grey.

    Raises:
        InputError, IntegrityError: There is no such file, or it is not what its manifest says.
    """
    import edgeenh

    full = 1.0 if strength is None else strength
    enhancer = edgeenh.load(path, backend="onnxruntime", precision="fp32", device="cpu", strength=full)
    manifest = enhancer.bundle.manifest
    facts = {
        "method": f"bundle, variant {manifest.generator.variant}",
        "parameters": manifest.generator.parameters,
        "macs_per_pixel": manifest.generator.macs_per_pixel,
        "images_seen": manifest.training.images_seen,
        "sha256": enhancer.bundle.sha256,
        "strength": full,
    }
    return _enhance_by(enhancer), facts


def _enhance_by(enhancer: Enhancer) -> Enhance:
    def enhance(image: NDArray[np.float32]) -> NDArray[np.float32]:
        depth: type[np.uint8] | type[np.uint16] = np.uint8 if image.shape[2] == COLOUR else np.uint16
        top = np.float32(np.iinfo(depth).max)
        levels = np.rint(np.clip(image, 0.0, 1.0) * top).astype(depth)
        return np.asarray(enhancer(levels), dtype=np.float32) / top

    return enhance
