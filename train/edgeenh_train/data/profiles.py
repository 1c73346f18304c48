"""Whether a picture file says that its values are not sRGB. Profiles are not applied anywhere in training and evaluation, so that must be said.

A matrix profile (ICC.1:2022, 8.3) holds the colorants of its primaries, adapted to D50; those of sRGB, Adobe RGB, Display P3 and ProPhoto
are far apart. Profiles of other forms tell nothing here.
"""

from __future__ import annotations

import struct

from edgeenh.picture_metadata import read_metadata

_SRGB = ((0.4360, 0.2225, 0.0139), (0.3851, 0.7169, 0.0971), (0.1431, 0.0606, 0.7141))
"""X, Y, Z of sRGB's red, green and blue at D50 (IEC 61966-2-1 through Bradford's adaptation)."""
_COLORANTS = (b"rXYZ", b"gXYZ", b"bXYZ")
TOLERANCE = 0.015
"""Of a colorant: profiles of sRGB differ by up to 0.002, the nearest other space, Display P3, by 0.08."""


def is_not_srgb(data: bytes) -> bool:
    """Whether the content of a picture file carries a colour profile whose primaries are not sRGB's."""
    try:
        colorants = _colorants(read_metadata(data).icc)
    except struct.error:
        return False
    pairs = zip(colorants, _SRGB, strict=False)
    return any(abs(a - b) > TOLERANCE for found, wanted in pairs for a, b in zip(found, wanted, strict=True))


def _colorants(icc: bytes) -> list[tuple[float, ...]]:
    """X, Y, Z of the three primaries; none where the profile is no matrix profile of RGB."""
    if icc[16:20] != b"RGB ":
        return []
    (count,) = struct.unpack_from(">I", icc, 128)
    tags = {}
    for index in range(min(count, 256)):
        name, offset, _ = struct.unpack_from(">4sII", icc, 132 + 12 * index)
        tags[name] = offset
    if not all(name in tags for name in _COLORANTS):
        return []
    return [tuple(v / 65536.0 for v in struct.unpack_from(">3i", icc, tags[name] + 8)) for name in _COLORANTS]
