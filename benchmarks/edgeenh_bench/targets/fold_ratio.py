"""Target: folding makes the exported FP32 graph ≥ 15 % faster than the unfolded one on ONNX Runtime's CPU, or it is not worth having.

The time of a network does not depend on its weights, so both variants have random ones. Folded and unfolded graph alternate
in one run. ONNX Runtime folds batch norms behind convolutions by itself; what is left to ours are the parallel 5×5 and 7×7
of the Global Attention Modules, and the norms that it does not see.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from edgeenh.errors import MissingExtra
from edgeenh_bench.targets.figures import Figure, Measurement

if TYPE_CHECKING:
    from edgeenh_export.golden import GoldenFrame

LEAST_GAIN = 1.15
SIZES = {"n": (1280, 720), "seed": (320, 192)}
"""Variant → width and height; `seed` works at full resolution, and its ratio is that of any size."""


def measure(
    model: Path | None, threads: int | None, *, sizes: dict[str, tuple[int, int]] = SIZES, rounds: int = 25
) -> Measurement:
    """Time both graphs of both variants.

    Raises:
        MissingExtra: The exporter's libraries are not installed.
    """
    del model, threads  # the networks are made here; all cores, as a station uses them
    try:
        from edgeenh_export.precision.timing import alternate
    except ImportError as exc:
        raise MissingExtra("the folded and unfolded graphs, which are exported for this,", "export") from exc
    figures, details = [], {}
    for variant, size in sizes.items():
        timed = alternate(_graphs(variant, size), "onnxruntime", _frame(size), rounds=rounds)
        details[variant] = timed.to_json()
        ratio = timed.milliseconds.get("unfolded", float("nan")) / timed.milliseconds.get("folded", float("nan"))
        figures.append(Figure(f"unfolded against folded, variant {variant}", ratio, "times", at_least=LEAST_GAIN))
    return Measurement(figures, details)


def _graphs(variant: str, size: tuple[int, int]) -> dict[str, tuple[str, bytes]]:
    import torch

    from edgeenh_export.fold import fold
    from edgeenh_export.graph import FrameGraph
    from edgeenh_export.onnx_writer import write_onnx
    from edgeenh_train.networks import build_generator

    torch.manual_seed(0)
    generator = build_generator(variant, 0.5).eval()
    networks = {"unfolded": generator, "folded": fold(generator)}
    return {
        name: ("fp32", write_onnx(FrameGraph(network, "fp32"), size, {}, name=variant, version=1))
        for name, network in networks.items()
    }


def _frame(size: tuple[int, int]) -> GoldenFrame:
    from edgeenh_export.golden import GoldenFrame, fit, shipped_frames

    return GoldenFrame("golden", fit(shipped_frames()[0].image, size))
