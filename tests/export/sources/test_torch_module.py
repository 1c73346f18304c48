"""Torch modules of others: the factory, the weights, the export, and what is wrong with each."""

from __future__ import annotations

import sys

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

import edgeenh
from edgeenh.cli import main
from edgeenh.errors import CheckpointError, UsageError
from edgeenh_export.pipeline import export
from edgeenh_export.sources.overrides import ModuleSource
from edgeenh_export.sources.torch_module import load_module

CODE = '''
import torch
from torch import nn

class UNet(nn.Module):
    """Sides must be multiples of 4."""
    def __init__(self):
        super().__init__()
        self.down = nn.Conv2d(3, 6, 4, stride=4)
        self.up = nn.ConvTranspose2d(6, 3, 4, stride=4)
    def forward(self, x):
        return torch.clamp(x + 0.2 * torch.tanh(self.up(torch.relu(self.down(x)))), 0, 1)

def make():
    return UNet()

def fails():
    raise KeyError("no such thing")

def text():
    return "text"

def leaves():
    raise SystemExit(7)

class Branching(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 3, 3, padding=1)
    def forward(self, x):
        if x.mean() > 0.5:
            return x - self.conv(x)
        return x + self.conv(x)

def branching():
    return Branching()
'''


@pytest.fixture
def nets(tmp_path, monkeypatch):
    """A folder with the module `others_nets` and its weights, from which the command is run."""
    (tmp_path / "others_nets.py").write_text(CODE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [path for path in sys.path if path])
    sys.modules.pop("others_nets", None)
    torch.manual_seed(0)
    weights = {"down.weight": torch.randn(6, 3, 4, 4) * 0.1, "down.bias": torch.randn(6) * 0.1}
    weights |= {"up.weight": torch.randn(6, 3, 4, 4) * 0.1, "up.bias": torch.randn(3) * 0.1}
    save_file(weights, tmp_path / "w.safetensors")
    return tmp_path, weights


def test_a_module_becomes_a_bundle(nets, capsys):
    folder, _ = nets
    words = ["--module", "others_nets:make", "--weights", "w.safetensors", "--tensorrt", "off", "--fp32"]
    assert main(["export", *words, "--out", "m.edgeenh"]) == 0
    assert "the module in PyTorch give" in capsys.readouterr().out
    with edgeenh.load(folder / "m.edgeenh", backend="onnxruntime", precision="fp32") as enhancer:
        generator = enhancer.bundle.manifest.generator
        assert (generator.variant, generator.fixed_size, generator.parameters) == ("foreign-torch", None, 585)
        assert generator.size_multiple % 4 == 0
        frame = np.random.default_rng(0).integers(0, 256, (70, 90, 3), np.uint8)
        assert enhancer(frame).shape == frame.shape


def test_one_size_makes_a_static_graph(nets):
    report = export(
        ModuleSource("others_nets:make", nets[0] / "w.safetensors"),
        nets[0] / "m.edgeenh",
        sizes=((100, 60),),
        precisions=("fp32",),
        tensorrt="off",
    )
    assert report.bundle.manifest.generator.fixed_size == (100, 60)


@pytest.mark.parametrize(
    ("factory", "message"),
    [
        ("others_nets", "is not of the form package.module:factory"),
        ("nowhere_at_all:make", "ModuleNotFoundError"),
        ("others_nets:absent", "AttributeError"),
        ("others_nets:fails", "KeyError: 'no such thing'"),
        ("others_nets:leaves", "SystemExit: 7"),
        ("others_nets:text", "gives a str, expected a torch.nn.Module"),
    ],
)
def test_a_factory_that_makes_no_module_is_refused(nets, factory, message):
    with pytest.raises(UsageError, match=message):
        load_module(ModuleSource(factory, nets[0] / "w.safetensors"))


def test_a_module_that_torch_cannot_export_is_told_in_one_line_with_its_place(nets, capfd):
    """torch itself writes pages, and its outermost error says no more than that it failed."""
    folder, _ = nets
    save_file({"conv.weight": torch.zeros(3, 3, 3, 3), "conv.bias": torch.zeros(3)}, folder / "b.safetensors")
    words = ["--module", "others_nets:branching", "--weights", "b.safetensors", "--size", "64x64"]
    assert main(["export", *words, "--tensorrt", "off", "--out", "b.edgeenh"]) == 1
    (line,) = [line for line in capfd.readouterr().err.splitlines() if not line.startswith("[")]
    assert line.startswith(
        "edgeenh: torch could not export others_nets:branching (GuardOnDataDependentSymNode: Could not guard on"
    )
    assert ", at others_nets.py:" in line


def test_weights_must_be_exactly_those_of_the_module(nets):
    folder, weights = nets
    wrong = {**weights, "extra.bias": torch.zeros(1), "up.bias": torch.zeros(4)}
    del wrong["down.bias"]
    save_file(wrong, folder / "wrong.safetensors")
    with pytest.raises(CheckpointError) as caught:
        load_module(ModuleSource("others_nets:make", folder / "wrong.safetensors"))
    for part in ("1 missing: down.bias", "1 unexpected: extra.bias", "up.bias [4] for [3]"):
        assert part in str(caught.value)


def test_weights_that_are_not_finite_or_no_safetensors_are_refused(nets):
    folder, weights = nets
    save_file({**weights, "up.bias": torch.full((3,), torch.nan)}, folder / "nan.safetensors")
    with pytest.raises(CheckpointError, match=r"not finite in up\.bias"):
        load_module(ModuleSource("others_nets:make", folder / "nan.safetensors"))
    (folder / "text.safetensors").write_text("weights")
    with pytest.raises(CheckpointError, match="cannot be read as safetensors"):
        load_module(ModuleSource("others_nets:make", folder / "text.safetensors"))
