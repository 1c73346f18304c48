from __future__ import annotations

import json
from contextlib import contextmanager

import numpy as np
import pytest

from edgeenh.gate import probe
from edgeenh.gate.determinism import BATCH_ROWS, batch_rows

FRAMES = [np.random.default_rng(seed).integers(10, 200, (16, 24, 3), np.uint8) for seed in range(2)]


def engines(change):
    """Opens engines; change(picture, session number, call number) may alter what the identity gives."""
    opened = []

    @contextmanager
    def open_engine():
        session = len(opened)
        opened.append(session)
        calls = iter(range(100))
        yield lambda image, strength: change(image.copy(), session, next(calls))

    return open_engine, opened


def test_an_engine_that_repeats_itself_holds_and_is_opened_twice():
    open_engine, opened = engines(lambda picture, session, call: picture)
    found = probe(open_engine, FRAMES)
    assert found.holds
    assert len(opened) == 2
    assert found.lines("x") == ["deterministic: x, byte for byte: the same frame twice, a second session"]
    document = json.loads(json.dumps(found.to_json()))
    assert document["deterministic"]
    assert document["batch_rows"] == "none: the graph takes one frame at a time"


def test_a_second_run_that_differs_is_told():
    def later(picture, session, call):
        picture[3, 4, 1] += call >= len(FRAMES)
        return picture

    found = probe(engines(later)[0], FRAMES)
    assert (found.same_frame_twice, found.second_session) == (1, 0)
    assert found.lines("fp16 on x") == ["not deterministic: fp16 on x, the same frame twice, differs by up to 1"]


def test_a_session_that_was_opened_again_and_differs_is_told():
    found = probe(engines(lambda picture, session, call: picture + np.uint8(5 * session))[0], FRAMES)
    assert (found.same_frame_twice, found.second_session) == (0, 5)
    assert not found.holds
    assert "a second session, differs by up to 5" in found.lines("x")[0]


def test_an_engine_that_reuses_its_output_is_not_compared_with_itself():
    out = np.zeros_like(FRAMES[0])

    def reused(picture, session, call):
        out[:] = picture + np.uint8(call >= len(FRAMES))
        return out

    assert probe(engines(reused)[0], FRAMES).same_frame_twice == 1


@pytest.mark.parametrize("row", range(BATCH_ROWS))
def test_a_row_of_a_batch_that_differs_is_found_in_every_row(row):
    def run_batch(batch):
        assert batch.shape == (BATCH_ROWS, *FRAMES[0].shape)
        made = batch.copy()
        made[row, 0, 0, 0] += 7
        return made

    assert batch_rows(run_batch, FRAMES[0]) == 7
    found = probe(engines(lambda picture, session, call: picture)[0], FRAMES, run_batch)
    assert found.batch_rows == 7
    assert "the rows of a batch, differs by up to 7" in found.lines("x")[0]


def test_a_picture_of_another_shape_is_as_different_as_can_be():
    found = probe(engines(lambda picture, session, call: picture[: 16 - session])[0], FRAMES)
    assert found.second_session == 255
