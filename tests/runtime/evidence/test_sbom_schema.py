"""The bill of materials against CycloneDX's own schema, which travels in `cyclonedx-python-lib`: nothing is fetched."""

from __future__ import annotations

import json
from typing import Any

import pytest

from edgeenh.evidence.software import bill, components

validation = pytest.importorskip("cyclonedx.validation.json", reason="cyclonedx-python-lib is not installed")
pytest.importorskip("referencing", reason="cyclonedx-python-lib[json-validation] is not installed")


def problem(document: dict[str, Any]) -> str | None:
    from cyclonedx.schema import SchemaVersion

    found = validation.JsonStrictValidator(SchemaVersion.V1_6).validate_str(json.dumps(document))
    return None if found is None else str(found.data.message)


@pytest.fixture
def document() -> dict[str, Any]:
    return bill(components(), "0.1.0", "2026-01-01T00:00:00Z")


def test_this_environment_is_a_valid_bill(document: dict[str, Any]) -> None:
    assert len(document["components"]) > 10
    assert problem(document) is None


@pytest.mark.parametrize(
    "change",
    [
        lambda d: d["components"][0].update(type="thing"),
        lambda d: d["components"][0].pop("name"),
        lambda d: d["metadata"].update(timestamp="yesterday"),
        lambda d: d.update(more=1),
    ],
)
def test_the_schema_sees_what_is_wrong(document: dict[str, Any], change: Any) -> None:
    change(document)
    assert problem(document)
