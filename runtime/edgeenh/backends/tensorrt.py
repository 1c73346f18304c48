"""TensorRT on NVIDIA GPUs: one path for `tensorrt` 10, 11 and `tensorrt_rtx`. Not yet run on a GPU.

A plan is native code, so one is run only if this station built it: `Model.plans` is information only. A session builds
its plan from the verified ONNX when it is opened (TensorRT-RTX: about a second; full TensorRT: minutes), or takes the one
that it kept in its authenticated cache. Precision is that of the graph, since networks are strongly typed;
TF32 is off.
"""

from __future__ import annotations

import hashlib
import math
from typing import TYPE_CHECKING

from edgeenh.backends.base import Availability, Model, Session, SessionInfo, SessionOptions
from edgeenh.backends.contract import INPUT, OUTPUT, STRENGTH, check_frames, one_line
from edgeenh.backends.laps import COMPUTE, COPY_IN, COPY_OUT, ENQUEUE, Lap, no_lap
from edgeenh.backends.tensorrt_build import (
    Flavour,
    Profile,
    build_plan,
    last_message,
    load_flavour,
    log_messages,
)
from edgeenh.backends.tensorrt_cache import KIND, kept_kernels, kept_timings, open_plan, plan_key
from edgeenh.backends.tensorrt_graph import capture_proven
from edgeenh.backends.tensorrt_layers import layer_types, prove_types
from edgeenh.backends.tensorrt_load import Kernels, RefusedError, keep_kernels, load_plan
from edgeenh.cache import Cache
from edgeenh.cuda.driver import device_identity, device_names, driver_fix, driver_problem
from edgeenh.cuda.interface import IMPLEMENTATIONS, CudaDevice, CudaGraph, DeviceBuffer, open_device, package_missing
from edgeenh.cuda.sticky import inference_failure
from edgeenh.errors import BackendUnavailable, DeviceLost, InferenceFailed, MissingExtra
from edgeenh.pixels import RGB, Pixels

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from edgeenh.backends.base import GraphPicture

NAME = "tensorrt"
PRECISIONS = ("fp32", "fp16")
EXTRA = "tensorrt"


def availability() -> Availability:
    """Usable where a flavour of TensorRT, a package for CUDA, and a driver with a GPU are present."""
    try:
        flavour = load_flavour()
    except MissingExtra:
        fix = "pip install 'edgeenh[tensorrt-rtx]' (GeForce RTX and RTX PRO) or 'edgeenh[tensorrt]' (any NVIDIA GPU)"
        return Availability(usable=False, reason="it is not installed", fix=fix)
    except BackendUnavailable as exc:
        return Availability(
            usable=False, reason=str(exc), fix="pip install --force-reinstall tensorrt (or tensorrt-rtx)"
        )
    if problem := driver_problem():
        return Availability(usable=False, version=flavour.version, reason=problem, fix=driver_fix())
    if all(package_missing(name) for name in IMPLEMENTATIONS):
        reason, fix = "neither cuda-core nor pycuda is installed", "pip install 'edgeenh[tensorrt-rtx]'"
        return Availability(usable=False, version=flavour.version, reason=reason, fix=fix)
    return Availability(usable=True, version=flavour.version, devices=device_names())


def open_session(model: Model, options: SessionOptions) -> Session:
    """Build a plan for one frame size from `model.onnx` and open it on the first GPU; `model.plans` is not run.

    Raises:
        BackendUnavailable: Not installed, no GPU, or the precision or device asked for cannot be given.
        InputError: The model is of another fixed size.
        IntegrityError: The bytes are not a model by the graph contract.
        JobFailed: The builder gave up.
    """
    if options.device == "cpu":
        raise BackendUnavailable("tensorrt runs on NVIDIA GPUs and cpu was asked for: choose --device cuda")
    if options.precision == "bf16":
        raise BackendUnavailable(
            "tensorrt has no bf16 here: TensorRT-RTX has no transposed convolution in BF16, and takes no 8-bit picture into it: "
            "choose --precision fp16, or --backend openvino on a CPU with BF16"
        )
    if options.precision != model.onnx_precision:
        raise BackendUnavailable(
            f"tensorrt runs a graph in the precision it was exported in: {model.name} is {model.onnx_precision} and "
            f"{options.precision} was asked for: choose --precision {model.onnx_precision}"
        )
    flavour = load_flavour()
    profile = Profile.fixed(options.width, options.height)
    device = open_device()

    identity = device_identity()
    key = plan_key(flavour, model, profile, identity)

    def build() -> bytes:
        name = f"edgeenh/{model.sha256[:12]}"
        with kept_timings(options.cache_dir, flavour, identity) as timings:
            return build_plan(
                flavour.module, model.onnx, name=name, profile=profile, pixels=model.pixels, timings=timings
            )

    def run(plan: bytes) -> TensorRtSession:
        with kept_kernels(options.cache_dir, key, plan) as kernels:
            return TensorRtSession(flavour, device, plan, options, model.pixels, model.scale, kernels)

    try:
        return open_plan(Cache(options.cache_dir, KIND), key, build, run)
    except BaseException:
        device.close()
        raise


