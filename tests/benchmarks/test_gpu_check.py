"""The checks for a GPU, where there is none: honest about it; and their bookkeeping on stand-ins."""

import json

import pytest

from edgeenh.bundle import Bundle
from edgeenh.cuda.driver import driver_problem
from edgeenh.cuda.fake import FakeDevice
from edgeenh.errors import BackendUnavailable, GateFailed
from edgeenh_bench import gpu_check


@pytest.fixture(scope="module")
def bundle():
    return Bundle.shipped()


@pytest.mark.skipif(not driver_problem(), reason="a GPU is here")
def test_without_a_gpu_it_ends_with_5_and_writes_nothing(tmp_path, capsys):
    assert gpu_check.main(["--out", str(tmp_path / "results")]) == 5
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("edgeenh: no GPU to check: ")
    assert not (tmp_path / "results").exists()


def _with(monkeypatch, **checks):
    monkeypatch.setattr(gpu_check, "driver_problem", lambda: "")
    monkeypatch.setattr(gpu_check, "CHECKS", checks)


def _fails(error):
    def check(bundle):
        raise error

    return check


@pytest.mark.parametrize(
    ("checks", "code"),
    [
        ({"good": lambda bundle: {"figure": 1}, "missing": _fails(BackendUnavailable("not installed"))}, 0),
        ({"good": lambda bundle: {}, "wrong": _fails(GateFailed("NaN")), "broken": _fails(AttributeError("no x"))}, 3),
        ({"missing": _fails(BackendUnavailable("not installed"))}, 5),
    ],
)
def test_every_check_is_a_row_and_the_code_says_the_worst(monkeypatch, tmp_path, capsys, checks, code):
    _with(monkeypatch, **checks)
    assert gpu_check.main(["--out", str(tmp_path)]) == code
    (path,) = tmp_path.iterdir()
    rows = json.loads(path.read_text())["checks"]
    assert [row["check"] for row in rows] == list(checks)
    known = {"good": "passed", "missing": "unavailable", "wrong": "failed", "broken": "failed"}
    assert [row["status"] for row in rows] == [known[row["check"]] for row in rows]


@pytest.mark.parametrize("name", ["cuda_core", "pycuda"])
def test_the_check_of_a_device_runs_on_the_one_made_of_memory(monkeypatch, bundle, name):
    monkeypatch.setattr(gpu_check, "open_device", lambda implementation: FakeDevice())
    assert gpu_check._device(name)(bundle) == {"device": "fake CUDA device", "graph": True}


def test_a_device_whose_copies_are_wrong_fails(monkeypatch, bundle):
    class Forgetful(FakeDevice):
        def to_host(self, host, buffer):
            """Nothing arrives."""

    monkeypatch.setattr(gpu_check, "open_device", lambda implementation: Forgetful())
    row = gpu_check._row("copies", gpu_check._device("cuda_core"), bundle)
    assert (row["status"], "changed bytes" in row["reason"]) == ("failed", True)


def test_rtx_answers_for_its_plan_also_where_there_is_no_gpu(bundle):
    pytest.importorskip("tensorrt_rtx")
    found = gpu_check._rtx_validity(bundle)
    assert "validity" in found
    assert isinstance(found["diagnostics"], int)
