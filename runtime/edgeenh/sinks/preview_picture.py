"""What the preview shows: a picture under a bar that says what it is, or a card that says that there is none."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np

from edgeenh.frames import PassthroughReason, Status

QUALITY = 85
BAR = 28
GREEN, RED, DARK = (40, 120, 40), (40, 40, 190), (24, 24, 24)  # BGR, as OpenCV draws


def encode(picture: Any, bits: int, status: Status, reason: PassthroughReason | None) -> bytes:
    """A picture as JPEG, under a bar: green ENHANCED, red PASSTHROUGH and why.

    Args:
        picture: uint8 [H,W,3] RGB, or uint8 or uint16 [H,W] or [H,W,1] grey; only read.
        bits: Bits per value.
        status: What the picture is.
        reason: Why it passed through.
    """
    if picture.dtype == np.uint16:
        picture = (picture >> max(0, bits - 8)).clip(0, 255).astype(np.uint8)
    colour = picture.ndim == 3 and picture.shape[2] == 3
    shown = cv2.cvtColor(picture, cv2.COLOR_RGB2BGR if colour else cv2.COLOR_GRAY2BGR)
    words = status.value.upper() + (f": {reason.value}" if reason else "")
    return _jpeg(np.vstack([_bar(shown.shape[1], words, GREEN if status is Status.ENHANCED else RED), shown]))


def dead_picture(age_s: float | None, *, ended: bool) -> bytes:
    """A card instead of a picture that would be old, as JPEG."""
    card = np.full((240, 480, 3), DARK, np.uint8)
    card[:] = DARK
    cv2.putText(
        card, "STREAM ENDED" if ended else "NO LIVE PICTURE", (40, 110), cv2.FONT_HERSHEY_SIMPLEX, 1.3, (80, 80, 255), 3
    )
    since = "no frame yet" if age_s is None else f"last frame {age_s:.0f} s ago"
    cv2.putText(card, since, (40, 160), cv2.FONT_HERSHEY_SIMPLEX, 0.8, (220, 220, 220), 2)
    return _jpeg(card)


def _bar(width: int, words: str, colour: tuple[int, int, int]) -> Any:
    bar = np.full((BAR, width, 3), colour, np.uint8)
    bar[:] = colour
    cv2.putText(bar, words, (6, BAR - 9), cv2.FONT_HERSHEY_SIMPLEX, 0.6, (255, 255, 255), 1, cv2.LINE_AA)
    return bar


def _jpeg(picture: Any) -> bytes:
    _, jpeg = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
    return bytes(jpeg)
