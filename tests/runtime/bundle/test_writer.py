import dataclasses
import multiprocessing

import pytest

from edgeenh.bundle import Bundle, write_bundle
from edgeenh.errors import IntegrityError, UsageError


def test_the_same_members_give_the_same_bytes_in_any_order(tmp_path, manifest, members):
    one = write_bundle(tmp_path / "one.edgeenh", manifest, members)
    two = write_bundle(tmp_path / "two.edgeenh", manifest, dict(reversed(members.items())))
    assert one.path.read_bytes() == two.path.read_bytes()
    assert one.sha256 == two.sha256


def test_the_written_file_is_the_returned_bundle(bundle):
    opened = Bundle.open(bundle.path)
    assert opened.sha256 == bundle.sha256
    assert opened.manifest == bundle.manifest


def test_files_of_the_given_manifest_are_replaced(bundle, tmp_path, members):
    again = write_bundle(tmp_path / "again.edgeenh", bundle.manifest, {**members, "MODEL_CARD.md": b"other\n"})
    assert again.manifest.files["MODEL_CARD.md"].bytes == 6
    assert again.manifest.files["generator.fp32.onnx"] == bundle.manifest.files["generator.fp32.onnx"]


def test_a_refused_bundle_leaves_the_old_file_and_nothing_else(bundle, manifest, members):
    before = bundle.path.read_bytes()
    incomplete = {name: data for name, data in members.items() if name != "generator.fp32.onnx"}
    with pytest.raises(IntegrityError, match=r"generator\.fp32\.onnx"):
        write_bundle(bundle.path, manifest, incomplete)
    with pytest.raises(IntegrityError, match=r"manifest\.json\.version"):
        write_bundle(bundle.path, dataclasses.replace(manifest, version=-1), members)
    assert bundle.path.read_bytes() == before
    assert list(bundle.path.parent.iterdir()) == [bundle.path]


@pytest.mark.parametrize("name", ["../evil", "manifest.json"])
def test_a_member_name_that_is_not_allowed_is_refused(tmp_path, manifest, members, name):
    with pytest.raises(IntegrityError):
        write_bundle(tmp_path / "b.edgeenh", manifest, {**members, name: b""})
    assert not (tmp_path / "b.edgeenh").exists()


def test_a_place_that_cannot_be_written_is_bad_usage(tmp_path, manifest, members):
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="cannot be written"):
        write_bundle(tmp_path / "file" / "b.edgeenh", manifest, members)


def _write_often(path, manifest, members, version, times):
    for _ in range(times):
        write_bundle(path, dataclasses.replace(manifest, version=version), members)


def test_two_exports_into_one_place_at_once_leave_one_whole_bundle(tmp_path, manifest, members):
    """The later one wins; whoever reads in between sees one of the two, whole, and nothing is left beside it."""
    path = tmp_path / "m.edgeenh"
    _write_often(path, manifest, members, 1, 1)
    context = multiprocessing.get_context("fork")
    both = [context.Process(target=_write_often, args=(path, manifest, members, version, 10)) for version in (1, 2)]
    for one in both:
        one.start()
    seen = set()
    while any(one.is_alive() for one in both):
        seen.add(Bundle.open(path).manifest.version)
    for one in both:
        one.join()
        assert one.exitcode == 0
    assert seen <= {1, 2}
    assert Bundle.open(path).manifest.version in (1, 2)
    assert list(tmp_path.iterdir()) == [path]
