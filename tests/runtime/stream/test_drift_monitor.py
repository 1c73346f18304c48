from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from edgeenh.bundle import Bundle
from edgeenh.containment.enhancer import ContainedEnhancer
from edgeenh.enhancer import Enhancer
from edgeenh.errors import BackendUnavailable, InferenceFailed, UsageError
from edgeenh.frames import PassthroughReason, Provenance
from edgeenh.stream import Stream
from edgeenh.stream.drift_monitor import MISSES, DriftMonitor

Picture = NDArray[np.uint8]


class Engine:
    """Brightens by 40 as the small model does, and adds `off` levels of noise; has `ladder` other backends."""

    def __init__(self, bundle: Bundle, off: int = 0, ladder: int | None = None) -> None:
        self.bundle, self.off = bundle, off
        if ladder is not None:
            self.ladder = ladder
            self.degrade = self._degrade

    def prepare(self, height: int, width: int) -> None:
        pass

    def enhance_into(self, image: Picture, out: Picture, strength: float | None = None) -> None:
        noise = np.random.default_rng(0).integers(-self.off, self.off + 1, image.shape)
        out[...] = np.clip(image.astype(int) + 40 + noise, 0, 255)

    def provenance(self, strength: float | None = None) -> Provenance:
        return Provenance(self.bundle.sha256, "e", "engine", "test", "int8", 1.0)

    def _degrade(self, detail: str) -> bool:
        assert "drifted" in detail
        if self.ladder == 0:
            return False
        self.ladder -= 1
        self.off = 0
        return True


@pytest.fixture
def monitor(tiny_bundle: Bundle) -> Iterator[Callable[..., DriftMonitor]]:
    """monitor(every=1) → one whose reference runs in this process."""
    opened: list[DriftMonitor] = []

    def make(every: int = 1, open_reference: Any = None) -> DriftMonitor:
        def reference(bundle: Bundle, *_: int) -> Enhancer:
            return Enhancer(bundle, backend="onnxruntime", precision="fp32", threads=1)

        opened.append(DriftMonitor(every, open_reference or reference))
        return opened[-1]

    yield make
    for each in opened:
        each.close()


def _pictures(count: int, monitor: DriftMonitor) -> Iterator[Picture]:
    """One after the other, each when the one before was compared."""
    for seed in range(count):
        yield np.random.default_rng(seed).integers(0, 200, (48, 64, 3), np.uint8)
        monitor.wait_idle()


def test_a_right_engine_gives_no_alarm_and_one_in_n_is_compared(
    monitor: Callable[..., DriftMonitor], tiny_bundle: Bundle
) -> None:
    watching = monitor(3)
    stream = Stream(_pictures(12, watching), Engine(tiny_bundle), monitor=watching)
    assert all(frame.enhanced for frame in stream)
    watching.wait_idle()
    drift = stream.report()["drift"]
    assert drift["compared"] + drift["skipped"] == 4
    assert drift["compared"] >= 1
    assert (drift["every"], drift["missed"], drift["alarms"], drift["off"]) == (3, 0, 0, None)
    assert drift["ssim"] == {"min": 1.0, "median": 1.0}
    assert drift["psnr_db"] == {"min": None, "median": None}  # identical


def _feed(watching: DriftMonitor, engine: Engine, count: int) -> list[str]:
    """Offer frames one by one, each compared before the next; the alarms before each."""
    from edgeenh.frames import Frame

    alarms = []
    for seed in range(count):
        alarms.append(watching.alarm_for(engine))
        image = np.random.default_rng(seed).integers(0, 200, (48, 64, 3), np.uint8)
        out = np.empty_like(image)
        engine.enhance_into(image, out)
        watching.offer(Frame(image, "test", seed, 0), out, engine.provenance(), engine.bundle)
        out[...] = 0  # whoever got the frame may draw on it
        watching.wait_idle()
    return alarms


