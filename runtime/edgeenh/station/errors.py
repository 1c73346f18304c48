"""What an error is in the service's answers: one line, one word, one status."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from edgeenh.errors import BackendUnavailable, EdgeenhError, GateFailed, InputError, IntegrityError, PictureError

RETRY_S = 1
MOST_TEXT = 500
"""Characters of an error's line; what a client sent may stand in it."""


@dataclass(slots=True)
class Refused(Exception):
    """A request is answered with an error.

    Attributes:
        status: HTTP status.
        code: One word for programs.
        message: One line for people.
        headers: More headers.
    """

    status: int
    code: str
    message: str
    headers: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        return self.message


def one_line(text: str) -> str:
    """A line that can be sent, whatever a client wrote that stands in it: no line breaks, no lone surrogates, not endless."""
    line = " ".join(text.encode("utf-8", "replace").decode().split())
    return line if len(line) <= MOST_TEXT else line[: MOST_TEXT - 1] + "…"


def busy(message: str, code: str = "busy", seconds: int = RETRY_S) -> Refused:
    """503, to be tried again after so many seconds."""
    return Refused(503, code, message, {"Retry-After": str(seconds)})


def refusal(error: EdgeenhError) -> Refused:
    """What an error of ours is over HTTP: the client's input is 4xx, everything else 503; never another 5xx."""
    text = str(error)
    if isinstance(error, PictureError):
        return Refused(422, "picture", text)
    if isinstance(error, InputError):
        return Refused(400, "input", text)
    if isinstance(error, GateFailed | IntegrityError):
        return Refused(409, "refused", text)
    if isinstance(error, BackendUnavailable):
        return busy(text, "unavailable", 30)
    return busy(text, "failed")
