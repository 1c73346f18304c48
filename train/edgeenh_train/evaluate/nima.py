"""NIMA: the mean of a predicted distribution of ratings from 1 to 10. Higher is better.

Talebi and Milanfar, "NIMA: neural image assessment", IEEE TIP 27(8), 2018.

Two families of published weights are read, and never mixed, since backbone and preprocessing differ (notes in each
loader):

    `idealo`        MobileNet v1, Keras HDF5 (idealo/image-quality-assessment)
    `nima.pytorch`  MobileNet v2, PyTorch state dict or safetensors (truskovskiyk/nima.pytorch, as UEGAN used it)

The file is the user's and pinned by its SHA-256. Unverified against published weights: none could be had when this was
written, so layouts and arithmetic follow the two projects' sources, and only files of random weights have been read.
NIMA was trained on photographs' aesthetics; nothing shows that it ranks clinical usefulness.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from edgeenh.errors import CheckpointError, MissingExtra, UsageError
from edgeenh_train.data.reading import Picture
from edgeenh_train.evaluate.nima_networks import RATINGS, mobilenet_v1, mobilenet_v2
from edgeenh_train.evaluate.scoring import NO_WEIGHTS, Scorer, shown

SIDE = 224
RESIZED = 256
_HDF5_MAGIC = b"\x89HDF\r\n\x1a\n"
_BACKBONES = {"idealo": "MobileNet v1", "nima.pytorch": "MobileNet v2"}
_PREPROCESSING = {
    "idealo": "whole picture to 224×224 by nearest pixel, x / 127.5 − 1",
    "nima.pytorch": "short side 256 bilinear, centre crop 224, 0…1, no ImageNet normalisation",
}


def nima_scorer(path: Path | None, sha256: str | None) -> Scorer:
    """The column NIMA; without a file it says "no weights".

    Args:
        path: HDF5, safetensors or PyTorch state dict; the content tells which.
        sha256: Hex digest that the file must have.

    Raises:
        UsageError: One argument is given without the other, or the digest differs.
        CheckpointError: The file is missing, or of neither layout.
    """
    if path is None and sha256 is None:
        return Scorer(key="nima", label="NIMA", score=None, higher_is_better=True, absent=NO_WEIGHTS)
    if path is None:
        raise UsageError("--nima-sha256 is given without --nima: give the file it belongs to")
    family, network = load_nima(path, sha256)
    facts = {
        "family": family,
        "backbone": _BACKBONES[family],
        "preprocessing": _PREPROCESSING[family],
        "file": path.name,
        "sha256": str(sha256).strip().lower(),
    }
    return Scorer(
        key="nima",
        label="NIMA",
        score=lambda view: nima(view.result, family, network),
        higher_is_better=True,
        facts=facts,
    )


def load_nima(path: Path, sha256: str | None) -> tuple[str, nn.Module]:
    """Read pinned weights.

    Returns:
        The family, and the network: float [1,3,224,224] to the distribution [1,10]; in eval mode.

    Raises:
        UsageError, CheckpointError: As `nima_scorer`.
    """
    try:
        data = path.read_bytes()
    except OSError as exc:
        raise CheckpointError(f"{path} cannot be read ({exc.strerror or exc}): give a file of NIMA weights") from exc
    digest = hashlib.sha256(data).hexdigest()
    if sha256 is None:
        raise UsageError(f"--nima needs --nima-sha256, so that the report names its weights; {path} has {digest}")
    if digest != sha256.strip().lower():
        raise UsageError(f"{path} has the SHA-256 {digest}, expected {sha256}: get the file that was pinned")
    if data.startswith(_HDF5_MAGIC):
        return "idealo", _filled(mobilenet_v1(), _from_keras(_read_hdf5(data, path)), path)
    return "nima.pytorch", _filled(mobilenet_v2(), _from_torch(_read_torch(data, path)), path)


@torch.no_grad()
def nima(picture: Picture, family: str, network: nn.Module) -> float:
    """Mean rating, 1…10, of a picture; grey is shown in all three channels."""
    prepare: Callable[[NDArray[np.uint8]], Tensor] = idealo_input if family == "idealo" else pytorch_input
    distribution = network(prepare(shown(picture)))[0].double()
    ratings = torch.arange(1, RATINGS + 1, dtype=torch.float64)
    return float((distribution * ratings).sum() / distribution.sum())


def idealo_input(image: NDArray[np.uint8]) -> Tensor:
    """The picture squeezed to 224×224 by nearest pixel, as Keras' `load_img` does through Pillow; −1…1."""
    rows, columns = (((np.arange(SIDE) + 0.5) * side / SIDE).astype(int) for side in image.shape[:2])
    squeezed = image[rows[:, None], columns]
    return _tensor(squeezed) / 127.5 - 1.0


