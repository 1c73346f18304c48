"""Target: asked for four times what it can do, the service answers every request with 200 or 503, and its memory stays flat.

First the rate that it can do is measured, with as many clients as there are places in its queue. Then requests begin at four
times that rate, at the times of a fixed schedule and whatever became of the earlier ones, each on a connection of its own.
"""

from __future__ import annotations

import http.client
import statistics
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from edgeenh.errors import JobFailed
from edgeenh.pictures import encode_picture
from edgeenh_bench.source_frames import read_frames
from edgeenh_bench.station_process import Client, StationProcess, config_text, serving
from edgeenh_bench.targets.figures import CLIP, Figure, Measurement

OVERLOAD = 4.0
QUEUE = 8
CLIENTS = 96
CONNECTIONS = 256
GROWTH_MB = 10.0
LOOK_S = 0.25


def measure(
    model: Path | None, threads: int | None, *, source: str = str(CLIP), seconds: float = 60.0, backend: str = "auto"
) -> Measurement:
    """Measure the rate for a sixth of `seconds`, then overload it for `seconds`."""
    picture = encode_picture(read_frames(source, 1)[0], ".png")
    table = {"bundle": None if model is None else str(model.resolve()), "threads": threads, "backend": backend}
    with serving(config_text(table, {"queue": QUEUE, "connections": CONNECTIONS})) as station:
        _post(station, picture)
        rate = _capacity(station, picture, seconds / 6)
        answers, memory, asked = _overload(station, picture, OVERLOAD * rate, seconds)
        _post(station, picture)  # and it goes on afterwards
    half = len(memory) // 2
    growth = statistics.median(memory[half:]) - statistics.median(memory[len(memory) // 10 : half])
    good = answers["200"] + answers["503"]
    figures = [
        Figure("requests that were answered with neither 200 nor 503", float(asked - good), at_most=0.0),
        Figure("memory, median of the second half minus that of the first", growth, "MB", at_most=GROWTH_MB),
        Figure(
            "requests that began, against what the service can do", asked / seconds / rate, at_least=0.95 * OVERLOAD
        ),
        Figure("what the service can do", rate, "pictures/s"),
        Figure("answered with a picture meanwhile", answers["200"] / seconds, "pictures/s"),
        Figure("most memory", max(memory), "MB"),
    ]
    return Measurement(figures, {"answers": dict(answers), "memory_mb": memory, "seconds": seconds})


def _capacity(station: StationProcess, picture: bytes, seconds: float) -> float:
    """Pictures per second with a client for every place but one."""
    until, done = time.monotonic() + seconds, list[int]()

    def client() -> None:
        connection, count = Client(station.port), 0
        while time.monotonic() < until:
            count += connection.ask("POST", "/v1/enhance", picture).status == 200
        connection.close()
        done.append(count)

    clients = [threading.Thread(target=client) for _ in range(QUEUE - 1)]
    for thread in clients:
        thread.start()
    for thread in clients:
        thread.join()
    if not sum(done):
        raise JobFailed("no picture came back: the rate cannot be measured")
    return sum(done) / seconds


def _overload(
    station: StationProcess, picture: bytes, rate: float, seconds: float
) -> tuple[Counter[str], list[float], int]:
    """Answers by status (or by the error's name), memory over time, and how many requests began."""
    answers, lock = Counter[str](), threading.Lock()

    def one() -> None:
        try:
            answer = str(_post(station, picture, check=False))
        except (OSError, http.client.HTTPException) as exc:
            answer = type(exc).__name__
        with lock:
            answers[answer] += 1

    memory, began, asked, looked = [station.memory_mb()], time.monotonic(), 0, 0.0
    with ThreadPoolExecutor(CLIENTS) as clients:
        while (now := time.monotonic() - began) < seconds:
            while asked < now * rate:
                clients.submit(one)
                asked += 1
            if now - looked >= LOOK_S:
                memory.append(station.memory_mb())
                looked = now
            time.sleep(min(LOOK_S, 1 / rate))
    return answers, memory, asked


def _post(station: StationProcess, picture: bytes, *, check: bool = True) -> int:
    client = Client(station.port)
    try:
        reply = client.ask("POST", "/v1/enhance", picture)
    finally:
        client.close()
    if check and reply.status != 200:
        raise JobFailed(f"the station answered {reply.status}: {reply.body[:200]!r}")
    return reply.status
