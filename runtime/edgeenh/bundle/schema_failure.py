"""The one exception of the generated validator of manifests; readers never see it, they get an `IntegrityError`."""

from __future__ import annotations

from typing import Any


class SchemaFailure(ValueError):
    """A value that the manifest's schema does not allow.

    Attributes:
        value: What was found.
        name: Where, e.g. `data.generator.cap`.
        rule: The rule of JSON Schema that it breaks, e.g. `maximum`.
        asked: What that rule asks for.
    """

    def __init__(self, *, value: Any, name: str, rule: str | None, asked: Any) -> None:
        super().__init__(f"{name} breaks {rule}")
        self.value, self.name, self.rule, self.asked = value, name, rule, asked