def test_an_engine_that_drifts_is_found_within_a_few_comparisons_and_passes_through(
    monitor: Callable[..., DriftMonitor], tiny_bundle: Bundle
) -> None:
    watching = monitor()
    engine = Engine(tiny_bundle, off=4)
    alarms = _feed(watching, engine, 5)
    assert alarms[:MISSES] == [""] * MISSES
    assert alarms[MISSES].startswith("3 of 3 frames drifted from the reference: PSNR ")
    assert [notice.kind for notice in watching.notices] == ["drift_alarm"]
    stream = Stream(_pictures(4, watching), engine, monitor=watching)
    frames = list(stream)
    assert {frame.reason for frame in frames} == {PassthroughReason.DRIFT}
    assert stream.accounting.counts().passthrough == {"drift": 4}
    assert any(event.kind == "drift_alarm" for event in stream.events)
    assert stream.report()["drift"]["psnr_db"]["min"] < 50


def test_with_another_backend_the_stream_goes_on_with_that(
    monitor: Callable[..., DriftMonitor], tiny_bundle: Bundle
) -> None:
    watching = monitor()
    engine = Engine(tiny_bundle, off=4, ladder=1)
    assert _feed(watching, engine, 12) == [""] * 12
    assert (engine.ladder, watching.to_json()["alarms"], watching.to_json()["missed"]) == (0, 1, 3)
    engine.off = 4
    assert _feed(watching, engine, 9)[-1]  # there is no third


def test_one_bad_frame_is_no_alarm(monitor: Callable[..., DriftMonitor], tiny_bundle: Bundle) -> None:
    watching, engine = monitor(), Engine(tiny_bundle)
    _feed(watching, engine, 3)
    engine.off = 9
    _feed(watching, engine, MISSES - 1)
    engine.off = 0
    assert not any(_feed(watching, engine, 10))
    assert watching.to_json()["missed"] == MISSES - 1


def test_a_frame_that_comes_while_it_is_busy_is_left_out(
    monitor: Callable[..., DriftMonitor], tiny_bundle: Bundle
) -> None:
    entered, go_on = threading.Semaphore(0), threading.Event()

    class Slow:
        def enhance_into(self, image: Picture, out: Picture, *_: Any, **__: Any) -> None:
            entered.release()
            assert go_on.wait(30)
            out[...] = image + 40

        def close(self) -> None:
            go_on.set()

    watching = monitor(1, lambda *_: Slow())
    engine = Engine(tiny_bundle)
    frames = list(Stream([np.full((48, 64, 3), n, np.uint8) for n in range(1)], engine, monitor=watching))
    assert entered.acquire(timeout=30)
    frames += list(Stream([np.full((48, 64, 3), n, np.uint8) for n in range(9)], engine, monitor=watching))
    go_on.set()
    watching.wait_idle()
    assert (len(frames), watching.to_json()["compared"], watching.to_json()["skipped"]) == (10, 2, 8)


@pytest.mark.parametrize(
    ("error", "kind"), [(BackendUnavailable, "drift_monitor_off"), (InferenceFailed, "drift_not_measured")]
)
def test_a_reference_that_fails_is_told_and_stops_no_frame(
    monitor: Callable[..., DriftMonitor], tiny_bundle: Bundle, error: type[Exception], kind: str
) -> None:
    def fail(*_: Any) -> Any:
        raise error("it is not there")

    watching = monitor(1, fail)
    stream = Stream(_pictures(3, watching), Engine(tiny_bundle), monitor=watching)
    assert all(frame.enhanced for frame in stream)
    watching.wait_idle()
    document = watching.to_json()
    assert document["compared"] == 0
    assert (document["off"] is None) == (error is InferenceFailed)
    assert kind in {event["kind"] for event in stream.report()["events"]}


def test_the_real_reference_is_a_process_of_low_priority_that_closing_ends(tiny_bundle: Bundle) -> None:
    import os

    with ContainedEnhancer(tiny_bundle, backend="fake") as enhancer, DriftMonitor(2) as watching:
        frames = list(Stream(_pictures(4, watching), enhancer, monitor=watching))
        watching.wait_idle()
        assert all(frame.enhanced for frame in frames)
        assert watching.to_json()["compared"] >= 1
        assert watching.to_json()["ssim"]["min"] > 0.99
        reference = watching._reference
        assert reference is not None
        pid = reference[1].worker_pid  # type: ignore[attr-defined]
        assert os.getpriority(os.PRIO_PROCESS, pid) == 19
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    assert not watching._thread.is_alive()


def test_less_than_one_is_refused() -> None:
    with pytest.raises(UsageError, match="every is 0"):
        DriftMonitor(0)
