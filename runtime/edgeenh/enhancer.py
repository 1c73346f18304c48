"""The enhancer: a bundle, the backend that runs it, and frames of any size."""

from __future__ import annotations

import threading
from collections import OrderedDict, deque
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar, cast

import numpy as np

from edgeenh.arguments import (
    check_device,
    check_frame,
    check_out,
    check_precision,
    check_size,
    check_strength,
    check_threads,
    known_backend,
)
from edgeenh.backends import AUTO, Backend, SessionInfo, SessionOptions, get_backend
from edgeenh.backends.contract import graph_precision
from edgeenh.errors import InferenceFailed, UsageError
from edgeenh.frames import Provenance
from edgeenh.notices import KEPT, Notice
from edgeenh.padding import padded_size
from edgeenh.pixels import scaled_shape
from edgeenh.slots import Slot, open_slot

if TYPE_CHECKING:
    from edgeenh.backends.select import Choice
    from edgeenh.bundle import Bundle
    from edgeenh.pixels import Levels, Pixels

Picture = TypeVar("Picture", bound="Levels")
"""A frame and its result: of one type."""

SESSIONS = 2
"""Open sessions an enhancer keeps, one per padded frame size; the one used longest ago is closed for a third."""


def load(
    path: str | Path | None = None,
    *,
    backend: str | Backend = "auto",
    precision: str | None = None,
    strength: float = 1.0,
    threads: int | None = None,
    device: str = "auto",
    cache_dir: Path | None = None,
    public_key: str | Path | None = None,
    floor: int | str | Path | None = None,
) -> Enhancer:
    """Open a bundle and make an enhancer of it.

    Args:
        path: An `.edgeenh` file, or the name of a bundle that ships with the package: `dental-n` for colour, which is also None, or `xray-n` for grey.
        backend, precision, strength, threads, device, cache_dir: As in `Enhancer`.
        public_key, floor: What the bundle must be signed by, and its lowest version, as in `Bundle.open`.

    Raises:
        InputError: There is no such file, or an argument is wrong.
        IntegrityError: The bundle is not exactly what its manifest says, or not what the key and the floor demand.
        MissingExtra: A key is given and `cryptography` is not installed.
    """
    from edgeenh.bundle import Bundle

    trust: dict[str, Any] = {"public_key": public_key, "floor": floor}
    return Enhancer(
        Bundle.shipped(**trust) if path is None else Bundle.open(Path(path), **trust),
        backend=backend,
        precision=precision,
        strength=strength,
        threads=threads,
        device=device,
        cache_dir=cache_dir,
    )


