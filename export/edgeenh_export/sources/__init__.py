"""Where a bundle's graphs come from: our checkpoints, torch modules, and ONNX models that others made.

What a model from elsewhere takes and gives is found out, not assumed (`edgeenh_export.sources.discovery`), and the graph
contract is put around it (`edgeenh_export.sources.wrapper`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from edgeenh.errors import UsageError

if TYPE_CHECKING:
    from edgeenh_export.options import Size
    from edgeenh_export.sources.overrides import ModuleSource, Overrides
    from edgeenh_export.sources.source import Source


def open_source(
    given: Path | ModuleSource, sizes: Sequence[Size], overrides: Overrides, remark: Callable[[str], None]
) -> Source:
    """Read what is to be exported.

    Args:
        given: A checkpoint of ours (.safetensors), an ONNX file, or a torch module.
        sizes: The frame sizes that are asked for; none = any.
        overrides: What the user states of a model from elsewhere.
        remark: Takes what the user should know.

    Raises:
        InputError: It cannot be used.
    """
    if isinstance(given, Path) and not is_foreign(given):
        from edgeenh_export.sources.checkpoint import OwnCheckpoint
        from edgeenh_train.checkpoint import remark_on

        if overrides.named():
            raise UsageError(
                f"{', '.join(overrides.named())} is for models from elsewhere, and {given.name} is a checkpoint of ours, "
                "which says all that itself: leave it out"
            )
        own = OwnCheckpoint(given, sizes)
        if said := remark_on(given, own.info):
            remark(said)
        return own
    from edgeenh_export.sources.foreign import from_module, from_onnx

    if isinstance(given, Path):
        return from_onnx(given, overrides, sizes, remark)
    return from_module(given, overrides, sizes, remark)


def is_foreign(path: Path) -> bool:
    """Whether a file is a model from elsewhere, by its name."""
    return path.suffix.lower() == ".onnx"
