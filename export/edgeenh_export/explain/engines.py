"""Engines that run any ONNX and show what it gives: not the sessions of the runtime, which take the graph contract only."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from onnx import ModelProto, TensorProto

from edgeenh.backends.contract import one_line
from edgeenh.backends.libraries import import_onnxruntime, import_openvino
from edgeenh.errors import BackendUnavailable, JobFailed, MissingExtra, UsageError
from edgeenh_export.explain.surgery import Values

BACKENDS = {
    "onnxruntime": ("fp32", "fp16", "int8"),
    "openvino": ("fp32", "fp16", "bf16", "int8"),
    "tensorrt": ("fp32", "fp16"),
}
"""Backend that can be explained → its precisions."""

_HINTS = {"fp32": ("f32", "FP32"), "fp16": ("f16", "FP16"), "bf16": ("bf16", "BF16"), "int8": ("f32", "INT8")}


class Engine(Protocol):
    """Runs a model once.

    Attributes:
        name: What messages call it.
        lowers_to: The type that it computes everything in, whatever the graph says; None = what the graph says.
    """

    name: str
    lowers_to: int | None

    def run(self, model: ModelProto, feeds: Values) -> dict[str, NDArray[Any]]:
        """Every output of `model` by name.

        Raises:
            JobFailed: The library cannot load or run it.
        """
        ...


def open_engine(backend: str, precision: str) -> Engine:
    """The engine under suspicion.

    Raises:
        UsageError: There is none of that name, or not in that precision.
        BackendUnavailable: It is not installed, this CPU has no such arithmetic, or there is no GPU.
    """
    if precision not in BACKENDS.get(backend, ()):
        known = "; ".join(f"{name} {', '.join(precisions)}" for name, precisions in BACKENDS.items())
        raise UsageError(f"--explain cannot look into {backend} {precision}, expected one of: {known}")
    if backend == "tensorrt":
        from edgeenh_export.explain.tensorrt_engine import TensorRtEngine

        return TensorRtEngine()
    return OnnxRuntimeEngine(optimised=True) if backend == "onnxruntime" else OpenVinoEngine(precision)


class OnnxRuntimeEngine:
    """ONNX Runtime on the CPU, one thread.

    Args:
        optimised: As it runs in production; False = node by node as the graph is written, which is the reference.
    """

    lowers_to: int | None = None

    def __init__(self, *, optimised: bool) -> None:
        self.name = "onnxruntime" if optimised else "onnxruntime without optimisation"
        self._optimised = optimised

    def run(self, model: ModelProto, feeds: Values) -> dict[str, NDArray[Any]]:
        """See `Engine.run`."""
        try:
            library = import_onnxruntime()
        except ImportError as exc:
            raise MissingExtra("--explain", "export") from exc
        settings = library.SessionOptions()
        settings.log_severity_level, settings.intra_op_num_threads = 4, 1
        levels = library.GraphOptimizationLevel
        settings.graph_optimization_level = levels.ORT_ENABLE_ALL if self._optimised else levels.ORT_DISABLE_ALL
        try:
            session = library.InferenceSession(model.SerializeToString(), settings, providers=["CPUExecutionProvider"])
            names = [output.name for output in session.get_outputs()]
            read = {value.name: feeds[value.name] for value in session.get_inputs()}
            return dict(zip(names, session.run(names, read), strict=True))
        except Exception as exc:  # the library has no common base for its errors
            raise JobFailed(f"{self.name} cannot run a part of the graph: {one_line(exc)}") from exc


class OpenVinoEngine:
    """OpenVINO on the CPU, one thread, the precision always set.

    Args:
        precision: `fp32`, `fp16`, `bf16` or `int8`.

    Raises:
        BackendUnavailable: Not installed, or this CPU has no such arithmetic.
    """

    def __init__(self, precision: str) -> None:
        self.name = f"openvino {precision}"
        self.lowers_to: int | None = {"fp16": TensorProto.FLOAT16, "bf16": TensorProto.BFLOAT16}.get(precision)
        try:
            self._library = import_openvino()
        except ImportError as exc:
            raise MissingExtra("--explain with --backend openvino", "openvino") from exc
        self._core = self._library.Core()
        self._hint, capability = _HINTS[precision]
        offered = self._core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")
        if capability not in offered:
            raise BackendUnavailable(
                f"this CPU has no {precision} arithmetic (openvino offers {', '.join(sorted(offered))}): "
                "give --precision fp32, or run it where the engine was wrong"
            )

    def run(self, model: ModelProto, feeds: Values) -> dict[str, NDArray[Any]]:
        """See `Engine.run`."""
        settings = {"INFERENCE_NUM_THREADS": 1, "INFERENCE_PRECISION_HINT": self._hint}
        try:
            compiled = self._core.compile_model(self._core.read_model(model.SerializeToString()), "CPU", settings)
            given = {port.get_any_name(): np.ascontiguousarray(feeds[port.get_any_name()]) for port in compiled.inputs}
            results = compiled(given)
        except Exception as exc:
            raise JobFailed(f"{self.name} cannot run a part of the graph: {one_line(exc)}") from exc
        ordered = zip(model.graph.output, compiled.outputs, strict=True)
        return {value.name: np.array(results[port]) for value, port in ordered}
