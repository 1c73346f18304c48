import ast
import dataclasses
import importlib.resources
import importlib.util
import json
from pathlib import Path

import jsonschema
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edgeenh.bundle import Manifest, MemberFile
from edgeenh.bundle.canonical import dump, load
from edgeenh.bundle.manifest_validator import validate
from edgeenh.bundle.schema_failure import SchemaFailure
from edgeenh.errors import IntegrityError
from edgeenh.pixels import GREY

SCHEMA = json.loads(importlib.resources.files("edgeenh.bundle").joinpath("manifest.schema.json").read_text("utf-8"))
JSON = (
    st.none()
    | st.booleans()
    | st.integers(-3, 10**6)
    | st.floats()
    | st.text(max_size=8)
    | st.lists(st.integers(0, 9), max_size=3)
)
same_fixture = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture
def complete(bundle):
    """A manifest with its files, as a bundle holds it."""
    return bundle.manifest


def places(value, path=()):
    """Paths of all values inside a JSON document."""
    yield path
    parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, part in parts:
        yield from places(part, (*path, key))


def replaced(document, path, value):
    """A copy of the document with another value at `path`."""
    copy = json.loads(json.dumps(document))
    holder = copy
    for key in path[:-1]:
        holder = holder[key]
    holder[path[-1]] = value
    return copy


def test_a_manifest_survives_its_text(complete):
    assert Manifest.from_json(complete.to_json()) == complete


def test_the_schema_is_a_schema_and_both_validators_take_the_manifest(complete):
    jsonschema.Draft7Validator.check_schema(SCHEMA)
    jsonschema.validate(json.loads(complete.to_json()), SCHEMA)


def test_the_validator_is_the_one_that_the_schema_gives():
    """After a change of the schema: python tests/runtime/bundle/manifest_validator/generate.py."""
    path = Path(__file__).parent / "manifest_validator" / "generate.py"
    spec = importlib.util.spec_from_file_location("generate_manifest_validator", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    kept = module.VALIDATOR.read_text("utf-8")
    # by their trees: releases of Python write the same tree in other words
    assert ast.dump(ast.parse(kept)) == ast.dump(ast.parse(module.generate()))


@same_fixture
@given(data=st.data())
def test_the_fast_validator_agrees_with_the_complete_one(complete, data):
    document = json.loads(complete.to_json())
    path = data.draw(st.sampled_from([path for path in places(document) if path]))
    changed = replaced(document, path, data.draw(JSON))
    accepted = jsonschema.Draft7Validator(SCHEMA).is_valid(changed)
    try:
        validate(changed)
        assert accepted
    except SchemaFailure:
        assert not accepted


@same_fixture
@given(data=st.data())
def test_a_value_changed_by_hand_is_found(complete, data):
    document = json.loads(complete.to_json())
    path = data.draw(st.sampled_from([path for path in places(document) if path]))
    changed = replaced(document, path, data.draw(JSON))
    if json.dumps(changed, sort_keys=True) != json.dumps(document, sort_keys=True):
        with pytest.raises(IntegrityError):
            Manifest.from_json((json.dumps(changed, sort_keys=True, indent=2, ensure_ascii=False) + "\n").encode())


@given(st.binary(max_size=200) | st.text().map(str.encode) | JSON.map(json.dumps).map(str.encode))
def test_arbitrary_text_is_refused_in_one_way(data):
    with pytest.raises(IntegrityError, match=r"manifest\.json"):
        Manifest.from_json(data)


@pytest.mark.parametrize("data", [b"[" * 100_000, b"9" * 10_000, b'"\\ud800"', b"NaN", b"\xff\xfe"])
def test_texts_that_break_parsers_are_refused(data):
    with pytest.raises(IntegrityError, match=r"manifest\.json"):
        Manifest.from_json(data)


def test_another_form_of_the_same_values_is_refused(complete):
    for edited in (complete.to_json() + b"\n", complete.to_json().replace(b'": ', b'":  ', 1)):
        with pytest.raises(IntegrityError, match="not in the form that edgeenh writes"):
            Manifest.from_json(edited)


def test_a_changed_letter_in_free_text_is_found_by_the_digest(complete):
    with pytest.raises(IntegrityError, match=r"has the SHA-256 .* as it says itself"):
        Manifest.from_json(complete.to_json().replace(b"CC0-1.0", b"CC0-1.1"))


def test_a_later_schema_names_both_versions(complete):
    later = complete.to_json().replace(b'"schema_version": 1', b'"schema_version": 2')
    with pytest.raises(IntegrityError, match="of schema version 2, expected 1"):
        Manifest.from_json(later)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"id": "Dental N"}, r"manifest\.json\.id is 'Dental N', expected its schema's pattern"),
        ({"version": 0}, r"manifest\.json\.version is 0, expected its schema's minimum 1"),
        ({"created": "yesterday"}, r"manifest\.json\.created"),
        ({"golden": ()}, r"manifest\.json\.golden"),
        ({"precisions": {"fp16": "generator.fp16.onnx"}}, r"manifest\.json\.precisions"),
        ({"tools": {"edgeenh": 1}}, r"manifest\.json\.tools"),
        ({"version": float("nan")}, "that JSON cannot"),
    ],
)
def test_a_wrong_field_is_named(complete, changes, message):
    with pytest.raises(IntegrityError, match=message):
        dataclasses.replace(complete, **changes).to_json()


