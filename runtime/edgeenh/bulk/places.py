"""What results are called: no two alike, and the same in every run over the same files.

a.jpg                  a.png
a.jpg, a.png           a.jpg.png, a.png          whose name is the result's own keeps it
a.jpg, a.tif           a.jpg.png, a.tif.png
1.2.840.1, 1.2.840.2   1.2.840.1.dcm, …          DICOM without a suffix
"""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from edgeenh.files import fitting_name


def result_names(places: Sequence[Path], suffixes: Sequence[str]) -> dict[Path, Path]:
    """The result of each file, as a path in the folder of results.

    Args:
        places: The files, as paths in what they were found in; no two alike.
        suffixes: Of their results, e.g. `.png`.

    Returns:
        By place; no two alike. They depend on the set of places alone, not on its order.
    """
    short = {place: _named(place, place.stem, suffix) for place, suffix in zip(places, suffixes, strict=True)}
    wanted = Counter(short.values())
    names = {place: name for place, name in short.items() if wanted[name] == 1 or name == place}
    taken = set(names.values())
    for place, suffix in sorted(zip(places, suffixes, strict=True)):
        if place in names:
            continue
        name = _named(place, place.name, suffix)
        if name in taken:
            digest = hashlib.sha256(os.fsencode(place)).hexdigest()[:12]
            name = _named(place, f"{place.name}~{digest}", suffix)
        names[place] = name
        taken.add(name)
    return names


def _named(place: Path, stem: str, suffix: str) -> Path:
    return place.with_name(fitting_name(stem, suffix))
