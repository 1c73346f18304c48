"""Checkpoints with weights drawn on the spot, one real export of variant `n`, and small fixed-size graphs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from edgeenh_export.graph import FrameGraph
from edgeenh_export.onnx_writer import write_onnx
from edgeenh_export.pipeline import export
from edgeenh_export.report import ExportReport
from edgeenh_train.checkpoint import CheckpointInfo, save_generator
from edgeenh_train.networks import Generator, build_generator
from edgeenh_train.networks.generator import DEFAULT_CAP

MakeGenerator = Callable[..., Generator]


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def make_generator() -> MakeGenerator:
    """A generator whose norms and head are far from their start, so that FP16 has something to get wrong."""

    def make(variant: str = "n", *, head: float = 0.1, channels: int = 3) -> Generator:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(1)
            generator = build_generator(variant, channels=channels).eval().requires_grad_(requires_grad=False)
            for module in generator.modules():
                if isinstance(module, torch.nn.BatchNorm2d):
                    module.running_mean.normal_(0, 0.2)
                    module.running_var.uniform_(0.5, 2)
                    module.weight.uniform_(0.5, 1.5)
                    module.bias.normal_(0, 0.2)
            for parameter in generator.head.parameters():
                parameter.normal_(0, head)
        return generator

    return make


@pytest.fixture(scope="session")
def make_checkpoint(tmp_path_factory: pytest.TempPathFactory, make_generator: MakeGenerator) -> Callable[..., Path]:
    def make(generator: Generator | None = None, **fields: object) -> Path:
        path = tmp_path_factory.mktemp("checkpoint") / "toy.safetensors"
        info = {
            "name": "toy-n",
            "version": 3,
            "variant": "n",
            "cap": DEFAULT_CAP,
            "images_seen": 7,
            "data": "noise",
            "licence": "none",
        }
        network = generator or make_generator()
        save_generator(path, network.state_dict(), CheckpointInfo(**{**info, **fields}))  # type: ignore[arg-type]
        return path

    return make


@pytest.fixture(scope="session")
def checkpoint(make_checkpoint: Callable[..., Path]) -> Path:
    return make_checkpoint()


@pytest.fixture(scope="session")
def exported(checkpoint: Path, tmp_path_factory: pytest.TempPathFactory) -> ExportReport:
    """The whole export, for any frame size, with everything that is installed here."""
    return export(checkpoint, tmp_path_factory.mktemp("bundle") / "toy.edgeenh")


@pytest.fixture(scope="session")
def grey_exported(
    make_generator: MakeGenerator, make_checkpoint: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory
) -> ExportReport:
    """The whole export of a generator for grey, for any frame size."""
    checkpoint = make_checkpoint(make_generator(channels=1), name="toy-x", channels=1)
    return export(checkpoint, tmp_path_factory.mktemp("bundle") / "toy-x.edgeenh", tensorrt="off")


@pytest.fixture(scope="session")
def fixed_graphs(make_generator: MakeGenerator) -> dict[str, bytes]:
    """Both graphs for 64×48 only."""
    network = make_generator()
    return {
        p: write_onnx(FrameGraph(network, p), (64, 48), {"precision": p}, name="toy", version=1)
        for p in ("fp32", "fp16")
    }
