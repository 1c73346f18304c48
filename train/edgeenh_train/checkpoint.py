"""Checkpoints: a generator's weights and what they are, in one safetensors file. Pickle is never read.

The file's metadata holds one key, `edgeenh`, with a JSON object: the fields of `CheckpointInfo` except `sha256` and `whole`, and a seal
over the whole file (`edgeenh_train.seal`).
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from safetensors import SafetensorError
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors
from torch import Tensor, nn

from edgeenh.errors import CheckpointError
from edgeenh.files import write_bytes
from edgeenh_train.config import RIVAL_NAMES
from edgeenh_train.networks import VARIANTS, Generator, build_generator
from edgeenh_train.seal import BrokenSealError, opened, sealable, sealed
from edgeenh_train.shipped import FOLDER, WITHOUT_SEAL
from edgeenh_train.shipped import SHIPPED as SHIPPED

FORMAT = 3
"""2: the edge variants set a tone curve (edgeenh 0.2); the generators of format 1 are not understood any more."""

_KEY = "edgeenh"

NetworkT = TypeVar("NetworkT", bound=nn.Module)

MAX_BYTES = 512 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class CheckpointInfo:
    """What a checkpoint says about itself.

    Attributes:
        name: The model's id, e.g. `dental-n`; becomes the bundle's id.
        version: The model's version, a whole number that only grows.
        variant: One of `edgeenh_train.networks.VARIANTS`, or a rival's name.
        cap: Largest change of a pixel, 0…1 of the full range.
        images_seen: Pictures of the low domain that training had seen.
        data: What it was trained on, in words.
        licence: Licence of that data, in words.
        config: The resolved training configuration.
        channels: Of the pictures it enhances: 3 for RGB, 1 for grey; files from before there was grey say nothing: 3.
        training_seconds: Wall time of the training up to here, over all its sessions; None in files from before it was noted.
        format: Version of this metadata.
        sha256: Hex digest of the whole file; empty for one not yet written.
        whole: Whether the file is proven undamaged, by its seal, or as one that ships; files from before there were seals are not.
    """

    name: str
    version: int
    variant: str
    cap: float
    images_seen: int
    data: str
    licence: str
    config: dict[str, Any] = field(default_factory=dict)
    channels: int = 3
    training_seconds: float | None = None
    format: int = FORMAT
    sha256: str = ""
    whole: bool = False


def save_generator(path: Path, state: dict[str, Tensor], info: CheckpointInfo) -> None:
    """Write a generator's `state_dict` and its description, atomically.

    Raises:
        UsageError, OutputFailed: The place cannot be written to; an older file there is untouched.
    """
    fields = dataclasses.asdict(info)
    del fields["sha256"], fields["whole"]
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in state.items()}
    write_bytes(path, sealed(save_tensors(tensors, metadata={_KEY: sealable(fields)})))


def load_generator(path: Path) -> tuple[Generator, CheckpointInfo]:
    """Read a checkpoint of our generator.

    Returns:
        The generator on the CPU, float32, in `eval` mode, without gradients; and its description.

    Raises:
        CheckpointError: It is missing, not safetensors, not ours, damaged, or its tensors do not fit its variant.
    """

    def build(info: CheckpointInfo) -> Generator:
        if info.variant in RIVAL_NAMES:  # a rival's checkpoint calls its network after the method
            raise CheckpointError(
                f"{path} is of '{info.variant}', which is a rival for comparison and cannot be exported; expected a checkpoint of variant {', '.join(VARIANTS)}"
            )
        if info.variant not in VARIANTS:
            raise CheckpointError(f"{path} is of variant '{info.variant}'; known: {', '.join(VARIANTS)}")
        return build_generator(info.variant, info.cap, info.channels)

    return load_network(path, build)


def load_network(path: Path, build: Callable[[CheckpointInfo], NetworkT]) -> tuple[NetworkT, CheckpointInfo]:
    """Read a checkpoint into whatever network `build` makes for its description; otherwise as `load_generator`."""
    data = _read(path)
    info = _info(path, data)
    network = build(info)
    try:
        network.load_state_dict(load_tensors(data))
    except (RuntimeError, SafetensorError) as exc:
        reason = " ".join(str(exc).split())[:160]
        raise CheckpointError(f"{path}: its weights do not fit variant '{info.variant}' ({reason})") from exc
    if not all(bool(tensor.isfinite().all()) for tensor in network.state_dict().values()):
        raise CheckpointError(f"{path} holds weights that are not finite: take an earlier checkpoint")
    return network.eval().requires_grad_(requires_grad=False), info


def read_info(path: Path) -> CheckpointInfo:
    """What a checkpoint says of itself; its seal is checked, its tensors are not looked at.

    Raises:
        CheckpointError: It is missing, not ours, or damaged.
    """
    return _info(path, _read(path))


def remark_on(path: Path, info: CheckpointInfo) -> str:
    """What a user should know where a checkpoint is relied on; empty where there is nothing."""
    if info.whole:
        return ""
    return f"{path} carries no seal (it is from before there were any), so damage to its weights would go unnoticed"


def _read(path: Path) -> bytes:
    try:
        if path.stat().st_size > MAX_BYTES:
            raise CheckpointError(
                f"{path} has {path.stat().st_size} bytes; an edgeenh checkpoint has at most {MAX_BYTES}"
            )
        return path.read_bytes()
    except OSError as exc:
        raise CheckpointError(
            f"{path} cannot be read ({exc.strerror}): give the .safetensors file of a training run"
        ) from exc


def _info(path: Path, data: bytes) -> CheckpointInfo:
    """The description inside a safetensors file, and whether the file is whole."""
    expected = "expected a .safetensors file written by `edgeenh train`"
    try:
        fields, whole = opened(data, _KEY)
        digest = hashlib.sha256(data).hexdigest()
        info = CheckpointInfo(**fields, sha256=digest, whole=whole or digest in WITHOUT_SEAL)
    except BrokenSealError as exc:
        raise CheckpointError(
            f"{path} is damaged: {exc}; take another copy, or let `edgeenh train --resume` write it anew from the state beside it"
        ) from exc
    except (ValueError, KeyError, TypeError, RecursionError) as exc:
        raise CheckpointError(f"{path} is not an edgeenh checkpoint, or is damaged; {expected}") from exc
    if path.resolve().parent == FOLDER.resolve() and not info.whole:
        raise CheckpointError(
            f"{path} is not the file that ships with edgeenh: it was damaged or changed; install edgeenh again"
        )
    if info.format != FORMAT:
        raise CheckpointError(f"{path} has checkpoint format {info.format}; this edgeenh reads format {FORMAT}")
    if type(info.channels) is not int or info.channels not in (1, 3):
        raise CheckpointError(
            f"{path} is for pictures of {info.channels!r} channels; this edgeenh has 3 (RGB) and 1 (grey)"
        )
    return info
