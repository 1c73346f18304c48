from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from edgeenh.containment.recovery import LONGEST_PAUSE_S, Budget, Measure, Recovery, Rung

LADDER = (Rung("auto"), Rung("first"), Rung("second", "fp32"))


def test_the_first_failure_is_answered_at_once_and_the_next_after_growing_pauses() -> None:
    recovery = Recovery(LADDER, Budget(respawns=9))
    pauses = [recovery.failed(10.0).at_s - 10.0 for _ in range(9)]
    assert pauses[0] == 0
    assert pauses == sorted(pauses)
    assert pauses[-1] == LONGEST_PAUSE_S
    assert recovery.failed(10.0).measure is Measure.LOWER


def test_after_an_enhanced_frame_the_next_worker_comes_at_once_again() -> None:
    recovery = Recovery(LADDER, Budget(respawns=9))
    for _ in range(9):
        assert recovery.failed(10.0).at_s == 10.0
        recovery.recovered()
    assert recovery.failed(10.0).measure is Measure.LOWER  # but not for ever


def test_old_failures_are_forgotten() -> None:
    recovery = Recovery(LADDER, Budget(respawns=2, window_s=60))
    for now_s in range(0, 10_000, 31):
        step = recovery.failed(float(now_s))
        assert (step.measure, step.rung) == (Measure.RESPAWN, LADDER[0])


def test_a_refusal_goes_down_the_ladder_and_then_gives_up_for_a_while() -> None:
    recovery = Recovery(LADDER, Budget(retry_s=30))
    assert recovery.refused(0.0) == (Measure.LOWER, LADDER[1], 0.0)
    assert recovery.refused(0.0) == (Measure.LOWER, LADDER[2], 0.0)
    assert recovery.refused(0.0) == (Measure.GIVE_UP, LADDER[0], 30.0)
    assert recovery.failed(30.0) == (Measure.GIVE_UP, LADDER[1], 60.0)  # one try, then the next backend's turn
    recovery.recovered()
    assert recovery.failed(100.0) == (Measure.RESPAWN, LADDER[1], 100.0)


def test_what_was_chosen_takes_the_place_of_auto() -> None:
    recovery = Recovery((Rung("auto"), Rung("a"), Rung("b"), Rung("c")), Budget())
    recovery.pin([Rung("b", "fp16"), Rung("a", "fp32")])
    assert recovery.rungs == (("b", "fp16"), ("a", "fp32"), ("c", None))
    assert str(recovery.rung) == "b fp16"


@given(
    st.lists(st.tuples(st.floats(0, 20), st.sampled_from(["fail", "fail", "refuse", "recover"])), max_size=80),
    st.integers(0, 4),
)
def test_no_storm_and_no_standstill(events: list[tuple[float, str]], respawns: int) -> None:
    """Never more respawns on one backend within a window than allowed, never an early retry, and always a next step."""
    budget = Budget(respawns=respawns, window_s=30, retry_s=25)
    recovery, now_s, respawned = Recovery(LADDER, budget), 0.0, dict[Rung, list[float]]()
    for wait, event in events:
        now_s += wait
        if event == "recover":
            recovery.recovered()
            continue
        rung, given_up = recovery.rung, recovery.given_up
        step = recovery.failed(now_s) if event == "fail" else recovery.refused(now_s)
        assert step.at_s >= now_s
        assert step.rung in LADDER
        assert step.rung == recovery.rung
        if step.measure is Measure.RESPAWN:
            times = respawned.setdefault(rung, [])
            times.append(now_s)
            assert sum(at > now_s - budget.window_s for at in times) <= respawns
            assert not given_up
        else:
            respawned[rung] = []
        if step.measure is Measure.GIVE_UP:
            assert step.at_s == now_s + budget.retry_s
        if given_up:
            assert step.measure is Measure.GIVE_UP