@pytest.mark.parametrize(
    ("size", "value"),
    [("min_size", (17, 16)), ("max_size", (8, 8)), ("fixed_size", (8192, 16)), ("fixed_size", (100, 16))],
)
def test_sizes_that_contradict_each_other_are_refused(complete, size, value):
    generator = dataclasses.replace(complete.generator, **{size: value})
    with pytest.raises(IntegrityError, match="expected them rising and multiples of 16"):
        dataclasses.replace(complete, generator=generator).to_json()


def test_a_member_that_is_named_and_not_listed_is_refused(complete):
    files = {name: file for name, file in complete.files.items() if name != "golden/tooth.png"}
    with pytest.raises(IntegrityError, match=r"names the member golden/tooth\.png and does not list it"):
        dataclasses.replace(complete, files=files).to_json()


def test_the_manifest_cannot_list_itself(complete):
    files = {**complete.files, "manifest.json": MemberFile("0" * 64, 1)}
    with pytest.raises(IntegrityError, match=r"lists manifest\.json"):
        dataclasses.replace(complete, files=files).to_json()


def test_an_engine_of_another_graph_is_refused(complete):
    engine = dataclasses.replace(complete.engines[0], onnx_sha256="f" * 64)
    with pytest.raises(IntegrityError, match=r"engine engines/fp16\.plan was built from an ONNX of SHA-256 ffff"):
        dataclasses.replace(complete, engines=(engine,)).to_json()


def test_dump_and_load_are_inverse(complete):
    assert load(dump(complete.document())) == complete.document()


def test_a_manifest_for_grey_survives_its_text_and_says_its_bits(complete):
    grey = dataclasses.replace(complete, pixels=GREY)
    assert Manifest.from_json(grey.to_json()) == grey
    assert json.loads(grey.to_json())["image"] == {
        "dtype": "float32", "layout": "NHWC", "channels": 1, "colour_order": "grey", "range": [0, 1], "bits": [8, 16],
    }  # fmt: skip
    jsonschema.validate(json.loads(grey.to_json()), SCHEMA)


@pytest.mark.parametrize("change", [{"channels": 3}, {"bits": [8, 12]}, {"range": [0, 255]}, {"colour_order": "RGB"}])
def test_pictures_of_no_known_kind_are_refused(complete, change):
    document = dataclasses.replace(complete, pixels=GREY).document()
    document["image"] |= change
    with pytest.raises(IntegrityError, match="image"):
        dump(document)
