"""What a picture larger than 4K took is given back, and the worker is not taken for one that leaks."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import edgeenh
from edgeenh.backends.base import LARGE_FRAME
from edgeenh.bundle import Bundle
from edgeenh.containment.frame_memory import LARGE, ROOMY, FrameMemory
from edgeenh.containment.process import Assignment, WorkerProcess

SMALL, BIG = (48, 64), (2200, 4100)
PATIENCE_S = 60.0


@pytest.fixture
def spawner() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(1) as one:
        yield one


@pytest.mark.parametrize("backend", ["onnxruntime", "openvino"])
def test_the_memory_of_a_large_frame_is_given_back(backend: str, spawner: ThreadPoolExecutor) -> None:
    assert BIG[0] * BIG[1] > LARGE_FRAME
    worker = WorkerProcess(spawner)
    try:
        worker.open(Bundle.shipped(), Assignment(backend, "fp32", rest_s=0.2), PATIENCE_S)
        worker.prepare(*SMALL, PATIENCE_S)
        before = worker.memory_bytes()
        worker.prepare(*BIG, PATIENCE_S)
        image = np.full((*BIG, 3), 99, np.uint8)
        first, second = np.empty_like(image), np.empty_like(image)
        worker.run(image, first, 1.0, 8, PATIENCE_S)
        taken = worker.memory_bytes() - before - 2 * image.nbytes  # frame memory is shared with the stream
        assert taken > 100 << 20  # else this proves nothing
        deadline = time.monotonic() + PATIENCE_S
        while worker.memory_bytes() - before - 2 * image.nbytes > taken / 2:
            assert time.monotonic() < deadline, f"{worker.memory_bytes() >> 20} MiB after {taken >> 20} more"
        worker.run(image, second, 1.0, 8, PATIENCE_S)  # the next one opens it again
        assert np.array_equal(first, second)
    finally:
        worker.close()


def test_what_is_given_back_is_opened_again(tiny_bundle: Bundle) -> None:
    image = np.full((*SMALL, 3), 99, np.uint8)
    with edgeenh.Enhancer(tiny_bundle, backend="onnxruntime", precision="fp32") as enhancer:
        enhancer.give_back(*SMALL)  # nothing is open yet
        first = enhancer(image)
        enhancer.give_back(*SMALL)
        assert np.array_equal(enhancer(image), first)


def test_frame_memory_that_is_far_too_large_for_a_while_suits_no_more() -> None:
    memory = FrameMemory.create(LARGE + 1)
    try:
        small = memory.capacity // 4
        assert not memory.suits(memory.capacity + 1)
        assert all(memory.suits(small) for _ in range(ROOMY))
        assert memory.suits(memory.capacity)  # one large frame, and it starts anew
        assert all(memory.suits(small) for _ in range(ROOMY))
        assert not memory.suits(small)
    finally:
        memory.close()


def test_frame_memory_of_usual_frames_is_kept() -> None:
    memory = FrameMemory.create(3 << 20)
    try:
        assert all(memory.suits(1) for _ in range(3 * ROOMY))
    finally:
        memory.close()
