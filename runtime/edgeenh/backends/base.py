"""What a backend is: three names per file, and the session it opens.

Each backend file offers exactly these names, so that the registry, `doctor` and `bench` can treat all alike:

* `NAME`, `PRECISIONS` and `EXTRA`: what it is called, which precisions it can be asked for, which extra installs it;
* `availability()`: whether it can run here, and if not, the reason and the fix; it never raises and never warns;
* `open_session(model, options)`: an opened `Session`.

An open session proves what it uses: `Session.info` holds the provider, device and precision that are really in use,
read back from the library after loading. A backend that cannot give what was asked raises `BackendUnavailable`; it
never takes the next best in silence.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from edgeenh.pixels import RGB, Pixels

if TYPE_CHECKING:
    from numpy.typing import NDArray

    GraphPicture = NDArray[Any]
    """A picture as a graph takes and gives it, without the batch: uint8 or float32."""

PRECISIONS = ("fp32", "fp16", "bf16", "int8")
"""Every precision that edgeenh has a word for; a backend names those it can give."""

LARGE_FRAME = 4096 * 2160
"""Pixels. What a session takes for a larger frame is gigabytes on a CPU, and is not kept for a frame that may never come."""


@dataclass(frozen=True, slots=True)
class Availability:
    """Whether a backend can run on this machine.

    Attributes:
        usable: True when `open_session` is expected to work.
        version: The library's version, or None where it is not installed.
        devices: Devices it would run on, e.g. `("CPU",)`.
        reason: Why it is not usable; empty when it is.
        fix: What to do about it, as a command where there is one; empty when it is usable.
    """

    usable: bool
    version: str | None = None
    devices: tuple[str, ...] = ()
    reason: str = ""
    fix: str = ""


@dataclass(frozen=True, slots=True)
class Model:
    """The bytes a backend loads, already verified by the bundle.

    Attributes:
        name: What messages call it, e.g. `dental-n 1 (fp16)`.
        onnx: The ONNX file's bytes, by the graph contract: `image` [1,H,W,C] and `strength` float32 [1] in, `enhanced`
            [1,H,W,C] out; H and W dynamic (named `height` and `width`) or fixed.
        onnx_precision: The precision written into the graph: `fp32`, `fp16` or `int8`.
        sha256: Hex digest of `onnx`.
        plans: TensorRT plans built from exactly these bytes, by member name; empty when there are none.
        pixels: What `image` and `enhanced` are: uint8 RGB on 0…255, or float32 grey in 0…1.
        scale: How many times wider and higher than `image` `enhanced` is.
    """

    name: str
    onnx: bytes = field(repr=False)
    onnx_precision: str
    sha256: str
    plans: Mapping[str, bytes] = field(default_factory=dict, repr=False)
    pixels: Pixels = RGB
    scale: int = 1


@dataclass(frozen=True, slots=True)
class SessionOptions:
    """How a session is opened. All of it comes from the caller; nothing is read from the environment.

    Attributes:
        height: Frame height in pixels, a multiple of the model's `size_multiple`.
        width: Frame width in pixels, likewise.
        precision: What the arithmetic must be: one of `PRECISIONS`.
        threads: CPU threads for one frame; None = all cores this process may use.
        device: `auto`, `cpu` or `cuda`; `auto` means the backend's own first choice, which `info` then names.
        cache_dir: Where the backend may keep compiled engines; None = nowhere.
    """

    height: int
    width: int
    precision: str
    threads: int | None = None
    device: str = "auto"
    cache_dir: Path | None = None


@dataclass(frozen=True, slots=True)
class SessionInfo:
    """What an open session really uses, read back from the library.

    Attributes:
        backend: The backend's name, e.g. `onnxruntime`.
        provider: What executes, in the library's own words, e.g. `CPUExecutionProvider`.
        device: The device, e.g. `CPU (2 threads)` or `NVIDIA H200`.
        precision: The precision proven to be in use.
        version: The library's exact version.
        engine_sha256: Digest of the compiled engine where there is one, else of the ONNX.
    """

    backend: str
    provider: str
    device: str
    precision: str
    version: str
    engine_sha256: str


class Session(Protocol):
    """An opened backend, for one frame size. Not thread-safe: one thread at a time."""

    @property
    def info(self) -> SessionInfo:
        """What the session really uses."""
        ...

    def run(self, image: GraphPicture, strength: float, out: GraphPicture) -> None:
        """Enhance one frame.

        Args:
            image: [H,W,C] of the model's `pixels`, C-contiguous, of exactly the session's size; only read, not kept
                after the call.
            strength: 0…1; 0 returns the input bit for bit.
            out: Of the kind of `image` and the model's `scale` times its size, C-contiguous, owned by the caller,
                overwritten whole; never the memory of `image`.

        Raises:
            InputError: `image` or `out` is not such an array; nothing was run.
            InferenceFailed: The library failed; `out` is then undefined.
        """
        ...

    def close(self) -> None:
        """Give back memory and device. Closing twice is allowed; running afterwards raises `InferenceFailed`."""
        ...


class Backend(Protocol):
    """The shape of a backend module (see the module's docstring)."""

    NAME: str
    PRECISIONS: tuple[str, ...]
    EXTRA: str

    def availability(self) -> Availability:
        """Whether this backend can run here, and why not."""
        ...

    def open_session(self, model: Model, options: SessionOptions) -> Session:
        """Open `model`.

        Raises:
            BackendUnavailable: It cannot run here, or cannot give the precision or device asked for.
            InputError: The model is of another fixed size.
            IntegrityError: The bytes are not a model by the graph contract.
        """
        ...
