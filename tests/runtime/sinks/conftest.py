"""Frames to write."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from edgeenh.frames import EnhancedFrame, Frame, PassthroughReason, Provenance, Status

MakeFrame = Callable[..., EnhancedFrame]


@pytest.fixture
def make_frame() -> MakeFrame:
    """An enhanced frame, or one that passed through when `reason` is given; noise, so that it takes space."""

    def make(
        sequence: int = 0,
        size: tuple[int, int] = (96, 64),
        label: str = "",
        reason: PassthroughReason | None = None,
    ) -> EnhancedFrame:
        image = np.random.default_rng(sequence).integers(0, 256, (size[1], size[0], 3), np.uint8)
        frame = Frame(image, "test", sequence, 1_000_000, label)
        provenance = None if reason else Provenance("b" * 64, "e" * 64, "fake", "numpy", "fp32", 1.0)
        status = Status.PASSTHROUGH if reason else Status.ENHANCED
        detail = "it broke" if reason else ""
        return EnhancedFrame(image, frame, status, reason, detail, 2_000_000, 3_500_000, provenance)

    return make
