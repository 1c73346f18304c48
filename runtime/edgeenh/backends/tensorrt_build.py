"""Building TensorRT plans from ONNX: one path for `tensorrt` 10, 11 and `tensorrt_rtx`.

Flavours are told apart by what they offer (`hasattr`), never by their version. Precision lives in the graph (strong
typing); TF32 is switched off, so that fp32 means fp32. TensorRT-RTX builds on a machine without a GPU; full
TensorRT times kernels and needs the GPU it builds for. Building with TensorRT-RTX without a GPU is tested; building
on a GPU has not yet been run.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple

from edgeenh.backends.contract import INPUT, check_contract, one_line
from edgeenh.backends.onnx_file import check_onnx
from edgeenh.backends.tensorrt_monitor import Progress, run_build
from edgeenh.cuda.driver import driver_problem
from edgeenh.errors import BackendUnavailable, IntegrityError, JobFailed, MissingExtra, UsageError
from edgeenh.pixels import RGB, Pixels

BUILD_OPTIONS = "strongly typed, without TF32"
"""What every plan here is built with; a plan built otherwise is another plan."""

FLAVOURS = {"full": ("tensorrt",), "rtx": ("tensorrt_rtx", "tensorrt_rtx_bindings")}


@dataclass(slots=True)
class Timings:
    """What full TensorRT measured of kernels, in its own form; makes the next build on the same GPU faster."""

    data: bytes = b""


class Flavour(NamedTuple):
    """An importable TensorRT: its module, its name (`tensorrt` or `tensorrt_rtx`) and its exact version."""

    module: Any
    name: str
    version: str


@dataclass(frozen=True, slots=True)
class Profile:
    """The frame sizes a plan accepts, each as (width, height) in pixels; kernels are chosen for `opt`."""

    min: tuple[int, int]
    opt: tuple[int, int]
    max: tuple[int, int]

    @classmethod
    def fixed(cls, width: int, height: int) -> Profile:
        """The profile of a plan for one frame size."""
        return cls((width, height), (width, height), (width, height))

    def shapes(self, channels: int = 3) -> tuple[tuple[int, int, int, int], ...]:
        """The three shapes [1,H,W,channels] of the input `image`."""
        return tuple((1, height, width, channels) for width, height in (self.min, self.opt, self.max))

    def to_json(self) -> dict[str, list[int]]:
        """The profile as the manifest writes it."""
        return {"min": list(self.min), "opt": list(self.opt), "max": list(self.max)}


def load_flavour(name: str = "auto") -> Flavour:
    """Import a flavour of TensorRT.

    Args:
        name: `full` (package `tensorrt`), `rtx` (package `tensorrt-rtx`) or `auto`: with an NVIDIA driver full first,
            without one RTX first, since only RTX builds without a GPU.

    Raises:
        UsageError: `name` is none of the three.
        MissingExtra: The flavour is not installed; BackendUnavailable: it is installed and does not load.
    """
    if name != "auto" and name not in FLAVOURS:
        raise UsageError(f"{name!r} is no flavour of TensorRT: choose auto, full or rtx")
    order = (name,) if name != "auto" else (("rtx", "full") if driver_problem() else ("full", "rtx"))
    broken = ""
    for module_name in (module for flavour in order for module in FLAVOURS[flavour]):
        try:
            module = importlib.import_module(module_name)
        except ModuleNotFoundError as exc:
            broken = broken or ("" if exc.name == module_name else f"{module_name}: {exc}")
        except (ImportError, OSError, RuntimeError) as exc:  # OSError: one of its shared libraries is missing
            broken = broken or f"{module_name}: {exc}"
        else:
            return Flavour(module, module_name.removesuffix("_bindings"), str(module.__version__))
    if broken:
        raise BackendUnavailable(
            f"TensorRT is installed and does not load ({one_line(broken)}): install it again, or the library it names"
        )
    raise MissingExtra("TensorRT", "tensorrt" if name == "full" else "tensorrt-rtx")


def build_plan(
    trt: Any,
    onnx: bytes,
    *,
    name: str,
    profile: Profile | None,
    pixels: Pixels | None = RGB,
    compute_capabilities: Sequence[str] = (),
    progress: Progress | None = None,
    timings: Timings | None = None,
) -> bytes:
    """Build a plan from an ONNX that keeps the graph contract, or from a part of one.

    Args:
        trt: The module from `load_flavour`.
        onnx: The ONNX file's bytes; no external data.
        name: Written into the plan; comes back as the engine's name.
        profile: Accepted frame sizes; for an ONNX of fixed size None, or exactly that size.
        pixels: What its pictures are; None = it is a part of fixed shapes, and no contract is asked of it.
        compute_capabilities: Targets of TensorRT-RTX such as `8.9`; empty = every one from 8.0 that it knows. Full
            TensorRT builds for the GPU of this machine and takes none.
        progress: Told of the builder's phases; an exception it raises ends the build and is passed on, as a Ctrl-C is.
        timings: What full TensorRT measured of its kernels in earlier builds on this GPU; replaced by what it knows now.

    Returns:
        The plan's bytes, owned by the caller.

    Raises:
        IntegrityError: The bytes are not an ONNX, or it does not keep the contract.
        UsageError: The profile or the compute capabilities do not fit.
        BackendUnavailable: Building needs a GPU that is not here, or the graph holds an operator that TensorRT lacks.
        JobFailed: The builder gave up; the message has its last words.
    """
    with log_messages(trt) as messages:
        logger = process_logger(trt)
        try:
            builder = trt.Builder(logger)
        except (TypeError, RuntimeError) as exc:
            raise BackendUnavailable(
                f"the {trt.__name__} builder needs an NVIDIA GPU here ({last_message(messages, exc)}): "
                "build on the target, or use tensorrt-rtx"
            ) from exc
        network, parser = _parse(trt, builder, logger, onnx, name, pixels)
        network.name = name
        config = builder.create_builder_config()
        config.clear_flag(trt.BuilderFlag.TF32)
        config.profiling_verbosity = trt.ProfilingVerbosity.DETAILED  # so that the engine can tell its layers' types
        if pixels is not None:
            _set_profile(builder, network, config, profile)
        _set_targets(trt, config, compute_capabilities)
        _set_timings(trt, config, timings)
        plan = run_build(trt, builder, network, config, progress)
        _keep_timings(trt, config, timings)
        del parser  # the network refers to weights in the parser until it is built
        if plan is None:
            reason = last_message(messages, "it gave no reason")
            raise JobFailed(f"{trt.__name__} {trt.__version__} could not build a plan for {name}: {reason}")
        return bytes(plan)


def check_targets(trt: Any, compute_capabilities: Sequence[str]) -> dict[str, Any]:
    """The compute capabilities that this flavour knows, by number, when those asked for are among them.

    Raises:
        UsageError: One is not, or the flavour builds for the GPU of this machine only.
    """
    if not hasattr(trt, "ComputeCapability"):
        raise UsageError(f"{trt.__name__} builds for the GPU of this machine: name compute capabilities for RTX only")
    members = trt.ComputeCapability.__members__.items()  # SM89 is 8.9, SM120 is 12.0
    known = {f"{name[2:-1]}.{name[-1]}": value for name, value in members if name.startswith("SM")}
    unknown = [name for name in compute_capabilities if name not in known]
    if unknown:
        raise UsageError(
            f"{trt.__name__} {trt.__version__} does not build for compute capability {', '.join(unknown)}: "
            f"choose among {', '.join(known)}"
        )
    return known


@contextmanager
def log_messages(trt: Any) -> Iterator[list[str]]:
    """Collect what TensorRT logs at WARNING and above while the context is open: one line each, `WARNING: …`.

    TensorRT keeps one logger per process; ours writes into the lists that are open, and nothing is printed.
    """
    messages: list[str] = []
    sinks = process_logger(trt).sinks
    sinks.append(messages)
    try:
        yield messages
    finally:
        sinks[:] = [sink for sink in sinks if sink is not messages]


_LOGGERS: dict[str, Any] = {}


def process_logger(trt: Any) -> Any:
    """The process's one logger of this flavour: while a builder or runtime lives, TensorRT ignores any second one."""
    if trt.__name__ in _LOGGERS:
        return _LOGGERS[trt.__name__]
    worth_keeping = (trt.ILogger.Severity.INTERNAL_ERROR, trt.ILogger.Severity.ERROR, trt.ILogger.Severity.WARNING)

    class Logger(trt.ILogger):  # type: ignore[misc]
        def __init__(self) -> None:
            trt.ILogger.__init__(self)
            self.sinks: list[list[str]] = []

        def log(self, severity: Any, message: str) -> None:
            if severity in worth_keeping:
                for sink in self.sinks:
                    sink.append(f"{severity.name}: {one_line(message)}")

    return _LOGGERS.setdefault(trt.__name__, Logger())


