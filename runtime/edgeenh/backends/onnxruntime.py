"""ONNX Runtime: the CPU backend that runs everywhere, and CUDA where `onnxruntime-gpu` and a driver are present.

Precision is that of the graph. On x86-64 CPUs ONNX Runtime has no fp16 convolutions: it computes an fp16 graph in fp32
with fp16 weights, and `SessionInfo.provider` says so. An int8 graph holds QDQ pairs, on the CPU only; what the library made
of them is read back from the graph that it executes. CUDA has not yet been run.
"""

from __future__ import annotations

import importlib.metadata
import os
import platform
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgeenh.backends.base import LARGE_FRAME, Availability, Model, Session, SessionInfo, SessionOptions
from edgeenh.backends.contract import INPUT, OUTPUT, STRENGTH, check_contract, check_fixed_size, check_frames, one_line
from edgeenh.backends.laps import COMPUTE, COPY_IN, ENQUEUE, Lap, no_lap
from edgeenh.backends.libraries import import_onnxruntime
from edgeenh.backends.onnx_file import check_onnx
from edgeenh.backends.onnx_int8 import proven_int8
from edgeenh.cuda.driver import device_names, driver_fix, driver_problem
from edgeenh.cuda.sticky import inference_failure
from edgeenh.errors import BackendUnavailable, EdgeenhError, InferenceFailed, IntegrityError, MissingExtra
from edgeenh.pixels import scaled_shape

if TYPE_CHECKING:
    from edgeenh.backends.base import GraphPicture
    from edgeenh.pixels import Pixels

NAME = "onnxruntime"
PRECISIONS = ("fp32", "fp16", "int8")
EXTRA = "cpu"

_CPU = "CPUExecutionProvider"
_CUDA = "CUDAExecutionProvider"
_PACKAGES = ("onnxruntime", "onnxruntime-gpu")  # both install the module `onnxruntime`


def availability() -> Availability:
    """Usable where exactly one of its two packages is installed; `devices` names CUDA only if a driver answers."""
    installed = _installed()
    if len(installed) > 1:
        return Availability(
            usable=False,
            version=" and ".join(installed.values()),
            reason="onnxruntime and onnxruntime-gpu are both installed and overwrite each other",
            fix="pip uninstall -y onnxruntime onnxruntime-gpu && pip install 'edgeenh[cpu]' (or 'edgeenh[gpu]')",
        )
    try:
        onnxruntime = import_onnxruntime()
    except (ImportError, OSError) as exc:
        if not installed:
            return Availability(usable=False, reason="it is not installed", fix=f"pip install 'edgeenh[{EXTRA}]'")
        package, version = installed.popitem()
        fix = f"pip install --force-reinstall {package}"
        return Availability(usable=False, version=version, reason=f"it does not load: {one_line(exc)}", fix=fix)
    cuda = _CUDA in onnxruntime.get_available_providers() and not driver_problem()
    return Availability(usable=True, version=onnxruntime.__version__, devices=("CUDA", "CPU") if cuda else ("CPU",))


def open_session(model: Model, options: SessionOptions) -> Session:
    """Open `model` for one frame size; the device `auto` is CUDA where it is available, else the CPU.

    Raises:
        BackendUnavailable: Not installed, or the precision or device asked for cannot be given.
        InputError: The model is of another fixed size.
        IntegrityError: The bytes are not a model by the graph contract.
    """
    found = availability()
    if not found.usable:
        if found.version is None:
            raise MissingExtra("the backend onnxruntime", EXTRA)
        raise BackendUnavailable(f"onnxruntime cannot be used ({found.reason}): {found.fix}")
    if options.precision != model.onnx_precision:
        raise BackendUnavailable(
            f"onnxruntime runs a graph in the precision it was exported in: {model.name} is {model.onnx_precision} and "
            f"{options.precision} was asked for: choose --precision {model.onnx_precision}"
        )
    provider = _provider(options.device, found)
    if options.precision == "int8" and provider == _CUDA:
        if options.device == "cuda":
            raise BackendUnavailable(
                "onnxruntime runs int8 on the CPU only here: choose --device cpu, or --precision fp16"
            )
        provider = _CPU
    threads = options.threads or len(os.sched_getaffinity(0))
    session, proof = _load(model, options, provider, threads)
    info = _info(model, found, provider, threads, proof)
    return OnnxRuntimeSession(session, info, options, model.pixels, model.scale)


