"""What is only looked at: health, metrics, what runs, events, frames."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import FastAPI, Header, Query, Request
from fastapi.responses import JSONResponse, Response, StreamingResponse

from edgeenh.station.errors import Refused, busy
from edgeenh.station.pictures import header_text
from edgeenh.station.routes.documented import errors
from edgeenh.station.view import pack

if TYPE_CHECKING:
    from edgeenh.station.api import Service
    from edgeenh.station.lanes import Lane

FRAME_S = 1.0
"""So long a request waits for the next frame; then it is told that there is none."""

StreamName = Annotated[str | None, Query(max_length=200, description="The stream's name; default: the first.")]

LISTENERS = 16


def add(app: FastAPI, service: Service) -> None:
    """Add the routes."""
    _add_health(app, service)
    _add_state(app, service)
    _add_frames(app, service)


def _add_health(app: FastAPI, service: Service) -> None:
    station = service.station

    def verdict(*, good: bool) -> Response:
        streams = {n: {"state": v.state, "why": v.why} for n, v in station.monitoring.verdicts().items()}
        headers = {} if good else {"Retry-After": "1"}
        return JSONResponse({"ok": good, "streams": streams}, 200 if good else 503, headers=headers)

    @app.get("/live", responses=errors(503), summary="Whether the station is at work")
    async def live() -> Response:
        return verdict(good=station.live)

    @app.get("/ready", responses=errors(503), summary="Whether enhanced frames come out within the contract")
    async def ready() -> Response:
        return verdict(good=station.ready)

    @app.get("/metrics", responses=errors(), response_class=Response, summary="Metrics in Prometheus' format")
    async def metrics() -> Response:
        from edgeenh.monitoring.metrics import CONTENT_TYPE, exposition

        jobs = service.jobs
        more = "".join(
            f"# TYPE edgeenh_service_{name} {kind}\nedgeenh_service_{name} {value}\n"
            for name, kind, value in (
                ("accepted_total", "counter", jobs.accepted),
                ("refused_total", "counter", jobs.refused),
                ("late_total", "counter", jobs.late),
                ("open", "gauge", jobs.open),
            )
        )
        return Response(exposition(station.monitoring) + more.encode(), headers={"Content-Type": CONTENT_TYPE})


def _add_state(app: FastAPI, service: Service) -> None:
    station = service.station
    listeners = 0

    @app.get("/v1/info", responses=errors(), summary="What runs, and what may be chosen")
    async def info(request: Request) -> dict[str, Any]:
        return {**station.info(), "token_accepted": bool(request.scope.get("edgeenh.token"))}

    @app.get("/v1/state", responses=errors(404, 422), summary="Accounting, latencies and drift of a stream")
    async def state(stream: StreamName = None) -> dict[str, Any]:
        return station.state(find(service, stream))

    @app.get(
        "/v1/events",
        responses={200: {"content": {"text/event-stream": {}}}, **errors(422, 503)},
        response_class=StreamingResponse,
        summary="Events as they happen (server-sent)",
    )
    async def events(
        after: Annotated[int, Query(ge=0, le=1 << 53, description="Events after this number.")] = 0,
        last_event_id: Annotated[str | None, Header(max_length=20)] = None,
    ) -> Response:
        nonlocal listeners
        if listeners >= LISTENERS:
            raise busy("there are enough listeners", seconds=5)
        resume = int(last_event_id) if last_event_id and last_event_id.isascii() and last_event_id.isdigit() else after

        async def stream() -> Any:
            nonlocal listeners
            listeners += 1
            try:
                async for line in station.news.listen(resume):
                    yield line
            finally:
                listeners -= 1

        return StreamingResponse(stream(), media_type="text/event-stream")


def _add_frames(app: FastAPI, service: Service) -> None:
    station = service.station

    @app.get(
        "/v1/frame",
        responses={
            200: {
                "content": {"application/vnd.edgeenh.frame": {}},
                "description": "Head, before and after (docs/station.md)",
            },
            204: {"description": "No new frame within a second; `X-Edgeenh-Stream` says why"},
            **errors(404, 422, 503),
        },
        response_class=Response,
        summary="The next frame of a stream, before and after, with its status",
    )
    async def frame(
        stream: StreamName = None,
        after: Annotated[int, Query(ge=0, le=1 << 53, description="The number of the frame that is shown now.")] = 0,
    ) -> Response:
        lane = find(service, stream)
        if service.watchers >= station.settings.watchers:
            raise busy("there are enough watchers")
        service.watchers += 1
        try:
            began = station.lanes.clock.now_ns()
            shot = await lane.view.after(after, FRAME_S)
        finally:
            service.watchers -= 1
        verdict = station.monitoring.verdicts()[lane.stream.source.id]
        now = station.lanes.clock.now_ns()
        how = {"state": verdict.state, "why": verdict.why}
        if shot is None:
            return Response(status_code=204, headers={"X-Edgeenh-Stream": header_text(json.dumps(how))})
        ages = {"age_ms": round((now - shot.captured_ns) / 1e6, 1), "waited_ms": round((now - began) / 1e6, 1)}
        fps = lane.stream.source.fps
        more = {"stream": how, "period_ms": round(1e3 / fps, 1) if fps else None, **ages}
        return Response(pack(shot, **more), media_type="application/vnd.edgeenh.frame")


def find(service: Service, name: str | None) -> Lane:
    """The stream of this name; the first for None.

    Raises:
        Refused: 404, there is none.
    """
    lane = service.station.lanes.find(name)
    if lane is None:
        known = ", ".join(lane.name for lane in service.station.lanes.lanes) or "none"
        raise Refused(404, "stream", f"there is no such stream, expected one of: {known}")
    return lane
