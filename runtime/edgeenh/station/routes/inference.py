"""The Open Inference Protocol v2 over REST: what `tritonclient.http` and other clients of it speak."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response

from edgeenh import __version__
from edgeenh.station import inference
from edgeenh.station.errors import Refused
from edgeenh.station.routes.documented import errors

if TYPE_CHECKING:
    from edgeenh.station.api import Service

_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {"schema": {"type": "object"}},
            "application/octet-stream": {"schema": {"type": "string", "format": "binary"}},
        },
    }
}


def add(app: FastAPI, service: Service) -> None:
    """Add the routes, with and without a version in the path."""
    station = service.station

    def check(name: str, version: str | None = None) -> None:
        manifest = station.model.bundle.manifest
        if name != manifest.id or version not in (None, str(manifest.version)):
            raise Refused(404, "model", f"there is no such model, expected {manifest.id} version {manifest.version}")

    @app.get("/v2", responses=errors(), summary="The server's metadata")
    async def server() -> dict[str, Any]:
        return {"name": "edgeenh", "version": __version__, "extensions": ["binary_tensor_data", "model_configuration"]}

    @app.get("/v2/health/live", responses=errors(503), summary="Whether the station is at work")
    async def live() -> Response:
        return _health(good=station.live)

    @app.get("/v2/health/ready", responses=errors(503), summary="Whether pictures can be sent")
    async def ready() -> Response:
        # As /ready when there are streams: who asks by this protocol is told the same.
        return _health(good=station.ready)

    @app.get("/v2/models/{name}/ready", responses=errors(404, 422), summary="Whether the model can be used")
    @app.get("/v2/models/{name}/versions/{version}/ready", responses=errors(404, 422), include_in_schema=False)
    async def model_ready(name: str, version: str | None = None) -> Response:
        check(name, version)
        return Response(status_code=200)

    @app.get("/v2/models/{name}", responses=errors(404, 422), summary="The model's metadata")
    @app.get("/v2/models/{name}/versions/{version}", responses=errors(404, 422), include_in_schema=False)
    async def model(name: str, version: str | None = None) -> dict[str, Any]:
        check(name, version)
        return inference.metadata(station.model)

    @app.get("/v2/models/{name}/config", responses=errors(404, 422), summary="The model's configuration (Triton)")
    @app.get("/v2/models/{name}/versions/{version}/config", responses=errors(404, 422), include_in_schema=False)
    async def config(name: str, version: str | None = None) -> dict[str, Any]:
        check(name, version)
        return inference.configuration(station.model)

    documented = errors(400, 404, 408, 409, 411, 413, 415, 422, 503)

    @app.post("/v2/models/{name}/infer", openapi_extra=_BODY, responses=documented, summary="Enhance a tensor")
    @app.post(
        "/v2/models/{name}/versions/{version}/infer", openapi_extra=_BODY, responses=documented, include_in_schema=False
    )
    async def infer(request: Request, name: str, version: str | None = None) -> Response:
        check(name, version)
        body = await service.readers.read(request)
        length = request.headers.get("inference-header-content-length")

        def work() -> tuple[bytes, dict[str, str]]:
            asked = inference.parse(body, length, station.model, service.most_pixels)
            enhanced, _ = station.model.enhance(asked.image, asked.strength, None)
            return inference.respond(asked, enhanced, station.model)

        content, headers = await service.jobs.run(work)
        return Response(content, headers=headers)


def _health(*, good: bool) -> Response:
    return JSONResponse({"ok": good}, 200 if good else 503, headers={} if good else {"Retry-After": "1"})
