"""The backends: libraries that run a generator, each behind the same three names (see `edgeenh.backends.base`)."""

from __future__ import annotations

import importlib
from typing import cast

from edgeenh.backends.base import Availability as Availability
from edgeenh.backends.base import Backend as Backend
from edgeenh.backends.base import Model as Model
from edgeenh.backends.base import Session as Session
from edgeenh.backends.base import SessionInfo as SessionInfo
from edgeenh.backends.base import SessionOptions as SessionOptions
from edgeenh.errors import UsageError

AUTO = ("tensorrt", "onnxruntime", "openvino")
"""The backends that `auto` chooses among, in the order they are tried and shown."""

NAMES = (*AUTO, "fake")
"""Every backend; `fake` must be asked for by name."""


def get_backend(name: str) -> Backend:
    """The backend called `name`; its library is imported only when it is asked or opened.

    Raises:
        UsageError: There is no such backend.
    """
    if name not in NAMES:
        raise UsageError(f"there is no backend {name!r}: choose auto or one of {', '.join(NAMES)}")
    return cast("Backend", importlib.import_module(f"edgeenh.backends.{name}"))


def all_backends() -> dict[str, Backend]:
    """Every backend by name, in the order of `NAMES`."""
    return {name: get_backend(name) for name in NAMES}
