import itertools
import json
import math

import pytest

from edgeenh.backends import Availability, fake, select
from edgeenh.backends.fake import FakeSession, brighten
from edgeenh.backends.memory import Memory
from edgeenh.backends.select import choose
from edgeenh.backends.trial import FEWEST, RUNS, WARM_UP
from edgeenh.errors import BackendUnavailable, GateFailed, UsageError

SIZE = (96, 128)
USABLE = fake.availability()


class Clock:
    """Nanoseconds that only a backend's work moves."""

    now = 0

    def __call__(self):
        return self.now


class Timed:
    """A backend that brightens right and takes as long as it is told, per precision."""

    EXTRA = ""

    def __init__(self, name, clock, milliseconds, enhance=brighten, found=USABLE):
        self.NAME, self.PRECISIONS, self.opened = name, tuple(milliseconds), []
        self._clock, self._milliseconds, self._enhance, self._found = clock, milliseconds, enhance, found

    def availability(self):
        return self._found

    def open_session(self, model, options):
        self.opened.append((options.precision, options.height, options.width, model.onnx_precision))

        def enhance(image, strength, out):
            self._clock.now += int(self._milliseconds[options.precision] * 1e6)
            self._enhance(image, strength, out)

        return FakeSession(options, enhance)


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def machine(monkeypatch, clock):
    """machine(*backends) makes them the machine's; choosing then takes `clock`'s time."""

    def make(*backends):
        found = {backend.NAME: backend for backend in backends}
        monkeypatch.setattr(select, "get_backend", found.__getitem__)
        return tuple(found)

    return make


def test_the_fastest_that_passes_the_gate_is_chosen(machine, clock, tiny_bundle):
    slow, fast = Timed("slow", clock, {"fp32": 30}), Timed("fast", clock, {"fp32": 20, "fp16": 10, "bf16": 12})
    choice = choose(tiny_bundle, *SIZE, backends=machine(slow, fast), clock=clock)
    assert choice[:2] == ("fast", "fp16")
    assert [(c.backend, c.precision, c.accepted, c.latency_ms) for c in choice.report.candidates] == [
        ("slow", "fp32", True, 30.0),
        ("fast", "fp32", True, 20.0),
        ("fast", "fp16", True, 10.0),
        ("fast", "bf16", True, 12.0),
    ]
    assert ("bf16", 96, 128, "fp32") in fast.opened, "bf16 is made from the fp32 graph, timed at the frame's size"
    assert ("bf16", 48, 64, "fp32") in fast.opened, "and judged at the golden frame's"


def test_wrong_pixels_lose_however_fast_they_come(machine, clock, tiny_bundle):
    def wrong(image, strength, out):
        brighten(image, strength / 2, out)

    bad, good = Timed("bad", clock, {"fp32": 1}, wrong), Timed("good", clock, {"fp32": 50})
    choice = choose(tiny_bundle, *SIZE, backends=machine(bad, good), clock=clock)
    assert choice.backend == "good"
    refused = choice.report.candidates[0]
    assert not refused.accepted
    assert refused.latency_ms is None
    assert refused.reason.startswith("it fails the gate: frame: PSNR")
    assert refused.psnr_db < 50


def test_a_failing_or_missing_backend_becomes_a_reason(machine, clock, tiny_bundle):
    def fail(image, strength, out):
        raise RuntimeError("kernel fell over")

    away = Availability(usable=False, reason="it is not installed", fix="pip install it")
    broken, missing = Timed("broken", clock, {"fp32": 1}, fail), Timed("missing", clock, {"fp32": 1}, found=away)
    good = Timed("good", clock, {"fp32": 5})
    report = choose(tiny_bundle, *SIZE, backends=machine(broken, missing, good), clock=clock).report
    assert "kernel fell over" in report.candidates[0].reason
    assert report.candidates[1].reason == "it is not installed: pip install it"
    json.dumps(report.to_json(), allow_nan=False)


def test_nothing_that_passes_is_a_failed_gate_and_nothing_that_runs_is_unavailable(machine, clock, tiny_bundle):
    def constant(image, strength, out):
        out[:] = 7

    away = Availability(usable=False, reason="no driver", fix="install one")
    bad, missing = Timed("bad", clock, {"fp32": 1}, constant), Timed("missing", clock, {"fp32": 1}, found=away)
    with pytest.raises(GateFailed, match=r"tiny 1 at 128x96 \(bad fp32: it fails the gate: strength 0 changes"):
        choose(tiny_bundle, *SIZE, backends=machine(bad, missing), clock=clock)
    with pytest.raises(BackendUnavailable, match="missing fp32: no driver: install one"):
        choose(tiny_bundle, *SIZE, backends=machine(missing), clock=clock)


def test_the_precision_asked_for_is_the_only_one_tried(machine, clock, tiny_bundle):
    two, one = Timed("two", clock, {"fp32": 1, "fp16": 9}), Timed("one", clock, {"fp32": 2})
    choice = choose(tiny_bundle, *SIZE, backends=machine(two, one), precision="fp16", clock=clock)
    assert choice[:2] == ("two", "fp16")
    assert choice.report.candidates[1].reason == "it offers fp32"


def time_to_choose(clock, bundle, machine, backend, beside=()):
    """Nanoseconds that choosing takes."""
    start = clock.now
    choose(bundle, *SIZE, backends=machine(*beside, backend), clock=clock)
    return clock.now - start


