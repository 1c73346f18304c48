"""What `edgeenh run` says at its end: the document of `--json`, the words for people, the exit code."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgeenh.cli import output
from edgeenh.identity import backend_json, model_json

if TYPE_CHECKING:
    from edgeenh.errors import EdgeenhError
    from edgeenh.loading import AnyEnhancer
    from edgeenh.sinks import Sink
    from edgeenh.stream import Stream

SCHEMA = "edgeenh.run/1"

REMARKS = 10
"""Events printed at the end; all of them are in the JSON."""


def make_report(
    stream: Stream,
    enhancer: AnyEnhancer,
    sink: Sink,
    strength: float | None,
    *,
    interrupted: bool,
    failure: EdgeenhError | None,
) -> dict[str, Any]:
    """The document of `--json`."""
    from edgeenh.environment import fingerprint

    source = stream.source
    return {
        "schema": SCHEMA,
        "model": model_json(enhancer),
        "backend": backend_json(enhancer),
        "source": {
            "id": source.id,
            "size": list(source.size) if source.size else None,
            "fps": source.fps,
            "length": source.length,
        },
        "sink": sink.id,
        **({"sinks": sink.to_json()} if hasattr(sink, "to_json") else {}),
        "strength": 1.0 if strength is None else strength,
        "interrupted": interrupted,
        "failure": str(failure) if failure else None,
        **stream.report(),
        "environment": fingerprint(),
    }


def broken_off(source: str, stream: Stream | None) -> dict[str, Any]:
    """The document of `--json` for a run that a signal ended before its first frame, or in the middle of its end."""
    from edgeenh.environment import fingerprint
    from edgeenh.stream import Counts

    state = {"mode": None, "accounting": Counts().to_json(), "events": []} if stream is None else stream.report()
    named = {"source": {"id": source}, "interrupted": True, "failure": None}
    return {"schema": SCHEMA, "model": None, "backend": None, **named, **state, "environment": fingerprint()}


def exit_code(report: dict[str, Any], failure: EdgeenhError | None) -> int:
    """See `HELP` for what it means."""
    accounting = report["accounting"]
    if report["interrupted"]:
        return 130
    if failure is not None:
        return failure.exit_code
    if "faults" in report:
        return 0 if accounting["holds"] and all(fault["answered"] for fault in report["faults"]) else 1
    failed = any(sink["keeps"] and (sink["failure"] or sink["missed"]) for sink in report.get("sinks", ()))
    if failed or report["unwritten"] or report.get("spool", {}).get("unspooled"):
        return 1
    if report["mode"] != "live":
        whole = accounting["enhanced"] == accounting["captured"] and not accounting["lost_upstream"]
    else:
        whole = accounting["enhanced"] > 0
    return 0 if whole and accounting["holds"] else 1


def tell(report: dict[str, Any], model: str, sink: Sink, failure: EdgeenhError | None) -> None:
    """The report for people: what failed on stderr, the result on stdout."""
    remarks = list(
        dict.fromkeys([*(event["detail"] for event in report["events"]), *([str(failure)] if failure else [])])
    )
    for line in remarks[:REMARKS]:
        output.remark(line)
    if len(remarks) > REMARKS:
        output.remark(f"{len(remarks) - REMARKS} more events: --json FILE lists them all")
    if report["interrupted"]:
        output.remark("interrupted: the frames that were finished are kept")
    for fault in report.get("faults", ()):
        verdict = "answered" if fault["answered"] else f"NOT ANSWERED: {'; '.join(fault['missing'])}"
        output.say(f"fault {fault['fault']}, expected: {fault['demanded']}: {verdict}")
    output.say(model)
    output.say(f"{counts_line(report['accounting'])}; {_speed(report)}")
    for one in getattr(sink, "sinks", [sink]):
        if one.id not in ("null", "stdout") and getattr(one, "keeps", True):
            place = Path(one.id.removeprefix("dicom:"))
            there = place.exists() or one.id.startswith("dicom://")  # of an archive the sink itself says what waits
            output.say(f"written: {one.id}" if there else f"nothing was written to {one.id}")


def counts_line(accounting: dict[str, Any]) -> str:
    """The accounting in one line."""
    parts = [f"{accounting['captured']} captured", f"{accounting['enhanced']} enhanced"]
    for name, words in (("passthrough", "passed through"), ("dropped", "dropped"), ("lost_upstream", "lost upstream")):
        parts += [f"{count} {words} ({reason})" for reason, count in accounting[name].items()]
    holds = (
        "every frame accounted for"
        if accounting["holds"]
        else "THE ACCOUNTING DOES NOT HOLD: please report this as a bug"
    )
    parts += [f"{accounting['spooled']} left in the spool"] * bool(accounting["spooled"])
    return ", ".join([*parts, f"{accounting['in_flight']} in flight"]) + f": {holds}"


def _speed(report: dict[str, Any]) -> str:
    latency, rate = report["latency_ms"], report["throughput_fps"]
    missing = latency["missing"]
    shown = [
        f"{p} {latency[p]:.1f} ms" if latency[p] is not None else f"{p} n/a (needs {missing[p]} more)"
        for p in ("p50", "p90", "p99")
    ]
    return ", ".join([f"{rate:.1f} frames/s" if rate else "no frame", *shown])
