"""Charts as SVG: round ticks, nothing lost to thinning, and the front that nothing beats."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree

from hypothesis import given
from hypothesis import strategies as st

from edgeenh_bench.report import charts

numbers = st.floats(0.01, 1e4)


@given(
    st.dictionaries(st.text(min_size=1, max_size=5), st.lists(numbers, min_size=1, max_size=40), min_size=1, max_size=9)
)
def test_any_latencies_make_well_formed_charts(rows: dict[str, list[float]]) -> None:
    rows = {"".join(c for c in label if c.isprintable()) or "x": values for label, values in rows.items()}
    for made in (charts.ecdf(rows), charts.timeline(rows)):
        root = ElementTree.fromstring(made)
        lines = [element for element in root.iter() if element.tag == "polyline"]
        assert len(lines) == len(rows)
        for element in root.iter():
            for name in ("x1", "x2", "cx"):
                assert -1 <= float(element.get(name, "0")) <= charts.WIDTH + 1


def test_a_spike_among_many_frames_is_drawn() -> None:
    values = [10.0] * 50_000
    values[31_337] = 500.0
    made = charts.timeline({"row": values})
    assert len(made) < 40_000
    root = ElementTree.fromstring(made)
    points = next(element for element in root.iter() if element.tag == "polyline").get("points", "").split()
    heights = [float(point.split(",")[1]) for point in points]
    assert min(heights) < charts.TOP + 20


@given(st.floats(-1e6, 1e6), st.floats(1e-6, 1e6))
def test_ticks_are_inside_and_few(low: float, span: float) -> None:
    found = charts.ticks(low, low + span)
    assert len(found) <= charts.TICKS + 2
    near = 1e-9 * (span + abs(low))
    assert all(low - near <= value <= low + span + near for value in found)


def test_nothing_to_draw() -> None:
    assert charts.ecdf({"row": []}) == charts.timeline({}) == charts.scatter({}, "x", "y") == ""


def test_names_are_escaped() -> None:
    made = charts.scatter({"<script>": (1.0, 2.0)}, "a & b", "y")
    assert "<script>" not in made
    ElementTree.fromstring(made)


@given(st.dictionaries(st.text("abcdefgh", min_size=1, max_size=3), st.tuples(numbers, numbers), min_size=1))
def test_the_front_is_what_nothing_beats(points: dict[str, tuple[float, float]]) -> None:
    front = set(charts.pareto(points))
    assert front
    for name, (x, y) in points.items():
        beaten = any(ox <= x and oy >= y and (ox, oy) != (x, y) for ox, oy in points.values())
        assert (name in front) == (not beaten)


def test_a_strip_has_a_dot_per_value_in_the_order_of_the_values() -> None:
    text = charts.strip({"one": [40.0, 50.0, 60.0], "<two>": [110.0], "none": []}, "dB")
    across = [float(found) for found in re.findall(r'cx="([\d.]+)"', text)]
    assert len(across) == 4
    assert across == sorted(across)
    assert "&lt;two&gt;" in text
    assert "none" not in text
    assert charts.strip({"none": []}, "dB") == ""


def test_where_less_of_both_is_better_the_front_says_so() -> None:
    points = {"fast": (1.0, 9.0), "light": (5.0, 2.0), "beaten": (6.0, 8.0)}
    assert charts.scatter(points, "x", "y", low_y=True).count('class="front"') == 1
    front = re.search(r'class="front" points="([^"]*)"', charts.scatter(points, "x", "y", low_y=True))
    assert front is not None
    assert len(front[1].split()) == 2
