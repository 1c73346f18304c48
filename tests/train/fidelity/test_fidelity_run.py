"""The runner, the verdict, the report, and `edgeenh fidelity` as a user types it."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import typer
from numpy.typing import NDArray
from typer.testing import CliRunner

from edgeenh.errors import EdgeenhError, GateFailed, InputError, UsageError
from edgeenh_train.checkpoint import SHIPPED, CheckpointInfo, save_generator
from edgeenh_train.config import TrainConfig
from edgeenh_train.fidelity import cli
from edgeenh_train.fidelity.opening import open_candidates
from edgeenh_train.fidelity.report import SCHEMA, document, markdown
from edgeenh_train.fidelity.run import Material, Settings, material_of, measure, spread, steps_of
from edgeenh_train.fidelity.sheet import sheet
from edgeenh_train.fidelity.verdict import Thresholds, judge, summary
from edgeenh_train.methods.networks import build_network

Picture = NDArray[np.float32]
Scene = Callable[..., Picture]
Fakes = dict[str, Callable[[Picture], Picture]]

QUICK = Settings(probed=2, marks=6, pans=1, frames=3)


@pytest.fixture(scope="session")
def photographs(tmp_path_factory: pytest.TempPathFactory, scene: Scene) -> Path:
    folder = tmp_path_factory.mktemp("photographs")
    for index in range(3):
        levels = np.round(scene(index, height=120, width=160) * 255).astype(np.uint8)
        cv2.imwrite(str(folder / f"{index}.png"), levels[..., ::-1])
    return folder


def test_identity_passes_every_gate(photographs: Path, fakes: Fakes) -> None:
    told: list[int] = []
    material = material_of(photographs, None, None, QUICK)
    measured = measure(fakes["identity"], material, QUICK, told.append)
    assert told == list(range(1, steps_of(material, QUICK) + 1))
    assert [change.name for change in measured.good] == ["0.png", "1.png", "2.png"]
    assert [probed.probe.name for probed in measured.probed] == ["0.png", "2.png"]
    verdict = judge("identity", {}, measured, Thresholds())
    assert verdict.failed == ()
    assert {gate.name: gate.value for gate in verdict.gates} == {
        "good": 0.0, "survived": 1.0, "invented": 0, "flicker": 1.0,
    }  # fmt: skip
    assert sheet(measured.rows).shape[1] == measured.rows[0].shape[1]


@pytest.mark.parametrize(
    ("name", "failing"),
    [
        ("gain", {"good"}),
        ("median", {"survived"}),
        ("overshoot", {"survived", "flicker"}),
        ("spots", {"invented"}),
    ],
)
def test_every_harm_fails_its_gate(name: str, failing: set[str], photographs: Path, fakes: Fakes, scene: Scene) -> None:
    files = sorted(photographs.iterdir())[:1]
    measured = measure(fakes[name], Material(files, files), replace(QUICK, marks=9))
    verdict = judge(name, {}, measured, Thresholds())
    assert failing <= {gate.name for gate in verdict.failed}
    lax = Thresholds(good=100.0, survived=0.0, invented=10_000, flicker=100.0)
    assert judge(name, {}, measured, lax).failed == ()


def test_the_same_seed_gives_the_same_figures(photographs: Path, fakes: Fakes) -> None:
    files = sorted(photographs.iterdir())[:1]
    material = Material(files, files)
    first, again, other = (
        summary(measure(fakes["smooth gain"], material, replace(QUICK, seed=seed))) for seed in (1, 1, 2)
    )
    assert first == again
    assert first["marks"] != other["marks"]


def test_document_and_table_hold_everything(photographs: Path, fakes: Fakes) -> None:
    measured = measure(fakes["smooth gain"], material_of(photographs, None, None, QUICK), QUICK)
    verdict = judge("mine", {"sha256": "ab"}, measured, Thresholds())
    found = document([verdict], QUICK, Thresholds(), environment={"os": "x"}, created="2026-01-01")
    found = json.loads(json.dumps(found, allow_nan=False))
    assert (found["schema"], found["environment"], found["created"]) == (SCHEMA, {"os": "x"}, "2026-01-01")
    enhancer = found["enhancers"][0]
    assert (enhancer["name"], enhancer["facts"]) == ("mine", {"sha256": "ab"})
    assert len(enhancer["good"]) == 3
    assert len(enhancer["probed"][0]["probe"]["marks"]) == enhancer["summary"]["marks"]["painted"] / 2
    assert found["settings"]["marks"] == 6
    table = markdown([verdict], QUICK)
    assert table.count("| mine |") == 1
    assert "worst patch of the good pictures" in table
    assert len({line.count("|") for line in table.splitlines() if line.startswith("|")}) == 1


def test_flicker_is_judged_where_a_camera_flickers_most(photographs: Path, fakes: Fakes) -> None:
    measured = measure(fakes["identity"], material_of(photographs, None, None, QUICK), QUICK)
    clean, levels, dim = measured.flicker
    assert [f.condition for f in measured.flicker] == ["clean", "levels", "dim"]

    def gate_of(*ratios: float) -> tuple[float, bool, str]:
        moving = tuple(
            replace(one, relative_in=1.0, relative_out=ratio)
            for one, ratio in zip((clean, levels, dim), ratios, strict=True)
        )
        gate = judge("x", {}, replace(measured, flicker=moving), Thresholds()).gates[-1]
        return gate.value, gate.passed, gate.words

    assert gate_of(9.0, 1.0, 0.5)[:2] == (1.0, True)  # no camera gives what lies between the levels
    assert gate_of(0.5, 1.1, 1.0) == (1.1, False, "relative flicker on the camera's levels, output over input, at most")
    assert (
        gate_of(0.5, 1.0, 1.2)[2]
        == "relative flicker of a dim picture on the camera's levels, output over input, at most"
    )
    figures = summary(measured)["flicker"]
    assert list(figures["by_condition"]) == ["clean", "levels", "dim"]
    assert figures["ratio"] == figures["by_condition"][figures["condition"]]["ratio"]


def test_a_grey_file_has_its_own_levels(tmp_path: Path, radiograph: Picture, fakes: Fakes) -> None:
    for dtype in (np.uint8, np.uint16):
        top = np.iinfo(dtype).max
        file = tmp_path / f"{top}.png"
        cv2.imwrite(str(file), np.rint(radiograph * top).astype(dtype))
        measured = measure(fakes["identity"], Material([file], [file]), QUICK)
        assert [f.levels for f in measured.flicker] == [None, top, top]
    full, twelve = tmp_path / "full.png", tmp_path / "twelve.png"
    levels = np.rint(radiograph * 4095).astype(np.uint16)
    cv2.imwrite(str(twelve), levels)
    cv2.imwrite(str(full), np.rint(levels / 4095 * 65_535).astype(np.uint16))
    stated = measure(fakes["gamma"], Material([twelve], [twelve]), replace(QUICK, bits=12))
    assert [f.levels for f in stated.flicker] == [None, 4095, 4095]
    expected = measure(fakes["gamma"], Material([full], [full]), QUICK)
    assert [p.probe.marks for p in stated.probed] == [p.probe.marks for p in expected.probed]


def test_infinity_becomes_null(photographs: Path, fakes: Fakes) -> None:
    settings = replace(QUICK, noise=0.0, marks=6)
    flat = measure(fakes["identity"], material_of(photographs, None, None, settings), settings)
    still, *_, dim = flat.flicker
    moving = (still, replace(dim, relative_in=0.0))
    verdict = judge("x", {}, replace(flat, flicker=moving), Thresholds())
    assert [gate.name for gate in verdict.failed] == ["flicker"]
    found = document([verdict], settings, Thresholds(), environment={}, created=None)
    assert found["enhancers"][0]["summary"]["flicker"]["ratio"] is None
    json.dumps(found, allow_nan=False)


def test_spread_takes_first_last_and_between() -> None:
    files = [Path(str(index)) for index in range(10)]
    assert [file.name for file in spread(files, 3)] == ["0", "4", "9"]
    assert spread(files, 99) == files
    assert spread(files, 1) == files[:1]


def test_unreadable_pictures_are_named_and_too_many_stop(photographs: Path, tmp_path: Path, fakes: Fakes) -> None:
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"not a picture")
    files = sorted(photographs.iterdir())
    with pytest.raises(InputError, match=r"1 of 4 pictures cannot be used.*broken\.png"):
        measure(fakes["identity"], Material([*files, broken], files[:1]), QUICK)
    many = [*(files * 7), broken]
    copies = []
    for index, file in enumerate(many[:-1]):
        copy = tmp_path / f"{index}.png"
        copy.write_bytes(file.read_bytes())
        copies.append(copy)
    measured = measure(fakes["identity"], Material([*copies, broken], files[:1]), QUICK)
    assert len(measured.good) == 21
    assert "broken.png" in measured.unreadable[0]


def test_a_picture_that_the_model_does_not_take_is_named(photographs: Path, tmp_path: Path) -> None:
    grey = tmp_path / "grey.png"
    cv2.imwrite(str(grey), np.full((120, 160), 90, np.uint8))
    (model,) = open_candidates([Path("dental-n")], [])
    files = sorted(photographs.iterdir())[:1]
    for material in (Material([*files, grey], files), Material(files, [*files, grey])):
        with pytest.raises(InputError, match=r"grey\.png: the frame is .* bundle for grey pictures"):
            measure(model.enhance, material, QUICK)


def test_pictures_without_a_place_for_marks_are_refused(tmp_path: Path, fakes: Fakes) -> None:
    cv2.imwrite(str(tmp_path / "black.png"), np.zeros((100, 100, 3), np.uint8))
    with pytest.raises(InputError, match="no mark found a place"):
        measure(fakes["identity"], material_of(tmp_path, None, None, QUICK), QUICK)
    (tmp_path / "none").mkdir()
    with pytest.raises(InputError, match="holds no picture"):
        material_of(tmp_path, tmp_path / "none", None, QUICK)


def test_what_can_be_opened(tmp_path: Path) -> None:
    assert [c.name for c in open_candidates([], ["clahe", "input"])] == ["clahe", "input"]
    with pytest.raises(UsageError, match="nothing to measure"):
        open_candidates([], [])
    with pytest.raises(UsageError, match="'magic' is unknown"):
        open_candidates([], ["magic"])
    with pytest.raises(EdgeenhError, match=r"none\.safetensors"):
        open_candidates([tmp_path / "none.safetensors"], [])
    with pytest.raises(UsageError, match=r"not a model: .* one that ships \(dental-n, xray-n\)"):
        open_candidates([tmp_path / "model.onnx"], [])
    shipped = open_candidates([Path("dental-n"), Path("xray-n")], ["input"])
    assert [c.name for c in shipped] == ["dental-n", "xray-n", "input"]


def test_a_file_of_a_shipped_name_goes_before_the_bundle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "dental-n").write_bytes(b"something else")
    with pytest.raises(UsageError, match="dental-n is not a model"):
        open_candidates([Path("dental-n")], [])


@pytest.mark.parametrize("model", [Path("dental-n"), SHIPPED])
def test_the_strength_in_use_is_what_is_measured(model: Path, scene: Scene) -> None:
    levels = (np.rint(scene() * 128) / 255).astype(np.float32)
    nothing, half, full = (open_candidates([model], [], strength)[0] for strength in (0.0, 0.5, None))
    assert [c.facts["strength"] for c in (nothing, half, full)] == [0.0, 0.5, 1.0]
    assert np.array_equal(nothing.enhance(levels), levels)
    change = full.enhance(levels) - levels
    assert change.mean() > 0.05
    assert (half.enhance(levels) - levels).mean() == pytest.approx(change.mean() / 2, rel=0.02)


def test_what_has_no_strength_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--strength is for models"):
        open_candidates([], ["levels"], 0.5)
    rival, config = tmp_path / "rival.safetensors", TrainConfig(method="dncnn", rival_width=4, rival_depth=3)
    info = CheckpointInfo("r", 1, "dncnn", 0.5, 0, "", "", config=dataclasses.asdict(config))
    save_generator(rival, build_network(config, "dncnn").state_dict(), info)
    assert open_candidates([rival], [])[0].facts["strength"] is None
    with pytest.raises(UsageError, match="a rival, which has no strength"):
        open_candidates([rival], [], 0.5)


@pytest.fixture
def app() -> typer.Typer:
    made = typer.Typer(rich_markup_mode=None, pretty_exceptions_enable=False, add_completion=False)
    made.callback()(lambda: None)
    cli.register(made)
    return made


def test_command_passes_and_writes(app: typer.Typer, photographs: Path, tmp_path: Path) -> None:
    words = ["fidelity", "--method", "input", "--good", str(photographs), "--pictures", "1", "--marks", "3"]
    result = CliRunner().invoke(app, [*words, "--out", str(tmp_path / "out"), "--json", str(tmp_path / "f.json")])
    assert result.exit_code == 0, result.output
    assert "input: every gate passed" in result.stdout
    assert "next: edgeenh" in result.stdout
    assert sorted(file.name for file in (tmp_path / "out").iterdir()) == [
        "fidelity.json",
        "fidelity.md",
        "probe-input.jpg",
    ]
    assert json.loads((tmp_path / "f.json").read_text())["schema"] == SCHEMA


def test_command_tells_the_strength(app: typer.Typer, photographs: Path, tmp_path: Path) -> None:
    words = ["fidelity", "--model", "dental-n", "--good", str(photographs), "--pictures", "1", "--marks", "3"]
    result = CliRunner().invoke(app, [*words, "--strength", "0", "--out", str(tmp_path)])
    assert result.exit_code == 0, result.output
    assert "dental-n at strength 0: every gate passed" in result.stdout
    assert "- dental-n: judged at strength 0" in (tmp_path / "fidelity.md").read_text()


def test_command_fails_its_gate_after_writing(app: typer.Typer, photographs: Path, tmp_path: Path) -> None:
    words = ["fidelity", "--method", "clahe", "--good", str(photographs), "--pictures", "1", "--marks", "3"]
    result = CliRunner().invoke(app, [*words, "--json", str(tmp_path / "f.json")])
    assert isinstance(result.exception, GateFailed)
    assert result.exception.exit_code == 3
    assert "FAIL" in result.stdout
    assert json.loads((tmp_path / "f.json").read_text())["enhancers"][0]["passed"] is False
    assert "survived" in str(result.exception)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--method", "magic"], "unknown"),
        (["--model", "dental-n", "--strength", "-1"], "the strength is -1"),
        ([], "nothing to measure"),
        (["--method", "input", "--clip", "no/such.mp4"], "is not a file"),
        (["--method", "input", "--inputs", "no/such"], "is not a folder"),
    ],
)
def test_bad_usage(words: list[str], expected: str, app: typer.Typer, photographs: Path) -> None:
    result = CliRunner().invoke(app, ["fidelity", "--good", str(photographs), *words])
    assert isinstance(result.exception, InputError)
    assert expected in str(result.exception)
