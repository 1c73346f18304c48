"""`edgeenh station`: streams, a page and a service, as a file says."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from edgeenh.cli import output
from edgeenh.cli.interrupts import Interrupts
from edgeenh.cli.shutdown import interruptible
from edgeenh.errors import MissingExtra

if TYPE_CHECKING:
    from edgeenh.config import Config

HELP = """Serve a page and an HTTP service for the streams that a file names.

The page shows each stream before and after, and says of every frame whether it is ENHANCED or PASSTHROUGH and why. The
service takes pictures (POST /v1/enhance) and tensors (Open Inference Protocol, /v2), and tells what it does (/live, /ready,
/metrics, /v1/info, /v1/events, /openapi.json). Without a [[source]] it is a service alone. It listens on the loopback
unless --bind says otherwise; changes need the token that the file names. docs/station.md.

Exit: 0 every stream came to its end; 1 one failed; 2 bad usage or input; 4 the bundle is not what it says; 5 a part is not
installed; 130 interrupted, within two seconds, after a clean end.

Example: edgeenh station --config station.toml

Example: edgeenh station --source synthetic:1280x720@30 --bind 127.0.0.1:8350
"""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("station", help=HELP)(station)


def station(
    config: Annotated[Path | None, typer.Option("--config", metavar="F.toml", help="The station's file.")] = None,
    bind: Annotated[str | None, typer.Option("--bind", metavar="HOST:PORT", help="Where to serve.")] = None,
    model: Annotated[Path | None, typer.Option("--model", metavar="F.edgeenh", help="The bundle.")] = None,
    source: Annotated[
        list[str] | None,
        typer.Option("--source", metavar="SOURCE", help="Instead of the file's; more than once if wanted."),
    ] = None,
    json_target: output.JsonOption = None,
) -> int:
    """See `HELP`."""
    _check_installed()
    chosen = _chosen(config, bind, model, source)
    from edgeenh.station.own_process import settle
    from edgeenh.station.server import Listener, Server
    from edgeenh.station.station import Station

    settle()
    with ExitStack() as stack:
        interrupts = stack.enter_context(Interrupts())
        listener = Listener(chosen.one("service"))
        stack.callback(listener.close)
        made = interruptible(lambda: Station(chosen, output.remark))
        stack.callback(made.close)
        interrupts.react(made.ended.set, made.ended.set)
        server = Server(made, listener)
        stack.callback(server.close)
        interruptible(made.start)
        _greet(listener, made)
        _wait(made, interrupts)
        report = {"schema": "edgeenh.station/1", **made.info(), "streams": [made.state(n) for n in made.lanes.lanes]}
        interrupted = interrupts.count > 0
    output.emit_json(json_target, {**report, "interrupted": interrupted})
    for lane in made.lanes.lanes:
        output.say(f"{lane.name}: {lane.stream.accounting.counts()}")
        if lane.failure:
            output.remark(f"{lane.name}: {lane.failure}")
    output.next_step("edgeenh evidence --out pack.zip" if made.lanes.lanes else "edgeenh doctor")
    return 130 if interrupted else int(any(lane.failure for lane in made.lanes.lanes))


def _wait(made: Any, interrupts: Interrupts) -> None:
    """Until a signal, or until all streams have ended; a service alone has no end of its own."""
    made.ended.wait()
    if not interrupts.count and made.lanes.lanes:
        output.remark("every stream has ended; Ctrl-C ends the station, the page tells how it ended")
        made.ended.clear()
        made.ended.wait()


def _greet(listener: Any, made: Any) -> None:
    output.remark(f"{made.model.name}, streams: {len(made.lanes.lanes)}; {listener.url}")
    if listener.token is None:
        output.remark("nothing can be changed from the page: [service] token names no file")
    if listener.address.host not in ("127.0.0.1", "::1", "localhost") and listener.tls is None:
        output.remark(
            "pictures go over the network unencrypted: give tls_certificate and tls_key, or bind to 127.0.0.1"
        )


def _chosen(config: Path | None, bind: str | None, model: Path | None, source: list[str] | None) -> Config:
    """The file, with what the command line says put in."""
    from edgeenh.config import Config, read_config
    from edgeenh.config.tables import Source

    found = read_config(config) if config is not None else Config()
    tables = dict(found.tables)
    tables["service"] = replace(found.one("service"), **({"bind": bind} if bind else {}))
    tables["model"] = replace(found.one("model"), **({"bundle": model} if model else {}))
    if source:
        tables["source"] = tuple(Source(spec) for spec in source)
    return Config(found.path, tables, found.lines, found.known)


def _check_installed() -> None:
    from importlib.util import find_spec

    if any(find_spec(name) is None for name in ("fastapi", "uvicorn", "prometheus_client")):
        raise MissingExtra("`edgeenh station`", "station")