def _parse(trt: Any, builder: Any, logger: Any, onnx: bytes, name: str, pixels: Pixels | None) -> tuple[Any, Any]:
    """Network and parser of an ONNX, checked against the graph contract unless it is a part of a graph."""
    check_onnx(onnx, name)
    # by name: the value of the flag moved between major versions
    network = builder.create_network(1 << int(trt.NetworkDefinitionCreationFlag.STRONGLY_TYPED))
    parser = trt.OnnxParser(network, logger)
    if not parser.parse(onnx):
        error = parser.get_error(parser.num_errors - 1)
        if error.code() == trt.ErrorCode.MODEL_DESERIALIZE_FAILED:
            raise IntegrityError(f"{name} is no ONNX file (it does not parse): export the model again")
        where = f"{error.node_operator()} {error.node_name()}".strip() or "graph"
        raise BackendUnavailable(
            f"{trt.__name__} {trt.__version__} cannot take this graph ({where}: {one_line(error.desc())}): "
            "use another backend, or export without that operator"
        )
    if pixels is None:
        return network, parser
    tensors = [network.get_input(i) for i in range(network.num_inputs)]
    tensors += [network.get_output(i) for i in range(network.num_outputs)]
    check_contract(
        {tensor.name: (tensor.dtype.name, tuple(tensor.shape)) for tensor in tensors},
        {"uint8": "UINT8", "float32": "FLOAT"},
        pixels,
    )
    return network, parser


