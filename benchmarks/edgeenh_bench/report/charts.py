"""The charts of the report as SVG: colours and fonts come from the page's style, so that dark mode and print need nothing of their own.

A point is (x, y). Every function returns one `<svg>` element that scales with its place; what cannot be drawn (no points) is an empty text.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape

from edgeenh_bench.report.label_room import left_of, wide

Point = tuple[float, float]

WIDTH, HEIGHT = 640.0, 300.0
LEFT, RIGHT, TOP, BOTTOM = 52.0, 20.0, 10.0, 42.0
TICKS = 6
BAR, BAR_RIGHT = 24.0, 130.0
MOST_POINTS = 600
"""A line of more is thinned: the eye sees no more on 640 units, and the file stays small. Extremes are kept."""


@dataclass(frozen=True, slots=True)
class Axes:
    """The frame of a chart.

    Attributes:
        x, y: Lowest and highest value of each axis.
        x_name, y_name: What they are, with the unit.
        log_x, log_y: Whether it is spaced by its logarithm.
    """

    x: Point
    y: Point
    x_name: str
    y_name: str
    log_x: bool = False
    log_y: bool = False

    def place(self, point: Point) -> Point:
        """A point in the chart's own units."""
        across = _share(point[0], self.x, log=self.log_x)
        up = _share(point[1], self.y, log=self.log_y)
        return LEFT + across * (WIDTH - LEFT - RIGHT), HEIGHT - BOTTOM - up * (HEIGHT - TOP - BOTTOM)


def ecdf(rows: Mapping[str, Sequence[float]]) -> str:
    """Share of frames that took at most so many milliseconds, a line per row; nothing is left out, so the tail is there."""
    rows = {label: values for label, values in rows.items() if values}
    if not rows:
        return ""
    everything = [value for values in rows.values() for value in values]
    axes = Axes(
        (min(everything) * 0.95, max(everything) * 1.05),
        (0.0, 1.0),
        "latency in ms (logarithmic)",
        "share of frames",
        log_x=True,
    )
    lines = {
        label: [(value, (n + 1) / len(values)) for n, value in enumerate(sorted(values))]
        for label, values in rows.items()
    }
    return _svg(axes, _lines(axes, lines), "Distribution of latencies")


def timeline(rows: Mapping[str, Sequence[float]]) -> str:
    """Latency of every frame in the order measured, a line per row."""
    rows = {label: values for label, values in rows.items() if values}
    if not rows:
        return ""
    longest = max(len(values) for values in rows.values())
    top = max(value for values in rows.values() for value in values)
    axes = Axes((1.0, max(2.0, float(longest))), (0.0, top * 1.05), "frame", "latency in ms")
    lines = {label: [(n + 1.0, value) for n, value in enumerate(values)] for label, values in rows.items()}
    return _svg(axes, _lines(axes, lines), "Latency over the run")


def scatter(points: Mapping[str, Point], x_name: str, y_name: str, *, log_x: bool = True, low_y: bool = False) -> str:
    """Named points; lower x and higher y is better, and the points that no other beats in both are joined. With `low_y` less of y is better."""
    if not points:
        return ""
    xs, ys = zip(*points.values(), strict=True)
    axes = Axes(_padded(xs, log=log_x), _padded(ys, log=False), x_name, y_name, log_x)
    sign = -1.0 if low_y else 1.0
    front = sorted(points[name] for name in pareto({name: (x, sign * y) for name, (x, y) in points.items()}))
    parts = [_path([axes.place(point) for point in front], "front")] if len(front) > 1 else []
    for number, (name, point) in enumerate(points.items()):
        x, y = axes.place(point)
        side, shift = ("end", -8.0) if x > WIDTH - wide(name) and x > WIDTH / 2 else ("start", 8.0)
        parts.append(
            f'<circle class="c{number % 8}" cx="{x:.1f}" cy="{y:.1f}" r="5"><title>{escape(name)}: {point[0]:.3g}, {point[1]:.4g}</title></circle>'
        )
        parts.append(f'<text x="{x + shift:.1f}" y="{y - 7:.1f}" text-anchor="{side}">{escape(name)}</text>')
    return _svg(axes, parts, f"{y_name} against {x_name}")


def curves(lines: Mapping[str, Sequence[Point]], x_name: str, y_name: str) -> str:
    """A line with its points per name, both axes logarithmic; every value above 0. The name stands at the last point."""
    lines = {label: sorted(points) for label, points in lines.items() if points}
    if not lines:
        return ""
    xs, ys = zip(*(point for points in lines.values() for point in points), strict=True)
    axes = Axes(_padded(xs, log=True), _padded(ys, log=True), x_name, y_name, log_x=True, log_y=True)
    parts = _lines(axes, lines)
    for number, (label, points) in enumerate(lines.items()):
        placed = [axes.place(point) for point in points]
        parts += [f'<circle class="c{number % 8}" cx="{x:.1f}" cy="{y:.1f}" r="4"/>' for x, y in placed]
        x, y = placed[-1]
        parts.append(f'<text x="{x:.1f}" y="{y - 8:.1f}" text-anchor="end">{escape(label)}</text>')
    return _svg(axes, parts, f"{y_name} against {x_name}, logarithmic")


