"""How far a build is, on a clock that the test turns."""

from hypothesis import given
from hypothesis import strategies as st

from edgeenh.backends.tensorrt_progress import TimeLeft


def _watched():
    now, lines = [0.0], []
    return now, lines, TimeLeft(lines.append, lambda: now[0])


def test_short_builds_say_nothing_and_long_ones_the_time_left():
    now, lines, progress = _watched()
    progress("build", 0, 4)
    now[0] = 1.0
    progress("build", 1, 4)
    assert lines == []
    now[0] = 30.0
    progress("timing", 0, 10)
    progress("timing", 5, 10)
    assert lines == ["      building the plan: 30 s gone, 25% of it, about 1 min 30 s left (timing)"]
    now[0] = 45.0
    progress("timing", 5, 10)
    assert "38% of it, about 1 min 15 s left" in lines[1]


def test_a_phase_without_a_step_yet_has_just_begun():
    now, lines, progress = _watched()
    now[0] = 3.0
    progress("build", 0, 4)
    assert lines == ["      building the plan: 3 s gone, just begun (build)"]


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 5), st.integers(0, 5)), max_size=40))
def test_any_order_of_phases_gives_a_share(steps):
    now, _, progress = _watched()
    for phase, done, total in steps:
        now[0] += 3.0
        progress(phase, min(done, total), total)
        assert 0 <= progress.share < 1
