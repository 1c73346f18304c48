"""`POST /v1/enhance`: a picture file or DICOM object in, the same kind of file out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from fastapi import FastAPI, Query, Request
from fastapi.responses import Response

from edgeenh.station.pictures import TYPES, Wanted, check_type
from edgeenh.station.routes.documented import errors

if TYPE_CHECKING:
    from edgeenh.station.api import Service

_FILE = {"schema": {"type": "string", "format": "binary"}}
_BODY: dict[str, Any] = {"requestBody": {"required": True, "content": dict.fromkeys(TYPES, _FILE)}}
_HEADERS = {
    f"X-Edgeenh-{name}": {"schema": {"type": "string"}}
    for name in ("Status", "Reason", "Model", "Bundle-Sha256", "Engine-Sha256", "Backend", "Provider", "Precision", "Strength")
}  # fmt: skip


def add(app: FastAPI, service: Service) -> None:
    """Add the route."""

    @app.post(
        "/v1/enhance",
        summary="Enhance a picture or a DICOM object",
        openapi_extra=_BODY,
        response_class=Response,
        responses={
            200: {
                "content": dict.fromkeys(TYPES, _FILE),
                "description": "The picture, or a derived object",
                "headers": _HEADERS,
            },
            **errors(400, 408, 409, 411, 413, 415, 422, 503),
        },
    )
    async def enhance(
        request: Request,
        strength: Annotated[float | None, Query(ge=0, le=1, description="0 = the original, 1 = full effect.")] = None,
        bits: Annotated[
            int | None, Query(ge=8, le=16, description="Grey: bits per value, where fewer than stored.")
        ] = None,
        on_failure: Annotated[
            str, Query(pattern="^(error|passthrough)$", description="passthrough = the original comes back, flagged.")
        ] = "error",
    ) -> Response:
        kind = check_type(request.headers.get("content-type", ""))
        body = await service.readers.read(request)
        wanted = Wanted(strength, bits, passthrough=on_failure == "passthrough")
        answer = await service.jobs.run(lambda: service.desk.enhance(body, kind, wanted))
        return Response(answer.body, media_type=answer.media_type, headers=answer.headers)
