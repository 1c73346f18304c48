"""Contained enhancers that are closed, and waiting for what happens in them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from edgeenh.bundle import Bundle
from edgeenh.containment.enhancer import ContainedEnhancer
from edgeenh.containment.recovery import Budget

PATIENCE_S = 30.0
SIZE = (48, 64)

Contained = Callable[..., ContainedEnhancer]


@pytest.fixture
def contained(tiny_bundle: Bundle) -> Iterator[Contained]:
    """contained(backend="fake", **options) → an enhancer in a worker process, closed at the end."""
    opened: list[ContainedEnhancer] = []

    def make(bundle: Bundle = tiny_bundle, backend: str = "fake", **options: Any) -> ContainedEnhancer:
        options.setdefault("budget", Budget(respawns=20))
        opened.append(ContainedEnhancer(bundle, backend=backend, **options))
        return opened[-1]

    yield make
    for enhancer in opened:
        enhancer.close()


@pytest.fixture
def frame() -> NDArray[np.uint8]:
    return np.random.default_rng(0).integers(0, 200, (*SIZE, 3), np.uint8)


@pytest.fixture
def until() -> Callable[..., None]:
    """until(enhancer, condition): wait until it holds; it is looked at when the worker's state changes, and now and then."""

    def wait(enhancer: ContainedEnhancer, condition: Callable[[], object]) -> None:
        changed, deadline = enhancer._supervisor.life.changed, time.monotonic() + PATIENCE_S
        with changed:
            while not condition():
                assert time.monotonic() < deadline, f"{enhancer.state}: {list(enhancer.notices)}"
                changed.wait(0.05)

    return wait


@pytest.fixture
def kinds() -> Callable[[ContainedEnhancer], list[str]]:
    """kinds(enhancer) → the kinds of its notices."""
    return lambda enhancer: [notice.kind for notice in tuple(enhancer.notices)]
