"""Features of a network trained on ImageNet, for the consistency loss.

`squeezenet`: SqueezeNet 1.1 (Iandola et al., arXiv 1602.07360, in the authors' later form), five maps, from what
`python -m edgeenh_train.losses.convert_squeezenet` writes. Small and free to use; which maps and equal weights are our choice.
`vgg19`: VGG19 (Simonyan and Zisserman, ICLR 2015), the maps and weights of UEGAN (arXiv 2012.15020), from a user's own file in the layout
of torchvision's state dict (`features.0.weight`, …), `.safetensors` or `.pth`.

Letters behind a name: B batch, C channels, H height, W width.
"""

from __future__ import annotations

import hashlib
import io
import pickle
from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load as load_tensors
from torch import Tensor, nn
from torch.nn.functional import max_pool2d, relu

from edgeenh.errors import CheckpointError, UsageError
from edgeenh_train.losses.precision import at_least_float32

MAX_BYTES = 1024 * 1024 * 1024

_CAFFE_MEAN_BGR = (104.0, 117.0, 123.0)  # of 0…255, subtracted by the training of SqueezeNet's authors
_IMAGENET_MEAN, _IMAGENET_DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # torchvision's, of 0…1, RGB

FIRES = {2: (64, 16, 64), 3: (128, 16, 64), 4: (128, 32, 128), 5: (256, 32, 128),
         6: (256, 48, 192), 7: (384, 48, 192), 8: (384, 64, 256), 9: (512, 64, 256)}  # fmt: skip
"""SqueezeNet 1.1's fire modules by number: channels in, squeezed, and of each of the two expansions."""

VGG19 = ((0, 64), (2, 64), (5, 128), (7, 128), (10, 256), (12, 256), (14, 256), (16, 256),
         (19, 512), (21, 512), (23, 512), (25, 512), (28, 512))  # fmt: skip
"""VGG19's convolutions up to conv5_1: number in torchvision's `features`, channels out."""

_VGG19_POOLED = (5, 10, 19, 28)  # convolutions behind a pooling, each the first of its block
_VGG19_MAPS = (0, *_VGG19_POOLED)


class FeatureNetwork(nn.Module, ABC):
    """A frozen network from a picture to feature maps.

    Attributes:
        layer_weights: Weight of each map in a loss.
        sha256: Hex digest of the file that the weights came from.
    """

    layer_weights: tuple[float, ...]
    sha256: str = ""

    def forward(self, image_BCHW: Tensor) -> list[Tensor]:
        """Float [B,C,H,W], 0…1, RGB or grey (taken as R = G = B), H and W at least 64, to maps, the finest first.

        The network moves to the picture's device by itself.
        """
        if next(self.parameters()).device != image_BCHW.device:
            self.to(image_BCHW.device)
        return self.maps(self.prepared(at_least_float32(image_BCHW).expand(-1, 3, -1, -1)))

    @abstractmethod
    def prepared(self, image_B3HW: Tensor) -> Tensor:
        """RGB 0…1 in the form that the network was trained with."""

    @abstractmethod
    def maps(self, prepared_B3HW: Tensor) -> list[Tensor]:
        """The feature maps."""


class Fire(nn.Module):
    """SqueezeNet's brick: 1×1 convolution to few channels, then 1×1 and 3×3 side by side, each with ReLU."""

    def __init__(self, inputs: int, squeezed: int, expanded: int) -> None:
        super().__init__()
        self.squeeze1x1 = nn.Conv2d(inputs, squeezed, 1)
        self.expand1x1 = nn.Conv2d(squeezed, expanded, 1)
        self.expand3x3 = nn.Conv2d(squeezed, expanded, 3, padding=1)

    def forward(self, features_BCHW: Tensor) -> Tensor:
        """Float [B,inputs,H,W] to float [B,2·expanded,H,W]."""
        few = relu(self.squeeze1x1(features_BCHW))
        return relu(torch.cat([self.expand1x1(few), self.expand3x3(few)], dim=1))


class SqueezenetFeatures(FeatureNetwork):
    """Maps behind conv1 and the fire modules 3, 5, 7 and 9, at 1/2, 1/4, 1/8, 1/16 and 1/16 of the size."""

    layer_weights = (0.2,) * 5

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 3, stride=2)
        self.fires = nn.ModuleDict({f"fire{number}": Fire(*sizes) for number, sizes in FIRES.items()})

    def prepared(self, image_B3HW: Tensor) -> Tensor:
        """BGR, 0…255, minus the mean."""
        return image_B3HW.flip(1) * 255.0 - image_B3HW.new_tensor(_CAFFE_MEAN_BGR)[:, None, None]

    def maps(self, prepared_B3HW: Tensor) -> list[Tensor]:
        """See the class."""
        found = [relu(self.conv1(prepared_B3HW))]
        for first, second, pooled in ((2, 3, True), (4, 5, True), (6, 7, True), (8, 9, False)):
            features = max_pool2d(found[-1], 3, 2) if pooled else found[-1]
            found.append(self.fires[f"fire{second}"](self.fires[f"fire{first}"](features)))
        return found


