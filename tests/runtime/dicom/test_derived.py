"""Derived images say what they are and where they come from, and hold exactly the pixels they were given."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from edgeenh.dicom import decode_dicom
from edgeenh.dicom.derived import Making, derive, new_uid
from edgeenh.dicom.storing import to_bytes
from edgeenh.errors import PictureError, UsageError

from .conftest import noise

pydicom = pytest.importorskip("pydicom")
Make = Callable[..., bytes]


def _derived(content: bytes, making: Making, lift: int = 0) -> tuple[bytes, Any]:
    image = decode_dicom(content, "x.dcm")
    originals = [image.frame(index) for index in range(image.header.frames)]
    enhanced = [np.where(frame < 200, frame + lift, frame).astype(frame.dtype) for frame in originals]
    written = to_bytes(derive(image.dataset, image.header, enhanced, originals, making))
    again = decode_dicom(written, "derived.dcm")
    assert all(np.array_equal(again.frame(index), frame) for index, frame in enumerate(enhanced))
    return written, again.dataset


@pytest.mark.parametrize(
    ("kind", "bits"), [("sc", 8), ("sc", 12), ("sc", 16), ("io", 12), ("io", 16), ("dx", 8), ("dx", 14)]
)
def test_grey_objects_pass_the_standards_checker(
    make_object: Make, making: Making, verified: Callable[[bytes], list[str]], kind: str, bits: int
) -> None:
    content = make_object(noise(24, 33, bits), kind, bits)
    assert verified(content) == []
    written, dataset = _derived(content, making, lift=3)
    assert verified(written) == []
    assert dataset.BitsStored == bits


@pytest.mark.parametrize("kind", ["sc", "xc", "es"])
def test_colour_objects_pass_the_standards_checker(
    make_object: Make, making: Making, verified: Callable[[bytes], list[str]], make_picture: Any, kind: str
) -> None:
    content = make_object(make_picture(24, 33), kind)
    assert verified(content) == []
    assert verified(_derived(content, making, lift=3)[0]) == []


def test_it_names_its_source_its_maker_and_itself(make_object: Make, making: Making) -> None:
    content = make_object(noise(20, 31, 12), "io", 12, SeriesDescription="bitewing", SeriesNumber=4)
    source = decode_dicom(content, "x.dcm").dataset
    _, derived = _derived(content, making)
    assert derived.SOPInstanceUID not in (source.SOPInstanceUID, "")
    assert derived.file_meta.MediaStorageSOPInstanceUID == derived.SOPInstanceUID
    assert (derived.SeriesInstanceUID, derived.StudyInstanceUID) == (making.series, source.StudyInstanceUID)
    assert (derived.SOPClassUID, derived.PatientID) == (source.SOPClassUID, "4711")
    assert list(derived.ImageType) == ["DERIVED", "PRIMARY", ""]
    assert (derived.SeriesDescription, derived.SeriesNumber) == ("bitewing enhanced", 9004)
    origin = derived.SourceImageSequence[0]
    assert origin.ReferencedSOPInstanceUID == source.SOPInstanceUID
    assert origin.PurposeOfReferenceCodeSequence[0].CodeValue == "121322"
    equipment = derived.ContributingEquipmentSequence[-1]
    assert (equipment.PurposeOfReferenceCodeSequence[0].CodeValue, equipment.ManufacturerModelName) == (
        "109102",
        "xray-n 1",
    )
    for words in ("xray-n 1", "strength 0.5", "onnxruntime", "fp32", "a" * 64):
        assert words in derived.DerivationDescription
    block = derived.private_block(0x0079, "EDGEENH")
    assert [block[number].value for number in (1, 2, 4, 6)] == ["xray-n 1", "a" * 64, "onnxruntime", "fp32"]


def test_out_of_an_archive_it_is_secondary_and_further_values_stay(make_object: Make, making: Making) -> None:
    content = make_object(noise(20, 31, 12), bits=12, ImageType=["ORIGINAL", "PRIMARY", "AXIAL", "X"])
    _, derived = _derived(content, replace(making, inline=False))
    assert list(derived.ImageType) == ["DERIVED", "SECONDARY", "AXIAL", "X"]


def test_what_was_lossy_stays_lossy_and_what_is_stale_goes(make_object: Make, making: Making) -> None:
    content = make_object(
        noise(20, 31, 12), bits=12, LossyImageCompression="01", LossyImageCompressionRatio="12.5",
        SmallestImagePixelValue=0, LargestImagePixelValue=4095, WindowCenter="2000", WindowWidth="900",
    )  # fmt: skip
    _, derived = _derived(content, making)
    assert (derived.LossyImageCompression, derived.LossyImageCompressionRatio) == ("01", 12.5)
    assert "LargestImagePixelValue" not in derived
    assert (derived.WindowCenter, derived.WindowWidth) == (2000, 900)


def test_earlier_sources_and_makers_are_kept(make_object: Make, making: Making) -> None:
    once, _ = _derived(make_object(noise(20, 31, 12), bits=12), making)
    _, twice = _derived(once, making)
    assert len(twice.SourceImageSequence) == len(twice.ContributingEquipmentSequence) == 2


def test_an_overlay_within_the_pixels_is_refused_rather_than_lost(make_object: Make, making: Making) -> None:
    image = decode_dicom(make_object(noise(20, 31, 12), bits=12), "x.dcm")
    image.dataset.add_new(0x60000010, "US", 20)
    with pytest.raises(PictureError, match="overlay"):
        derive(image.dataset, image.header, [image.frame(0)], [image.frame(0)], making)


def test_nothing_of_an_x_ray_is_invented(make_object: Make, context: Any) -> None:
    from edgeenh.dicom.original import Session, check_session

    del context.ImagerPixelSpacing
    with pytest.raises(UsageError, match="need ImagerPixelSpacing in the context"):
        check_session(Session("io", context, new_uid(), new_uid()))
    with pytest.raises(UsageError, match="'ct' are not made"):
        check_session(Session("ct", context, new_uid(), new_uid()))
    with pytest.raises(UsageError, match="does not take RGB"):
        make_object(np.zeros((20, 20, 3), np.uint8), "dx")
