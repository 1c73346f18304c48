import dataclasses
import hashlib
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edgeenh.bundle import Bundle, write_bundle
from edgeenh.bundle.archive import pack, unpack
from edgeenh.bundle.reader import SHIPPED_NAMES
from edgeenh.errors import InputError, IntegrityError, UsageError
from edgeenh.pictures import encode_grey, encode_picture
from edgeenh.pixels import GREY

HERE = Path("here.edgeenh")


def repacked(bundle, **changes):
    """The bundle's bytes with members replaced, added (dots of the name as `__`) or, by None, left out."""
    members = {name: bytes(view) for name, view in unpack(bundle.path.read_bytes()).items()}
    members |= {name.replace("__", "."): data for name, data in changes.items()}
    return pack({name: data for name, data in members.items() if data is not None})


def test_an_opened_bundle_gives_back_what_was_written(bundle, members):
    opened = Bundle.open(bundle.path)
    data = bundle.path.read_bytes()
    assert {name: opened.read(name) for name in opened.members} == members
    assert opened.manifest == bundle.manifest
    assert opened.precisions == ("fp32", "fp16")
    assert (opened.sha256, opened.size) == (hashlib.sha256(data).hexdigest(), len(data))


def test_the_content_stays_when_the_file_changes_afterwards(bundle, members):
    opened = Bundle.open(bundle.path)
    bundle.path.write_bytes(b"")
    assert opened.read("generator.fp32.onnx") == members["generator.fp32.onnx"]


def test_a_model_comes_with_the_plans_of_exactly_its_graph(bundle, members):
    fp16, fp32 = bundle.model("fp16"), bundle.model("fp32")
    onnx = members["generator.fp16.onnx"]
    assert (fp16.onnx, fp16.onnx_precision, fp16.name) == (onnx, "fp16", "dental-n 1 (fp16)")
    assert fp16.sha256 == hashlib.sha256(onnx).hexdigest()
    assert fp16.plans == {"engines/fp16.plan": b"plan"}
    assert fp32.plans == {}


def test_golden_frames_are_pictures(bundle):
    [(name, image, reference)] = bundle.golden()
    assert name == "tooth"
    assert image.shape == (16, 16, 3)
    np.testing.assert_array_equal(reference, image ^ 1)


def test_what_the_bundle_does_not_have_is_said(bundle):
    with pytest.raises(UsageError, match="has no int8 graph, expected one of fp32, fp16"):
        bundle.model("int8")
    with pytest.raises(UsageError, match=r"has no member x, expected one of MODEL_CARD\.md"):
        bundle.read("x")


def test_a_flipped_byte_at_every_offset_is_refused(bundle):
    data = bundle.path.read_bytes()
    for at in range(len(data)):
        flipped = bytearray(data)
        flipped[at] ^= 1 << at % 8
        with pytest.raises(IntegrityError, match=r"^here\.edgeenh: "):
            Bundle.from_bytes(bytes(flipped), HERE)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_no_other_bytes_open_at_all(bundle, data):
    right = bundle.path.read_bytes()
    start = data.draw(st.integers(0, len(right)))
    end = data.draw(st.integers(start, len(right)))
    wrong = right[:start] + data.draw(st.binary(max_size=40)) + right[end:]
    if wrong != right:
        with pytest.raises(IntegrityError):
            Bundle.from_bytes(wrong, HERE)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"generator__fp16__onnx": None}, r"member generator\.fp16\.onnx is missing"),
        ({"notes__txt": b""}, r"member notes\.txt is extra"),
        ({"manifest__sig": b""}, r"member manifest\.sig is no signature that edgeenh writes"),
        ({"MODEL_CARD__md": b"# cards\n"}, r"member MODEL_CARD\.md holds 8 bytes, expected 7"),
        ({"MODEL_CARD__md": b"# cart\n"}, r"member MODEL_CARD\.md has the SHA-256"),
        ({"manifest__json": None}, r"begins with the member MODEL_CARD\.md, expected manifest\.json"),
        ({"manifest__json": b"{}\n"}, r"manifest\.json is of schema version null"),
    ],
)
def test_a_bundle_that_is_not_its_manifest_is_refused(bundle, changes, message):
    with pytest.raises(IntegrityError, match=message):
        Bundle.from_bytes(repacked(bundle, **changes), HERE)


def test_members_in_another_order_are_refused(bundle):
    members = {name: bytes(view) for name, view in unpack(bundle.path.read_bytes()).items()}
    manifest = members.pop("manifest.json")
    backwards = pack({"manifest.json": manifest, **dict(reversed(members.items()))})
    with pytest.raises(IntegrityError, match="not in sorted order"):
        Bundle.from_bytes(backwards, HERE)


def test_a_bundle_repacked_by_another_tool_is_refused(bundle, tmp_path):
    with zipfile.ZipFile(bundle.path) as old, zipfile.ZipFile(tmp_path / "new.edgeenh", "w") as new:
        for name in old.namelist():
            new.writestr(name, old.read(name))
    with pytest.raises(IntegrityError, match="repacked"):
        Bundle.open(tmp_path / "new.edgeenh")


