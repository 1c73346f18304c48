"""The closed loop on made-up graphs whose decibels are known."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeenh_export.precision.search import IDENTICAL_DB, Trial, Unit, decibels, into_units, search


def loop(noise, costs, limit_db, required=(), **options):
    """A graph whose nodes add noise of so much power each unless they are in FP32."""
    measured = []

    def evaluate(kept):
        measured.append(kept)
        power = sum(value for name, value in noise.items() if name not in kept)
        psnr_db = math.inf if power == 0 else -10 * math.log10(power)
        return Trial(psnr_db >= limit_db, psnr_db, "" if psnr_db >= limit_db else f"{psnr_db:.1f} dB")

    units = [Unit((name,), costs.get(name, 1.0)) for name in noise]
    return search(units, required, evaluate, lambda line: None, **options), measured


def test_what_passes_at_once_keeps_nothing():
    outcome, measured = loop({"a": 1e-9, "b": 1e-9}, {}, 50)
    assert outcome.passed
    assert outcome.kept == ()
    assert len(measured) == outcome.trials == 1


def test_the_noisiest_node_is_kept_and_no_other():
    outcome, _ = loop({"a": 1e-7, "b": 1e-3, "c": 1e-7}, {}, 50)
    assert outcome.passed
    assert outcome.kept == ("b",)
    assert outcome.before_db == pytest.approx(30, abs=0.01)
    assert outcome.after_db == pytest.approx(67, abs=0.1)


def test_decibels_count_by_what_they_cost():
    noise, costs = {"dear": 6e-6, "cheap": 5e-6}, {"dear": 100.0, "cheap": 1.0}
    assert loop(noise, costs, 52)[0].kept == ("cheap",)
    assert loop(noise, {"dear": 1.0, "cheap": 100.0}, 52)[0].kept == ("dear",)


def test_nodes_that_help_only_together_are_found():
    def evaluate(kept):
        return Trial({"a", "b"} <= kept, 60.0 if {"a", "b"} <= kept else math.nan, "NaN")

    outcome = search([Unit((name,), 1.0) for name in "xaybz"], (), evaluate, lambda line: None)
    assert outcome.passed
    assert outcome.kept == ("a", "b")
    assert outcome.before_db is None


def test_parts_of_a_unit_that_are_not_needed_are_given_back():
    def evaluate(kept):
        return Trial("n5" in kept, 60.0 if "n5" in kept else 40.0)

    units = into_units([f"n{index}" for index in range(16)], len, 2)
    assert [len(unit.nodes) for unit in units] == [8, 8]
    assert search(units, (), evaluate, lambda line: None).kept == ("n5",)


def test_a_search_that_finds_nothing_says_so_and_ends():
    outcome, measured = loop({"a": 1e-3, "b": 1e-3, "c": 1e-3}, {}, math.inf, max_trials=4)
    assert not outcome.passed
    assert len(measured) <= 6  # the ranks, and what was begun
    assert outcome.reason.endswith("dB")


def test_required_nodes_are_in_every_candidate_and_not_counted_as_chosen():
    outcome, measured = loop({"a": 1e-3, "b": 1e-7}, {}, 50, required=("r",))
    assert all("r" in kept for kept in measured)
    assert (outcome.required, outcome.kept) == (("r",), ("a",))


def test_a_psnr_that_is_none_is_no_decibels():
    assert decibels(math.nan) == 0
    assert decibels(math.inf) == IDENTICAL_DB


@given(st.lists(st.floats(1e-9, 1e-2), min_size=1, max_size=12), st.floats(20, 90))
def test_every_answer_was_measured_and_holds(powers, limit):
    noise = {f"n{index}": power for index, power in enumerate(powers)}
    outcome, measured = loop(noise, {}, limit)
    left = sum(power for name, power in noise.items() if name not in outcome.kept)
    assert outcome.passed  # with everything in FP32 there is no noise
    assert left == 0 or -10 * math.log10(left) >= limit
    assert frozenset(outcome.kept) in measured
