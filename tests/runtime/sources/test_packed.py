from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeenh.errors import SourceError
from edgeenh.sources.formats import FORMATS, choose_format
from edgeenh.sources.packed import PACKINGS, unpack

Pack = Callable[[list[int], str], bytes]


@given(st.sampled_from(sorted(PACKINGS)), st.integers(1, 9), st.integers(1, 7), st.data())
def test_every_picture_comes_back_exactly(pack: Pack, name: str, width: int, height: int, data: st.DataObject) -> None:
    top = (1 << PACKINGS[name].bits) - 1
    values = data.draw(st.lists(st.integers(0, top), min_size=width * height, max_size=width * height))
    packed = pack(values, name)
    assert len(packed) == PACKINGS[name].length(width * height)
    image = unpack(packed, name, width, height)
    assert (image.dtype, image.shape, image.flags.c_contiguous) == (np.uint16, (height, width), True)
    assert image.reshape(-1).tolist() == values
    padded = unpack(packed + b"\xff" * 5, name, width, height)  # what fills up the buffer is left alone
    assert (padded == image).all()
    with pytest.raises(
        SourceError, match=f"a {name} picture of {width}x{height} has {len(packed) - 1} bytes, expected"
    ):
        unpack(packed[:-1], name, width, height)


@pytest.mark.parametrize(
    ("name", "packed", "values"),
    [
        ("Mono12Packed", "abc6d5", [0xAB6, 0xD5C]),
        ("Mono12p", "b65acd", [0xAB6, 0xCD5]),
        ("Mono10Packed", "ab21d5", [0xAB << 2 | 1, 0xD5 << 2 | 2]),
        ("Mono10p", "ff03f0ff00", [0x3FF, 0x000, 0x3FF, 0x003]),
    ],
)
def test_known_bytes(name: str, packed: str, values: list[int]) -> None:
    assert unpack(bytes.fromhex(packed), name, len(values), 1).tolist() == [values]


def test_frames_of_every_format_are_what_they_say() -> None:
    for name, entry in FORMATS.items():
        image = entry.decode(bytes(8 * 6 * 3), 8, 6, 0)
        if entry.photometric == "grey":
            assert (image.shape, image.dtype) == ((6, 8), np.uint8 if entry.bits == 8 else np.uint16), name
        else:
            assert (image.shape, image.dtype) == ((6, 8, 3), np.uint8), name
        assert image.flags.c_contiguous
        with pytest.raises(SourceError, match="cut short"):
            entry.decode(bytes(20), 8, 6, 0)


@pytest.mark.parametrize("name", ["BayerRG8", "BayerGB8", "BayerGR8", "BayerBG8"])
def test_bayer_formats_find_the_colour(name: str) -> None:
    colour = (200, 120, 40)
    first = name[5:7]
    tile = {"RG": "RGGB", "GB": "GBRG", "GR": "GRBG", "BG": "BGGR"}[first]
    mosaic = np.zeros((16, 16), np.uint8)
    for place, letter in enumerate(tile):
        mosaic[place // 2 :: 2, place % 2 :: 2] = colour["RGB".index(letter)]
    image = FORMATS[name].decode(mosaic.tobytes(), 16, 16, 0)
    assert (image == np.array(colour, np.uint8)).all()


def test_orders_bytes_and_rows_are_right() -> None:
    rgb = np.random.default_rng(0).integers(0, 256, (6, 8, 3), np.uint8)
    assert (FORMATS["RGB8"].decode(rgb.tobytes(), 8, 6, 0) == rgb).all()
    assert (FORMATS["BGR8"].decode(cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR).tobytes(), 8, 6, 0) == rgb).all()
    deep = np.random.default_rng(1).integers(0, 65536, (6, 8), np.uint16)
    assert (FORMATS["Mono16"].decode(deep.astype("<u2").tobytes(), 8, 6, 0) == deep).all()
    filled = np.concatenate((deep.astype("<u2").view(np.uint8), np.full((6, 4), 7, np.uint8)), axis=1)
    assert (FORMATS["Mono16"].decode(filled.tobytes()[:-4], 8, 6, 4) == deep).all()
    with pytest.raises(SourceError, match="behind every row is not read"):
        FORMATS["Mono12p"].decode(bytes(200), 8, 6, 4)


def test_a_format_is_kept_chosen_or_refused() -> None:
    offered = ["Mono8", "Mono12p", "BayerRG8", "Confidence8"]
    assert choose_format("x", offered, "Mono8", "", "grey") == "Mono8"
    assert choose_format("x", offered, "BayerRG8", "", "grey") == "Mono12p"
    assert choose_format("x", offered, "Mono8", "", "RGB") == "BayerRG8"
    assert choose_format("x", offered, "Mono8", "Mono12p", "grey") == "Mono12p"
    with pytest.raises(SourceError, match="x cannot give Mono12p to a model for colour, expected one of BayerRG8"):
        choose_format("x", offered, "Mono8", "Mono12p", "RGB")
    with pytest.raises(SourceError, match="x offers Mono8, none of which is colour and read here"):
        choose_format("x", ["Mono8"], "Mono8", "", "RGB")
