"""The pool of earlier fakes: fills up, then shows an old one half of the time, the same ones for the same seed."""

from __future__ import annotations

import torch

from edgeenh_train.methods.pool import SIZE, ImagePool


def numbered(first: int, count: int) -> torch.Tensor:
    return torch.arange(first, first + count, dtype=torch.float32).reshape(-1, 1, 1, 1).requires_grad_()


def test_while_it_fills_every_fake_is_shown_at_once() -> None:
    pool = ImagePool((1, 1, 1), size=4)
    for first in (1, 3):
        fakes = numbered(first, 2)
        shown = pool.shown(fakes, seed=0)
        assert torch.equal(shown, fakes)
        assert not shown.requires_grad
        assert shown.data_ptr() != fakes.data_ptr()
    assert pool.pictures.flatten().tolist() == [1, 2, 3, 4]
    assert int(pool.count) == 4


def test_full_it_shows_an_old_one_half_of_the_time_and_takes_the_new_one_in() -> None:
    pool = ImagePool((1, 1, 1), size=10)
    pool.shown(numbered(0, 10), seed=0)
    fresh = numbered(100, 1000)
    shown = pool.shown(fresh, seed=3).flatten()
    old = shown != fresh.flatten()
    assert 0.44 < old.float().mean() < 0.56
    together = torch.cat([shown[old], pool.pictures.flatten()])  # what went in came out, or is still there
    assert sorted(together.tolist()) == sorted([*range(10), *fresh.flatten()[old].tolist()])


def test_draws_follow_the_seed_and_the_state_is_all_there_is() -> None:
    one, two = ImagePool((1, 1, 1), size=5), ImagePool((1, 1, 1), size=5)
    one.shown(numbered(0, 20), seed=1)
    two.load_state_dict(one.state_dict())
    assert torch.equal(one.shown(numbered(50, 20), seed=2), two.shown(numbered(50, 20), seed=2))
    assert torch.equal(one.pictures, two.pictures)
    assert not torch.equal(one.shown(numbered(90, 20), seed=3), two.shown(numbered(90, 20), seed=4))


def test_a_pool_of_none_and_the_paper_s_size() -> None:
    fakes = numbered(0, 3)
    assert torch.equal(ImagePool((1, 1, 1), size=0).shown(fakes, seed=0), fakes)
    assert len(ImagePool((3, 2, 2)).pictures) == SIZE == 50
