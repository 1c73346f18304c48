from __future__ import annotations

import importlib.resources

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from edgeenh.pixels import GREY
from edgeenh_export.golden import GoldenFrame, fit, golden_frames, golden_members, representatives, shipped_frames
from edgeenh_export.options import bounds


def frames(count: int, size: tuple[int, int] = (64, 48)) -> list[GoldenFrame]:
    rng = np.random.default_rng(0)
    return [GoldenFrame(f"f{i}", rng.integers(0, 256, (size[1], size[0], 3), np.uint8)) for i in range(count)]


def test_the_shipped_frames_are_real_pictures_two_dim_and_two_bright():
    shipped = shipped_frames()
    assert len(shipped) == 4
    brightness = {frame.name: float(frame.image.mean()) for frame in shipped}
    dim = [value for name, value in brightness.items() if name.startswith("dim")]
    bright = [value for name, value in brightness.items() if name.startswith("bright")]
    assert max(dim) + 20 < min(bright)
    assert all(frame.size[0] % 16 == frame.size[1] % 16 == 0 for frame in shipped)


def test_the_shipped_radiographs_are_real_16_bit_pictures():
    shipped = shipped_frames(GREY)
    assert len(shipped) >= 3
    for frame in shipped:
        assert (frame.image.dtype, frame.image.shape[2]) == (np.uint16, 1)
        assert frame.size[0] % 16 == frame.size[1] % 16 == 0
        assert frame.size[0] <= 512
        assert frame.size[1] <= 384
        assert len(np.unique(frame.image)) > 2_000  # more levels than 8 bits have


def test_every_shipped_frame_is_named_with_its_source():
    folder = importlib.resources.files("edgeenh_export") / "frames"
    readme = (folder / "README.md").read_text("utf-8")
    assert all(f"`{frame.name}.png`" in readme for frame in shipped_frames())
    assert all(f"`grey/{frame.name}.png`" in readme for frame in shipped_frames(GREY))
    assert readme.count("MIT") == 2
    for place in (folder, folder / "grey"):
        assert sum(len(file.read_bytes()) for file in place.iterdir() if file.is_file()) < 1_500_000


@given(st.integers(1, 12), st.integers(1, 12))
def test_fit_fills_the_size_and_keeps_proportions(columns, rows):
    image = np.zeros((48, 64, 3), np.uint8)
    image[24:] = 255
    fitted = fit(image, (columns * 16, rows * 16))
    assert fitted.shape == (rows * 16, columns * 16, 3)
    assert fitted.flags.c_contiguous
    assert 0.3 < float((fitted > 127).mean()) < 0.7  # still half dark, half bright: cut in the middle


def test_fit_keeps_the_depth_and_the_one_channel_of_grey():
    image = np.full((48, 64, 1), 40_000, np.uint16)
    fitted = fit(image, (32, 16))
    assert (fitted.shape, fitted.dtype) == ((16, 32, 1), np.uint16)
    assert (fitted == 40_000).all()


def test_frames_are_dealt_out_until_every_frame_and_size_was_used():
    pictures = frames(2)
    assert golden_frames(pictures, bounds([])) == pictures
    dealt = golden_frames(pictures, bounds([(32, 32), (48, 16), (16, 64)]))
    assert [(f.name, f.size) for f in dealt] == [
        ("f0-32x32", (32, 32)),
        ("f1-48x16", (48, 16)),
        ("f0-16x64", (16, 64)),
    ]


def test_large_frames_travel_in_small_numbers():
    assert representatives(frames(4)) == [0, 1, 2, 3]
    large = [GoldenFrame(str(i), np.broadcast_to(np.uint8(0), (1088, 1920, 3))) for i in range(4)]
    assert representatives(large[:1]) == [0]
    assert representatives(large) == [0]
    half = [GoldenFrame(str(i), np.broadcast_to(np.uint8(0), (1000, 2000, 3))) for i in range(4)]
    assert representatives(half) == [0, 2]


def test_members_are_lossless():
    from edgeenh.pictures import decode_picture

    pictures = frames(2)
    entries, members = golden_members(pictures, [255 - frame.image for frame in pictures])
    assert [entry.image for entry in entries] == ["golden/f0.png", "golden/f1.png"]
    assert np.array_equal(decode_picture(members["golden/f1.png"], "x"), pictures[1].image)
    assert np.array_equal(decode_picture(members["golden/f1.fp32.png"], "x"), 255 - pictures[1].image)


def test_members_of_grey_are_lossless_16_bit_pictures():
    from edgeenh.pictures import decode_grey

    image = np.random.default_rng(0).integers(0, 65536, (48, 64, 1), np.uint16)
    _, members = golden_members([GoldenFrame("g", image)], [65535 - image])
    assert np.array_equal(decode_grey(members["golden/g.png"], "x"), image[..., 0])
    assert np.array_equal(decode_grey(members["golden/g.fp32.png"], "x"), 65535 - image[..., 0])