def pytorch_input(image: NDArray[np.uint8]) -> Tensor:
    """Short side 256 by antialiased bilinear, as torchvision's `Resize` does through Pillow; centre crop 224; 0…1."""
    height, width = image.shape[:2]
    short = min(height, width)
    size = (int(RESIZED * height / short), int(RESIZED * width / short))
    resized = functional.interpolate(_tensor(image), size=size, mode="bilinear", antialias=True, align_corners=False)
    top, left = (round((side - SIDE) / 2) for side in size)
    return resized[..., top : top + SIDE, left : left + SIDE].round() / 255.0


def _tensor(image: NDArray[np.uint8]) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(image)).permute(2, 0, 1)[None].float()


def _read_hdf5(data: bytes, path: Path) -> dict[str, NDArray[np.float32]]:
    """Every array of a Keras file as `layer/weight`; Keras nests it in groups of its own and adds `:0`."""
    try:
        import h5py
    except ImportError as exc:
        raise MissingExtra("idealo's NIMA weights", "train") from exc
    arrays: dict[str, NDArray[np.float32]] = {}

    def visit(name: str, item: object) -> None:
        if isinstance(item, h5py.Dataset):
            arrays["/".join(name.split("/")[-2:]).removesuffix(":0")] = np.asarray(item[()], dtype=np.float32)

    try:
        with h5py.File(io.BytesIO(data), "r") as file:
            file.visititems(visit)
    except (OSError, ValueError, TypeError, RuntimeError) as exc:
        raise CheckpointError(f"{path} is a damaged HDF5 file: get it again from its source") from exc
    return arrays


def _from_keras(arrays: dict[str, NDArray[np.float32]]) -> dict[str, Tensor]:
    """Keras' names and orders to ours: kernels [h,w,in,out] to [out,in,h,w], depthwise [h,w,c,1] to [c,1,h,w]."""
    weights = {"kernel": "weight", "depthwise_kernel": "weight", "gamma": "weight", "beta": "bias", "bias": "bias"}
    weights |= {"moving_mean": "running_mean", "moving_variance": "running_var"}
    state = {}
    for name, array in arrays.items():
        layer, _, weight = name.rpartition("/")
        if layer.startswith("dense"):
            layer, array = "dense", array.T
        elif array.ndim == 4:
            array = array.transpose((2, 3, 0, 1) if weight == "depthwise_kernel" else (3, 2, 0, 1))
        state[f"{layer}.{weights.get(weight, weight)}"] = torch.from_numpy(np.ascontiguousarray(array))
    return state


def _read_torch(data: bytes, path: Path) -> dict[str, Tensor]:
    """A state dict from a PyTorch file, of which only tensors are read, or from safetensors."""
    expected = f"{path} holds no NIMA weights; expected Keras HDF5, safetensors, or a PyTorch state dict of tensors"
    try:
        if path.suffix == ".safetensors":
            from safetensors.torch import load

            document: object = load(data)
        else:
            document = torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
    except Exception as exc:  # on foreign bytes the restricted unpickler trips in every way there is
        raise CheckpointError(expected) from exc
    state = document.get("state_dict", document) if isinstance(document, dict) else None
    if not isinstance(state, dict) or not all(isinstance(value, Tensor) for value in state.values()):
        raise CheckpointError(expected)
    return state


def _from_torch(state: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name.removeprefix("module."): value for name, value in state.items()}


def _filled(network: nn.Module, state: dict[str, Tensor], path: Path) -> nn.Module:
    wanted = network.state_dict()
    counters = {name: value for name, value in wanted.items() if name.endswith("num_batches_tracked")}
    state = counters | state  # older files do not hold these, and nothing depends on them
    for name in sorted(wanted.keys() | state.keys()):
        if name not in wanted or name not in state or wanted[name].shape != state[name].shape:
            found = f"has {name} {list(state[name].shape)}" if name in state else f"lacks {name}"
            there = f"expected {list(wanted[name].shape)}" if name in wanted else "which is not expected"
            raise CheckpointError(f"{path} {found}, {there}: it is of neither of the two layouts that are read")
    network.load_state_dict(state)
    if not all(bool(value.isfinite().all()) for value in network.state_dict().values()):
        raise CheckpointError(f"{path} holds weights that are not finite: get it again from its source")
    return network.eval().requires_grad_(requires_grad=False)
