"""What the OpenAPI document says of answers that routes share."""

from __future__ import annotations

from typing import Any

ERROR = {
    "type": "object",
    "required": ["error"],
    "properties": {"error": {"type": "string"}, "code": {"type": "string"}},
}

_WORDS = {
    400: "The request is malformed",
    401: "The token is missing or wrong",
    403: "Refused: wrong host name or page, or nothing can be changed here",
    404: "There is no such thing",
    405: "Another method is expected",
    408: "The body came too slowly",
    409: "The change was refused, and everything is as before",
    411: "The body has no length",
    413: "Too large",
    415: "Not a kind of content that is taken",
    422: "The picture or a parameter cannot be used",
    503: "Too busy, or not able at the moment: try again after `Retry-After` seconds",
}


def errors(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """`responses` of a route: these errors, each as one JSON object."""
    return {
        status: {
            "description": _WORDS[status],
            "content": {"application/json": {"schema": ERROR}},
            **({"headers": {"Retry-After": {"schema": {"type": "integer"}}}} if status == 503 else {}),
        }
        for status in (*statuses, 401, 403)
    }
