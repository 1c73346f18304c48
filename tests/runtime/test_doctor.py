import importlib.metadata
import json

import pytest

from edgeenh import cli, doctor
from edgeenh.backends import AUTO, Availability, onnxruntime, openvino, tensorrt
from edgeenh.bundle import Bundle
from edgeenh.errors import InputError, IntegrityError


@pytest.fixture(autouse=True)
def shipped(monkeypatch, tiny_bundle):
    monkeypatch.setattr(Bundle, "shipped", lambda: tiny_bundle)


def _no_backend(monkeypatch):
    away = Availability(usable=False, reason="it is away", fix="bring it back")
    for backend in (onnxruntime, openvino, tensorrt):
        monkeypatch.setattr(backend, "availability", lambda: away)


def test_every_backend_is_usable_or_has_reason_and_fix():
    document = doctor.examine()
    assert [backend["name"] for backend in document["backends"]] == list(AUTO)
    assert all(one["usable"] or (one["reason"] and one["fix"]) for one in document["backends"])
    assert document["healthy"]
    assert document["bundle"]["model"] == {"id": "tiny", "version": 1}
    json.dumps(document, allow_nan=False)


def test_extras_are_read_from_the_requirements():
    lines = [
        "numpy>=1.26",
        'numpy>=1.26; extra == "cpu"',
        "no-such-package[x]>=2 ; extra == 'gpu'",
        'numpy; python_version<"3"',
    ]
    cpu, gpu = doctor.extras(lines)
    assert cpu == {"name": "cpu", "installed": True, "packages": {"numpy": importlib.metadata.version("numpy")}}
    assert gpu == {"name": "gpu", "installed": False, "packages": {"no-such-package": None}}


@pytest.mark.parametrize(("error", "damaged"), [(IntegrityError("a byte is wrong"), True), (InputError("none"), False)])
def test_a_bundle_that_cannot_be_opened_is_a_finding_not_a_crash(error, damaged):
    def fail():
        raise error

    document = doctor.examine(fail)
    assert not document["healthy"]
    assert document["bundle"] == {"intact": False, "damaged": damaged, "problem": str(error)}


def test_command_says_it_to_people_and_to_programs(capsys, tmp_path):
    assert cli.main(["doctor", "--json", str(tmp_path / "health.json")]) == 0
    text = capsys.readouterr().out
    assert "backend   onnxruntime" in text
    assert "bundle    tiny 1 (fp32, fp16) is intact" in text
    assert text.splitlines()[-1].startswith("next: edgeenh run ")
    assert json.loads((tmp_path / "health.json").read_text())["schema"] == "edgeenh.doctor/1"


def test_json_on_stdout_is_alone_there(capsys):
    assert cli.main(["doctor", "--json", "-"]) == 0
    captured = capsys.readouterr()
    assert json.loads(captured.out)["healthy"]
    assert "backend   onnxruntime" in captured.err


def test_no_usable_backend_ends_with_5_and_the_fix(monkeypatch, capsys):
    _no_backend(monkeypatch)
    assert cli.main(["doctor"]) == 5
    captured = capsys.readouterr()
    assert captured.out.count("not usable: it is away") == 3
    assert captured.out.count("fix: bring it back") == 3
    assert captured.err.splitlines()[-1].startswith("edgeenh: no backend can be used here: pip install")


def test_a_damaged_bundle_ends_with_4_and_a_missing_one_is_only_shown(monkeypatch, capsys):
    def damaged():
        raise IntegrityError("member generator.fp32.onnx has the SHA-256 0, expected 1")

    def missing():
        raise InputError("this installation has no bundle")

    monkeypatch.setattr(Bundle, "shipped", damaged)
    assert cli.main(["doctor"]) == 4
    assert "generator.fp32.onnx" in capsys.readouterr().err
    monkeypatch.setattr(Bundle, "shipped", missing)
    assert cli.main(["doctor"]) == 0
    assert "bundle    this installation has no bundle" in capsys.readouterr().out


def test_a_source_tree_that_is_not_installed_is_said(monkeypatch, capsys):
    def requires(name):
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "requires", requires)
    assert cli.main(["doctor"]) == 0
    assert "extra     unknown" in capsys.readouterr().out
