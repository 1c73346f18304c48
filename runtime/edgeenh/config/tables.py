"""The tables that `edgeenh run` uses: model, stream, sources, sinks, monitoring."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from edgeenh.config.settings import setting


@dataclass(frozen=True, slots=True)
class Model:
    """Which bundle, and what computes it."""

    bundle: Path | None = setting(None, "The bundle; none = the one in the package.", example='"dental-n.edgeenh"')
    backend: str = setting("auto", "The library that computes; auto = the fastest here that passes the golden frames.")
    precision: str | None = setting(
        None, "As the backend chooses, or one that is asked for.", choices=("fp32", "fp16", "bf16", "int8")
    )
    device: str = setting("auto", "Where it computes.", choices=("auto", "cpu", "cuda"))
    threads: int | None = setting(None, "CPU threads per frame; none = all cores.", unit="threads", least=1, most=1024)
    strength: float = setting(1.0, "0 = the original, 1 = the full effect.", least=0, most=1)
    public_key: Path | None = setting(
        None, "Refuse a bundle that the owner of this key did not sign.", example='"station.pub"'
    )
    floor: str | None = setting(
        None, "Refuse a bundle of a lower version: a number in quotes, or a floor file.", example='"3"'
    )
    in_process: bool = setting(False, "Run the model in the station's own process, which contains nothing.")  # noqa: FBT003
    watch: bool = setting(False, "Go on with a newer bundle when the file is replaced.")  # noqa: FBT003


@dataclass(frozen=True, slots=True)
class Stream:
    """What happens to frames that come too fast, or fail."""

    mode: str | None = setting(
        None, "The contract; none = live for a camera, otherwise offline.", choices=("live", "exposure", "offline")
    )
    max_age_ms: float = setting(
        250.0, "live: nothing older than this is shown.", unit="milliseconds", example="250", above=0, most=3_600_000
    )
    frames: int | None = setting(None, "Capture so many frames at most; none = all there are.", unit="frames", least=1)
    spool: Path | None = setting(
        None, "exposure: the folder that keeps each frame until it is written.", example='"/var/spool/edgeenh"'
    )
    drift_every: int | None = setting(
        None, "Compare one in so many frames with the FP32 reference; none = none.", unit="frames", least=1
    )


@dataclass(frozen=True, slots=True)
class Source:
    """Where frames come from: what `edgeenh run SOURCE` takes (docs/sources.md)."""

    spec: str = setting(doc="The source.", example='"camera:0?format=mjpeg&size=1280x720&fps=30"')
    bits: int | None = setting(
        None, "Grey: bits per value, where they are fewer than the format holds.", unit="bits", least=8, most=16
    )
    raw: str | None = setting(None, 'With spec = "-": what the frames on stdin are.', example='"1280x720:rgb24@30"')


@dataclass(frozen=True, slots=True)
class Sink:
    """Where frames go: what `--out` takes (docs/sinks.md)."""

    spec: str = setting(doc="The sink.", example='"shm:edgeenh"')


@dataclass(frozen=True, slots=True)
class Monitoring:
    """How the station tells what it does (docs/monitoring.md)."""

    http: str | None = setting(
        None, "Serve /live, /ready and /metrics here; without a host on the loopback.", example='"127.0.0.1:9464"'
    )
    events: str | None = setting(
        None, "Events as JSON lines, chained by their hashes; - = stdout.", example='"/var/log/edgeenh/events.jsonl"'
    )
    events_max_mb: float = setting(
        16.0, "The file of events is begun anew beyond this size.", unit="megabytes", example="16", above=0, most=10_000
    )
    events_files: int = setting(
        8, "So many full files of events are kept; the oldest goes first.", unit="files", least=1, most=1000
    )
    events_sync: str = setting(
        "always",
        "When an event is brought to the disk itself: with every event, or as the system likes.",
        choices=("always", "never"),
    )