class Vgg19Features(FeatureNetwork):
    """relu1_1, relu2_1, relu3_1, relu4_1 and relu5_1, at 1, 1/2, 1/4, 1/8 and 1/16 of the size; UEGAN's weights."""

    layer_weights = (1 / 64, 1 / 64, 1 / 32, 1 / 32, 1.0)

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.ModuleDict()
        inputs = 3
        for number, outputs in VGG19:
            self.features[str(number)] = nn.Conv2d(inputs, outputs, 3, padding=1)
            inputs = outputs

    def prepared(self, image_B3HW: Tensor) -> Tensor:
        """ImageNet's mean and deviation taken out."""
        mean, deviation = (
            image_B3HW.new_tensor(values)[:, None, None] for values in (_IMAGENET_MEAN, _IMAGENET_DEVIATION)
        )
        return (image_B3HW - mean) / deviation

    def maps(self, prepared_B3HW: Tensor) -> list[Tensor]:
        """See the class."""
        features, found = prepared_B3HW, []
        for number, _ in VGG19:
            if number in _VGG19_POOLED:
                features = max_pool2d(features, 2)
            features = relu(self.features[str(number)](features))
            if number in _VGG19_MAPS:
                found.append(features)
        return found


_NETWORKS: dict[str, type[FeatureNetwork]] = {"squeezenet": SqueezenetFeatures, "vgg19": Vgg19Features}
_WANTED = {
    "squeezenet": "the .safetensors file that `python -m edgeenh_train.losses.convert_squeezenet` writes",
    "vgg19": "a .safetensors or .pth file with torchvision's VGG19 state dict",
}


def load_backbone(name: str, file: Path, sha256: str) -> FeatureNetwork:
    """Read a backbone's weights.

    Args:
        name: `squeezenet` or `vgg19`.
        file: Its weights; tensors that the network does not have are left aside.
        sha256: Hex digest that the file must have: other weights are another loss.

    Returns:
        The network on the CPU, float32, frozen.

    Raises:
        UsageError: An unknown name, a file of another kind, or no digest.
        CheckpointError: The file is missing, damaged, has another digest, or holds another network.
    """
    if name not in _NETWORKS:
        raise UsageError(f"backbone '{name}' has no weights to load; choose one of {', '.join(_NETWORKS)}")
    data = _read(file, _WANTED[name])
    digest = _pinned(file, data, sha256)
    tensors = _tensors(file, data, _WANTED[name])
    network = _NETWORKS[name]()
    network.load_state_dict(fitting(network, tensors, file, _WANTED[name]))
    network.sha256 = digest
    return network.eval().requires_grad_(requires_grad=False)


def _read(file: Path, wanted: str) -> bytes:
    if file.suffix not in (".safetensors", ".pth"):
        raise UsageError(f"backbone_file {file} ends in '{file.suffix}'; expected {wanted}")
    try:
        if file.stat().st_size > MAX_BYTES:
            raise CheckpointError(f"{file} has {file.stat().st_size} bytes, more than {MAX_BYTES}; expected {wanted}")
        return file.read_bytes()
    except OSError as exc:
        raise CheckpointError(f"{file} cannot be read ({exc.strerror}); expected {wanted}") from exc


def _pinned(file: Path, data: bytes, sha256: str) -> str:
    """The digest of `data`, which is the one asked for."""
    digest, wanted = hashlib.sha256(data).hexdigest(), sha256.strip().lower()
    if not wanted:
        raise UsageError(
            f'backbone_file needs backbone_sha256, so that the checkpoint names its weights; {file} has "{digest}"'
        )
    if digest != wanted:
        raise CheckpointError(f"{file} has the SHA-256 {digest}, expected {wanted}: get the file that was pinned")
    return digest


def _tensors(file: Path, data: bytes, wanted: str) -> dict[str, Tensor]:
    """What the file holds; a `.pth` is read without running anything that is pickled in it."""
    try:
        if file.suffix == ".safetensors":
            return load_tensors(data)
        found = torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
    except (SafetensorError, pickle.UnpicklingError, RuntimeError, EOFError, ValueError, KeyError) as exc:
        raise CheckpointError(f"{file} is damaged or holds more than tensors; expected {wanted}") from exc
    if not isinstance(found, dict) or not all(isinstance(value, Tensor) for value in found.values()):
        raise CheckpointError(f"{file} is no state dict; expected {wanted}")
    return found


def fitting(network: nn.Module, tensors: Mapping[str, Tensor], file: Path, wanted: str) -> dict[str, Tensor]:
    """The network's own tensors among `tensors`, which `file` held.

    Raises:
        CheckpointError: One is missing, of another shape, or not finite; `wanted` says which file was expected.
    """
    chosen = {}
    for key, own in network.state_dict().items():
        found = tensors.get(key)
        if found is None or found.shape != own.shape:
            what = "is missing" if found is None else f"has shape {list(found.shape)}, not {list(own.shape)}"
            raise CheckpointError(f"{file}: tensor '{key}' {what}; expected {wanted}")
        if not bool(found.isfinite().all()):
            raise CheckpointError(f"{file}: tensor '{key}' is not finite; expected {wanted}, undamaged")
        chosen[key] = found
    return chosen
