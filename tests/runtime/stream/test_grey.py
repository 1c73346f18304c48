"""Grey frames through a stream."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from edgeenh.enhancer import Enhancer
from edgeenh.frames import PassthroughReason
from edgeenh.pictures import write_grey
from edgeenh.sources import open_source
from edgeenh.stream import Stream


def test_grey_arrays_are_enhanced_in_their_own_depth(
    grey_bundle: Any, make_grey: Callable[..., Any], grey_brightened: Callable[..., Any]
) -> None:
    arrays = [make_grey(48, 64), make_grey(50, 70), make_grey(48, 64, 8)]
    with Enhancer(grey_bundle, backend="onnxruntime", precision="fp32", threads=1) as enhancer:
        frames = list(Stream(arrays, enhancer))
    assert all(frame.enhanced for frame in frames)
    for frame, array in zip(frames, arrays, strict=True):
        assert frame.image.dtype == array.dtype
        assert np.abs(frame.image.astype(int) - grey_brightened(array)).max() <= 1
        assert frame.original.image is array


def test_the_bits_of_the_source_reach_the_enhancer(
    grey_bundle: Any, tmp_path: Path, make_grey: Callable[..., Any], grey_brightened: Callable[..., Any]
) -> None:
    image = make_grey(48, 64, 12)
    write_grey(tmp_path / "p.png", image)
    with Enhancer(grey_bundle, backend="onnxruntime", precision="fp32", threads=1) as enhancer:
        [frame] = list(Stream(open_source(tmp_path, photometric="grey", bits=12), enhancer))
    assert frame.original.bits == 12
    assert np.abs(frame.image.astype(int) - grey_brightened(image, bits=12)).max() <= 1


def test_a_path_is_read_as_the_enhancer_wants_it(
    grey_bundle: Any, tmp_path: Path, make_grey: Callable[..., Any]
) -> None:
    write_grey(tmp_path / "p.png", make_grey(48, 64))
    with Enhancer(grey_bundle, backend="fake") as enhancer:
        assert [frame.enhanced for frame in Stream(tmp_path, enhancer)] == [True]


def test_a_frame_of_the_other_kind_passes_through_with_the_reason(
    grey_bundle: Any, tiny_bundle: Any, make_grey: Callable[..., Any], picture: Any
) -> None:
    for bundle, array, expected in (
        (grey_bundle, picture, r"found uint8 [48, 64, 3], expected uint8 or uint16 [H,W] grey"),
        (tiny_bundle, make_grey(48, 64), r"found uint16 [48, 64], expected uint8 [H,W,3] RGB"),
    ):
        with Enhancer(bundle, backend="fake") as enhancer:
            [frame] = list(Stream([array], enhancer))
        assert (frame.reason, frame.detail) == (PassthroughReason.UNSUPPORTED_FRAME, expected)
        assert frame.image is array


def test_values_beyond_the_bits_pass_through_with_the_reason(grey_bundle: Any, tmp_path: Path) -> None:
    write_grey(tmp_path / "p.png", np.full((48, 64), 4096, np.uint16))
    with Enhancer(grey_bundle, backend="fake") as enhancer:
        [frame] = list(Stream(open_source(tmp_path, photometric="grey", bits=12), enhancer))
    assert frame.reason is PassthroughReason.UNSUPPORTED_FRAME
    assert "expected at most 4095 with 12 bits" in frame.detail