class OnnxRuntimeSession:
    """A session for one frame size. The library reads `image` and writes `out` in place; nothing is kept.

    Attributes:
        lap: Told the parts of every run (`edgeenh.backends.laps`).
    """

    def __init__(
        self, session: Any, info: SessionInfo, options: SessionOptions, pixels: Pixels, scale: int = 1
    ) -> None:
        import numpy as np

        self._session = session
        self._binding = session.io_binding()
        self._info = info
        self.lap: Lap = no_lap
        self._bound = COPY_IN if info.provider.startswith(_CUDA) else ENQUEUE  # binding copies to a GPU at once
        self._shape, self._dtype = pixels.shape(options.height, options.width), pixels.dtype
        self._scale, self._out_shape = scale, (1, *scaled_shape(self._shape, scale))
        self._strength = np.full(1, np.nan, np.float32)
        self._element = np.dtype(pixels.dtype).type

    @property
    def info(self) -> SessionInfo:
        """What the session really uses."""
        return self._info

    def run(self, image: GraphPicture, strength: float, out: GraphPicture) -> None:
        """Enhance one frame (see `edgeenh.backends.base.Session.run`)."""
        if self._session is None:
            raise InferenceFailed("this onnxruntime session is closed: open another")
        check_frames(image, out, self._shape, self._dtype, self._scale)
        try:
            self._bind_strength(strength)
            self._binding.bind_input(INPUT, "cpu", 0, self._element, (1, *self._shape), image.ctypes.data)
            self._binding.bind_output(OUTPUT, "cpu", 0, self._element, self._out_shape, out.ctypes.data)
            self.lap(self._bound)
            self._session.run_with_iobinding(self._binding)
            self.lap(COMPUTE)
        except Exception as exc:  # the library has no common base for its errors
            raise inference_failure(f"onnxruntime failed on a frame: {one_line(exc)}") from exc

    def _bind_strength(self, strength: float) -> None:
        """Bound again for every other value: for a GPU the library copies what is bound at that moment, and never looks again."""
        if self._strength[0] != strength:
            self._strength[0] = strength
            self._binding.bind_input(STRENGTH, "cpu", 0, self._strength.dtype.type, (1,), self._strength.ctypes.data)

    def close(self) -> None:
        """Give back the library's memory; closing twice is allowed."""
        self._binding = self._session = None


