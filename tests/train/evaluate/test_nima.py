"""NIMA: both layouts wired up with random weights, preprocessing by hand, and files that are refused.

No published weights are at hand, so nothing here says that a score is right: only that every tensor of a file of the
published layout ends where the layout says.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from safetensors.torch import save_file
from torch import nn

from edgeenh.errors import CheckpointError, UsageError
from edgeenh_train.evaluate.nima import idealo_input, load_nima, nima, nima_scorer, pytorch_input
from edgeenh_train.evaluate.nima_networks import mobilenet_v1, mobilenet_v2
from edgeenh_train.evaluate.scoring import View

MakePicture = Callable[..., NDArray[np.uint8]]
_KERAS = {"weight": "gamma", "bias": "beta", "running_mean": "moving_mean", "running_var": "moving_variance"}


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def randomised(network: nn.Sequential) -> nn.Sequential:
    torch.manual_seed(1)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.normal_(module.bias, 0.0, 0.1)
            nn.init.normal_(module.running_mean, 0.0, 0.1)  # type: ignore[arg-type]
            nn.init.uniform_(module.running_var, 0.5, 1.5)  # type: ignore[arg-type]
        if isinstance(module, nn.Linear):
            nn.init.normal_(module.weight, 0.0, 0.5)
    return network.eval()


def write_keras(path: Path, network: nn.Sequential, dense: str = "dense_1") -> Path:
    """The network as Keras 2 saves weights: group `layer/layer`, arrays `kernel:0` and so on, kernels [h,w,in,out]."""
    with h5py.File(path, "w") as file:
        for name, tensor in network.state_dict().items():
            layer, weight = name.rsplit(".", 1)
            array = tensor.numpy()
            if weight == "num_batches_tracked":
                continue
            if layer == "dense":
                layer, word, array = dense, {"weight": "kernel", "bias": "bias"}[weight], array.T
            elif layer.endswith("_bn"):
                word = _KERAS[weight]
            elif "_dw_" in layer:
                word, array = "depthwise_kernel", array.transpose(2, 3, 0, 1)
            else:
                word, array = "kernel", array.transpose(2, 3, 1, 0)
            file[f"{layer}/{layer}/{word}:0"] = array
    return path


@pytest.fixture(scope="module")
def keras(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, nn.Sequential]:
    network = randomised(mobilenet_v1())
    return write_keras(tmp_path_factory.mktemp("keras") / "weights.hdf5", network), network


@pytest.fixture(scope="module")
def pytorch(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, nn.Sequential]:
    network = randomised(mobilenet_v2())
    path = tmp_path_factory.mktemp("torch") / "pretrain-model.pth"
    torch.save(network.state_dict(), path)
    return path, network


def test_parameter_counts() -> None:
    """MobileNet v1 without its top has 3,206,976 trainable values; v2, expanding in its first block, 2,224,960."""
    v1, v2 = (sum(p.numel() for p in network.parameters()) for network in (mobilenet_v1(), mobilenet_v2()))
    assert v1 == 3_206_976 + 10 * 1025
    assert v2 == 2_223_872 + 32 * 32 + 2 * 32 + 10 * 1281


@pytest.mark.parametrize("family", ["idealo", "nima.pytorch"])
def test_file_gives_back_the_network(
    family: str, keras: tuple[Path, nn.Sequential], pytorch: tuple[Path, nn.Sequential], make_picture: MakePicture
) -> None:
    path, network = keras if family == "idealo" else pytorch
    found, loaded = load_nima(path, digest(path))
    picture = make_picture(4)
    image = idealo_input(picture) if family == "idealo" else pytorch_input(picture)
    assert found == family
    with torch.no_grad():
        expected = network(image)
        assert torch.equal(loaded(image), expected)
    assert expected.shape == (1, 10)
    assert float(expected.sum()) == pytest.approx(1.0, abs=1e-5)
    mean = float((expected[0].double() * torch.arange(1, 11)).sum())
    assert nima(picture, family, loaded) == pytest.approx(mean, abs=1e-5)
    assert nima(picture, family, loaded) == nima(picture, family, loaded)
    assert nima(picture, family, loaded) != nima(make_picture(5), family, loaded)


def test_other_wrappings_of_the_same_weights(
    tmp_path: Path, keras: tuple[Path, nn.Sequential], pytorch: tuple[Path, nn.Sequential], make_picture: MakePicture
) -> None:
    picture, state = make_picture(4), pytorch[1].state_dict()
    expected = nima(picture, "nima.pytorch", pytorch[1])
    torch.save({"state_dict": {f"module.{name}": value for name, value in state.items()}}, tmp_path / "w.pth.tar")
    save_file(state, tmp_path / "w.safetensors")
    for name in ("w.pth.tar", "w.safetensors"):
        family, network = load_nima(tmp_path / name, digest(tmp_path / name))
        assert nima(picture, family, network) == expected
    other = write_keras(tmp_path / "w.h5", keras[1], dense="dense_7")
    assert nima(picture, "idealo", load_nima(other, digest(other))[1]) == nima(picture, "idealo", keras[1])


def test_preprocessing_by_hand() -> None:
    ramp = np.zeros((448, 896, 3), np.uint8)
    ramp[...] = (np.arange(896) // 4)[None, :, None]
    squeezed = (idealo_input(ramp) + 1) * 127.5
    assert squeezed.shape == (1, 3, 224, 224)
    assert torch.allclose(squeezed[0, 0, 0], torch.arange(224.0))
    cropped = pytorch_input(ramp) * 255
    assert cropped.shape == (1, 3, 224, 224)
    assert float(cropped[0, 0, 0, 112] - 111.5) == pytest.approx(0.0, abs=1.0)  # the middle stays the middle
    step = float(cropped[0, 0, 0, 200] - cropped[0, 0, 0, 24]) / 176
    assert step == pytest.approx(448 / 256 / 4, abs=0.01)
    for make in (idealo_input, pytorch_input):
        assert make(np.full((16, 300, 3), 255, np.uint8)).max() == 1.0


def test_report_names_what_was_used(keras: tuple[Path, nn.Sequential], make_picture: MakePicture) -> None:
    path, _ = keras
    scorer = nima_scorer(path, digest(path).upper())
    assert scorer.facts["backbone"] == "MobileNet v1"
    assert scorer.facts["sha256"] == digest(path)
    assert "127.5" in scorer.facts["preprocessing"]
    grey = make_picture(1)[..., :1]
    assert scorer.score is not None
    assert scorer.score(View(grey, grey)) == scorer.score(View(np.repeat(grey, 3, 2), np.repeat(grey, 3, 2)))


def test_the_file_must_be_pinned(keras: tuple[Path, nn.Sequential]) -> None:
    path, _ = keras
    assert nima_scorer(None, None).absent == "no weights"
    with pytest.raises(UsageError, match="without --nima"):
        nima_scorer(None, "0" * 64)
    with pytest.raises(UsageError, match=f"needs --nima-sha256.*{digest(path)}"):
        nima_scorer(path, None)
    with pytest.raises(UsageError, match=f"has the SHA-256 {digest(path)}, expected 0000"):
        nima_scorer(path, "0" * 64)


def test_wrong_files(tmp_path: Path, keras: tuple[Path, nn.Sequential], pytorch: tuple[Path, nn.Sequential]) -> None:
    with pytest.raises(CheckpointError, match="cannot be read"):
        load_nima(tmp_path / "none", "0")
    lacking = {name: value for name, value in pytorch[1].state_dict().items() if name != "head.2.bias"}
    torch.save(lacking, tmp_path / "lacking.pth")
    torch.save({**lacking, "head.2.bias": torch.zeros(5)}, tmp_path / "five.pth")
    torch.save({**pytorch[1].state_dict(), "extra": torch.zeros(5)}, tmp_path / "extra.pth")
    torch.save({**pytorch[1].state_dict(), "head.2.bias": torch.full((10,), torch.nan)}, tmp_path / "nan.pth")
    torch.save(pytorch[1], tmp_path / "module.pth")  # a pickled module: only tensors are read
    torch.save([1, 2], tmp_path / "list.pth")
    (tmp_path / "text.pth").write_text("text")
    (tmp_path / "text.safetensors").write_text("text")
    (tmp_path / "cut.hdf5").write_bytes(keras[0].read_bytes()[:5000])
    expected = {
        "lacking.pth": "lacks head.2.bias",
        "five.pth": r"has head.2.bias \[5\], expected \[10\]",
        "extra.pth": "has extra",
        "nan.pth": "not finite",
        "module.pth": "holds no NIMA weights",
        "list.pth": "holds no NIMA weights",
        "text.pth": "holds no NIMA weights",
        "text.safetensors": "holds no NIMA weights",
        "cut.hdf5": "damaged HDF5",
    }
    for name, words in expected.items():
        with pytest.raises(CheckpointError, match=words):
            load_nima(tmp_path / name, digest(tmp_path / name))