def bars(values: Mapping[str, tuple[float, float | None]], unit: str) -> str:
    """A bar per name from 0: how long it is, and how much of it is filled (None = all)."""
    top = max((length for length, _ in values.values()), default=0.0)
    if top <= 0.0:
        return ""
    left = left_of([*values])
    height, room = BAR * len(values) + TOP, WIDTH - left - BAR_RIGHT
    parts = []
    for number, (label, (length, filled)) in enumerate(values.items()):
        y, shown = TOP / 2 + number * BAR, f"{length:.4g} {unit}"
        parts.append(f'<text x="{left - 6}" y="{y + 15:.1f}" text-anchor="end">{escape(label)}</text>')
        for style, part in (("bar whole", length), ("bar part", length if filled is None else filled)):
            parts.append(
                f'<rect class="{style}" x="{left}" y="{y + 3:.1f}" width="{part / top * room:.1f}" height="{BAR - 6}"/>'
            )
        parts.append(f'<text x="{left + length / top * room + 5:.1f}" y="{y + 15:.1f}">{escape(shown)}</text>')
    return (
        f'<svg viewBox="0 0 {WIDTH:g} {height:g}" role="img" aria-label="Bars in {escape(unit)}">{"".join(parts)}</svg>'
    )


def stacked(rows: Mapping[str, Mapping[str, float]], unit: str) -> str:
    """A bar per row, made of named parts one after the other; a part has the same colour in every row, and the legend stands below."""
    top = max((sum(parts.values()) for parts in rows.values()), default=0.0)
    if top <= 0.0:
        return ""
    names = list(dict.fromkeys(name for parts in rows.values() for name in parts))
    colours = {name: number % 8 for number, name in enumerate(names)}
    left = left_of([*rows])
    room, lines = WIDTH - left - BAR_RIGHT, math.ceil(len(names) / 4)
    made = []
    for number, (label, parts) in enumerate(rows.items()):
        y, x = TOP / 2 + number * BAR, left
        made.append(f'<text x="{left - 6}" y="{y + 15:.1f}" text-anchor="end">{escape(label)}</text>')
        for name, value in parts.items():
            wide = max(0.0, value) / top * room  # a rest may be a few nanoseconds below 0
            title = f"<title>{escape(name)}: {value:.4g} {escape(unit)}</title>"
            made.append(
                f'<rect class="c{colours[name]}" x="{x:.1f}" y="{y + 3:.1f}" width="{wide:.1f}" height="{BAR - 6}">{title}</rect>'
            )
            x += wide
        made.append(f'<text x="{x + 5:.1f}" y="{y + 15:.1f}">{sum(parts.values()):.3g} {escape(unit)}</text>')
    made += _legend(names, TOP + len(rows) * BAR, 4)
    size = f"{WIDTH:g} {TOP + (len(rows) + lines) * BAR:g}"
    return f'<svg viewBox="0 0 {size}" role="img" aria-label="Parts in {escape(unit)}">{"".join(made)}</svg>'


def course(lines: Mapping[str, Sequence[Point]], x_name: str, y_name: str) -> str:
    """A line per name from 0 upwards over time; the legend stands below."""
    lines = {label: points for label, points in lines.items() if points}
    if not lines:
        return ""
    xs, ys = zip(*(point for points in lines.values() for point in points), strict=True)
    axes = Axes((0.0, max(xs) or 1.0), (min(0.0, *ys), (max(ys) or 1.0) * 1.1), x_name, y_name)
    parts = [*_lines(axes, lines), *_legend(list(lines), HEIGHT, 2)]
    return _svg(axes, parts, f"{y_name} over {x_name}", HEIGHT + math.ceil(len(lines) / 2) * BAR)


def _legend(names: Sequence[str], top: float, columns: int) -> list[str]:
    """A square of its colour before every name, in so many columns; one line is `BAR` high."""
    made = []
    for number, name in enumerate(names):
        x, y = 10 + number % columns * WIDTH / columns, top + number // columns * BAR
        made.append(f'<rect class="c{number % 8}" x="{x:.1f}" y="{y + 4:.1f}" width="12" height="12"/>')
        made.append(f'<text x="{x + 18:.1f}" y="{y + 15:.1f}">{escape(name)}</text>')
    return made