def _installed() -> dict[str, str]:
    """Package name → version of those of `_PACKAGES` that are installed."""
    versions = {}
    for package in _PACKAGES:
        try:
            versions[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return versions


def _provider(device: str, found: Availability) -> str:
    """The execution provider for a device, refused rather than replaced."""
    if device == "cpu" or (device == "auto" and "CUDA" not in found.devices):
        return _CPU
    if "CUDA" in found.devices:
        return _CUDA
    if problem := driver_problem():
        raise BackendUnavailable(f"onnxruntime cannot use CUDA: {problem}: {driver_fix()}, or choose --device cpu")
    raise BackendUnavailable(
        "the installed onnxruntime was built without CUDA: "
        "pip uninstall -y onnxruntime && pip install 'edgeenh[gpu]', or choose --device cpu"
    )


def _load(model: Model, options: SessionOptions, provider: str, threads: int) -> tuple[Any, str]:
    """The library's session, and for int8 the proof of it."""
    check_onnx(model.onnx, model.name)
    onnxruntime = import_onnxruntime()
    settings = onnxruntime.SessionOptions()
    settings.log_severity_level = 4  # fatal only: what goes wrong is raised, not printed
    settings.intra_op_num_threads = threads
    # Measured on two cores: spinning workers gain 5 % when nothing else runs (p50 49 against 52 ms), lose 5 to 25 % when
    # something does (146 against 118 ms), as decoding and encoding do in a stream, and take 20 % more CPU time.
    settings.add_session_config_entry("session.intra_op.allow_spinning", "0")
    # Measured on two cores, in turns: the plan of all buffers in one block costs 70 MB at 1080p (46 MB at 720p) and gains nothing (p50 71.4
    # against 74.3 ms; 25.2 against 25.8 ms). Without the arena, which saves as much, a frame takes 1.4 to 1.5 times as long: it stays.
    settings.enable_mem_pattern = provider != _CPU
    settings.add_free_dimension_override_by_name("height", options.height)
    settings.add_free_dimension_override_by_name("width", options.width)
    providers: list[Any] = [provider]
    if provider == _CPU and options.height * options.width > LARGE_FRAME:
        # Measured at 7600x5000: a memory pattern is a second plan beside what the first frame took, and an arena that
        # doubles takes more again: 5.6 GB, 3.3 without both at the same speed, 3.1 without an arena at 0.6 times the speed.
        settings.enable_mem_pattern = False
        providers = [(provider, {"arena_extend_strategy": "kSameAsRequested"})]
    if provider == _CUDA:
        settings.add_session_config_entry("session.disable_cpu_ep_fallback", "1")
        providers = [(provider, {"use_tf32": "0"})]  # TF32 has 10 bits of mantissa and would still be called fp32
    try:
        session, proof = _open(onnxruntime, model, settings, providers)
    except EdgeenhError:
        raise
    except Exception as exc:  # the library has no common base for its errors
        if provider == _CUDA:
            raise BackendUnavailable(f"onnxruntime cannot run {model.name} on CUDA: {one_line(exc)}") from exc
        raise IntegrityError(f"onnxruntime cannot load {model.name}: {one_line(exc)}: export the model again") from exc
    _check(session, model, options, provider)
    return session, proof


def _open(onnxruntime: Any, model: Model, settings: Any, providers: list[Any]) -> tuple[Any, str]:
    if model.onnx_precision != "int8":
        return onnxruntime.InferenceSession(model.onnx, settings, providers=providers), ""
    with tempfile.TemporaryDirectory(prefix="edgeenh-") as folder:
        path = Path(folder, "optimised.onnx")
        settings.optimized_model_filepath = str(path)
        session = onnxruntime.InferenceSession(model.onnx, settings, providers=providers)
        return session, proven_int8(path)


def _check(session: Any, model: Model, options: SessionOptions, provider: str) -> None:
    if session.get_providers()[0] != provider:
        raise BackendUnavailable(
            f"onnxruntime was asked for {provider} and took {', '.join(session.get_providers())}: "
            "pip install 'edgeenh[gpu]' brings the CUDA libraries, or choose --device cpu"
        )
    tensors = {tensor.name: (tensor.type, tensor.shape) for tensor in (*session.get_inputs(), *session.get_outputs())}
    check_contract(tensors, {"uint8": "tensor(uint8)", "float32": "tensor(float)"}, model.pixels)
    check_fixed_size(tensors[INPUT][1], options.height, options.width)


def _info(model: Model, found: Availability, provider: str, threads: int, proof: str) -> SessionInfo:
    device = next(iter(device_names()), "CUDA device 0") if provider == _CUDA else f"CPU ({threads} threads)"
    widened = provider == _CPU and model.onnx_precision == "fp16" and platform.machine() in ("x86_64", "AMD64")
    words = "fp16 weights, fp32 arithmetic" if widened else proof
    return SessionInfo(
        backend=NAME,
        provider=f"{provider} ({words})" if words else provider,
        device=device,
        precision=model.onnx_precision,
        version=found.version or "",
        engine_sha256=model.sha256,
    )
