"""A backend without a library or a model: it brightens. For tests and for trying a pipeline; `auto` never takes it.

It ignores the model's bytes, takes every precision by name and says `no model` in its provider, so that nobody can take
its pictures for a generator's.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from edgeenh.backends.base import PRECISIONS as PRECISIONS
from edgeenh.backends.base import Availability, Model, Session, SessionInfo, SessionOptions
from edgeenh.backends.contract import check_frames
from edgeenh.errors import EdgeenhError, InferenceFailed

if TYPE_CHECKING:
    from numpy.typing import NDArray

NAME = "fake"
EXTRA = ""

Enhance = Callable[["NDArray[np.uint8]", float, "NDArray[np.uint8]"], None]
"""What a fake does with a frame: (image, strength, out), the three of `Session.run`."""


def availability() -> Availability:
    """Always usable."""
    return Availability(usable=True, version="0", devices=("none",))


def open_session(model: Model, options: SessionOptions) -> Session:
    """A session that brightens by `strength` · 40; nothing of `model` is used but its digest."""
    return FakeSession(options, engine_sha256=model.sha256)


def brighten(image: NDArray[np.uint8], strength: float, out: NDArray[np.uint8]) -> None:
    """`out` = clamp(`image` + `strength` · 40); uint8 of equal shape."""
    lift = np.uint8(round(40 * strength))
    np.add(image, np.minimum(np.uint8(255) - image, lift), out=out)


class FakeSession:
    """A session that does what `enhance` does; raise in it to play a failing backend.

    Args:
        options: Size and precision it claims.
        enhance: Called with the checked arrays of `run`; an exception other than ours becomes `InferenceFailed`.
        engine_sha256: What `info` names as the engine.
    """

    def __init__(self, options: SessionOptions, enhance: Enhance = brighten, engine_sha256: str = "0" * 64) -> None:
        self._shape = (options.height, options.width, 3)
        self._enhance: Enhance | None = enhance
        self._info = SessionInfo(NAME, "no model", "none", options.precision, "0", engine_sha256)

    @property
    def info(self) -> SessionInfo:
        """What it claims to use."""
        return self._info

    def run(self, image: NDArray[np.uint8], strength: float, out: NDArray[np.uint8]) -> None:
        """Enhance one frame (see `edgeenh.backends.base.Session.run`)."""
        if self._enhance is None:
            raise InferenceFailed("this fake session is closed: open another")
        check_frames(image, out, self._shape)
        try:
            self._enhance(image, strength, out)
        except EdgeenhError:
            raise
        except Exception as exc:
            raise InferenceFailed(f"the fake failed on a frame: {exc}") from exc

    def close(self) -> None:
        """Closing twice is allowed."""
        self._enhance = None
