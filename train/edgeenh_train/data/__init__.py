"""Unpaired pictures: folders, views, and batches prepared ahead of the step that needs them."""

from edgeenh_train.data.batches import Batches
from edgeenh_train.data.folder import PictureFolder, view

__all__ = ["Batches", "PictureFolder", "view"]
