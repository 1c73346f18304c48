"""An export that was done is not done again, and nothing old passes for new."""

from __future__ import annotations

import json
import shutil

import cv2
import numpy as np
import pytest

from edgeenh.bundle.keys import generate, load_private
from edgeenh.bundle.signing import sign_bundle
from edgeenh.cache.why import changes
from edgeenh.cli import main
from edgeenh_export import up_to_date
from edgeenh_export.sources.overrides import Overrides
from edgeenh_export.up_to_date import Exports, inputs_of


@pytest.fixture
def asked(checkpoint, tmp_path):
    """An export that could be asked for, and the bundle that it gives in a file of its own."""
    path = shutil.copy(checkpoint, tmp_path / "toy.safetensors")
    return {
        "model": path,
        "out": tmp_path / "toy.edgeenh",
        "precisions": ("fp32", "fp16"),
        "sizes": (),
        "tensorrt": "off",
        "overrides": Overrides(),
        "thresholds": {},
        "calibration": None,
    }


def key(asked):
    return inputs_of(**asked)


@pytest.fixture
def remembered(asked, exported, tmp_path):
    bundle = exported.bundle
    shutil.copy(exported.bundle.path, asked["out"])
    exports = Exports(tmp_path / "cache", key(asked))
    exports.remember(bundle)
    return exports


def test_the_same_inputs_and_an_untouched_bundle_are_up_to_date(asked, remembered, tmp_path):
    found = Exports(tmp_path / "cache", key(asked)).recall(asked["out"])
    assert found is not None
    assert found.path == asked["out"]


def test_why_names_the_option_that_changed(asked):
    """All options in one field would be cut before the one that counts."""
    before = key(asked)
    asked |= {"overrides": Overrides(scale=2, cap=0.5), "thresholds": {"min_psnr_db": 45.0}}
    told = [change.text() for change in changes(before, key(asked))]
    assert told == [
        "stated.cap was not there, is 0.5",
        "stated.min_psnr_db was not there, is 45.0",
        "stated.scale was not there, is 2",
    ]


def test_a_signature_that_was_added_changes_nothing(asked, remembered, tmp_path):
    generate(tmp_path / "k")
    sign_bundle(asked["out"], load_private(tmp_path / "k"))
    assert remembered.recall(asked["out"]) is not None


@pytest.mark.parametrize("harm", ["gone", "damaged", "another"])
def test_a_bundle_that_is_not_the_remembered_one_is_made_again(asked, remembered, grey_exported, harm):
    out = asked["out"]
    if harm == "gone":
        out.unlink()
    elif harm == "damaged":
        data = bytearray(out.read_bytes())
        data[len(data) // 2] ^= 1
        out.write_bytes(data)
    else:
        shutil.copy(grey_exported.bundle.path, out)  # a good bundle, and not the one
    assert remembered.recall(out) is None


@pytest.mark.parametrize(
    ("change", "field"),
    [
        (lambda asked: asked["model"].write_bytes(asked["model"].read_bytes() + b"x"), "model_sha256"),
        (lambda asked: asked["model"].with_suffix(".md").write_text("# card"), "card_sha256"),
        (lambda asked: asked.update(precisions=("fp32",)), "precisions"),
        (lambda asked: asked.update(sizes=((64, 48),)), "sizes"),
        (lambda asked: asked.update(tensorrt="rtx"), "tensorrt"),
        (lambda asked: asked.update(overrides=Overrides(cap=0.5)), "stated.cap"),
        (lambda asked: asked.update(thresholds={"min_psnr_db": 55.0}), "stated.min_psnr_db"),
        (lambda asked: asked.update(out=asked["out"].with_name("other.edgeenh")), "out"),
    ],
)
def test_every_input_counts(asked, change, field):
    before = key(asked)
    change(asked)
    after = key(asked)
    assert [one.field for one in changes(before, after)] == [field]


def test_code_libraries_machine_and_pictures_count(asked, tmp_path, monkeypatch):
    before = key(asked)
    monkeypatch.setattr(up_to_date, "LIBRARIES", ("numpy",))
    monkeypatch.setattr(up_to_date, "_own_files", list)
    monkeypatch.setattr(up_to_date, "fingerprint", lambda: {"cpu": "another", "gpus": []})
    folder = tmp_path / "pictures"
    folder.mkdir()
    for index in range(2):
        cv2.imwrite(str(folder / f"{index}.png"), np.full((32, 32, 3), index, np.uint8))
    asked["calibration"] = folder
    after = key(asked)
    changed = {"code_sha256", "libraries", "cpu", "calibration_sha256"}
    assert {name for name in before if before[name] != after[name]} == changed
    cv2.imwrite(str(folder / "1.png"), np.full((32, 32, 3), 9, np.uint8))
    assert key(asked)["calibration_sha256"] != after["calibration_sha256"]


def test_an_entry_that_this_station_did_not_write_is_not_believed(asked, remembered, tmp_path):
    (entry,) = (tmp_path / "cache" / "entries" / up_to_date.KIND).iterdir()
    data = bytearray(entry.read_bytes())
    data[-2] ^= 1
    entry.write_bytes(data)
    exports = Exports(tmp_path / "cache", key(asked))
    assert exports.recall(asked["out"]) is None
    assert "was not written by this station" in exports.remarks[0]


def test_the_command_does_nothing_twice_and_force_does(checkpoint, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home"))
    from edgeenh_export import pipeline

    out, done = tmp_path / "m.edgeenh", []
    real = pipeline.export
    monkeypatch.setattr(pipeline, "export", lambda *args, **named: done.append(1) or real(*args, **named))
    words = ["export", str(checkpoint), "--fp32", "--size", "64x48", "--tensorrt", "off", "--out", str(out)]
    assert main(words) == 0
    first = out.read_bytes()
    capsys.readouterr()
    assert main([*words, "--json", "-"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["up_to_date"], document["precisions"]) == (True, ["fp32"])
    assert len(done) == 1
    assert out.read_bytes() == first
    assert main([*words, "--force"]) == 0
    assert len(done) == 2
    out.write_bytes(first[:-100])
    assert main(words) in (0, 2)  # what is no bundle any more is refused, or made again; never called up to date
    assert len(done) >= 2
