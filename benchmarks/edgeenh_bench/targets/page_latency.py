"""Target: the page paints within a second and shows 720p at camera pace with at most 150 ms added, and costs the enhancer nothing.

A station in this process streams a computed pattern at 25 per second, and Debian's Chromium looks at it on the loopback:

- first paint, as the browser itself tells it, of several visits with empty profiles;
- glass to glass: what the page adds to a frame, from the moment it was enhanced until the browser has drawn it. The page gives an
  upper bound of a frame's age after the next frame of its screen; the station says how old the frame was when it was done;
- p99 of the enhancer while two browsers watch, against p99 while none does, in turns. Browser and station share this
  machine, so with few cores the ratio says as much of Chromium as of the station; the limit holds all the same, and the result names the cores.
"""

from __future__ import annotations

import os
import shutil
import statistics
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from edgeenh.config import Config
from edgeenh.config.tables import Model, Source
from edgeenh.errors import BackendUnavailable, JobFailed, MissingExtra
from edgeenh.station.config import Service
from edgeenh.station.own_process import settle
from edgeenh.station.server import Listener, Server
from edgeenh.station.station import Station
from edgeenh_bench.percentiles import nearest_rank
from edgeenh_bench.targets.figures import Figure, Measurement

PAINT_S, ADDED_MS, SLOWER = 1.0, 150.0, 1.05
WATCHERS = 2
PATIENCE_MS = 60_000
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]

COLLECT = """count => new Promise(done => {
    const found = [];
    document.getElementById("viewer").addEventListener("painted", event => {
        if (event.detail.ready_ms !== null) found.push([event.detail.age_ms, event.detail.ready_ms]);
        if (found.length >= count) done(found);
    });
})"""


def measure(
    model: Path | None,
    threads: int | None,
    *,
    source: str = "synthetic:1280x720@25",
    visits: int = 5,
    frames: int = 700,
    rounds: int = 3,
    backend: str = "auto",
) -> Measurement:
    """Visit so often, watch so many frames, and compare so many rounds of so many frames with and without watchers."""
    with ExitStack() as stack:
        browser = stack.enter_context(_browser())
        station, port = stack.enter_context(_station(model, threads, source, backend))
        latencies = _recorded(station)
        _await(latencies, 25)
        paints = [_first_paint(browser, port) for _ in range(visits)]
        shown = _watch(browser, port, frames)
        quiet, watched = _in_turns(browser, port, latencies, frames, rounds)
    added = sorted(age - ready for age, ready in shown)
    cores = len(os.sched_getaffinity(0))
    ratio = statistics.median(two / none for none, two in zip(quiet, watched, strict=True))
    figures = [
        Figure("first paint, slowest visit", max(paints) / 1e3, "s", at_most=PAINT_S),
        Figure("added from enhanced to drawn, p99", nearest_rank(added, 99), "ms", at_most=ADDED_MS),
        Figure("enhancer's p99 with two browsers against none", ratio, at_most=SLOWER),
        Figure("added from enhanced to drawn, p50", nearest_rank(added, 50), "ms"),
        Figure("from capture to drawn, p99", nearest_rank(sorted(age for age, _ in shown), 99), "ms"),
        Figure("enhancer's p99 with none", statistics.median(quiet), "ms"),
    ]
    raw = {"first_paint_ms": paints, "shown_ms": shown, "p99_ms": {"none": quiet, "two": watched}}
    return Measurement(figures, {**raw, "source": source, "cores": cores})


@contextmanager
def _browser() -> Iterator[Any]:
    try:
        from playwright.sync_api import sync_playwright
    except ImportError as exc:
        raise MissingExtra("page-latency", "dev") from exc
    chromium = shutil.which("chromium")
    if chromium is None:
        raise BackendUnavailable("chromium is not installed: `apt-get install chromium`")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        yield browser
        browser.close()


@contextmanager
def _station(model: Path | None, threads: int | None, source: str, backend: str) -> Iterator[tuple[Station, int]]:
    tables = {
        "model": Model(bundle=model, backend=backend, threads=threads),
        "service": Service(bind="127.0.0.1:0"),
        "source": (Source(source),),
    }
    config = Config(None, tables)
    settle()  # as the command does
    with ExitStack() as stack:
        listener = Listener(config.one("service"))
        stack.callback(listener.close)
        station = Station(config, lambda _line: None)
        stack.callback(station.close)
        server = Server(station, listener)
        stack.callback(server.close)
        station.start()
        yield station, listener.address.port


class _Recorder:
    """Stands before a lane's writer and notes how long the enhancer took for each frame, in milliseconds."""

    def __init__(self, writer: Any) -> None:
        self._writer, self.ms = writer, list[float]()

    def write(self, frame: Any) -> None:
        if frame.enhanced:
            self.ms.append((frame.finished_ns - frame.started_ns) / 1e6)
        self._writer.write(frame)


def _recorded(station: Station) -> list[float]:
    [lane] = station.lanes.lanes
    recorder = _Recorder(lane.writer)
    lane.writer = recorder  # type: ignore[assignment]
    return recorder.ms


def _await(latencies: list[float], more: int) -> list[float]:
    """The latencies of so many more frames."""
    start, until = len(latencies), time.monotonic() + PATIENCE_MS / 1e3 + more
    while len(latencies) < start + more:
        if time.monotonic() > until:
            raise JobFailed("the station enhances no frames: nothing can be measured")
        time.sleep(0.05)
    return latencies[start : start + more]


def _visit(browser: Any, port: int) -> tuple[Any, Any]:
    context = browser.new_context(viewport={"width": 1920, "height": 1080})
    page = context.new_page()
    page.set_default_timeout(PATIENCE_MS)
    page.goto(f"http://127.0.0.1:{port}/")
    page.wait_for_selector('#viewer[data-state="live"]')
    return context, page


def _first_paint(browser: Any, port: int) -> float:
    """Milliseconds from the visit to the first paint, in a context that has seen nothing before."""
    context, page = _visit(browser, port)
    paint = page.evaluate("performance.getEntriesByType('paint').find(one => one.name === 'first-paint').startTime")
    context.close()
    return float(paint)


def _watch(browser: Any, port: int, frames: int) -> list[tuple[float, float]]:
    """(age when it was drawn, age when it was enhanced) of so many frames, in milliseconds."""
    context, page = _visit(browser, port)
    found = page.evaluate(COLLECT, frames)
    context.close()
    return [(float(age), float(ready)) for age, ready in found]


def _in_turns(
    browser: Any, port: int, latencies: list[float], frames: int, rounds: int
) -> tuple[list[float], list[float]]:
    """p99 of each round without and with two browsers."""
    quiet, watched = list[float](), list[float]()
    for _ in range(rounds):
        quiet.append(nearest_rank(sorted(_await(latencies, frames)), 99))
        contexts = [_visit(browser, port)[0] for _ in range(WATCHERS)]
        watched.append(nearest_rank(sorted(_await(latencies, frames)), 99))
        for context in contexts:
            context.close()
    return quiet, watched
