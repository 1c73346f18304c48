"""What an FP16 graph gives where FP16 is really stored: every result and weight of that type rounded to it.

ONNX Runtime's CPU kernels compute an FP16 graph in FP32 and would hide what a GPU does; only the order of a GPU's sums is
not in this.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import ModelProto, TensorProto

from edgeenh.backends.contract import INPUT, OUTPUT, STRENGTH, one_line
from edgeenh.backends.libraries import import_onnxruntime
from edgeenh.errors import JobFailed
from edgeenh.pixels import to_unit
from edgeenh_export.explain.surgery import fixed, rounded_to, shown, widened

if TYPE_CHECKING:
    from edgeenh.backends.base import GraphPicture
    from edgeenh.pixels import Pixels
    from edgeenh_export.golden import GoldenFrame

_ENDS = {"Cast", "Round", "Clip"}
"""What a graph by the contract ends with: a NaN goes in and a number may come out."""


def stored_in_half(half: bytes, frames: Iterable[GoldenFrame], pixels: Pixels) -> Iterator[NDArray[Any]]:
    """Run an FP16 graph by the contract at strength 1, one frame after another.

    Returns:
        Float32 [H,W,C] each, on the frames' scale, before the last clamp; NaN where the graph holds one there.

    Raises:
        JobFailed: ONNX Runtime cannot run it.
    """
    sessions: dict[tuple[int, ...], tuple[Any, str]] = {}
    model = onnx.load_model_from_string(half)
    steps = np.float32(pixels.top / pixels.scale)  # 1 for colour, whose graph stands on the frames' scale
    for frame in frames:
        feeds = fed(frame)
        if frame.image.shape not in sessions:
            sessions[frame.image.shape] = _session(model, feeds)
        session, name = sessions[frame.image.shape]
        yield run(session, [name], feeds)[0][0].astype(np.float32) * steps


def fed(frame: GoldenFrame) -> dict[str, GraphPicture]:
    """A golden frame as a graph takes it, at full strength."""
    image = frame.image if frame.image.dtype == np.uint8 else to_unit(frame.image, 16)
    return {INPUT: image[None], STRENGTH: np.ones(1, np.float32)}


def open_exact(model: ModelProto, *, optimised: bool = False) -> Any:
    """An ONNX Runtime session on the CPU that runs a graph as it is written, unless it is `optimised`.

    Raises:
        JobFailed: It cannot be loaded.
    """
    library = import_onnxruntime()
    settings = library.SessionOptions()
    settings.log_severity_level = 4
    settings.intra_op_num_threads = len(os.sched_getaffinity(0))
    settings.add_session_config_entry("session.intra_op.allow_spinning", "0")
    if not optimised:
        settings.graph_optimization_level = library.GraphOptimizationLevel.ORT_DISABLE_ALL
    try:
        return library.InferenceSession(model.SerializeToString(), settings, providers=["CPUExecutionProvider"])
    except Exception as exc:  # the library has no common base for its errors
        raise JobFailed(f"ONNX Runtime cannot load a candidate of the search: {one_line(exc)}") from exc


def run(session: Any, names: list[str], feeds: dict[str, GraphPicture]) -> list[NDArray[Any]]:
    """Outputs by name.

    Raises:
        JobFailed: It cannot be run.
    """
    try:
        return list(session.run(names, feeds))
    except Exception as exc:  # the library has no common base for its errors
        raise JobFailed(f"ONNX Runtime cannot run a candidate of the search: {one_line(exc)}") from exc


def _session(model: ModelProto, feeds: dict[str, GraphPicture]) -> tuple[Any, str]:
    narrow = fixed(model, feeds)
    types = {value.name: value.type.tensor_type.elem_type for value in narrow.graph.value_info}
    types |= {tensor.name: tensor.data_type for tensor in narrow.graph.initializer}
    half = {name for name, kind in types.items() if kind == TensorProto.FLOAT16}
    rounded = rounded_to(widened(narrow, ModelProto()), TensorProto.FLOAT16, half)
    makers = {output: node for node in rounded.graph.node for output in node.output}
    name = OUTPUT
    while (node := makers.get(name)) is not None and node.op_type in _ENDS:
        name = node.input[0]
    return open_exact(shown(rounded, [name])), name
