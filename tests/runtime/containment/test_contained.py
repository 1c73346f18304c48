"""What holds while all goes well: the same pictures as in the process, and the library in the worker alone."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import edgeenh
from edgeenh.bundle import Bundle
from edgeenh.containment.lifecycle import State
from edgeenh.errors import BackendUnavailable, InferenceFailed, InputError, UsageError
from edgeenh.frames import Provenance
from edgeenh.stream import Stream

Contained = Callable[..., Any]
Until = Callable[..., None]
Kinds = Callable[[Any], list[str]]


@pytest.mark.parametrize("shape", [(48, 64), (50, 70)])
def test_the_pictures_are_those_of_the_enhancer_in_the_process(
    contained: Contained, tiny_bundle: Bundle, shape: tuple[int, int], make_picture: Any
) -> None:
    image = make_picture(*shape)
    worker = contained(backend="onnxruntime", precision="fp32", threads=1)
    with edgeenh.Enhancer(tiny_bundle, backend="onnxruntime", precision="fp32", threads=1) as inside:
        for strength in (0.0, 0.5, 1.0):
            assert np.array_equal(worker(image, strength), inside(image, strength))
        assert worker.provenance(0.5) == inside.provenance(0.5)
        assert worker.info == inside.info
        assert worker.prepare(*shape) == inside.prepare(*shape)
    assert (worker.pixels, worker.strength, worker.state) == (tiny_bundle.manifest.pixels, 1.0, State.READY)


def test_grey_of_twelve_bits(contained: Contained, grey_bundle: Bundle, make_grey: Any) -> None:
    image = make_grey(50, 70, bits=12)
    worker = contained(grey_bundle, backend="onnxruntime", precision="fp32", threads=1)
    with edgeenh.Enhancer(grey_bundle, backend="onnxruntime", precision="fp32", threads=1) as inside:
        assert np.array_equal(worker(image, bits=12), inside(image, bits=12))
    assert np.array_equal(worker(image, 0.0, bits=12), image)


def test_auto_chooses_in_the_worker_and_tries_the_others_next(
    contained: Contained, tiny_bundle: Bundle, frame: NDArray[np.uint8]
) -> None:
    worker = contained(backend="auto", threads=1)
    made = worker.enhance_into(frame, np.empty_like(frame))
    assert isinstance(made, Provenance)
    rungs = worker._supervisor.life.recovery.rungs
    assert rungs[0] == (made.backend, made.precision)
    assert {rung.backend for rung in rungs} == {"tensorrt", "onnxruntime", "openvino"}
    assert made.bundle_sha256 == tiny_bundle.sha256


@pytest.mark.parametrize("backend", ["fake", "onnxruntime"])
def test_the_parent_never_imports_the_backend(backend: str, tiny_bundle_path: Path) -> None:
    script = f"""
import sys
sys.path[:] = {sys.path!r}
import numpy as np
from edgeenh.bundle import Bundle
from edgeenh.containment.enhancer import ContainedEnhancer
with ContainedEnhancer(Bundle.open({str(tiny_bundle_path)!r}), backend={backend!r}, threads=1) as enhancer:
    enhancer(np.zeros((48, 64, 3), np.uint8))
print(*sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60)
    loaded = {name.split(".")[0] for name in done.stdout.split()}
    assert not loaded & {"onnxruntime", "openvino", "tensorrt", "tensorrt_rtx", "cuda", "torch"}
    assert f"edgeenh.backends.{backend}" not in done.stdout.split()


def test_wrong_arguments_are_refused_without_a_worker(contained: Contained, frame: NDArray[np.uint8]) -> None:
    worker = contained()
    with pytest.raises(InputError, match="expected a uint8 array"):
        worker(np.zeros((48, 64), np.uint8))
    with pytest.raises(InputError, match="expected at least 16x16"):
        worker.prepare(8, 8)
    with pytest.raises(InputError, match="out lies in the memory"):
        worker.enhance_into(frame, frame)
    with pytest.raises(UsageError, match="no backend is open yet"):
        worker.provenance()
    assert (worker.info, worker.worker_pid, worker.state) == (None, None, State.IDLE)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"backend": "cudnn"}, "there is no backend 'cudnn': choose auto"),
        ({"backend": object()}, "a backend object runs in the process only"),
        ({"precision": "fp8"}, "fp8"),
        ({"precision": "int8"}, "has no int8 graph"),
        ({"strength": 2.0}, "the strength is 2.0"),
        ({"threads": 0}, "threads is 0"),
        ({"device": "tpu"}, "no device 'tpu'"),
        ({"memory_limit_mib": 0}, "the memory limit is 0 MiB"),
    ],
)
def test_wrong_options_are_refused_at_once(contained: Contained, options: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        contained(**options)


def test_a_backend_that_cannot_run_here_says_so_like_in_the_process(contained: Contained) -> None:
    worker = contained(backend="onnxruntime", device="cuda", precision="fp32")
    for _ in range(2):
        with pytest.raises(BackendUnavailable, match=r"cannot use CUDA|built without CUDA"):
            worker.prepare(48, 64)
    assert worker.state is State.DOWN


def test_a_closed_one_says_so(contained: Contained, frame: NDArray[np.uint8]) -> None:
    worker = contained()
    worker(frame)
    worker.close()
    worker.close()
    with pytest.raises(InferenceFailed, match="this enhancer is closed"):
        worker(frame)
    with pytest.raises(InferenceFailed, match="this enhancer is closed"):
        worker.prepare(48, 64)


def test_a_folder_of_sizes_is_enhanced_whole_and_live_frames_of_a_new_size_do_not_wait(
    contained: Contained, until: Until
) -> None:
    sizes = [(48, 64), (32, 32), (64, 48), (48, 64), (80, 16)]
    pictures = [np.random.default_rng(n).integers(0, 200, (*size, 3), np.uint8) for n, size in enumerate(sizes)]
    worker = contained()
    assert [frame.enhanced for frame in Stream(pictures, worker)] == [True] * 5
    fresh = contained()
    assert fresh.state is State.IDLE
    with pytest.raises(edgeenh.WorkerFailed) as caught:
        fresh.enhance_into(pictures[0], np.empty_like(pictures[0]), budget_s=0.2)
    assert caught.value.reason == "worker_starting"
    until(fresh, lambda: fresh.state is State.READY)
    with pytest.raises(edgeenh.WorkerFailed, match="prepares for frames of 32x32"):
        fresh.enhance_into(pictures[1], np.empty_like(pictures[1]), budget_s=0.2)
    until(fresh, lambda: fresh.state is State.READY)
    fresh.enhance_into(pictures[1], np.empty_like(pictures[1]), budget_s=20)
    fresh.enhance_into(pictures[0], np.empty_like(pictures[0]), budget_s=20)


def test_several_threads_wait_for_each_other(contained: Contained, frame: NDArray[np.uint8]) -> None:
    from concurrent.futures import ThreadPoolExecutor

    worker = contained()
    frames = [np.roll(frame, shift, 0) for shift in range(40)]
    with ThreadPoolExecutor(4) as pool:
        for before, after in zip(frames, pool.map(worker, frames), strict=True):
            assert np.array_equal(after, np.clip(before.astype(int) + 40, 0, 255))
