import json

import pytest

from edgeenh.cli import main


@pytest.fixture
def damaged(bundle, tmp_path):
    data = bytearray(bundle.path.read_bytes())
    data[bytes(data).rindex(b"tiny")] ^= 1
    path = tmp_path / "damaged.edgeenh"
    path.write_bytes(data)
    return path


def test_inspect_shows_the_model_and_every_member(bundle, capsys):
    assert main(["inspect", str(bundle.path)]) == 0
    shown = capsys.readouterr().out
    assert "dental-n 1" in shown
    assert "passed: fp16 on onnxruntime (pictures: 1): identical" in shown
    assert "engines/fp16.plan: tensorrt_rtx 1.7.1, fp16, 16×16 to 128×128, best 64×32" in shown
    assert all(name in shown for name in bundle.members)
    assert "next: edgeenh run" in shown


def test_inspect_as_json_is_the_manifest(bundle, capsys):
    assert main(["inspect", str(bundle.path), "--json", "-"]) == 0
    captured = capsys.readouterr()
    document = json.loads(captured.out)
    assert document["manifest"] == bundle.manifest.document()
    assert (document["sha256"], document["bytes"]) == (bundle.sha256, bundle.size)
    assert "dental-n" in captured.err


def test_verify_says_that_a_good_bundle_is_intact_and_unsigned(bundle, capsys, tmp_path):
    assert main(["verify", str(bundle.path), "--json", str(tmp_path / "v.json")]) == 0
    assert "is intact: 7 members" in capsys.readouterr().out
    document = json.loads((tmp_path / "v.json").read_text())
    assert (document["intact"], document["signed"], document["golden_frames"]) == (True, False, 1)
    assert document["members"].keys() == bundle.manifest.files.keys()


def test_verify_ends_with_4_on_a_violation_and_says_it_in_json_too(damaged, capsys):
    assert main(["verify", str(damaged), "--json", "-"]) == 4
    captured = capsys.readouterr()
    document = json.loads(captured.out)
    assert document["intact"] is False
    assert "generator.fp32.onnx" in document["violation"]
    assert captured.err == f"edgeenh: {document['violation']}\n"


def test_inspect_refuses_a_damaged_bundle(damaged, capsys):
    assert main(["inspect", str(damaged)]) == 4
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1


@pytest.mark.parametrize("command", ["inspect", "verify"])
def test_a_bundle_that_is_not_there_is_bad_input(command, capsys, tmp_path):
    assert main([command, str(tmp_path / "absent.edgeenh")]) == 2
    assert "there is no bundle at" in capsys.readouterr().err


def test_inspect_says_what_the_pictures_are(bundle, grey_bundle_path, capsys):
    main(["inspect", str(bundle.path)])
    assert "8-bit RGB; the graph takes uint8 [1,H,W,3] on 0 to 255" in capsys.readouterr().out
    main(["inspect", str(grey_bundle_path)])
    assert "8- to 16-bit grey; the graph takes float32 [1,H,W,1] on 0 to 1" in capsys.readouterr().out
