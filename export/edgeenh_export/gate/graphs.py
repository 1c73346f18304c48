"""Judging a graph that was written: in ONNX Runtime, on the golden frames, by the gate that everybody uses."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
import onnx
from onnx import ModelProto

from edgeenh.backends.contract import INPUT, OUTPUT, STRENGTH, one_line
from edgeenh.backends.libraries import import_onnxruntime
from edgeenh.drift import Thresholds
from edgeenh.errors import GateFailed, JobFailed
from edgeenh.gate import probe, run_gate
from edgeenh.pixels import RGB, Pixels
from edgeenh_export.execute import BACKEND, OnnxRunner
from edgeenh_export.gate.checks import Judged
from edgeenh_export.gate.precision import arithmetic_of
from edgeenh_export.golden import GoldenFrame
from edgeenh_export.options import Size

if TYPE_CHECKING:
    from edgeenh.pixels import Levels

SELF_TEST_SIZE: Size = (256, 256)
"""Width and height of the self-test's frames for a graph of any size: all values of grey fit into one."""

_LAST = {"Cast", "Clip", "Round", "Min", "Max", "Transpose", "Identity"}
"""Operators that a graph may end with, and that turn a NaN into a number or only carry it."""


def judge_graph(
    onnx_bytes: bytes,
    precision: str,
    frames: Sequence[GoldenFrame],
    references: Sequence[Levels],
    thresholds: Thresholds,
    pixels: Pixels = RGB,
    *,
    cap: float,
    fixed: Size | None = None,
    scale: int = 1,
) -> tuple[Judged, list[Levels]]:
    """Judge a graph by the graph contract on ONNX Runtime's CPU provider.

    Args:
        onnx_bytes: The file's bytes.
        precision: What it is called: `fp32`, `fp16` or `int8`.
        frames: The golden frames.
        references: What it is judged against, one for each.
        thresholds: What each picture must reach.
        pixels: What its pictures are.
        cap: Largest change of a value at strength 1, where 1 is the full range.
        fixed: The only (width, height) that it takes; None = any.
        scale: How many times the frame's size it gives.

    Returns:
        The verdict, passed or not, and what the graph made of the frames.

    Raises:
        GateFailed: It holds a value that is not finite.
        JobFailed, IntegrityError: It cannot be run.
    """
    outputs: dict[str, Levels] = {}
    width, height = fixed or SELF_TEST_SIZE
    name = f"the {precision.upper()} graph"
    with OnnxRunner(onnx_bytes, precision, name, pixels, scale) as run:

        def golden() -> Iterator[tuple[str, Levels, Levels]]:
            for frame, reference in zip(frames, references, strict=True):
                yield frame.name, frame.image, reference

        def enhance(image: Levels, strength: float) -> Levels:
            made = run(image, strength)
            outputs.update({frame.name: made for frame in frames if frame.image is image})
            return made

        verdict = run_gate(enhance, golden(), thresholds, pixels, cap=cap, size=(height, width), scale=scale)
    made = [outputs[frame.name] for frame in frames]
    determinism = probe(lambda: OnnxRunner(onnx_bytes, precision, name, pixels, scale), _of_one_size(frames))
    check_finite(onnx_bytes, name, frames, pixels)
    return Judged(precision, BACKEND, verdict, arithmetic_of(onnx_bytes), determinism), made


def _of_one_size(frames: Sequence[GoldenFrame]) -> list[Levels]:
    """The first frame, and another of its size where there is one, so that something lies between."""
    return [frame.image for frame in frames if frame.size == frames[0].size][:2]


def check_finite(onnx_bytes: bytes, name: str, frames: Sequence[GoldenFrame], pixels: Pixels = RGB) -> None:
    """Prove that what a graph holds before its last cast is finite: as a uint8 a NaN is a number like any other.

    Raises:
        GateFailed: It is not; the message names the picture, and how many values.
        JobFailed: ONNX Runtime cannot run it.
    """
    if pixels != RGB:
        return  # a float graph shows its values; every run of one is checked
    model, before = _without_cast(onnx.load_model_from_string(onnx_bytes))
    onnxruntime = import_onnxruntime()
    settings = onnxruntime.SessionOptions()
    settings.log_severity_level = 4
    try:
        session = onnxruntime.InferenceSession(model.SerializeToString(), settings, providers=["CPUExecutionProvider"])
        for frame in frames:
            values = session.run([before], {INPUT: frame.image[None], STRENGTH: np.ones(1, np.float32)})[0]
            wrong = int(values.size - np.count_nonzero(np.isfinite(values)))
            if wrong:
                raise GateFailed(
                    f"{frame.name}: {name} holds {wrong} values that are not finite (NaN or infinity) before its last cast, "
                    "expected none: no tolerance passes this; export with --fp32, or choose another model"
                )
    except GateFailed:
        raise
    except Exception as exc:  # the library has no common base for its errors
        raise JobFailed(f"{name} cannot be looked into: {one_line(exc)}") from exc


def _without_cast(model: ModelProto) -> tuple[ModelProto, str]:
    """The model with one output more, what it holds before it clamps, rounds and casts; and that output's name."""
    makers = {output: node for node in model.graph.node for output in node.output}
    name = OUTPUT
    while (node := makers.get(name)) is not None and node.op_type in _LAST:
        name = node.input[0]
    value = model.graph.output.add()
    value.name = name
    return model, name
