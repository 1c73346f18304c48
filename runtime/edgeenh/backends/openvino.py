"""OpenVINO on the CPU: fp32, int8 from QDQ pairs, and fp16 or bf16 where the CPU has the instructions and they are used.

The plug-in's own default precision on such CPUs is bf16, so the precision is always set, and read back layer by layer
from the compiled model; a session that is not what was asked for is refused. An fp16 session computes the graph's
fp32 islands (global means, the last clamp) in fp16 too, as the plug-in lowers the whole graph: the gate judges what
comes out.
"""

from __future__ import annotations

import functools
import importlib.metadata
import os
from typing import TYPE_CHECKING, Any

from edgeenh.backends.base import Availability, Model, Session, SessionInfo, SessionOptions
from edgeenh.backends.contract import (
    INPUT,
    OUTPUT,
    STRENGTH,
    check_contract,
    check_fixed_size,
    check_frames,
    graph_precision,
    one_line,
)
from edgeenh.backends.laps import COMPUTE, ENQUEUE, Lap, no_lap
from edgeenh.backends.libraries import import_openvino
from edgeenh.backends.onnx_file import check_onnx
from edgeenh.backends.openvino_graph import reshape_bytes
from edgeenh.errors import BackendUnavailable, InferenceFailed, IntegrityError, MissingExtra

if TYPE_CHECKING:
    from edgeenh.backends.base import GraphPicture
    from edgeenh.pixels import Pixels

NAME = "openvino"
PRECISIONS = ("fp32", "fp16", "bf16", "int8")
EXTRA = "openvino"

_HINTS = {"fp32": "f32", "fp16": "f16", "bf16": "bf16", "int8": "f32"}
_CAPABILITIES = {"fp32": "FP32", "fp16": "FP16", "bf16": "BF16", "int8": "INT8"}
_HEAVY = ("Convolution", "Deconvolution", "FullyConnected", "MatMul")


def availability() -> Availability:
    """Usable where the package is installed and its CPU plug-in loads."""
    try:
        version = importlib.metadata.version("openvino")
    except importlib.metadata.PackageNotFoundError:
        return Availability(usable=False, reason="it is not installed", fix=f"pip install 'edgeenh[{EXTRA}]'")
    try:
        name = str(_core().get_property("CPU", "FULL_DEVICE_NAME")).strip()
    except Exception as exc:  # the library has no common base for its errors
        fix = "pip install --force-reinstall openvino"
        return Availability(usable=False, version=version, reason=f"it does not load: {one_line(exc)}", fix=fix)
    return Availability(usable=True, version=version, devices=(f"CPU: {name}",))


def open_session(model: Model, options: SessionOptions) -> Session:
    """Open `model` for one frame size on the CPU; bf16 is made from the fp32 graph.

    Raises:
        BackendUnavailable: Not installed, the device is not the CPU, or the precision is not to be had.
        InputError: The model is of another fixed size.
        IntegrityError: The bytes are not a model by the graph contract.
    """
    found = availability()
    if found.version is None:
        raise MissingExtra("the backend openvino", EXTRA)
    if not found.usable:
        raise BackendUnavailable(f"openvino cannot be used ({found.reason}): {found.fix}")
    if options.device not in ("auto", "cpu"):
        raise BackendUnavailable(
            f"openvino runs on the CPU here and {options.device} was asked for: choose --device cpu"
        )
    _check_precision(model, options.precision)
    check_onnx(model.onnx, model.name)
    return _open(_read(model), model, options, found.version)


def open_ir(xml: bytes, weights: bytes, model: Model, options: SessionOptions) -> Session:
    """Open OpenVINO's own form of `model`, as `edgeenh export --openvino` writes it; for judging it, not for stations.

    Args:
        xml: The graph.
        weights: The content of the `.bin` file beside it.
        model: What it was made from: contract, precision and digest are those of this.
        options: As in `open_session`.

    Raises:
        BackendUnavailable, InputError, IntegrityError: As `open_session`.
    """
    found = availability()
    if found.version is None:
        raise MissingExtra("the backend openvino", EXTRA)
    try:
        graph = _core().read_model(xml, weights)
    except Exception as exc:  # the library has no common base for its errors
        raise IntegrityError(f"openvino cannot read the IR of {model.name} again: {one_line(exc)}") from exc
    return _open(graph, model, options, found.version)


def offered() -> tuple[str, ...]:
    """The precisions that this CPU has instructions for, by OpenVINO's account."""
    capabilities = _core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    return tuple(precision for precision, name in _CAPABILITIES.items() if name in capabilities)


def _open(graph: Any, model: Model, options: SessionOptions, version: str) -> Session:
    threads = options.threads or len(os.sched_getaffinity(0))
    compiled = _compile(graph, model, options, threads)
    info = SessionInfo(
        backend=NAME,
        provider=f"CPU plug-in, {_proven(compiled, options.precision)}",
        device=f"CPU ({compiled.get_property('INFERENCE_NUM_THREADS')} threads)",
        precision=options.precision,
        version=version,
        engine_sha256=model.sha256,
    )
    return OpenVinoSession(compiled, info, options, model.pixels, model.scale)


