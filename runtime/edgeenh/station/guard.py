"""Who may ask: the name the station was called by, the page the request comes from, and the token.

A page of somebody else's in the browser of this computer can send requests to the loopback, and with DNS rebinding even
read the answers. So a request is refused (403) when its `Host` is no name of this computer, or its `Origin` or
`Sec-Fetch-Site` says that another page sent it. There is no CORS.
"""

from __future__ import annotations

import hmac
import ipaddress
import json
import re
from collections.abc import Awaitable, Callable, MutableMapping
from pathlib import Path
from typing import Any

from edgeenh.errors import UsageError
from edgeenh.station.errors import Refused, one_line

Scope = MutableMapping[str, Any]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

LEAST_TOKEN = 16
OPEN_PATHS = ("/live", "/ready")
"""Never need the token: a supervisor asks them."""

SECURITY_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
}

_SECURITY_LINES = [(name.lower().encode(), value.encode()) for name, value in SECURITY_HEADERS.items()]


def read_token(path: Path) -> str:
    """The token in a file that is its owner's alone.

    Raises:
        UsageError: As `read_secret`; or it is shorter than 16 characters, or has a space in it.
    """
    from edgeenh.secret_files import read_secret

    make = f"make one, e.g. `(umask 077; openssl rand -hex 32 > {path})`"
    text = read_secret(path, "token", make).decode("ascii", "replace").strip()
    if len(text) < LEAST_TOKEN or not re.fullmatch(r"[\x21-\x7e]+", text):
        raise UsageError(
            f"the token in {path} is no line of {LEAST_TOKEN} or more ASCII characters without spaces: {make}"
        )
    return text


class Guard:
    """Checks every request before anything else looks at it, and adds headers to every answer (ASGI middleware).

    Args:
        app: What answers.
        names: Host names of this computer, besides addresses and `localhost`.
        token: What changes need; None = nothing can be changed.
        protect_all: Looking needs the token too.
        public: Paths that never need it: the page's own files.
    """

    def __init__(
        self, app: App, *, names: frozenset[str], token: str | None, protect_all: bool, public: Callable[[str], bool]
    ) -> None:
        self._app, self._token, self._protect_all, self._public = app, token, protect_all, public
        self._names = frozenset(name.lower().rstrip(".") for name in names) | {"localhost"}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ASGI."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_more(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                have = {name.lower() for name, _ in message["headers"]}
                message["headers"] = [*message["headers"], *(one for one in _SECURITY_LINES if one[0] not in have)]
            await send(message)

        try:
            self._check(scope)
        except Refused as exc:
            await answer(send_more, exc)
            return
        await self._app(scope, receive, send_more)

    def _check(self, scope: Scope) -> None:
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        host = headers.get("host", "")
        if not self._is_here(host):
            raise Refused(
                403, "host", f"this computer is not known as {host[:100]!r}: use its address, or [service] names"
            )
        origin = headers.get("origin")
        if origin is not None and origin.lower() != f"{scope.get('scheme', 'http')}://{host}".lower():
            raise Refused(403, "origin", f"the request comes from another page ({origin[:100]})")
        navigation = headers.get("sec-fetch-mode") == "navigate" and scope["method"] == "GET"
        if headers.get("sec-fetch-site", "none") not in ("none", "same-origin") and not navigation:
            raise Refused(403, "origin", "the request comes from another page")
        scope["edgeenh.token"] = self._holds_token(headers.get("authorization", ""))
        path = scope["path"]
        if self._protect_all and not scope["edgeenh.token"] and path not in OPEN_PATHS and not self._public(path):
            raise unauthorised(scope)

    def _holds_token(self, authorization: str) -> bool:
        kind, _, given = authorization.partition(" ")
        return (
            self._token is not None
            and kind.lower() == "bearer"
            and hmac.compare_digest(given.strip().encode("latin-1", "replace"), self._token.encode())
        )

    def need_token(self, scope: Scope) -> None:
        """Raise `Refused` unless the request may change something."""
        if self._token is None:
            raise Refused(403, "no_token", "nothing can be changed here: the station has no token ([service] token)")
        if not scope.get("edgeenh.token"):
            raise unauthorised(scope)

    def _is_here(self, host: str) -> bool:
        """Whether a Host header names this computer: an address, `localhost`, or one of the names."""
        found = re.fullmatch(r"(\[[0-9a-fA-F:.]+\]|[^\[\]:/@]*)(?::[0-9]{1,5})?", host)
        if found is None or not found[1]:
            return False
        name = found[1].strip("[]").lower().rstrip(".")
        if name in self._names:
            return True
        try:
            ipaddress.ip_address(name)
        except ValueError:
            return False
        return True


def unauthorised(scope: Scope) -> Refused:
    """401: the token is missing or wrong, and which of both."""
    given = any(name == b"authorization" for name, _ in scope["headers"])
    what = "the token is wrong, expected the station's" if given else "this needs the station's token"
    return Refused(401, "token", f"{what}: Authorization: Bearer TOKEN", {"WWW-Authenticate": "Bearer"})


async def answer(send: Send, error: Refused) -> None:
    """Send an error as the service does."""
    told = json.dumps({"error": one_line(error.message), "code": error.code}, ensure_ascii=False)
    body = told.encode("utf-8", "backslashreplace") + b"\n"
    headers = {"Content-Type": "application/json", "Content-Length": str(len(body)), **error.headers}
    lines = [(name.lower().encode(), value.encode("latin-1", "replace")) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": error.status, "headers": lines})
    await send({"type": "http.response.body", "body": body})