def strip(rows: Mapping[str, Sequence[float]], x_name: str) -> str:
    """A dot per value, one above the other by row: how far apart the values of a row lie, and where its lowest is."""
    rows = {label: values for label, values in rows.items() if values}
    if not rows:
        return ""
    low, high = _padded([value for values in rows.values() for value in values], log=False)
    left = left_of([*rows])
    height, room = BAR * len(rows) + BOTTOM, WIDTH - left - RIGHT

    def across(value: float) -> float:
        return left + (value - low) / (high - low) * room

    parts = []
    for value in ticks(low, high):
        x = across(value)
        parts.append(f'<line class="grid" x1="{x:.1f}" x2="{x:.1f}" y1="0" y2="{height - BOTTOM}"/>')
        parts.append(f'<text x="{x:.1f}" y="{height - BOTTOM + 16}" text-anchor="middle">{value:g}</text>')
    for number, (label, values) in enumerate(rows.items()):
        y = (number + 0.5) * BAR
        parts.append(f'<text x="{left - 6}" y="{y + 4:.1f}" text-anchor="end">{escape(label)}</text>')
        parts += [
            f'<circle class="c{number % 8} dim" cx="{across(v):.1f}" cy="{y:.1f}" r="5"><title>{v:.4g}</title></circle>'
            for v in values
        ]
    name = f'<text class="name" x="{left + room / 2}" y="{height - 6}" text-anchor="middle">{escape(x_name)}</text>'
    return (
        f'<svg viewBox="0 0 {WIDTH:g} {height:g}" role="img" aria-label="{escape(x_name)}">{"".join(parts)}{name}</svg>'
    )


def pareto(points: Mapping[str, Point]) -> list[str]:
    """The names whose points no other beats: none has at most their x and at least their y, and one of them better."""
    return [
        name
        for name, (x, y) in points.items()
        if not any(ox <= x and oy >= y and (ox < x or oy > y) for ox, oy in points.values())
    ]


def ticks(low: float, high: float, count: int = TICKS) -> list[float]:
    """Round values within low…high, at most `count` + 1 or so: steps of 1, 2 or 5 times a power of ten."""
    if not high > low:
        return [low]
    raw = (high - low) / count
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(step * power for step in (1.0, 2.0, 5.0, 10.0) if step * power >= raw)
    first = math.ceil(low / step - 1e-9)
    return [n * step for n in range(first, math.floor(high / step + 1e-9) + 1)]


def _log_ticks(low: float, high: float) -> list[float]:
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    found = [step * 10.0**power for power in powers for step in (1.0, 2.0, 5.0)]
    inside = [value for value in found if low <= value <= high]
    return inside if len(inside) >= 2 else ticks(low, high)


def _share(value: float, between: Point, *, log: bool) -> float:
    low, high = between
    if log:
        value, low, high = math.log(value), math.log(low), math.log(high)
    return (value - low) / (high - low) if high > low else 0.5


def _padded(values: Sequence[float], *, log: bool) -> Point:
    low, high = min(values), max(values)
    if log:
        return low / 1.4, high * 1.4
    room = (high - low) * 0.12 or max(abs(high), 1.0) * 0.1
    return low - room, high + room


def _thinned(points: Sequence[Point]) -> Iterator[Point]:
    """At most about `MOST_POINTS`: of every stretch, the lowest and the highest, in their order."""
    stretch = max(1, math.ceil(len(points) / (MOST_POINTS / 2)))
    if stretch == 1:
        yield from points
        return
    for start in range(0, len(points), stretch):
        part = points[start : start + stretch]
        yield from sorted({min(part, key=lambda p: p[1]), max(part, key=lambda p: p[1])})


def _lines(axes: Axes, lines: Mapping[str, Sequence[Point]]) -> list[str]:
    return [
        _path([axes.place(point) for point in _thinned(points)], f"line c{number % 8}", label)
        for number, (label, points) in enumerate(lines.items())
    ]


def _path(points: Sequence[Point], style: str, title: str = "") -> str:
    text = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    return f'<polyline class="{style}" points="{text}"><title>{escape(title)}</title></polyline>'


def _svg(axes: Axes, parts: Sequence[str], title: str, height: float = HEIGHT) -> str:
    grid = []
    for value in _log_ticks(*axes.x) if axes.log_x else ticks(*axes.x):
        x, _ = axes.place((value, axes.y[0]))
        grid.append(f'<line class="grid" x1="{x:.1f}" x2="{x:.1f}" y1="{TOP}" y2="{HEIGHT - BOTTOM}"/>')
        grid.append(f'<text x="{x:.1f}" y="{HEIGHT - BOTTOM + 16}" text-anchor="middle">{value:g}</text>')
    for value in _log_ticks(*axes.y) if axes.log_y else ticks(*axes.y):
        _, y = axes.place((axes.x[0], value))
        grid.append(f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>')
        grid.append(f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{value:.6g}</text>')
    names = (
        f'<text class="name" x="{(LEFT + WIDTH - RIGHT) / 2}" y="{HEIGHT - 6}" text-anchor="middle">{escape(axes.x_name)}</text>'
        f'<text class="name" transform="translate(13 {(TOP + HEIGHT - BOTTOM) / 2}) rotate(-90)" text-anchor="middle">{escape(axes.y_name)}</text>'
    )
    return (
        f'<svg viewBox="0 0 {WIDTH:g} {height:g}" role="img" aria-label="{escape(title)}">'
        f"<title>{escape(title)}</title>{''.join(grid)}{''.join(parts)}{names}</svg>"
    )
