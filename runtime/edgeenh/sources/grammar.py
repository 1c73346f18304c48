"""The options of a source: `kind:what?key=value&key=value`."""

from __future__ import annotations

import re
from collections.abc import Mapping

from edgeenh.errors import UsageError


def split_options(spec: str, allowed: Mapping[str, str]) -> tuple[str, dict[str, str]]:
    """What stands before the question mark, and the options behind it.

    Args:
        spec: What the user wrote.
        allowed: The options that there are, each with an example.

    Raises:
        UsageError: An option is unknown, without a value, or given twice.
    """
    body, _, tail = spec.partition("?")
    options: dict[str, str] = {}
    for part in tail.split("&") if tail else []:
        key, _, value = part.partition("=")
        if key not in allowed or not value or key in options:
            wrong = "is given twice" if key in options else "is not an option"
            known = ", ".join(f"{name}={example}" for name, example in allowed.items())
            raise UsageError(f"{spec!r}: {part!r} {wrong}, expected {known}, joined by &")
        options[key] = value
    return body, options


def size_of(spec: str, text: str) -> tuple[int, int]:
    """(width, height) of `1280x720`, each 1 to 65535.

    Raises:
        UsageError: It is nothing of that kind.
    """
    match = re.fullmatch(r"([0-9]{1,5})x([0-9]{1,5})", text)
    size = (int(match[1]), int(match[2])) if match else (0, 0)
    if not all(0 < side < 65536 for side in size):
        raise UsageError(f"{spec!r} has the size {text!r}, expected WIDTHxHEIGHT, e.g. 1280x720")
    return size


def rate_of(spec: str, text: str) -> float:
    """Frames per second, above 0 and at most 1000.

    Raises:
        UsageError: It is nothing of that kind.
    """
    rate = float(text) if re.fullmatch(r"[0-9]{1,4}(\.[0-9]{1,4})?", text) else 0.0
    if not 0 < rate <= 1000:
        raise UsageError(f"{spec!r} has the rate {text!r}, expected frames per second above 0 and at most 1000")
    return rate
