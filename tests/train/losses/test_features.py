"""Backbones of the consistency loss: the published layers, against references put together otherwise; and files that are refused."""

from __future__ import annotations

import hashlib
import os
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.autograd import gradcheck

from edgeenh.errors import CheckpointError, UsageError
from edgeenh_train.config import TrainConfig
from edgeenh_train.data import Folders
from edgeenh_train.loop import train
from edgeenh_train.losses.consistency import Consistency
from edgeenh_train.losses.convert_squeezenet import convert, main
from edgeenh_train.losses.features import SqueezenetFeatures, Vgg19Features, load_backbone

DATA = Path(os.environ.get("EDGEENH_DATA", Path(__file__).parents[4] / "shared" / "data"))
SQUEEZENET = DATA / "weights" / "squeezenet1.1_imagenet_fp16.onnx"


def sha256(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def vgg19() -> nn.Sequential:
    """VGG19's configuration E up to relu5_1, as the paper's table 1 lists it; random weights that keep the signal's size."""
    torch.manual_seed(1)
    layers: list[nn.Module] = []
    inputs = 3
    for block, (count, outputs) in enumerate(((2, 64), (2, 128), (4, 256), (4, 512), (1, 512))):
        for _ in range(count):
            conv = nn.Conv2d(inputs, outputs, 3, padding=1)
            nn.init.kaiming_normal_(conv.weight)
            layers += [conv, nn.ReLU()]
            inputs = outputs
        layers += [nn.MaxPool2d(2)] if block < 4 else []
    return nn.Sequential(*layers).requires_grad_(requires_grad=False)


@pytest.fixture(scope="module")
def vgg19_files(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("vgg19")
    state = {f"features.{name}": value.contiguous() for name, value in vgg19().state_dict().items()}
    state["classifier.0.weight"] = torch.zeros(2, 2)  # the rest of the file is left aside
    save_file(state, folder / "vgg19.safetensors")
    torch.save(state, folder / "vgg19.pth")
    return folder / "vgg19.safetensors", folder / "vgg19.pth"


@pytest.fixture(scope="module")
def squeezenet_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Random weights in the layout that the conversion writes."""
    torch.manual_seed(2)
    file = tmp_path_factory.mktemp("squeezenet") / "squeezenet.safetensors"
    save_file(SqueezenetFeatures().state_dict(), file)
    return file


def test_vgg19_has_the_published_layers(vgg19_files: tuple[Path, Path]) -> None:
    image = torch.rand(1, 3, 64, 80, generator=torch.Generator().manual_seed(3))
    mean, deviation = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    features, expected = (image - mean.view(3, 1, 1)) / deviation.view(3, 1, 1), []
    for index, layer in enumerate(vgg19()):
        features = layer(features)
        if index in (1, 6, 11, 20, 29):  # relu1_1, relu2_1, relu3_1, relu4_1, relu5_1
            expected.append(features)
    for file in vgg19_files:
        network = load_backbone("vgg19", file, sha256(file))
        for ours, theirs in zip(network(image), expected, strict=True):
            torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-5)
        assert network.layer_weights == (1 / 64, 1 / 64, 1 / 32, 1 / 32, 1)
        assert network.sha256 == sha256(file)
        assert not any(parameter.requires_grad for parameter in network.parameters())


def test_the_loss_over_vgg19_is_the_weighted_sum_of_normalised_maps(vgg19_files: tuple[Path, Path]) -> None:
    file = vgg19_files[0]
    one, two = torch.rand(2, 1, 3, 64, 64, generator=torch.Generator().manual_seed(4))
    network = load_backbone("vgg19", file, sha256(file))

    def apart(a: Tensor, b: Tensor) -> float:
        return nn.functional.mse_loss(*(nn.functional.instance_norm(maps, eps=1e-6) for maps in (a, b))).item()

    expected = sum(
        weight * apart(a, b)
        for weight, a, b in zip((1 / 64, 1 / 64, 1 / 32, 1 / 32, 1), network(one), network(two), strict=True)
    )
    found = Consistency("vgg19", str(file), sha256(file).upper())(one, two)
    assert found.item() == pytest.approx(expected, rel=1e-3)


@pytest.mark.skipif(not SQUEEZENET.is_file(), reason=f"no SqueezeNet at {SQUEEZENET}; EDGEENH_DATA names the folder")
def test_squeezenet_reproduces_the_onnx_file_s_own_features(tmp_path: Path) -> None:
    onnx = pytest.importorskip("onnx")
    onnxruntime = pytest.importorskip("onnxruntime")
    target = tmp_path / "squeezenet.safetensors"
    digest = convert(SQUEEZENET, target)
    assert digest == sha256(target) == convert(SQUEEZENET, tmp_path / "again.safetensors")
    model = onnx.load(str(SQUEEZENET))
    wanted = ["conv1_2", *(f"fire{n}/concat_1" for n in (3, 5, 7, 9))]
    del model.graph.output[:]
    model.graph.output.extend(onnx.ValueInfoProto(name=name) for name in wanted)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    image = nn.functional.interpolate(
        torch.rand(1, 3, 14, 14, generator=torch.Generator().manual_seed(5)), size=224, mode="bicubic"
    ).clamp(0, 1)
    bgr = (image.flip(1) * 255 - torch.tensor([104.0, 117.0, 123.0]).view(3, 1, 1)).numpy()
    kind = np.float16 if session.get_inputs()[0].type == "tensor(float16)" else np.float32
    expected = session.run(wanted, {session.get_inputs()[0].name: bgr.astype(kind)})
    network = load_backbone("squeezenet", target, digest)
    for ours, theirs in zip(network(image), expected, strict=True):
        scale = np.abs(theirs).max()
        assert np.abs(ours.numpy() - theirs.astype(np.float32)).max() < 0.01 * scale  # the file computes in 16 bit


@pytest.mark.parametrize("channels", [1, 3])
def test_a_backbone_takes_grey_and_colour_and_has_gradients(channels: int, squeezenet_file: Path) -> None:
    loss = Consistency("squeezenet", str(squeezenet_file), sha256(squeezenet_file))
    one, two = torch.rand(2, 1, channels, 64, 64, generator=torch.Generator().manual_seed(6))
    assert loss(one, one).item() == pytest.approx(0.0, abs=1e-9)
    one.requires_grad_()
    loss(one, two).backward()
    assert one.grad is not None
    assert one.grad.abs().sum() > 0


def test_gradients_through_a_backbone_are_right(squeezenet_file: Path) -> None:
    network = load_backbone("squeezenet", squeezenet_file, sha256(squeezenet_file)).double()
    image = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(7), dtype=torch.float64)

    def loss(picture: Tensor) -> Tensor:
        return torch.stack([features.square().mean() for features in network(picture)]).sum()

    assert gradcheck(loss, (image.requires_grad_(),), fast_mode=True)


@pytest.mark.parametrize("name", ["squeezenet", "vgg19"])
def test_a_file_with_another_hash_is_refused(
    name: str, squeezenet_file: Path, vgg19_files: tuple[Path, Path], folders: Folders, tmp_path: Path
) -> None:
    file = squeezenet_file if name == "squeezenet" else vgg19_files[0]
    with pytest.raises(CheckpointError, match=f"has the SHA-256 {sha256(file)}, expected 00ff: get the file that was"):
        load_backbone(name, file, "00ff")
    with pytest.raises(UsageError, match=f'needs backbone_sha256, .* has "{sha256(file)}"'):
        load_backbone(name, file, "")
    config = TrainConfig(images=2, batch=1, view_height=64, view_width=64, backbone=name, backbone_file=str(file), backbone_sha256="00ff")  # fmt: skip
    with pytest.raises(CheckpointError, match="expected 00ff"):
        train(config, folders, tmp_path, device="cpu")
    assert not list(tmp_path.glob("*.safetensors"))


def test_files_that_hold_something_else(squeezenet_file: Path, tmp_path: Path) -> None:
    def refused(file: Path, message: str, name: str = "vgg19", kind: type[Exception] = CheckpointError) -> None:
        with pytest.raises(kind, match=message):
            load_backbone(name, file, sha256(file) if file.is_file() else "00")

    refused(squeezenet_file, r"tensor 'features\.0\.weight' is missing; expected .*torchvision's VGG19")
    refused(tmp_path / "none.pth", "cannot be read")
    refused(tmp_path / "none.onnx", "ends in '.onnx'", kind=UsageError)
    refused(squeezenet_file, "choose one of squeezenet, vgg19", "resnet", UsageError)
    cut = tmp_path / "cut.safetensors"
    cut.write_bytes(squeezenet_file.read_bytes()[:-1])
    refused(cut, "is damaged or holds more than tensors", "squeezenet")
    pickled = tmp_path / "pickled.pth"
    torch.save({"features.0.weight": Path("/")}, pickled)  # a class: never unpickled
    refused(pickled, "is damaged or holds more than tensors")
    torch.save([torch.zeros(1)], pickled)
    refused(pickled, "is no state dict")
    state = SqueezenetFeatures().state_dict()
    broken = tmp_path / "broken.safetensors"
    save_file(state | {"conv1.bias": torch.full((64,), torch.nan)}, broken)
    refused(broken, "'conv1.bias' is not finite", "squeezenet")
    save_file(state | {"conv1.bias": torch.zeros(65)}, broken)
    refused(broken, r"has shape \[65\], not \[64\]", "squeezenet")


def onnx_file(path: Path, state: dict[str, Tensor]) -> Path:
    onnx = pytest.importorskip("onnx")
    kinds = {"weight": "w", "bias": "b"}
    tensors = []
    for name, value in state.items():
        *parts, kind = name.removeprefix("fires.").split(".")
        tensors.append(onnx.numpy_helper.from_array(value.numpy(), f"{'/'.join(parts)}_{kinds[kind]}_0"))
    tensors.append(onnx.numpy_helper.from_array(np.zeros(3, np.float32), "conv10_w_0"))  # the classifier
    path.write_bytes(onnx.helper.make_model(onnx.helper.make_graph([], "g", [], [], tensors)).SerializeToString())
    return path


def test_conversion_keeps_every_weight(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    torch.manual_seed(8)
    state = SqueezenetFeatures().state_dict()
    source, target = onnx_file(tmp_path / "s.onnx", state), tmp_path / "s.safetensors"
    assert main([str(source), str(target)]) == 0
    assert sha256(target) in capsys.readouterr().out
    loaded = load_backbone("squeezenet", target, sha256(target)).state_dict()
    assert all(torch.equal(loaded[name], value) for name, value in state.items())


def test_conversion_of_something_else_writes_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    state = SqueezenetFeatures().state_dict()
    del state["fires.fire9.expand3x3.bias"]
    target = tmp_path / "s.safetensors"
    (tmp_path / "text.onnx").write_text("not a network")
    for source, message in (
        (onnx_file(tmp_path / "part.onnx", state), "tensor 'fires.fire9.expand3x3.bias' is missing"),
        (tmp_path / "text.onnx", "is not ONNX, or is damaged"),
        (tmp_path / "none.onnx", "cannot be read"),
    ):
        assert main([str(source), str(target)]) == 2
        assert message in capsys.readouterr().err
    assert main([str(tmp_path / "part.onnx"), str(tmp_path / "s.pth")]) == 2
    assert "expected a name that ends in .safetensors" in capsys.readouterr().err
    assert not target.exists()


def test_backbones_halve_as_they_say(vgg19_files: tuple[Path, Path]) -> None:
    image = torch.rand(1, 3, 64, 64)
    sides = [features.shape[-1] for features in Vgg19Features()(image)]
    assert [a // b for a, b in pairwise(sides)] == [2, 2, 2, 2]
    assert [features.shape[-1] for features in SqueezenetFeatures()(image)] == [31, 15, 7, 3, 3]
