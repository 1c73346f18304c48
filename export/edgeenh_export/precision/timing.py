"""Time of graphs against each other, and of the nodes of one: alternating in one run, so that the machine's day matters little."""

from __future__ import annotations

import hashlib
import json
import statistics
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from onnx import ModelProto

from edgeenh.backends import Model, SessionOptions, get_backend
from edgeenh.backends.libraries import import_onnxruntime
from edgeenh.errors import EdgeenhError
from edgeenh.pixels import GREY, RGB, scaled_shape
from edgeenh.slots import Slot, open_slot
from edgeenh_export.precision.stored import fed, run

if TYPE_CHECKING:
    from edgeenh.pixels import Pixels
    from edgeenh_export.golden import GoldenFrame

ROUNDS = 7
"""Frames of each graph that are timed, in turn, after one that is not."""
Clock = Callable[[], int]


@dataclass(frozen=True, slots=True)
class Timed:
    """Median time of a frame of several graphs on one backend, taken in turn.

    Attributes:
        backend: Its name.
        size: (width, height) of the frame.
        milliseconds: Label → median.
        provers: Label → what the session says that it executes.
        reason: Why there is no figure; empty when there is.
    """

    backend: str
    size: tuple[int, int]
    milliseconds: Mapping[str, float]
    provers: Mapping[str, str]
    reason: str = ""

    def to_json(self) -> dict[str, Any]:
        """The times as JSON values."""
        return {
            "backend": self.backend,
            "size": list(self.size),
            "milliseconds": dict(self.milliseconds),
            "executed": dict(self.provers),
            "reason": self.reason,
        }


def alternate(
    graphs: Mapping[str, tuple[str, bytes]],
    backend: str,
    frame: GoldenFrame,
    pixels: Pixels = RGB,
    *,
    scale: int = 1,
    device: str = "cpu",
    rounds: int = ROUNDS,
    clock: Clock = time.perf_counter_ns,
) -> Timed:
    """Time graphs against each other.

    Args:
        graphs: Label → precision, and ONNX by the contract.
        backend: What runs them.
        frame: What they are run on.
        pixels: What the frame is.
        scale: How many times its size the graphs give.
        device: As in `SessionOptions`.
        rounds: Timed frames of each.
        clock: Monotonic nanoseconds.
    """
    width, height = frame.size
    slots: dict[str, Slot] = {}
    try:
        for label, (precision, data) in graphs.items():
            model = Model(label, data, precision, hashlib.sha256(data).hexdigest(), pixels=pixels, scale=scale)
            options = SessionOptions(height, width, precision, device=device)
            slots[label] = open_slot(get_backend(backend).open_session(model, options), (height, width), pixels, scale)
        times = _in_turn(slots, frame, pixels, scale, rounds, clock)
        provers = {label: slot.session.info.provider for label, slot in slots.items()}
    except EdgeenhError as exc:
        return Timed(backend, frame.size, {}, {}, str(exc))
    finally:
        for slot in slots.values():
            slot.close()
    return Timed(backend, frame.size, {name: statistics.median(taken) for name, taken in times.items()}, provers)


def _in_turn(
    slots: Mapping[str, Slot], frame: GoldenFrame, pixels: Pixels, scale: int, rounds: int, clock: Clock
) -> dict[str, list[float]]:
    out = np.empty(scaled_shape(frame.image.shape, scale), frame.image.dtype)
    times: dict[str, list[float]] = {name: [] for name in slots}
    for turn in range(rounds + 1):
        for name, slot in slots.items():
            started = clock()
            slot.run(frame.image, 1.0, out, pixels.bits[1])
            if turn:
                times[name].append((clock() - started) / 1e6)
    return times


def half_ms(one: bytes, other: bytes, frame: GoldenFrame) -> tuple[float, float] | None:
    """Time of a frame with two FP16 graphs on this machine's GPU in ONNX Runtime; None without one.

    On the CPU an FP16 graph is computed in FP32: its time says nothing of FP16.
    """
    if "CUDA" not in get_backend("onnxruntime").availability().devices:
        return None
    graphs = {"one": ("fp16", one), "other": ("fp16", other)}
    pixels = RGB if frame.image.dtype == np.uint8 else GREY
    medians = alternate(graphs, "onnxruntime", frame, pixels, device="cuda").milliseconds
    return (medians["one"], medians["other"]) if medians else None


def node_microseconds(model: ModelProto, frames: Sequence[GoldenFrame]) -> dict[str, float]:
    """Time of every node in ONNX Runtime on the CPU, as the graph is written, by ONNX Runtime's own profile.

    Args:
        model: Every node named; not changed.
        frames: Each is run once, after the first has warmed up; the least time of a node counts.

    Raises:
        JobFailed: It cannot be run.
    """
    library = import_onnxruntime()
    with tempfile.TemporaryDirectory(prefix="edgeenh-profile-") as folder:
        settings = library.SessionOptions()
        settings.log_severity_level = 4
        settings.graph_optimization_level = library.GraphOptimizationLevel.ORT_DISABLE_ALL
        settings.enable_profiling, settings.profile_file_prefix = True, str(Path(folder, "nodes"))
        session = library.InferenceSession(model.SerializeToString(), settings, providers=["CPUExecutionProvider"])
        for frame in (frames[0], *frames):
            run(session, [output.name for output in session.get_outputs()], fed(frame))
        events = json.loads(Path(session.end_profiling()).read_text("utf-8"))
    found: dict[str, float] = {}
    for event in events:
        name = str(event.get("name", "")).removesuffix("_kernel_time")
        if event.get("cat") == "Node" and name != event.get("name"):
            found[name] = min(found.get(name, float("inf")), float(event["dur"]))
    return found
