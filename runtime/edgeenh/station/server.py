"""Serving a station: uvicorn in a thread of its own, on a socket that was bound before anything heavy began."""

from __future__ import annotations

import asyncio
import errno
import socket
import ssl
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import uvicorn

from edgeenh.errors import JobFailed, UsageError
from edgeenh.monitoring.address import Address, parse_address
from edgeenh.station.api import make_app
from edgeenh.station.connections import KEEP_ALIVE_S, bounded_protocol
from edgeenh.station.guard import read_token

if TYPE_CHECKING:
    from edgeenh.station.config import Service as Settings
    from edgeenh.station.station import Station


class Listener:
    """The place, taken, with what is needed to serve there.

    Args:
        settings: What the file says.

    Raises:
        UsageError: The place is taken or not of this computer; or the token, certificate or key cannot be used.
    """

    def __init__(self, settings: Settings) -> None:
        self.token = None if settings.token is None else read_token(settings.token)
        self.tls = None if settings.tls_certificate is None else _tls(settings.tls_certificate, settings.tls_key)
        address = parse_address(settings.bind, f"bind {settings.bind}")
        self.socket = _bind(address)
        self.address = Address(address.host, int(self.socket.getsockname()[1]))

    @property
    def url(self) -> str:
        """Where the page is."""
        return f"{'http' if self.tls is None else 'https'}://{self.address.text}/"

    def close(self) -> None:
        """Give the place back."""
        self.socket.close()


class Server:
    """Serves a station until `close`.

    Args:
        station: What is served.
        listener: Where; belongs to the server from now on.

    Raises:
        JobFailed: It does not begin within ten seconds.
    """

    def __init__(self, station: Station, listener: Listener) -> None:
        app, self.service = make_app(station, listener.token)
        self._listener = listener
        config = uvicorn.Config(
            app, log_config=None, access_log=False, lifespan="off", server_header=False, date_header=False,
            http=bounded_protocol(station.settings.connections), timeout_keep_alive=KEEP_ALIVE_S,
            timeout_graceful_shutdown=1, proxy_headers=False, ws="none", loop="asyncio",
            log_level="error",  # its warnings are of what strangers sent: they would fill the station's own log
        )  # fmt: skip
        config.load()
        config.ssl = listener.tls
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._run, name="edgeenh-http", daemon=True)
        self._began = threading.Event()
        self._thread.start()
        if not self._began.wait(10):
            raise JobFailed("the HTTP server did not begin within ten seconds: please report this as a bug")

    def close(self) -> None:
        """End within about a second; whoever waits for a picture is answered if that is fast."""
        self._server.should_exit = True
        self._thread.join(1.5)
        self.service.jobs.close()
        self._listener.close()

    def _run(self) -> None:
        async def serve() -> None:
            asyncio.get_running_loop().call_soon(self._began.set)
            await self._server.serve(sockets=[self._listener.socket])

        asyncio.run(serve())


def _bind(address: Address) -> socket.socket:
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    # The protocol by name, for asyncio sets TCP_NODELAY only on sockets that say theirs: without it the second half of
    # each answer waits some 40 ms for the client's delayed acknowledgement of the first (RFC 896 and RFC 1122, 4.2.3.2).
    made = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind((address.host, address.port))
        made.listen(128)
        made.setblocking(False)  # noqa: FBT003 (the name of the argument is `flag`)
    except OSError as exc:
        made.close()
        if exc.errno == errno.EADDRINUSE:
            why = f"{address.text} is taken, perhaps by another station: choose another port, or 0 for one that is free"
        else:
            why = f"{address.text} cannot be used ({exc.strerror or exc}): choose an address of this computer"
        raise UsageError(f"bind: {why}") from exc
    return made


def _tls(certificate: Path, key: Path | None) -> ssl.SSLContext:
    """TLS 1.2 or newer; the key must be its owner's alone."""
    from edgeenh.secret_files import read_secret

    if key is None:
        raise UsageError("tls_certificate and tls_key go together: give both")
    read_secret(key, "TLS key", "take the one that belongs to the certificate")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(certificate, key, password=lambda: "")
    except (OSError, ssl.SSLError) as exc:
        raise UsageError(
            f"TLS: {certificate} and {key} cannot be used ({exc}): give a PEM certificate chain and its key without a passphrase"
        ) from exc
    return context
