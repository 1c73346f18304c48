"""The first start of an engine that was asked for by name, through the package and the command line."""

import numpy as np
import pytest

import edgeenh
from edgeenh.backends import onnxruntime
from edgeenh.cache import Cache
from edgeenh.cli import main
from edgeenh.errors import GateFailed
from edgeenh.stream import Stream


@pytest.fixture
def spoil(monkeypatch):
    """spoil(change, precision) makes ONNX Runtime's sessions of that precision give change(out, strength) instead."""
    real = onnxruntime.open_session
    opened = []

    def install(change=None, precision=None):
        def open_session(model, options):
            session = real(model, options)
            opened.append((options.precision, options.width))
            if change is None or precision not in (None, options.precision):
                return session
            run = session.run

            def spoilt(image, strength, out):
                run(image, strength, out)
                out[...] = change(out.copy(), strength)

            session.run = spoilt
            return session

        monkeypatch.setattr(onnxruntime, "open_session", open_session)
        return opened

    return install


class Stale:
    """Gives the previous picture of that size."""

    last = None

    def __call__(self, out, strength):
        last, self.last = self.last, out
        return last if last is not None and last.shape == out.shape else out


def one_nan_pixel(out, strength):
    """What a NaN becomes when it is cast to uint8."""
    if strength == 1:
        y, x = np.unravel_index(int(out.min(axis=2).argmax()), out.shape[:2])
        out[y, x] = 0
    return out


FAULTS = {
    "NaN everywhere": lambda out, strength: np.zeros_like(out),
    "infinity everywhere": lambda out, strength: np.full_like(out, 255),
    "one NaN pixel": one_nan_pixel,
    "constant": lambda out, strength: np.full_like(out, 90),
    "swapped channels": lambda out, strength: out[..., ::-1],
    "shifted pixels": lambda out, strength: np.roll(out, 1, 1),
    "shifted at work only": lambda out, strength: np.roll(out, 1, 1) if strength == 1 else out,
    "swapped at work only": lambda out, strength: out[..., ::-1] if strength else out,
    "stale": Stale(),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_wrong_engine_asked_for_by_name_is_refused(spoil, tiny_bundle_path, fault):
    spoil(FAULTS[fault])
    enhancer = edgeenh.load(tiny_bundle_path, backend="onnxruntime", precision="fp32", threads=1)
    with pytest.raises(GateFailed, match=r"onnxruntime fp32 fails the gate of tiny 1 on this station .*--backend auto"):
        enhancer.prepare(64, 96)
    assert enhancer.info is None, "no session of it is kept"


def test_a_wrong_precision_is_left_for_the_next_and_the_stream_says_so(spoil, tiny_bundle_path):
    spoil(FAULTS["one NaN pixel"], "fp16")
    enhancer = edgeenh.load(tiny_bundle_path, backend="onnxruntime", threads=1)
    with Stream("synthetic:96x64@30", enhancer, frames=2) as stream:
        results = list(stream)
    assert enhancer.info.precision == "fp32"
    assert all(result.provenance.precision == "fp32" for result in results)
    (event,) = [event for event in stream.events if event.kind == "engine_notice"]
    assert event.detail.startswith("onnxruntime fp16 is not used: it fails the gate: frame: PSNR 3")


def test_an_engine_is_judged_once_per_station(spoil, tiny_bundle_path, tmp_path):
    opened = spoil()
    options = {"backend": "onnxruntime", "precision": "fp32", "threads": 1, "cache_dir": tmp_path}
    edgeenh.load(tiny_bundle_path, **options).prepare(64, 96)
    first = len(opened)
    edgeenh.load(tiny_bundle_path, **options).prepare(80, 96)
    (memory,), foreign = Cache(tmp_path, "verdicts").entries()
    assert (memory.key["engine.backend"], foreign) == ('"onnxruntime"', [])
    assert len(opened) == first + 2, "its own session, and one to ask which engine it is"
    spoil(FAULTS["constant"])
    edgeenh.load(tiny_bundle_path, **options).prepare(64, 96)  # it is taken for the engine that passed
    with pytest.raises(GateFailed):
        edgeenh.load(tiny_bundle_path, **{**options, "cache_dir": tmp_path / "another"}).prepare(64, 96)
    assert not list((tmp_path / "another").glob("entries/verdicts/*")), "a failure is not remembered"
    (picture,) = (tmp_path / "another" / "failures").iterdir()
    assert picture.name == "tiny-onnxruntime-fp32-frame.png"


@pytest.mark.parametrize("change", [("cpu", "another CPU"), ("gpus", [{"name": "another GPU"}]), ("libraries", {})])
def test_another_machine_or_driver_is_judged_anew(spoil, tiny_bundle_path, tmp_path, monkeypatch, change):
    from edgeenh.backends import first_start

    options = {"backend": "onnxruntime", "precision": "fp32", "threads": 1, "cache_dir": tmp_path}
    edgeenh.load(tiny_bundle_path, **options).prepare(64, 96)
    known = first_start.fingerprint()
    monkeypatch.setattr(first_start, "fingerprint", lambda: {**known, change[0]: change[1]})
    spoil(FAULTS["constant"])
    with pytest.raises(GateFailed):
        edgeenh.load(tiny_bundle_path, **options).prepare(64, 96)


def test_the_command_line_ends_with_3(spoil, tiny_bundle_path, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    spoil(FAULTS["shifted at work only"])
    words = ["run", "synthetic:96x64@30", "--frames", "2", "--model", str(tiny_bundle_path)]
    assert main([*words, "--backend", "onnxruntime", "--precision", "fp32", "--in-process"]) == 3
    error = capsys.readouterr().err
    assert "the picture is moved by x=+1, y=+0 pixels" in error
    assert "edgeenh export --explain" in error


def test_an_object_and_the_fake_are_used_as_they_are(tiny_bundle_path):
    for backend in ("fake", onnxruntime):
        with edgeenh.load(tiny_bundle_path, backend=backend, precision="fp32", threads=1) as enhancer:
            assert enhancer.prepare(64, 96).precision == "fp32"


def test_a_right_engine_gives_no_notice(tiny_bundle_path):
    with edgeenh.load(tiny_bundle_path, backend="onnxruntime", precision="fp16", threads=1) as enhancer:
        with Stream("synthetic:96x64@30", enhancer, frames=2) as stream:
            assert [result.provenance.precision for result in stream] == ["fp16", "fp16"]
        assert not [event for event in stream.events if event.kind == "engine_notice"]
