"""A small HTTP server for things that are only looked at: bounded, on the loopback by default, of the standard library."""

from __future__ import annotations

import errno
import ipaddress
import socket
import threading
from collections.abc import Callable, Mapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from edgeenh.errors import UsageError
from edgeenh.monitoring.address import Address

TIMEOUT_S = 5.0
"""A client that neither sends nor takes a byte for so long is let go."""

Page = Callable[["Request"], None]


class Request(BaseHTTPRequestHandler):
    """One request. Only GET and HEAD are known; nothing of what a client sends becomes the name of a file."""

    timeout = TIMEOUT_S
    server: Server
    server_version, sys_version = "edgeenh", ""

    def do_GET(self) -> None:
        """Answer, unless the request came by way of a foreign name (DNS rebinding)."""
        if not _is_here(self.headers.get("Host", ""), self.server.address.host):
            self.answer(HTTPStatus.FORBIDDEN, "text/plain", b"this host is not known by that name\n")
            return
        page = self.server.pages.get(self.path.partition("?")[0])
        if page is None:
            known = ", ".join(self.server.pages)
            self.answer(HTTPStatus.NOT_FOUND, "text/plain", f"there is {known}\n".encode())
            return
        page(self)

    do_HEAD = do_GET  # noqa: N815 (http.server asks for this name)

    def answer(self, status: int, kind: str, body: bytes, headers: Mapping[str, str] | None = None) -> None:
        """Send a whole answer, which nobody may keep."""
        self.send_response(status)
        more = {"Content-Type": kind, "Content-Length": str(len(body)), "Cache-Control": "no-store"}
        for name, value in {**more, "X-Content-Type-Options": "nosniff", **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 (the name of the base class)
        """Say nothing: what matters is an event."""


class Server(ThreadingHTTPServer):
    """Serves pages from threads of its own.

    Args:
        address: Where; port 0 = one that is free.
        pages: What answers each path; called in a thread per connection.
        most: Connections at a time; one more is closed at once.
        what: How to call it in an error.

    Raises:
        UsageError: The place is taken, is not of this computer, or may not be used.
    """

    daemon_threads = True
    block_on_close = False
    request_queue_size = 32

    def __init__(self, address: Address, pages: Mapping[str, Page], *, most: int, what: str) -> None:
        self.pages = dict(pages)
        self._seats = threading.BoundedSemaphore(most)
        self._thread = threading.Thread(target=self.serve_forever, args=(0.1,), name=f"edgeenh-{what}", daemon=True)
        self.address_family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
        try:
            super().__init__((address.host, address.port), Request)
        except OSError as exc:
            raise UsageError(_refused(address, what, exc)) from exc
        self.address = Address(address.host, int(self.server_address[1]))
        self._thread.start()

    def process_request(self, request: Any, client_address: Any) -> None:
        """Give the connection a thread, when there is a seat."""
        if not self._seats.acquire(blocking=False):
            self.shutdown_request(request)
            return
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Serve the connection and give the seat back."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._seats.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away is no event."""

    def close(self) -> None:
        """Stop; connections that are served end by themselves."""
        self.shutdown()
        self._thread.join()
        self.server_close()


def _refused(address: Address, what: str, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"{what}: {address.text} is taken by another program: choose another port, or 0 for one that is free"
    return f"{what}: {address.text} cannot be used ({error.strerror or error}): choose an address of this computer"


def _is_here(host: str, bound: str) -> bool:
    """Whether a Host header names this computer: an address, `localhost`, or the name that it is bound to."""
    name = host.rsplit(":", 1)[0] if not host.endswith("]") else host
    if name in ("", "localhost", bound):
        return True
    try:
        ipaddress.ip_address(name.strip("[]"))
    except ValueError:
        return False
    return True
