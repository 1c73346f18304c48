"""The station over HTTP: `/v1` for pictures and the page, `/v2` for the Open Inference Protocol, and what supervisors ask."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, Any

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from edgeenh import __version__
from edgeenh.errors import EdgeenhError
from edgeenh.station.bodies import Readers
from edgeenh.station.errors import Refused, one_line, refusal
from edgeenh.station.guard import Guard
from edgeenh.station.jobs import Jobs
from edgeenh.station.pictures import Desk
from edgeenh.station.routes import inference, look, page, pictures, steer

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from edgeenh.station.station import Station

DESCRIPTION = """Enhances pictures and shows streams beside a chair.

An enhanced picture alone is not a basis for a diagnosis: keep the original beside it."""


class Service:
    """What the routes share.

    Attributes:
        station: As given.
        jobs: The bounded queue of work.
        readers: Reads bodies.
        desk: Enhances files.
        guard: Set by `make_app`.
    """

    guard: Guard

    def __init__(self, station: Station) -> None:
        settings = station.settings
        self.station = station
        self.jobs = Jobs(settings.queue, settings.deadline_ms / 1e3)
        self.readers = Readers(round(settings.body_mb * 1e6), settings.body_s)
        self.most_pixels = round(settings.megapixels * 1e6)
        self.desk = Desk(station.model, self.most_pixels, now_ns=station.lanes.clock.now_ns)
        self.watchers = 0


def make_app(station: Station, token: str | None = None) -> tuple[Guard, Service]:
    """The ASGI application of a station, and what its routes share.

    Args:
        station: What is shown.
        token: What changes need; None = nothing can be changed.
    """
    app = FastAPI(
        title="edgeenh station", version=__version__, description=DESCRIPTION, docs_url=None, redoc_url=None,
        openapi_url="/openapi.json",
    )  # fmt: skip
    service = Service(station)
    for routes in (pictures, inference, look, steer, page):  # they are tried in this order
        routes.add(app, service)
    _translate(app)
    settings = station.settings
    service.guard = Guard(
        app, names=frozenset({*settings.names, *_name_of(settings.bind)}), token=token,
        protect_all=settings.protect == "all", public=page.is_public,
    )  # fmt: skip
    return service.guard, service


def _translate(app: FastAPI) -> None:
    """Every error as `{"error": one line, "code": one word}`."""

    @app.exception_handler(Refused)
    async def refused(_request: Request, exc: Refused) -> Response:
        return _json(exc)

    @app.exception_handler(EdgeenhError)
    async def ours(_request: Request, exc: EdgeenhError) -> Response:
        return _json(refusal(exc))

    @app.exception_handler(RequestValidationError)
    async def invalid(_request: Request, exc: RequestValidationError) -> Response:
        first: dict[str, Any] = dict(exc.errors()[0])
        place = ".".join(str(part) for part in first.get("loc", ()))
        return _json(Refused(422, "parameters", f"{place[:100]}: {first.get('msg', 'is wrong')}"))

    @app.exception_handler(HTTPException)
    async def http(_request: Request, exc: HTTPException) -> Response:
        return _json(Refused(exc.status_code, "http", str(exc.detail), exc.headers or {}))


def _json(error: Refused) -> Response:
    return JSONResponse(
        {"error": one_line(error.message), "code": error.code}, error.status, headers=dict(error.headers)
    )


def _name_of(bind: str) -> list[str]:
    """The host that the station is bound to, when it is a name."""
    host = bind.rpartition(":")[0].strip("[]")
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return [host] if host else []
    return []