class TensorRtSession:
    """A session for one frame size: pinned staging, device buffers and one stream, all made when it is opened.

    Args:
        flavour: The TensorRT that built `plan`.
        device: The GPU; the session owns it and closes it.
        plan: A plan that this station built.
        options: Frame size and precision.
        pixels: What the pictures are.
        scale: How many times the frame's size the plan gives.
        kernels: What TensorRT-RTX compiled for this plan at an earlier start; replaced by what it has now.

    Attributes:
        lap: Told the parts of every run (`edgeenh.backends.laps`).
        notices: What the user should hear of the cache that the plan came from, and of the CUDA graph.

    Raises:
        BackendUnavailable: The plan does not run on this GPU, computes in another precision, or the GPU has too little memory.
    """

    def __init__(
        self,
        flavour: Flavour,
        device: CudaDevice,
        plan: bytes,
        options: SessionOptions,
        pixels: Pixels = RGB,
        scale: int = 1,
        kernels: Kernels | None = None,
    ) -> None:
        self._shape, self._dtype = pixels.shape(options.height, options.width), pixels.dtype
        self._scale = scale
        self.lap: Lap = no_lap
        self.notices: tuple[str, ...] = ()
        self._device = device
        self._trt = flavour.module
        self._graph: CudaGraph | None = None
        self._buffers: dict[str, DeviceBuffer] = {}
        self._staged: dict[str, NDArray[np.uint8]] = {}
        device.activate()
        with log_messages(self._trt) as messages:
            try:
                self._runtime, self._engine, self._context, own_graph = load_plan(self._trt, plan, kernels)
                self._bind()
                proof = prove_types(
                    layer_types(self._trt, self._engine, self._context), options.precision, flavour.name
                )
                graphs = self._prepare(own_graph=own_graph)
                keep_kernels(kernels)
            except DeviceLost:
                raise  # another session in this process would fail too
            except (RuntimeError, TypeError, ValueError, RefusedError, InferenceFailed) as exc:
                raise BackendUnavailable(
                    f"{flavour.name} {flavour.version} cannot run its plan on {device.name} "
                    f"({last_message(messages, exc)}): choose another --backend"
                ) from exc
        self._info = SessionInfo(
            backend=NAME,
            provider=f"{flavour.name}, {proof}, {graphs}",
            device=device.name,
            precision=options.precision,
            version=flavour.version,
            engine_sha256=hashlib.sha256(plan).hexdigest(),
        )

    @property
    def info(self) -> SessionInfo:
        """What the session really uses."""
        return self._info

    def run(self, image: GraphPicture, strength: float, out: GraphPicture) -> None:
        """Enhance one frame (see `edgeenh.backends.base.Session.run`)."""
        if self._context is None:
            raise InferenceFailed("this tensorrt session is closed: open another")
        check_frames(image, out, self._shape, self._dtype, self._scale)
        device = self._device
        device.activate()
        self._staged[INPUT][:] = image.reshape(-1).view("uint8")
        self._staged_strength[0] = strength
        self.lap(COPY_IN)
        if self._graph is None:
            self._queue()
        else:
            self._graph.launch()
        self.lap(ENQUEUE)
        device.synchronize()
        self.lap(COMPUTE)
        out.reshape(-1).view("uint8")[:] = self._staged[OUTPUT]
        self.lap(COPY_OUT)

    def close(self) -> None:
        """Give back engine, memory and device; closing twice is allowed."""
        self._graph = None
        self._context = self._engine = self._runtime = None  # in this order: each refers to the next
        self._buffers, self._staged = {}, {}
        self._device.close()

    def _queue(self) -> None:
        """Queue one frame, from the staged input to the staged output."""
        device = self._device
        for name in (INPUT, STRENGTH):
            device.to_device(self._buffers[name], self._staged[name])
        with log_messages(self._trt) as messages:
            try:
                queued = self._context.execute_async_v3(device.stream)
            except RuntimeError as exc:
                raise inference_failure(f"tensorrt failed on a frame: {one_line(exc)}") from exc
            if not queued:
                raise inference_failure(f"tensorrt failed on a frame: {last_message(messages, 'it gave no reason')}")
        device.to_host(self._staged[OUTPUT], self._buffers[OUTPUT])

    def _prepare(self, *, own_graph: bool) -> str:
        """Run a first frame, as memory and kernels are made then, and capture a graph unless the library has its own.

        Returns:
            How frames are queued, for `SessionInfo.provider`.
        """
        self._staged_strength[0] = 1.0
        self._staged[INPUT][:] = 0
        self._queue()
        self._device.synchronize()
        if own_graph:
            return "CUDA graph by the library"
        self._graph, reason = capture_proven(self._device, self._queue, self._staged[INPUT], self._staged[OUTPUT])
        if reason:
            self.notices = (reason,)
        return "CUDA graph" if self._graph else "no CUDA graph"

    def _bind(self) -> None:
        """Make the buffers and tell the context where they are; sizes never change afterwards."""
        import numpy as np

        frame = math.prod(self._shape) * np.dtype(self._dtype).itemsize
        if not self._context.set_input_shape(INPUT, (1, *self._shape)):
            raise RefusedError(f"the plan refuses a frame of {self._shape[1]}x{self._shape[0]}")
        for name, nbytes in ((INPUT, frame), (STRENGTH, 4), (OUTPUT, frame * self._scale**2)):
            self._buffers[name] = self._device.allocate(nbytes)
            self._staged[name] = self._device.pinned(nbytes)
            if not self._context.set_tensor_address(name, self._buffers[name].address):
                raise RefusedError(f"the plan has no tensor {name}")
        self._staged_strength = self._staged[STRENGTH].view(np.float32)
