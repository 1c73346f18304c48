"""The table `[service]` of the station's file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from edgeenh.config.settings import setting
from edgeenh.errors import UsageError


@dataclass(frozen=True, slots=True)
class Service:
    """The page and the HTTP service of `edgeenh station` (docs/station.md)."""

    bind: str = setting("127.0.0.1:8350", "Serve here; without a host on the loopback.", example='"127.0.0.1:8350"')
    names: tuple[str, ...] = setting(
        (),
        "Host names that this computer is called by; other names are refused.",
        example='["station-3.clinic.example"]',
    )
    token: Path | None = setting(
        None, "A file (mode 0600) with the token that changes need; none = nothing can be changed.", example='"token"'
    )
    protect: str = setting(
        "changes",
        "What needs the token: changes alone, or everything but /live and /ready.",
        choices=("changes", "all"),
    )
    tls_certificate: Path | None = setting(None, "Serve HTTPS with this certificate chain (PEM).", example='"tls.pem"')
    tls_key: Path | None = setting(None, "The certificate's private key (PEM, mode 0600).", example='"tls.key"')
    bundles: tuple[str, ...] = setting((), "Bundles that may be chosen on the page.", example='["new.edgeenh"]')
    queue: int = setting(8, "So many pictures wait or are enhanced at a time; one more is refused with 503.", unit="pictures", least=1, most=256)  # fmt: skip
    deadline_ms: float = setting(
        10_000.0, "A picture that is not done within this is refused with 503.", unit="milliseconds", example="10000",
        above=0, most=600_000,
    )  # fmt: skip
    body_mb: float = setting(64.0, "The largest body of a request.", unit="megabytes", example="64", above=0, most=1024)
    body_s: float = setting(20.0, "A body must be there within this.", unit="seconds", example="20", above=0, most=600)
    megapixels: float = setting(40.0, "The largest picture.", unit="megapixels", example="40", above=0, most=64)
    connections: int = setting(64, "Open connections at a time.", unit="connections", least=4, most=4096)
    watchers: int = setting(8, "Browsers that look at a stream at a time.", unit="watchers", least=1, most=64)

    def check(self) -> None:
        """Raise `UsageError` for settings that exclude each other."""
        if (self.tls_certificate is None) != (self.tls_key is None):
            raise UsageError("tls_certificate and tls_key go together: give both, or neither")
        if self.protect == "all" and self.token is None:
            raise UsageError('protect = "all" needs a token: name its file')
