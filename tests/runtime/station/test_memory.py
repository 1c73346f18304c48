"""Memory of pictures is kept between two of them, and what is far larger still goes back."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from types import SimpleNamespace
from typing import Any

import pytest

from edgeenh.station.memory import KEPT, MAPPED_FROM, keep_picture_memory

FAULTS = """
import resource, sys, threading
import numpy as np
from edgeenh.station.memory import keep_picture_memory
if not keep_picture_memory():
    sys.exit(77)
def work():
    for _ in range(40):  # as decoding and encoding of a 4K frame do: several at a time, freed together
        blocks = [np.ones(6 << 20, np.uint8) for _ in range(3)]
        del blocks
thread = threading.Thread(target=work)
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
thread.start(); thread.join()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def test_pages_are_touched_once_and_not_for_every_picture() -> None:
    done = subprocess.run([sys.executable, "-c", FAULTS], capture_output=True, text=True, timeout=60, check=False)
    if done.returncode == 77:
        pytest.skip("this C library has no mallopt")
    assert done.returncode == 0, done.stderr
    pages = 3 * (6 << 20) // 4096
    assert int(done.stdout) < 10 * pages  # 40 times as many without


def test_a_library_without_it_goes_on() -> None:
    nothing: Any = SimpleNamespace()
    assert not keep_picture_memory(nothing)


def test_both_bounds_are_said() -> None:
    said = []
    libc: Any = SimpleNamespace(mallopt=lambda name, value: said.append((name, value)) or 1)
    assert keep_picture_memory(libc)
    assert said == [(-3, MAPPED_FROM), (-1, KEPT)]


def test_the_command_settles_its_process() -> None:
    program = "import sys; from edgeenh.station.own_process import SWITCH_S, settle; settle(); print(sys.getswitchinterval() == SWITCH_S)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "True\n"


@pytest.mark.skipif(sys.platform != "linux", reason="only there has a thread a niceness of its own")
def test_previews_are_encoded_behind_the_frames() -> None:
    from edgeenh.station.view import ENCODER_NICE, View

    began = os.getpriority(os.PRIO_PROCESS, 0)
    view = View("camera", lambda: 0)
    try:
        thread = view._encoder.native_id
        assert thread is not None
        deadline = time.monotonic() + 10
        while os.getpriority(os.PRIO_PROCESS, thread) != ENCODER_NICE:
            assert time.monotonic() < deadline
        assert os.getpriority(os.PRIO_PROCESS, 0) == began
    finally:
        view.close()