def test_a_hopeless_candidate_is_timed_on_its_second_frame(machine, clock, tiny_bundle):
    hopeless = Timed("hopeless", clock, {"fp32": 1000})
    alone = time_to_choose(clock, tiny_bundle, machine, hopeless)
    beside_a_fast_one = time_to_choose(clock, tiny_bundle, machine, hopeless, [Timed("fast", clock, {"fp32": 0})])
    assert alone - beside_a_fast_one == (WARM_UP + FEWEST - 2) * 1000e6


def test_a_slow_candidate_is_timed_on_fewer_frames(machine, clock, tiny_bundle):
    per_frame = {
        ms: time_to_choose(clock, tiny_bundle, machine, Timed("b", clock, {"fp32": ms})) / (ms * 1e6) for ms in (1, 100)
    }
    assert per_frame[1] - per_frame[100] == RUNS - FEWEST


def test_a_choice_is_remembered_for_the_same_circumstances_only(machine, clock, tiny_bundle, tmp_path):
    backend = Timed("only", clock, {"fp32": 10})
    options = {"backends": machine(backend), "cache_dir": tmp_path, "clock": clock}
    first = choose(tiny_bundle, *SIZE, **options)
    opened = len(backend.opened)
    again = choose(tiny_bundle, *SIZE, **options)
    assert len(backend.opened) == opened
    assert again.report.remembered
    assert again.report.candidates == first.report.candidates
    for changed in ({"threads": 1}, {"precision": "fp32"}, {"device": "cpu"}):
        assert not choose(tiny_bundle, *SIZE, **options, **changed).report.remembered
    assert not choose(tiny_bundle, 48, 64, **options).report.remembered


def test_a_remembered_backend_that_is_gone_is_not_used(machine, clock, tiny_bundle, tmp_path):
    backend = Timed("only", clock, {"fp32": 10})
    options = {"backends": machine(backend), "cache_dir": tmp_path, "clock": clock}
    choose(tiny_bundle, *SIZE, **options)
    backend._found = Availability(usable=False, reason="gone", fix="bring it back")
    with pytest.raises(BackendUnavailable, match="gone"):
        choose(tiny_bundle, *SIZE, **options)


def test_a_remembered_backend_that_was_not_asked_for_is_not_used(machine, clock, tiny_bundle, tmp_path, monkeypatch):
    options = {"backends": machine(Timed("only", clock, {"fp32": 10})), "cache_dir": tmp_path, "clock": clock}
    other = {"backend": "fake", "precision": "fp32", "candidates": []}
    monkeypatch.setattr(Memory, "recall", lambda memory: other)
    assert choose(tiny_bundle, *SIZE, **options).backend == "only"


@pytest.mark.parametrize("damage", [b"", b"{", b"null", b"edgeenh cache 1\n" + bytes(60)])
def test_a_memory_that_this_station_did_not_write_is_refused_with_a_remark(
    machine, clock, tiny_bundle, tmp_path, damage
):
    options = {"backends": machine(Timed("only", clock, {"fp32": 10})), "cache_dir": tmp_path, "clock": clock}
    choose(tiny_bundle, *SIZE, **options)
    (file,) = tmp_path.glob("entries/choices/*.entry")
    file.write_bytes(damage)
    choice = choose(tiny_bundle, *SIZE, **options)
    assert choice.backend == "only"
    assert "was not written by this station and is refused" in choice.report.remarks[0]
    assert choose(tiny_bundle, *SIZE, **options).report.remembered, "and written again"


@pytest.mark.parametrize(
    "choice", [{}, {"backend": "only"}, {"backend": "only", "precision": "fp32", "candidates": [1]}]
)
def test_a_memory_of_the_wrong_form_is_ignored_with_a_remark(
    machine, clock, tiny_bundle, tmp_path, choice, monkeypatch
):
    options = {"backends": machine(Timed("only", clock, {"fp32": 10})), "cache_dir": tmp_path, "clock": clock}
    monkeypatch.setattr(Memory, "recall", lambda memory: choice)
    assert "damaged" in choose(tiny_bundle, *SIZE, **options).report.remarks[0]


def test_a_cache_folder_that_cannot_be_written_to_is_a_remark(machine, clock, tiny_bundle, tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    names = machine(Timed("only", clock, {"fp32": 10}))
    choice = choose(tiny_bundle, *SIZE, backends=names, cache_dir=blocked, clock=clock)
    assert "the cache is not used" in choice.report.remarks[0]


def test_an_unknown_backend_is_a_usage_error(tiny_bundle):
    with pytest.raises(UsageError, match="choose auto or one of tensorrt, onnxruntime, openvino, fake"):
        choose(tiny_bundle, *SIZE, backends=["directml"])


def test_the_real_backends_of_this_machine_pass_the_tiny_bundles_gate(tiny_bundle):
    ticks = itertools.count(step=1_000_000)
    report = choose(tiny_bundle, 48, 64, threads=1, clock=lambda: next(ticks)).report
    tried = {(c.backend, c.precision): c for c in report.candidates}
    assert tried["onnxruntime", "fp32"].accepted
    assert tried["onnxruntime", "fp16"].accepted
    assert all(c.accepted or c.reason for c in tried.values())
    assert all(c.psnr_db is None or math.isfinite(c.psnr_db) for c in tried.values())
