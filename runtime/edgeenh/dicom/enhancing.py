"""A whole DICOM object enhanced: every frame, and the derived object of it. What bulk work and the service share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from edgeenh.errors import InferenceFailed, PictureError

if TYPE_CHECKING:
    from edgeenh.dicom.reading import DicomImage
    from edgeenh.frames import Provenance
    from edgeenh.pixels import Levels

Enhance = Callable[["Levels", int], tuple["Levels", "Provenance"]]
"""(frame, bits) → the enhanced frame of the same shape and dtype, and what made it."""


@dataclass(frozen=True, slots=True)
class DerivedObject:
    """What an object became.

    Attributes:
        content: The derived object as a DICOM file.
        provenance: What made all of its frames.
    """

    content: bytes
    provenance: Provenance


def check_enhanceable(image: DicomImage, photometric: str, scale: int) -> None:
    """Refuse an object that the model cannot make a derived one of; nothing is decoded yet.

    Args:
        image: The object.
        photometric: What the model takes, `RGB` or `grey`.
        scale: How many times the model enlarges.

    Raises:
        PictureError: It is of the other kind, or the model enlarges.
    """
    from edgeenh.sources.dicom_files import check_photometric

    if scale != 1:
        raise PictureError(
            f"{image.name} is DICOM, and the model enlarges: spacing and regions would not fit any more; "
            "give a model that keeps the size"
        )
    check_photometric(image, photometric)


def enhance_object(
    image: DicomImage, enhance: Enhance, *, series: Callable[[Provenance], str], now: datetime
) -> DerivedObject:
    """Enhance every frame of an object that `check_enhanceable` accepts.

    Args:
        image: The object; only read.
        enhance: Does one frame.
        series: Gives the Series Instance UID of the derived object, by what made it.
        now: Local time of the making.

    Raises:
        PictureError: A frame cannot be decoded, or an attribute cannot be carried over.
        InferenceFailed: The model failed, or was changed between two frames: one object is of one model.
    """
    from edgeenh.dicom.derived import Making, derive, new_uid
    from edgeenh.dicom.storing import to_bytes

    originals = [image.frame(index) for index in range(image.header.frames)]
    enhanced, made = [], None
    for original in originals:
        result, provenance = enhance(original, image.header.bits)
        if made not in (None, provenance):
            raise InferenceFailed(f"the model was changed between two frames of {image.name}: enhance it again")
        made = provenance
        enhanced.append(result)
    assert made is not None  # a header without frames is refused when it is read
    making = Making(made, inline=False, now=now, new_uid=new_uid, series=series(made))
    return DerivedObject(to_bytes(derive(image.dataset, image.header, enhanced, originals, making)), made)
