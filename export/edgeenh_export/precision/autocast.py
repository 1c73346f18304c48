"""ModelOpt AutoCast: NVIDIA's way of writing FP16 into an ONNX graph, where somebody installed it. Never required.

`nvidia-modelopt[onnx]` brings onnxruntime-gpu, which excludes onnxruntime, and an older ONNX; AutoCast needs neither, so the extra
`autocast` names the rest one by one. It never compares its result with the original, so the gate does.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import logging
import re
import tempfile
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx

from edgeenh.backends.contract import one_line
from edgeenh.errors import JobFailed
from edgeenh_export.precision.stored import fed

if TYPE_CHECKING:
    from edgeenh_export.golden import GoldenFrame

_MODULE = "modelopt.onnx.autocast"
_FUNCTION = "convert_to_mixed_precision"


def unavailable() -> str:
    """Why it cannot be used here, with the fix; empty when it can."""
    if find_spec("modelopt") is None:
        return "nvidia-modelopt is not installed (pip install 'edgeenh[autocast]')"
    try:
        module = importlib.import_module(_MODULE)
    except Exception as exc:  # what it imports has no common base for its errors
        return f"it does not load ({one_line(exc)[:200]})"
    if not hasattr(module, _FUNCTION):
        version = importlib.metadata.version("nvidia-modelopt")
        return f"nvidia-modelopt {version} has no {_FUNCTION}: install a version that has"
    return ""


def convert(fp32: bytes, frames: Sequence[GoldenFrame], keep_fp32: Collection[str]) -> bytes:
    """Let AutoCast write an FP32 graph in FP16.

    Args:
        fp32: The graph by the contract.
        frames: Real frames that it may measure ranges on; the first is used.
        keep_fp32: Names of nodes that it must leave in FP32. Casts among them are left to it: it places its own, and kept ones
            with readers in both precisions make it write a graph whose types do not agree (0.47.0).

    Raises:
        JobFailed: It gave up, or its result is not valid ONNX.
    """
    function: Any = getattr(importlib.import_module(_MODULE), _FUNCTION)
    with tempfile.TemporaryDirectory(prefix="edgeenh-autocast-") as folder:
        path, data = Path(folder, "fp32.onnx"), Path(folder, "frames.npz")
        path.write_bytes(fp32)
        casts = {node.name for node in onnx.load_model_from_string(fp32).graph.node if node.op_type == "Cast"}
        excluded = [f"^{re.escape(name)}$" for name in sorted(set(keep_fp32) - casts)]
        feeds: dict[str, Any] = dict(fed(frames[0]))
        np.savez(data, **feeds)
        try:
            with _silent():
                model = function(
                    onnx_path=str(path),
                    low_precision_type="fp16",
                    keep_io_types=True,
                    calibration_data=str(data),
                    nodes_to_exclude=excluded,
                )
            onnx.checker.check_model(model, full_check=True)
        except Exception as exc:  # the library has no common base for its errors
            raise JobFailed(one_line(exc)[:300]) from exc
    return bytes(model.SerializeToString(deterministic=True))


@contextmanager
def _silent() -> Iterator[None]:
    """Without the library's log, which it writes to stdout, where an export's results go; its failures are exceptions all the same."""
    log = logging.getLogger("modelopt.onnx")
    handlers, propagate = log.handlers[:], log.propagate
    log.handlers[:], log.propagate = [logging.NullHandler()], False
    try:
        yield
    finally:
        log.handlers[:], log.propagate = handlers, propagate