@pytest.mark.parametrize(
    ("reference", "message"), [(b"no picture", "expected a PNG"), ("32x16", "is 16×16 pixels, expected the 32×16")]
)
def test_golden_frames_that_are_none_are_refused(tmp_path, manifest, members, reference, message):
    if reference == "32x16":
        reference = encode_picture(np.zeros((16, 32, 3), np.uint8), ".png")
    bundle = write_bundle(tmp_path / "b.edgeenh", manifest, {**members, "golden/tooth.fp32.png": reference})
    with pytest.raises(IntegrityError, match=message):
        bundle.golden()


def test_a_missing_file_and_a_folder_are_bad_input(tmp_path):
    with pytest.raises(InputError, match=r"there is no bundle at .*absent\.edgeenh"):
        Bundle.open(tmp_path / "absent.edgeenh")
    with pytest.raises(InputError, match="cannot be read"):
        Bundle.open(tmp_path)


def test_a_file_that_is_too_large_is_refused_without_reading_all_of_it(bundle, monkeypatch):
    monkeypatch.setattr("edgeenh.bundle.reader.MAX_BUNDLE_BYTES", 100)
    with pytest.raises(IntegrityError, match="larger than 100 bytes"):
        Bundle.open(bundle.path)


def test_the_shipped_bundle_is_looked_for_in_the_package(bundle, monkeypatch, tmp_path):
    monkeypatch.setattr("edgeenh.bundle.reader.importlib.resources.files", lambda package: tmp_path / package)
    with pytest.raises(InputError, match=r"edgeenh.models.dental-n\.edgeenh"):
        Bundle.shipped()
    (tmp_path / "edgeenh/models").mkdir(parents=True)
    (tmp_path / "edgeenh/models/dental-n.edgeenh").write_bytes(bundle.path.read_bytes())
    assert Bundle.shipped().sha256 == bundle.sha256


def test_a_shipped_bundle_is_opened_by_its_name_unless_a_file_lies_in_the_way(bundle, monkeypatch, tmp_path):
    monkeypatch.setattr("edgeenh.bundle.reader.importlib.resources.files", lambda package: tmp_path / package)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "edgeenh/models").mkdir(parents=True)
    (tmp_path / "edgeenh/models/dental-n.edgeenh").write_bytes(bundle.path.read_bytes())
    assert Bundle.open(Path("dental-n")).path == tmp_path / "edgeenh/models/dental-n.edgeenh"
    with pytest.raises(InputError, match="there is no bundle at dental-m"):
        Bundle.open(Path("dental-m"))
    (tmp_path / "dental-n").write_bytes(b"not a bundle")
    with pytest.raises(IntegrityError):
        Bundle.open(Path("dental-n"))


def test_a_bundle_is_small_to_print_and_cannot_be_changed(bundle):
    assert len(repr(dataclasses.replace(bundle, manifest=None))) < 400
    with pytest.raises(dataclasses.FrozenInstanceError):
        bundle.sha256 = ""


def test_a_bundle_for_grey_gives_its_golden_frames_with_16_bits(tmp_path, manifest, members):
    deep = np.random.default_rng(1).integers(0, 65536, (16, 16), np.uint16)
    members |= {"golden/tooth.png": encode_grey(deep, ".png"), "golden/tooth.fp32.png": encode_grey(deep ^ 1, ".png")}
    grey = dataclasses.replace(manifest, pixels=GREY)
    bundle = write_bundle(tmp_path / "grey.edgeenh", grey, members)
    [(_, image, reference)] = bundle.golden()
    assert np.array_equal(image[..., 0], deep)
    assert np.array_equal(reference[..., 0], deep ^ 1)
    assert bundle.model("fp32").pixels == GREY


def test_golden_frames_of_another_kind_or_depth_are_refused(tmp_path, manifest, members):
    grey = dataclasses.replace(manifest, pixels=GREY)
    with pytest.raises(IntegrityError, match=r"golden/tooth\.png is 8-bit RGB, expected 8- or 16-bit grey"):
        write_bundle(tmp_path / "a.edgeenh", grey, members).golden()
    shallow = encode_grey(np.zeros((16, 16), np.uint8), ".png")
    members |= {"golden/tooth.png": shallow, "golden/tooth.fp32.png": shallow}
    with pytest.raises(IntegrityError, match=r"golden/tooth\.png has 8 bits per value, expected 16"):
        write_bundle(tmp_path / "b.edgeenh", grey, members).golden()


@pytest.mark.parametrize("name", SHIPPED_NAMES)
def test_the_usual_frames_of_cameras_need_no_padding(name):
    multiple = Bundle.shipped(name).manifest.generator.size_multiple
    assert not any(side % multiple for side in (640, 480, 1280, 720, 1920, 1080, 3840, 2160))
