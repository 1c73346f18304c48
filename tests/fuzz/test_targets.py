"""The fuzz targets without the fuzzer: every seed and some thousand changed ones, under the same watch."""

import importlib
import random
import sys
from pathlib import Path

import pytest

CHANGED = 20
"""Changed inputs per seed."""


@pytest.fixture
def fuzz(monkeypatch):
    monkeypatch.syspath_prepend(str(Path(__file__).parent))
    pytest.importorskip("pydicom", reason="pydicom is not installed (extra dicom)")
    modules = {name: importlib.import_module(name) for name in ("targets", "seeds", "watch")}
    yield modules
    for name in modules:
        sys.modules.pop(name)


TARGETS = (
    "bundle", "manifest", "manifest-value", "onnx", "picture", "picture-metadata", "dicom", "spooled", "signature", "cache-entry",
    "options", "served", "inference", "inference-value",
)  # fmt: skip


def test_the_targets_are_these(fuzz):
    assert tuple(fuzz["targets"].TARGETS) == TARGETS


@pytest.mark.parametrize("name", TARGETS)
def test_a_target_answers_every_input_and_touches_nothing_else(fuzz, name):
    target, chance = fuzz["targets"].TARGETS[name], random.Random(name)
    inputs = list(fuzz["seeds"].seeds(name))
    for data in inputs:
        target(data)
    watched = fuzz["watch"].Watch(target)
    assert inputs
    for data in inputs:
        for _ in range(CHANGED):
            watched(_changed(data, chance))


def _changed(data, chance):
    changed = bytearray(data)
    for _ in range(chance.randint(1, 4)):
        at = chance.randint(0, max(len(changed) - 1, 0))
        kind = chance.randrange(3)
        if kind == 0 and changed:
            changed[at] = chance.randrange(256)
        elif kind == 1:
            changed[at:at] = chance.randbytes(chance.randint(1, 8))
        else:
            del changed[at : at + chance.randint(1, 64)]
    return bytes(changed)


def test_the_watch_hears_a_file_that_is_opened(fuzz):
    def reads_a_file(data):
        Path(__file__).read_bytes()

    watch = fuzz["watch"]
    with pytest.raises(watch.OutsideError, match="open"):
        watch.Watch(reads_a_file)(b"")
    Path(__file__).read_bytes()  # outside of a target nothing is held against anybody
