"""Target: a 720p PNG there and back takes at most what codec and inference take, and 3 ms.

Two ways take turns on the same frames: decode, enhance and encode in this process; and `POST /v1/enhance` to a station in a
process of its own, on one connection that stays open. The figure is the median of the differences, frame by frame. What the
station itself says of its times is recorded beside it.
"""

from __future__ import annotations

import json
import statistics
import time
from pathlib import Path

from edgeenh.enhancer import Enhancer, load
from edgeenh.errors import JobFailed
from edgeenh.pictures import decode_picture, encode_picture
from edgeenh_bench.source_frames import read_frames
from edgeenh_bench.station_process import Client, config_text, serving
from edgeenh_bench.targets.figures import CLIP, Figure, Measurement

LIMIT_MS = 3.0
WARM = 5
REST_S = 0.05
"""Between two readings: threads of a backend go on to spin for a while after a picture, and would take a core from the other way."""


def measure(
    model: Path | None, threads: int | None, *, source: str = str(CLIP), frames: int = 60, backend: str = "auto"
) -> Measurement:
    """Measure so many frames, each both ways; which way goes first changes from frame to frame."""
    pictures = [encode_picture(image, ".png") for image in read_frames(source, frames)]
    with load(model, backend=backend, threads=threads) as enhancer:
        _here(enhancer, pictures[0])
        used = enhancer.info
        if used is None:
            raise JobFailed("the enhancer opened no session: this is a bug in edgeenh, please report it")
        table = {"bundle": None if model is None else str(model.resolve()), "threads": threads}
        how = {"backend": used.backend, "precision": used.precision}
        with serving(config_text({**table, **how}, {})) as station:
            client = Client(station.port)
            times = _alternate(enhancer, client, pictures)
            client.close()
    added = [there - here for here, there, _ in times]
    inside = [there - told for _, there, told in times]
    figures = [
        Figure("round trip minus codec and inference, median", statistics.median(added), "ms", at_most=LIMIT_MS),
        Figure("round trip, median", statistics.median(there for _, there, _ in times), "ms"),
        Figure("codec and inference in this process, median", statistics.median(here for here, *_ in times), "ms"),
        Figure("round trip minus what the station says of its own times, median", statistics.median(inside), "ms"),
    ]
    raw = [{"here_ms": here, "round_trip_ms": there, "station_ms": told} for here, there, told in times]
    return Measurement(figures, {"frames": raw, "backend": used.backend, "precision": used.precision})


def _alternate(enhancer: Enhancer, client: Client, pictures: list[bytes]) -> list[tuple[float, float, float]]:
    """(here, there, what the station says) in milliseconds for each picture, after some that warm both up."""
    for picture in pictures[:WARM]:
        _here(enhancer, picture)
        _there(client, picture)
    times = []
    for number, picture in enumerate(pictures):
        if number % 2:
            here = _here(enhancer, picture)
            there, told = _there(client, picture)
        else:
            there, told = _there(client, picture)
            here = _here(enhancer, picture)
        times.append((here, there, told))
    return times


def _here(enhancer: Enhancer, picture: bytes) -> float:
    time.sleep(REST_S)
    started = time.perf_counter()
    encode_picture(enhancer(decode_picture(picture, "the picture")), ".png")
    return (time.perf_counter() - started) * 1e3


def _there(client: Client, picture: bytes) -> tuple[float, float]:
    time.sleep(REST_S)
    started = time.perf_counter()
    reply = client.ask("POST", "/v1/enhance", picture)
    milliseconds = (time.perf_counter() - started) * 1e3
    if reply.status != 200 or reply.headers.get("x-edgeenh-status") != "ENHANCED":
        raise JobFailed(f"the station answered {reply.status}: {reply.body[:200]!r}")
    return milliseconds, sum(json.loads(reply.headers["x-edgeenh-times-ms"]).values())
