"""The model of the service: a worker process of its own, so that pictures that are sent in never hold a stream up."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from edgeenh.errors import EdgeenhError, UsageError
from edgeenh.frames import Provenance

if TYPE_CHECKING:
    from edgeenh.bundle import Bundle
    from edgeenh.containment.enhancer import ContainedEnhancer
    from edgeenh.enhancer import Enhancer
    from edgeenh.pixels import Levels, Pixels

    AnyEnhancer = Enhancer | ContainedEnhancer


class Model:
    """The enhancer of the streams, and, opened with the first picture that is sent in, one more for the service.

    Args:
        main: The streams' enhancer; not closed.
        second: Opens another of the same bundle; None = the service uses the streams' own (there are none).
    """

    def __init__(self, main: AnyEnhancer, second: Callable[[Bundle], AnyEnhancer] | None) -> None:
        self.main, self._open = main, second
        self._own: AnyEnhancer | None = None
        self._lock, self._swapping = threading.Lock(), threading.Lock()
        self._closed = False

    @property
    def pixels(self) -> Pixels:
        """What pictures are."""
        return self.main.pixels

    @property
    def bundle(self) -> Bundle:
        """The bundle in use."""
        return self.main.bundle

    @property
    def name(self) -> str:
        """Id and version."""
        manifest = self.main.bundle.manifest
        return f"{manifest.id} {manifest.version}"

    @property
    def can_change(self) -> bool:
        """Whether strength and bundle can be changed while frames go on."""
        return hasattr(self.main, "swap")

    def enhance(self, image: Levels, strength: float | None, bits: int | None) -> tuple[Levels, Provenance]:
        """Enhance one picture; waits for its turn.

        Returns:
            A new array, and which model made it.

        Raises:
            EdgeenhError: As `Enhancer.enhance_into`.
        """
        enhancer = self._service()
        out = np.empty(image.shape, image.dtype)
        wanted = self.main.strength if strength is None else strength
        made: object = enhancer.enhance_into(image, out, wanted, bits=bits)
        return out, made if isinstance(made, Provenance) else enhancer.provenance(wanted)

    def change(self, *, bundle: Path | None = None, strength: float | None = None) -> None:
        """Change bundle or strength while frames go on; the service's own worker follows.

        Raises:
            UsageError: The model runs in this process, or another change is under way.
            EdgeenhError: As `ContainedEnhancer.swap`.
        """
        swap: Any = getattr(self.main, "swap", None)
        if swap is None:
            raise UsageError(
                "the model runs in the station's own process (in_process): start the station anew to change it"
            )
        if not self._swapping.acquire(blocking=False):
            raise UsageError("another change is under way: wait until it is done")
        try:
            swap(bundle, strength=strength)
            if bundle is not None:
                with self._lock:
                    former, self._own = self._own, None  # the next picture opens one of the new bundle
                if former is not None:
                    former.close()
                    self.warm()
        finally:
            self._swapping.release()

    def warm(self) -> None:
        """Have the service's worker start now, so that the first picture need not wait for it."""
        threading.Thread(target=self._warm, name="edgeenh-warm", daemon=True).start()

    def _warm(self) -> None:
        image = self.main.bundle.golden()[0][1]
        with suppress(EdgeenhError):  # the first picture tells
            self._service().prepare(*image.shape[:2])

    def close(self) -> None:
        """Close the service's enhancer."""
        with self._lock:
            self._closed = True
            own, self._own = self._own, None
        if own is not None:
            own.close()

    def _service(self) -> AnyEnhancer:
        if self._open is None:
            return self.main
        with self._lock:
            if self._own is None:
                if self._closed:
                    raise UsageError("the station ends")
                self._own = self._open(self.main.bundle)
            return self._own