class OpenVinoSession:
    """A session for one frame size. The plug-in reads `image` and writes `out` in place; nothing is kept.

    Attributes:
        lap: Told the parts of every run (`edgeenh.backends.laps`).
    """

    def __init__(
        self, compiled: Any, info: SessionInfo, options: SessionOptions, pixels: Pixels, scale: int = 1
    ) -> None:
        import numpy as np

        self._tensor = import_openvino().Tensor
        self._request = compiled.create_infer_request()
        self._info = info
        self.lap: Lap = no_lap
        self._shape, self._dtype = pixels.shape(options.height, options.width), pixels.dtype
        self._scale = scale
        self._strength = np.zeros(1, np.float32)
        self._request.set_tensor(STRENGTH, self._tensor(self._strength, shared_memory=True))

    @property
    def info(self) -> SessionInfo:
        """What the session really uses."""
        return self._info

    def run(self, image: GraphPicture, strength: float, out: GraphPicture) -> None:
        """Enhance one frame (see `edgeenh.backends.base.Session.run`)."""
        if self._request is None:
            raise InferenceFailed("this openvino session is closed: open another")
        check_frames(image, out, self._shape, self._dtype, self._scale)
        self._strength[0] = strength
        try:
            self._request.set_tensor(INPUT, self._tensor(image[None], shared_memory=True))
            self._request.set_tensor(OUTPUT, self._tensor(out[None], shared_memory=True))
            self.lap(ENQUEUE)
            self._request.infer()
            self.lap(COMPUTE)
        except Exception as exc:  # the library has no common base for its errors
            raise InferenceFailed(f"openvino failed on a frame: {one_line(exc)}") from exc

    def close(self) -> None:
        """Give back the library's memory; closing twice is allowed."""
        self._request = None


@functools.cache
def _core() -> Any:
    """The process's one core: making another takes 20 ms."""
    return import_openvino().Core()


def _check_precision(model: Model, precision: str) -> None:
    if graph_precision(precision) != model.onnx_precision:
        raise BackendUnavailable(
            f"{precision} is made from the {graph_precision(precision)} graph and {model.name} is "
            f"{model.onnx_precision}: choose --precision {model.onnx_precision}"
        )
    offered = _core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    if _CAPABILITIES[precision] not in offered:
        raise BackendUnavailable(
            f"this CPU has no {precision} arithmetic (openvino offers {', '.join(sorted(offered))}): "
            "choose --precision fp32"
        )


def _read(model: Model) -> Any:
    try:
        return _core().read_model(model.onnx)
    except Exception as exc:  # the library has no common base for its errors
        raise IntegrityError(f"openvino cannot load {model.name}: {one_line(exc)}: export the model again") from exc


def _compile(graph: Any, model: Model, options: SessionOptions, threads: int) -> Any:
    _check_graph(graph, model, options)
    settings = {
        "PERFORMANCE_HINT": "LATENCY",
        "INFERENCE_NUM_THREADS": threads,
        "INFERENCE_PRECISION_HINT": _HINTS[options.precision],
    }
    try:
        reshape_bytes(graph)
        graph.reshape({INPUT: [1, *model.pixels.shape(options.height, options.width)], STRENGTH: [1]})
        return _core().compile_model(graph, "CPU", settings)
    except Exception as exc:
        raise BackendUnavailable(
            f"openvino cannot compile {model.name} for {options.width}x{options.height}: {one_line(exc)}: "
            "choose another --backend"
        ) from exc


def _check_graph(graph: Any, model: Model, options: SessionOptions) -> None:
    ports = [(port.get_any_name(), port) for port in (*graph.inputs, *graph.outputs)]
    shapes = {
        name: [side.get_length() if side.is_static else -1 for side in port.partial_shape]
        for name, port in ports
        if port.partial_shape.rank.is_static
    }
    check_contract(
        {name: (port.element_type.get_type_name(), shapes.get(name, [])) for name, port in ports},
        {"uint8": "u8", "float32": "f32"},
        model.pixels,
    )
    check_fixed_size(shapes[INPUT], options.height, options.width)


def _proven(compiled: Any, precision: str) -> str:
    """How many of the heavy layers run in `precision`, read back from the compiled model.

    The plug-in may leave single layers in fp32 (transposed convolutions, in bf16), which is more exact; it may put none
    in anything else, and every plain convolution must be in `precision`.

    Raises:
        BackendUnavailable: The precision is not what the plug-in executes.
    """
    layers = [
        (str(node.get_rt_info()["layerType"].value), str(node.get_rt_info()["runtimePrecision"].value))
        for node in compiled.get_runtime_model().get_ops()
    ]
    if precision == "int8":
        return _proven_int8(layers)
    asked = _HINTS[precision]
    heavy = [found for kind, found in layers if kind in _HEAVY]
    convolutions = {found for kind, found in layers if kind == "Convolution"}
    foreign = {found for _, found in layers} & ({"f16", "bf16"} - {asked})
    if foreign or convolutions - {asked} or (precision != "fp32" and asked not in heavy):
        found_text = ", ".join(f"{heavy.count(name)} in {name}" for name in sorted(set(heavy)))
        raise BackendUnavailable(
            f"openvino was asked for {precision} and executes {len(heavy)} heavy layers {found_text}: "
            "choose --precision fp32"
        )
    return f"{heavy.count(asked)} of {len(heavy)} heavy layers in {asked}"


def _proven_int8(layers: list[tuple[str, str]]) -> str:
    """How many of the heavy layers take 8-bit features; what is between them may be in anything.

    Raises:
        BackendUnavailable: Less than half of them.
    """
    heavy = [found for kind, found in layers if kind in _HEAVY]
    in_int8 = sum(found in ("u8", "i8") for found in heavy)
    if not in_int8 or 2 * in_int8 < len(heavy):
        raise BackendUnavailable(
            f"openvino executes {in_int8} of {len(heavy)} heavy layers of the INT8 graph in int8, expected at least half: "
            "it would be int8 in name only; choose --precision fp32"
        )
    return f"{in_int8} of {len(heavy)} heavy layers in int8"
