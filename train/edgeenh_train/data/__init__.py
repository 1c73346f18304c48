"""Pictures for training: folders, views, cameras that make pairs, and batches prepared ahead of the step that needs them."""

from edgeenh_train.data.batches import Batches
from edgeenh_train.data.domains import Domains, Folders, open_domains
from edgeenh_train.data.folder import PictureFolder, picture_files, view

__all__ = ["Batches", "Domains", "Folders", "PictureFolder", "open_domains", "picture_files", "view"]
