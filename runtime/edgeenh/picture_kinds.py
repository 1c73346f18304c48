"""Refusals of pictures that are sound, and of another kind than was asked for: what was found, and how to convert it."""

from __future__ import annotations

from edgeenh.errors import PictureError
from edgeenh.picture_headers import Header
from edgeenh.pixels import GREY

TRANSPARENT = "RGB with transparency"


def not_colour(name: str, header: Header) -> PictureError:
    """What to raise for a picture that is not 8-bit RGB; `name` is what the message calls it."""
    found = f"{header.bits}-bit {header.colour}"
    fix = f"convert it first, e.g. `magick IN {_CONVERSION[header.colour]} OUT.png`"
    other = ", or use a model for grey pictures" if header.colour == GREY.photometric else ""
    return PictureError(f"{name} is {found}, expected 8-bit RGB colour: {fix}{other}")


def not_grey(name: str, header: Header) -> PictureError:
    """What to raise for a picture that is not 8- or 16-bit grey."""
    found = f"{header.bits}-bit {header.colour}"
    grey = header.colour.endswith("grey")
    fix = "-depth 16 -define png:bit-depth=16" if grey else "-alpha off -colorspace Gray"
    fix = "-alpha off" if header.colour == "grey with transparency" else fix
    other = "" if grey else ", or use a model for colour"
    return PictureError(
        f"{name} is {found}, expected 8- or 16-bit grey: convert it first, e.g. `magick IN {fix} OUT.png`{other}"
    )


_CONVERSION = {
    "RGB": "-depth 8",
    "grey": "-depth 8 -type TrueColor -define png:color-type=2",
    "grey with transparency": "-alpha off -depth 8 -type TrueColor -define png:color-type=2",
    "RGB with transparency": "-background white -alpha remove -alpha off -depth 8",
    "CMYK": "-colorspace sRGB -depth 8",
    "palette": "-depth 8 -type TrueColor -define png:color-type=2",
    "palette with transparency": "-background white -alpha remove -alpha off -depth 8 -type TrueColor",
    "non-RGB colour": "-colorspace sRGB -depth 8",
    "white-is-zero grey": "-depth 8 -type TrueColor -define png:color-type=2",
    "signed or floating-point grey": "-depth 8 -type TrueColor -define png:color-type=2",
}
