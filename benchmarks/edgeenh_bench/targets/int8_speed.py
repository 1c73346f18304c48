"""Target: INT8 reaches ≥ 42 dB and ≥ 1.5 times the FP32 speed on a CPU with VNNI, each on its best CPU backend, in one run.

Calibrated on one half of the frames of the clip, judged on the other half and on the golden frames; timed in turn with FP32.
For grey, which no clip of the project is in, the clip's lightness calibrates and the golden radiographs judge beside it.
On a CPU without VNNI the speed is for information: 8-bit multiply-adds are what the ratio stands on. `n` is bound by work at
full resolution that no INT8 makes faster; `seed` and heavy foreign models are where it pays.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from edgeenh.bundle import Bundle
from edgeenh.environment import cpu_flags
from edgeenh.errors import MissingExtra
from edgeenh.pixels import RGB, Pixels
from edgeenh_bench.targets.figures import CLIP, Figure, Measurement

if TYPE_CHECKING:
    from edgeenh.pixels import Levels

LEAST_PSNR_DB, LEAST_RATIO = 42.0, 1.5
VNNI = {"avx_vnni", "avx512_vnni", "amx_int8", "i8mm", "asimddp"}


def measure(
    model: Path | None,
    threads: int | None,
    *,
    size: tuple[int, int] = (640, 352),
    pictures: int = 16,
    variants: tuple[str, ...] = ("bundle", "seed"),
) -> Measurement:
    """Quantise, judge and time the bundle's FP32 graph and, for colour, variant `seed` with random weights.

    Raises:
        MissingExtra: The exporter's libraries are not installed.
    """
    del threads  # all cores, as a station uses them
    try:
        from edgeenh_export.golden import GoldenFrame, fit, shipped_frames
    except ImportError as exc:
        raise MissingExtra("quantising, which the exporter does,", "export") from exc
    bundle = Bundle.shipped() if model is None else Bundle.open(model)
    graphs: dict[str, Callable[[], bytes]] = {
        "bundle": lambda: bytes(bundle.model("fp32").onnx),
        "seed": lambda: _seed(size),
    }
    pixels = bundle.manifest.pixels
    clip = [GoldenFrame(f"clip-{index}", fit(image, size)) for index, image in enumerate(_clip(2 * pictures, pixels))]
    golden = [GoldenFrame(frame.name, fit(frame.image, size)) for frame in shipped_frames(pixels)]
    has_vnni = not VNNI.isdisjoint(cpu_flags())
    figures, details = [], dict[str, Any](vnni=has_vnni)
    for name in variants if pixels == RGB else variants[:1]:
        found, worth = _one(graphs[name](), clip[::2], [*golden, *clip[1::8]], pixels)
        after = 150.0 if found.outcome.after_db is None else found.outcome.after_db
        figures.append(Figure(f"INT8 of {name}: lowest PSNR against FP32", after, "dB", at_least=LEAST_PSNR_DB))
        least = LEAST_RATIO if has_vnni else None
        figures.append(
            Figure(f"INT8 of {name}: speed against FP32", worth.ratio or float("nan"), "times", at_least=least)
        )
        details[name] = {"search": found.to_json(), "times": worth.to_json()}
    return Measurement(figures, details)


def _one(fp32: bytes, calibration: Any, frames: Any, pixels: Pixels) -> Any:
    from edgeenh.drift import Thresholds
    from edgeenh_export.execute import OnnxRunner
    from edgeenh_export.precision.int8 import search_int8, worth

    with OnnxRunner(fp32, "fp32", "the FP32 graph", pixels) as run:
        references = [run(frame.image) for frame in frames]
    found = search_int8(fp32, calibration, frames, references, Thresholds(LEAST_PSNR_DB, 0.98), pixels, _silent)
    return found, worth({"fp32": fp32, "int8": found.onnx}, frames[0], pixels)


def _silent(line: str) -> None:
    """Hear no progress."""
    del line


def _seed(size: tuple[int, int]) -> bytes:
    import torch

    from edgeenh_export.graph import FrameGraph
    from edgeenh_export.onnx_writer import write_onnx
    from edgeenh_train.networks import build_generator

    torch.manual_seed(0)
    generator = build_generator("seed", 0.5).eval().requires_grad_(requires_grad=False)
    for parameter in generator.head.parameters():
        parameter.normal_(0, 0.02)  # it begins at 0, and would change nothing
    return write_onnx(FrameGraph(generator, "fp32"), size, {}, name="seed-random", version=1)


def _clip(count: int, pixels: Pixels) -> list[Levels]:
    """Frames of the clip, evenly spread, as golden frames have their values: RGB, or their lightness in 16 bits."""
    import cv2

    capture = cv2.VideoCapture(str(CLIP))
    total = int(capture.get(cv2.CAP_PROP_FRAME_COUNT))
    frames: list[Levels] = []
    for index in range(total):
        read, frame = capture.read()
        if read and len(frames) < count and index * count >= len(frames) * total:
            frames.append(np.ascontiguousarray(frame[..., ::-1]) if pixels == RGB else _grey(frame))
    capture.release()
    return frames


def _grey(frame: Levels) -> Levels:
    import cv2

    return cv2.cvtColor(frame, cv2.COLOR_BGR2GRAY).astype(np.uint16)[..., None] * np.uint16(257)  # 255 becomes 65535
