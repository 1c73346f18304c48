"""edgeenh: stream frames through an enhancement generator, and know what became of every one of them.

    import edgeenh
    enhancer = edgeenh.load("dental-n.edgeenh")          # or edgeenh.load() for the bundle that ships with the package
    enhanced = enhancer(image)                           # uint8 [H,W,3] RGB in, the same out, any size; or, with a
                                                         # bundle for grey (X-ray), uint8 or uint16 [H,W]
    for frame in edgeenh.Stream("camera:0", enhancer, mode="live"):
        show(frame.image, frame.status)

Names are loaded on first use, so that `import edgeenh` costs no numpy.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

_HOME = {
    "Enhancer": "edgeenh.enhancer",
    "ContainedEnhancer": "edgeenh.containment.enhancer",
    "load": "edgeenh.enhancer",
    "Stream": "edgeenh.stream",
    "StreamGroup": "edgeenh.stream",
    "Accounting": "edgeenh.stream",
    "Frame": "edgeenh.frames",
    "Exposure": "edgeenh.frames",
    "EnhancedFrame": "edgeenh.frames",
    "Status": "edgeenh.frames",
    "PassthroughReason": "edgeenh.frames",
    "DropReason": "edgeenh.frames",
    "Provenance": "edgeenh.frames",
    "Bundle": "edgeenh.bundle",
    "open_source": "edgeenh.sources",
    "open_sink": "edgeenh.sinks",
    "EdgeenhError": "edgeenh.errors",
    "InputError": "edgeenh.errors",
    "GateFailed": "edgeenh.errors",
    "IntegrityError": "edgeenh.errors",
    "BackendUnavailable": "edgeenh.errors",
    "InferenceFailed": "edgeenh.errors",
    "WorkerFailed": "edgeenh.errors",
}

__all__ = ["__version__", *_HOME]

if TYPE_CHECKING:
    from edgeenh.bundle import Bundle as Bundle
    from edgeenh.containment.enhancer import ContainedEnhancer as ContainedEnhancer
    from edgeenh.enhancer import Enhancer as Enhancer
    from edgeenh.enhancer import load as load
    from edgeenh.errors import BackendUnavailable as BackendUnavailable
    from edgeenh.errors import EdgeenhError as EdgeenhError
    from edgeenh.errors import GateFailed as GateFailed
    from edgeenh.errors import InferenceFailed as InferenceFailed
    from edgeenh.errors import InputError as InputError
    from edgeenh.errors import IntegrityError as IntegrityError
    from edgeenh.errors import WorkerFailed as WorkerFailed
    from edgeenh.frames import DropReason as DropReason
    from edgeenh.frames import EnhancedFrame as EnhancedFrame
    from edgeenh.frames import Exposure as Exposure
    from edgeenh.frames import Frame as Frame
    from edgeenh.frames import PassthroughReason as PassthroughReason
    from edgeenh.frames import Provenance as Provenance
    from edgeenh.frames import Status as Status
    from edgeenh.sinks import open_sink as open_sink
    from edgeenh.sources import open_source as open_source
    from edgeenh.stream import Accounting as Accounting
    from edgeenh.stream import Stream as Stream
    from edgeenh.stream import StreamGroup as StreamGroup


def __getattr__(name: str) -> Any:
    try:
        module = _HOME[name]
    except KeyError:
        raise AttributeError(f"module 'edgeenh' has no attribute {name!r}") from None
    return getattr(importlib.import_module(module), name)
