"""The text form of protobuf messages, as far as Triton's `config.pbtxt` needs it.

Written here rather than with protobuf, since Triton's schema comes with its client only; a test parses the result with
that schema.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any


class Word(str):
    """A value that is written without quotes: the name of an enum's member."""

    __slots__ = ()


def to_text(message: Mapping[str, Any]) -> str:
    """The text of a message.

    Args:
        message: Field → value: a string, a `Word`, a number, a truth value, a message (mapping), or a sequence of these.
    """
    return "".join(f"{line}\n" for line in _lines(message, ""))


def _lines(message: Mapping[str, Any], indent: str) -> Iterator[str]:
    for name, value in message.items():
        if isinstance(value, Mapping):
            yield from _block(name, value, indent)
        elif isinstance(value, Sequence) and not isinstance(value, str):
            if value and isinstance(value[0], Mapping):
                for one in value:
                    yield from _block(name, one, indent)
            else:
                yield f"{indent}{name}: [{', '.join(map(_scalar, value))}]"
        else:
            yield f"{indent}{name}: {_scalar(value)}"


def _block(name: str, message: Mapping[str, Any], indent: str) -> Iterator[str]:
    yield f"{indent}{name} {{"
    yield from _lines(message, indent + "  ")
    yield f"{indent}}}"


def _scalar(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Word) or not isinstance(value, str):
        return str(value)
    return f'"{"".join(map(_escaped, value.encode("utf-8")))}"'


def _escaped(byte: int) -> str:
    """A byte as it stands between quotes: itself where it is plain ASCII, otherwise three octal digits."""
    plain = 0x20 <= byte < 0x7F and chr(byte) not in '"\\'
    return chr(byte) if plain else f"\\{byte:03o}"