class Enhancer:
    """Enhances frames with one bundle, of colour or of grey, as the bundle is; usable as a context manager.

    Nothing is opened before the first frame or `prepare`. One frame at a time: calls from several threads wait for each
    other. Use one enhancer per thread for more.

    Args:
        bundle: An opened bundle.
        backend: `auto` chooses among all backends by the golden frames and measured latency (`edgeenh.backends.select`),
            at the size of the first frame; a name takes that backend; a `Backend` object is used as it is.
        precision: What the arithmetic must be; None = chosen like the backend (for `fake` and for objects: fp32).
        strength: Used by calls that give none; 0…1.
        threads: CPU threads; None = all cores this process may use.
        device: `auto`, `cpu` or `cuda`.
        cache_dir: Where choices are remembered; None = nowhere.

    Attributes:
        bundle: As given.
        choice: What was chosen and why; None before the first frame, and where nothing was to be chosen.
        notices: What a person should know of the engine: which ones failed the gate here, and remarks; oldest first. Whoever
            reads takes them out.

    Raises:
        UsageError: An argument is none of the above.
    """

    def __init__(
        self,
        bundle: Bundle,
        *,
        backend: str | Backend = "auto",
        precision: str | None = None,
        strength: float = 1.0,
        threads: int | None = None,
        device: str = "auto",
        cache_dir: Path | None = None,
    ) -> None:
        self.bundle = bundle
        self.choice: Choice | None = None
        self._backend = known_backend(backend)
        self._precision = check_precision(precision)
        self._strength = check_strength(strength)
        self._threads = check_threads(threads)
        self._device = check_device(device)
        self._cache_dir = cache_dir
        self._generator = bundle.manifest.generator
        if precision is not None:
            bundle.model(graph_precision(precision))  # a graph that is not there is said now, not at the first frame
        self._slots: OrderedDict[tuple[int, int], Slot] = OrderedDict()
        self._info: SessionInfo | None = None
        self.notices: deque[Notice] = deque(maxlen=KEPT)
        self._proven = False
        self._closed = False
        self._lock = threading.Lock()

    def __call__(self, image: Picture, strength: float | None = None, *, bits: int | None = None) -> Picture:
        """Enhance one frame into a new array.

        Args:
            image: uint8 [H,W,3] RGB; or, with a bundle for grey, uint8 or uint16, [H,W] or [H,W,1], 0 = black. Between
                the bundle's smallest and largest size; only read, not kept.
            strength: 0…1; 0 returns the input bit for bit (enlarged, where the bundle enlarges); None = the enhancer's own.
            bits: Bits per value of a grey frame, 8 to 16: full brightness is 2^bits − 1. None = all of its type.

        Returns:
            The type, shape and bits of `image`, owned by the caller; its height and width times the bundle's `scale`.

        Raises:
            InputError: The image is not of that kind or size, a value is beyond its bits, or the strength is not in 0…1.
            BackendUnavailable, GateFailed: On the first frame, when nothing here can run the bundle.
            InferenceFailed: The backend failed on this frame; the next may succeed.
        """
        check_frame(image, self.bundle.manifest, bits)
        out = np.empty(scaled_shape(image.shape, self._generator.scale), image.dtype)
        self.enhance_into(image, out, strength, bits=bits)
        return cast("Picture", out)

    def enhance_into(
        self, image: Levels, out: Levels, strength: float | None = None, *, bits: int | None = None
    ) -> None:
        """Enhance one frame into `out`: as calling the enhancer, without a new array.

        A C-contiguous colour frame whose size is a multiple of the bundle's goes to the backend as it is; any other is
        copied.

        Args:
            image: As in `__call__`.
            out: Of the type of `image` and its shape, height and width times `scale`; C-contiguous, owned by the caller,
                overwritten whole (undefined after an error); not the memory of `image`.
            strength: As in `__call__`.
            bits: As in `__call__`.

        Raises:
            InputError: Also when `out` is not such an array.
        """
        depth = check_frame(image, self.bundle.manifest, bits)
        check_out(image, out, self._generator.scale)
        wanted = self._strength if strength is None else check_strength(strength)
        with self._lock:
            self._slot(*image.shape[:2]).run(image, wanted, out, depth)

    def prepare(self, height: int, width: int) -> SessionInfo:
        """Choose, open and warm up what frames of this size need, so that the first frame is as fast as the next.

        Calling it again for a size that is ready costs nothing.

        Raises:
            InputError: The bundle does not take this size.
            BackendUnavailable, GateFailed: Nothing here can run the bundle.
            InferenceFailed: The backend failed on a black frame.
        """
        check_size(height, width, self._generator)
        with self._lock:
            slot = self._slot(height, width)
            slot.warm_up()
            return slot.session.info

    @property
    def info(self) -> SessionInfo | None:
        """What the last used session really uses; None before the first frame."""
        return self._info

    @property
    def pixels(self) -> Pixels:
        """What the bundle's pictures are: `edgeenh.pixels.RGB` or `GREY`."""
        return self.bundle.manifest.pixels

    @property
    def scale(self) -> int:
        """How many times wider and higher than the frame the enhanced picture is."""
        return self._generator.scale

    @property
    def strength(self) -> float:
        """The strength of calls that give none."""
        return self._strength

    def provenance(self, strength: float | None = None) -> Provenance:
        """Which model, engine and backend make the pictures, and how.

        Raises:
            UsageError: Nothing was opened yet, so it is not known.
        """
        if self._info is None:
            raise UsageError("no backend is open yet: enhance a frame or call prepare(height, width) first")
        return Provenance(
            bundle_sha256=self.bundle.sha256,
            engine_sha256=self._info.engine_sha256,
            backend=self._info.backend,
            provider=self._info.provider,
            precision=self._info.precision,
            strength=self._strength if strength is None else strength,
            model=self.bundle.manifest.title,
        )

    def give_back(self, height: int, width: int) -> None:
        """Close what is open for frames of this size, where anything is; the next such frame opens it again."""
        with self._lock:
            slot = self._slots.pop(padded_size(height, width, self._generator.size_multiple), None)
            if slot is not None:
                slot.close()

    def close(self) -> None:
        """Close every session; closing twice is allowed, enhancing afterwards raises `InferenceFailed`."""
        with self._lock:
            self._closed = True
            for slot in self._slots.values():
                slot.close()
            self._slots.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _slot(self, height: int, width: int) -> Slot:
        """The session for a frame size, opened if it is not; the lock is held."""
        if self._closed:
            raise InferenceFailed("this enhancer is closed: load the bundle again")
        size = padded_size(height, width, self._generator.size_multiple)
        slot = self._slots.get(size)
        if slot is None:
            backend, precision = self._resolve(*size)
            options = SessionOptions(*size, precision, self._threads, self._device, self._cache_dir)
            self._prove(backend, options)
            if len(self._slots) >= SESSIONS:
                self._slots.popitem(last=False)[1].close()
            session = backend.open_session(self.bundle.model(graph_precision(precision)), options)
            self._tell(getattr(session, "notices", ()))
            slot = open_slot(session, size, self.pixels, self.scale)
            self._slots[size] = slot
        self._slots.move_to_end(size)
        self._info = slot.session.info
        return slot

    def _resolve(self, height: int, width: int) -> tuple[Backend, str]:
        """Backend and precision: as given, or chosen once, at the first frame size."""
        if not isinstance(self._backend, str):
            return self._backend, self._precision or "fp32"
        if self._backend != "auto" and self._precision is not None:
            return get_backend(self._backend), self._precision
        if self.choice is None:
            from edgeenh.backends.select import choose

            self.choice = choose(
                self.bundle,
                height,
                width,
                backends=AUTO if self._backend == "auto" else (self._backend,),
                precision=self._precision,
                threads=self._threads,
                device=self._device,
                cache_dir=self._cache_dir,
            )
            self._tell(self.choice.report.notices())
            self._proven = True
        return get_backend(self.choice.backend), self.choice.precision

    def _prove(self, backend: Backend, options: SessionOptions) -> None:
        """The first start of an engine that was asked for by name; an object, or what runs no model, is used as it is."""
        if self._proven or not isinstance(self._backend, str):
            return
        from edgeenh.backends.select import prove

        self._tell(prove(self.bundle, backend, options).remarks)
        self._proven = True

    def _tell(self, lines: Iterable[str]) -> None:
        self.notices.extend(Notice("engine_notice", line) for line in lines)
