"""What changes something: strength and bundle. Needs the token."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastapi import FastAPI, Request
from starlette.concurrency import run_in_threadpool

from edgeenh.errors import EdgeenhError
from edgeenh.station.errors import Refused
from edgeenh.station.json_bodies import read_json
from edgeenh.station.routes.documented import errors

if TYPE_CHECKING:
    from edgeenh.station.api import Service

MOST_BYTES = 4096
MOST_VALUES = 16


def _body(name: str, schema: dict[str, Any]) -> dict[str, Any]:
    whole = {"type": "object", "required": [name], "properties": {name: schema}, "additionalProperties": False}
    return {
        "requestBody": {"required": True, "content": {"application/json": {"schema": whole}}},
        "security": [{"token": []}],
    }


def add(app: FastAPI, service: Service) -> None:
    """Add the routes."""
    station = service.station
    responses = errors(400, 408, 409, 411, 413, 415, 422, 503)

    @app.post(
        "/v1/strength",
        openapi_extra=_body("strength", {"type": "number", "minimum": 0, "maximum": 1}),
        responses=responses,
        summary="Go on with another strength",
    )
    async def strength(request: Request) -> dict[str, Any]:
        service.guard.need_token(request.scope)
        value = await _value(service, request, "strength")
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
            raise Refused(422, "parameters", "strength is no number from 0 to 1")
        await _refusable(lambda: station.strengthen(float(value)))
        return {"strength": station.model.main.strength}

    @app.post(
        "/v1/bundle",
        openapi_extra=_body("bundle", {"type": "string", "maxLength": 200}),
        responses=responses,
        summary="Go on with another bundle",
    )
    async def bundle(request: Request) -> dict[str, Any]:
        service.guard.need_token(request.scope)
        value = await _value(service, request, "bundle")
        if not isinstance(value, str):
            raise Refused(422, "parameters", "bundle is no text")
        await _refusable(lambda: station.choose(value))
        return {"model": station.model.name, "digest": station.model.bundle.sha256}


async def _value(service: Service, request: Request, name: str) -> Any:
    """The one value of a small JSON object."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise Refused(415, "media_type", "Content-Type is not application/json")
    document = read_json(await service.readers.read(request, MOST_BYTES), MOST_VALUES)
    if not isinstance(document, dict) or set(document) != {name}:
        raise Refused(422, "parameters", f'the body is not {{"{name}": …}}')
    return document[name]


async def _refusable(change: Any) -> None:
    """Do a change in a thread; what was refused is 409, and everything is as before."""
    try:
        await run_in_threadpool(change)
    except EdgeenhError as exc:
        raise Refused(409, "refused", str(exc)) from exc
