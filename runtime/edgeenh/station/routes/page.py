"""The page: files that travel in the package, read once at the start. No name from a client becomes a path."""

from __future__ import annotations

from importlib.resources import files
from typing import TYPE_CHECKING, Any

from fastapi import FastAPI
from fastapi.responses import Response

if TYPE_CHECKING:
    from edgeenh.station.api import Service

KINDS = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}


def is_public(path: str) -> bool:
    """Whether a path is one of the page's own files, which hold nothing of anybody."""
    return path == "/" or path.startswith("/page/")


def add(app: FastAPI, _service: Service) -> None:
    """Add a route for each file of the page."""
    for name, content in _contents().items():
        _add(app, "/" if name == "index.html" else f"/page/{name}", content, KINDS["." + name.rpartition(".")[2]])


def _contents() -> dict[str, bytes]:
    folder: Any = files("edgeenh.station").joinpath("web")
    return {
        entry.name: entry.read_bytes()
        for entry in sorted(folder.iterdir(), key=lambda entry: str(entry.name))
        if "." + entry.name.rpartition(".")[2] in KINDS
    }


def _add(app: FastAPI, path: str, content: bytes, kind: str) -> None:
    @app.api_route(path, methods=["GET", "HEAD"], include_in_schema=False)
    async def file() -> Response:
        return Response(content, headers={"Content-Type": kind, "Cache-Control": "no-cache"})
