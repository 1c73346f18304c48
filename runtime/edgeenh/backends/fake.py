"""A backend without a library or a model: it brightens. For tests and for trying a pipeline; `auto` never takes it.

It ignores the model's bytes, takes every precision by name and says `no model` in its provider, so that nobody can take
its pictures for a generator's.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from edgeenh.backends.base import PRECISIONS as PRECISIONS
from edgeenh.backends.base import Availability, Model, Session, SessionInfo, SessionOptions
from edgeenh.backends.contract import check_frames
from edgeenh.errors import EdgeenhError, InferenceFailed
from edgeenh.pixels import RGB, Pixels

if TYPE_CHECKING:
    from edgeenh.backends.base import GraphPicture

NAME = "fake"
EXTRA = ""

Enhance = Callable[[Any, float, Any], None]
"""What a fake does with a frame: (image, strength, out), the three of `Session.run`."""


def availability() -> Availability:
    """Always usable."""
    return Availability(usable=True, version="0", devices=("none",))


def open_session(model: Model, options: SessionOptions) -> Session:
    """A session that brightens by `strength` · 40 of 255; nothing of `model` is used but its digest and its pixels."""
    return FakeSession(options, engine_sha256=model.sha256, pixels=model.pixels, scale=model.scale)


def brighten(image: GraphPicture, strength: float, out: GraphPicture) -> None:
    """`out` = clamp(`image` + `strength` · 40 of 255); both uint8, or both float32 in 0…1, of equal shape."""
    if image.dtype == np.float32:
        np.minimum(image + np.float32(40 * strength / 255), np.float32(1), out=out)
        return
    lift = np.uint8(round(40 * strength))
    np.add(image, np.minimum(np.uint8(255) - image, lift), out=out)


def _enlarging(enhance: Enhance, scale: int) -> Enhance:
    """`enhance`, each of whose pixels is then repeated `scale` times in both directions."""

    def enlarge(image: GraphPicture, strength: float, out: GraphPicture) -> None:
        small = np.empty_like(image)
        enhance(image, strength, small)
        np.copyto(out, small.repeat(scale, axis=0).repeat(scale, axis=1))

    return enlarge


class FakeSession:
    """A session that does what `enhance` does; raise in it to play a failing backend.

    Args:
        options: Size and precision it claims.
        enhance: Called with the checked arrays of `run`; an exception other than ours becomes `InferenceFailed`.
        engine_sha256: What `info` names as the engine.
        pixels: What its pictures are.
        scale: How many times the frame's size it gives.
    """

    def __init__(
        self,
        options: SessionOptions,
        enhance: Enhance = brighten,
        engine_sha256: str = "0" * 64,
        pixels: Pixels = RGB,
        scale: int = 1,
    ) -> None:
        self._shape, self._dtype = pixels.shape(options.height, options.width), pixels.dtype
        self._scale = scale
        self._enhance: Enhance | None = enhance if scale == 1 else _enlarging(enhance, scale)
        self._info = SessionInfo(NAME, "no model", "none", options.precision, "0", engine_sha256)

    @property
    def info(self) -> SessionInfo:
        """What it claims to use."""
        return self._info

    def run(self, image: GraphPicture, strength: float, out: GraphPicture) -> None:
        """Enhance one frame (see `edgeenh.backends.base.Session.run`)."""
        if self._enhance is None:
            raise InferenceFailed("this fake session is closed: open another")
        check_frames(image, out, self._shape, self._dtype, self._scale)
        try:
            self._enhance(image, strength, out)
        except EdgeenhError:
            raise
        except Exception as exc:
            raise InferenceFailed(f"the fake failed on a frame: {exc}") from exc

    def close(self) -> None:
        """Closing twice is allowed."""
        self._enhance = None