def _set_profile(builder: Any, network: Any, config: Any, profile: Profile | None) -> None:
    image = next(network.get_input(i) for i in range(network.num_inputs) if network.get_input(i).name == INPUT)
    fixed = tuple(image.shape)
    if min(fixed) >= 0:
        if profile and set(profile.shapes(fixed[3])) != {fixed}:
            raise UsageError(
                f"the ONNX is made for {fixed[2]}x{fixed[1]} only and the profile is {profile.to_json()}: "
                "give that size, or export without --size"
            )
        return
    if profile is None:
        raise UsageError("the ONNX takes any frame size: give a profile, its smallest, usual and largest size")
    shapes = builder.create_optimization_profile()
    shapes.set_shape(INPUT, *profile.shapes(fixed[3]))
    if config.add_optimization_profile(shapes) < 0:
        raise UsageError(f"TensorRT refuses the profile {profile.to_json()}: give min ≤ opt ≤ max in width and height")


def _set_targets(trt: Any, config: Any, compute_capabilities: Sequence[str]) -> None:
    if not compute_capabilities:
        return
    known = check_targets(trt, compute_capabilities)
    config.num_compute_capabilities = len(compute_capabilities)
    for index, name in enumerate(compute_capabilities):
        config.set_compute_capability(known[name], index)


def _set_timings(trt: Any, config: Any, timings: Timings | None) -> None:
    """Give full TensorRT what it measured before; TensorRT-RTX measures nothing when it builds."""
    if timings is None or hasattr(trt, "ComputeCapability"):
        return
    for known in (timings.data, b""):  # of another version or GPU: refused, and measured again
        cache = config.create_timing_cache(known)
        if cache is not None and config.set_timing_cache(cache, ignore_mismatch=False):
            return


def _keep_timings(trt: Any, config: Any, timings: Timings | None) -> None:
    if timings is None or hasattr(trt, "ComputeCapability"):
        return
    cache = config.get_timing_cache()
    if cache is not None:
        timings.data = bytes(cache.serialize())


def last_message(messages: Sequence[str], otherwise: object) -> str:
    """The last error among what `log_messages` collected, or `otherwise`, as one line."""
    errors = [message for message in messages if not message.startswith("WARNING")]
    return errors[-1] if errors else one_line(otherwise)
