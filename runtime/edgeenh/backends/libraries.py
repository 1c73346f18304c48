"""Importing inference libraries without their telemetry: a station's pictures and habits are nobody else's business.

ONNX Runtime (from 1.29, on Linux) and OpenVINO report their use over the network as soon as they are imported, and
leave an identifier in the user's home. Whoever in edgeenh needs one of them takes it from here, before anything else
imports it.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

_ORT_SWITCH = "ORT_DISABLE_TELEMETRY"


def import_onnxruntime() -> Any:
    """The module `onnxruntime`, silent.

    Raises:
        ImportError, OSError: It is not installed, or does not load.
    """
    with _variable(_ORT_SWITCH, "1"):  # read once, when the library is loaded; switching off afterwards is too late
        import onnxruntime
    if hasattr(onnxruntime, "disable_telemetry_events"):  # for a process that imported it before us
        onnxruntime.disable_telemetry_events()
    return onnxruntime


def import_openvino() -> Any:
    """The module `openvino`, silent. A process that imported it before us has already reported.

    Raises:
        ImportError, OSError: It is not installed, or does not load.
    """
    with _unimportable("openvino_telemetry"):  # OpenVINO then takes its own stub
        import openvino
    return openvino


@contextmanager
def _variable(name: str, value: str) -> Iterator[None]:
    before = os.environ.get(name)
    os.environ[name] = value
    try:
        yield
    finally:
        if before is None:
            del os.environ[name]
        else:
            os.environ[name] = before


@contextmanager
def _unimportable(name: str) -> Iterator[None]:
    if name in sys.modules:
        yield
        return
    sys.modules[name] = None  # type: ignore[assignment]  # the documented way to make an import fail
    try:
        yield
    finally:
        del sys.modules[name]
