"""Pictures for training: folders, views, cameras that make pairs, and batches prepared ahead of the step that needs them.

All but the batches works without torch: data sets are made by the base install.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from edgeenh_train.data.domains import Domains, Folders, open_domains
from edgeenh_train.data.folder import PictureFolder, picture_files, view

if TYPE_CHECKING:
    from edgeenh_train.data.batches import Batches

__all__ = ["Batches", "Domains", "Folders", "PictureFolder", "open_domains", "picture_files", "view"]


def __getattr__(name: str) -> Any:
    """`Batches`, whose module imports torch, when it is asked for."""
    if name == "Batches":
        from edgeenh_train.data.batches import Batches

        return Batches
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
