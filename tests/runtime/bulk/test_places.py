"""What results are called."""

import os
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from edgeenh.bulk.places import result_names

WORDS = st.lists(st.sampled_from(["a", "b", "png", "jpg", "dcm", "x" * 120]), min_size=1, max_size=4).map(".".join)


@given(st.sets(WORDS, max_size=8), st.randoms())
def test_no_two_results_are_alike_and_the_order_does_not_matter(words, random):
    places = [Path("in") / word for word in sorted(words) if len(word) <= 255]
    suffixes = {place: ".dcm" if place.suffix == ".dcm" else ".png" for place in places}
    names = result_names(places, list(suffixes.values()))
    assert set(names) == set(places)
    assert len(set(names.values())) == len(places)
    assert all(names[place].suffix == suffixes[place] for place in places)
    assert all(len(os.fsencode(name.name)) <= 255 for name in names.values())
    random.shuffle(places)
    assert result_names(places, [suffixes[place] for place in places]) == names


def test_dicom_named_by_uids_without_a_suffix():
    places = [Path("1.2.840.1"), Path("1.2.840.2"), Path("IM0001")]
    assert [str(name) for name in result_names(places, [".dcm"] * 3).values()] == [
        "IM0001.dcm", "1.2.840.1.dcm", "1.2.840.2.dcm",
    ]  # fmt: skip


def test_a_name_that_another_file_has_already_is_not_taken():
    names = result_names([Path("a.jpg"), Path("a.tif"), Path("a.jpg.bmp")], [".png"] * 3)
    assert names[Path("a.jpg.bmp")] == Path("a.jpg.png")
    assert names[Path("a.tif")] == Path("a.tif.png")
    assert str(names[Path("a.jpg")]).startswith("a.jpg~")
