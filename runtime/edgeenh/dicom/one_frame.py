"""One frame of a multi-frame object as an object of its own: in a stream every frame goes its own way.

What is taken out speaks of many frames: how they follow each other in time or space (PS3.3 C.7.6.5, C.7.6.6), and the
functional groups of the others (C.7.6.16). Which frame it is stands in Frame Extraction Sequence (C.12.3), by which the
derived image refers to it.
"""

from __future__ import annotations

from typing import Any

from edgeenh.dicom.library import load_pydicom

OF_MANY = (
    "FrameIncrementPointer", "FrameTime", "FrameTimeVector", "FrameDelay", "FrameLabelVector", "StartTrim", "StopTrim",
    "RecommendedDisplayFrameRate", "CineRate", "PreferredPlaybackSequencing", "EffectiveDuration", "ActualFrameDuration",
    "RepresentativeFrameNumber", "FrameNumbersOfInterest", "FrameOfInterestDescription",
)  # fmt: skip


def reduce_to_frame(dataset: Any, index: int) -> None:
    """Make of a dataset without pixels that of its frame `index`, from 0; items of sequences are not changed."""
    pointers = dataset.get("FrameIncrementPointer")
    if pointers is not None:
        for tag in [pointers] if isinstance(pointers, int) else list(pointers):
            dataset.pop(tag, None)  # a vector with a value for each frame
    for keyword in OF_MANY:
        if keyword in dataset:
            del dataset[keyword]
    groups = dataset.get("PerFrameFunctionalGroupsSequence")
    if groups:
        dataset.PerFrameFunctionalGroupsSequence = [groups[index]]
    dataset.NumberOfFrames = 1
    item = load_pydicom().Dataset()
    item.MultiFrameSourceSOPInstanceUID, item.SimpleFrameList = dataset.SOPInstanceUID, index + 1
    dataset.FrameExtractionSequence = [item]


def frame_number(dataset: Any) -> int | None:
    """Which frame of its own object this is, from 1; None for a whole object."""
    for item in dataset.get("FrameExtractionSequence") or ():
        if item.get("MultiFrameSourceSOPInstanceUID") == dataset.get("SOPInstanceUID"):
            return int(item.SimpleFrameList)
    return None
