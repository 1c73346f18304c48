"""Target: variant `n` is at least 20 times faster than variant `seed` at 1280×720 on the same backend.

The time of a network does not depend on its weights, so `seed` has random ones; it is exported by the exporter's own code
and opened by the same backend, in FP32 like `n`. The two alternate, round by round; a round has one frame of `seed`.
"""

from __future__ import annotations

import hashlib
import statistics
import time
from pathlib import Path

import numpy as np

from edgeenh.backends import get_backend
from edgeenh.backends.base import Model, Session, SessionOptions
from edgeenh.bundle import Bundle
from edgeenh.errors import BackendUnavailable, MissingExtra
from edgeenh_bench.measure import time_run
from edgeenh_bench.targets.figures import Figure, Measurement

LIMIT = 20.0
CPU_BACKENDS = ("onnxruntime", "openvino")

Times = dict[str, list[float]]


def measure(
    model: Path | None,
    threads: int | None,
    *,
    size: tuple[int, int] = (1280, 720),
    rounds: int = 3,
    per_round: int = 10,
    backends: tuple[str, ...] = CPU_BACKENDS,
) -> Measurement:
    """Time both variants on each of `backends`; the one on which `n` is fastest decides.

    Raises:
        BackendUnavailable: No CPU backend can run here.
    """
    bundle = Bundle.shipped() if model is None else Bundle.open(model)
    models = {"n": bundle.model("fp32"), "seed": seed_model(size)}
    times: dict[str, Times] = {}
    for name in backends:
        if get_backend(name).availability().usable:
            times[name] = _alternate(name, models, size, threads, rounds, per_round)
    if not times:
        raise BackendUnavailable(f"neither of {', '.join(backends)} can run here: pip install 'edgeenh[cpu]'")
    fastest = min(times, key=lambda name: statistics.median(times[name]["n"]))
    medians = {
        name: {variant: statistics.median(values) for variant, values in both.items()} for name, both in times.items()
    }
    ratios = {name: both["seed"] / both["n"] for name, both in medians.items()}
    figure = Figure(f"n against seed on {fastest}, fp32", ratios[fastest], "times faster", at_least=LIMIT)
    return Measurement([figure], {"size": list(size), "median_ms": medians, "ratios": ratios, "raw_ms": times})


def seed_model(size: tuple[int, int]) -> Model:
    """Variant `seed` with random weights, exported in FP32 for one size.

    Raises:
        MissingExtra: The exporter's libraries are not installed.
    """
    try:
        import torch

        from edgeenh_export.graph import FrameGraph
        from edgeenh_export.onnx_writer import write_onnx
        from edgeenh_train.networks import build_generator
    except ImportError as exc:
        raise MissingExtra("the variant seed, which is exported for this,", "export") from exc
    torch.manual_seed(0)
    graph = FrameGraph(build_generator("seed", 0.5).eval(), "fp32")
    onnx = write_onnx(graph, size, {}, name="seed-random", version=1)
    return Model("seed with random weights (fp32)", onnx, "fp32", hashlib.sha256(onnx).hexdigest())


def _alternate(
    backend: str, models: dict[str, Model], size: tuple[int, int], threads: int | None, rounds: int, per_round: int
) -> Times:
    width, height = size
    options = SessionOptions(height, width, "fp32", threads, "cpu")
    sessions = {variant: get_backend(backend).open_session(model, options) for variant, model in models.items()}
    times: Times = {variant: [] for variant in sessions}
    try:
        for number in range(rounds + 1):
            for variant, session in sessions.items():
                taken = _time(session, size, per_round if variant == "n" else 1)
                times[variant] += taken if number else []  # the first round warms up
    finally:
        for session in sessions.values():
            session.close()
    return times


def _time(session: Session, size: tuple[int, int], frames: int) -> list[float]:
    random = np.random.default_rng(0)
    image = random.integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    out = np.empty_like(image)
    return [time_run(lambda _: session.run(image, 1.0, out), 0, time.perf_counter_ns) for _ in range(frames)]
