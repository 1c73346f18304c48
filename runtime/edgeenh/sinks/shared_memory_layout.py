"""The layout of frames in shared memory, byte for byte; docs/sinks.md has the same as a table, with the rules for readers.

    page 0             header: what does not change, who writes, which slot is the newest
    page 1 …           slot 0: 256 bytes about the frame, then its pictures
    …                  slot 1, slot 2

All numbers are little-endian and stand at multiples of their size; every place begins at a multiple of 64 bytes. A slot is
guarded by a sequence lock: `lock` is odd while it is written; a reader copies the slot between two looks at `lock` and
throws the copy away when the looks differ. As there are three slots, the writer comes back to one only two frames later.
"""

from __future__ import annotations

import mmap

import numpy as np

from edgeenh.frames import PassthroughReason

MAGIC = b"EDGEENH\0"
VERSION = 1
SLOTS = 3
PAGE = mmap.PAGESIZE

HEADER = np.dtype(
    {
        "names": [
            "magic",
            "version",
            "header_bytes",
            "slots",
            "state",
            "slot_bytes",
            "published",
            "writer_pid",
            "beat_ns",
        ],
        "formats": ["S8", "<u4", "<u4", "<u4", "<u4", "<u8", "<u8", "<u8", "<u8"],
        "offsets": [0, 8, 12, 16, 20, 24, 32, 40, 48],
        "itemsize": 64,
    }
)
"""The first 64 bytes. `published` counts frames from 1 (0 = none yet): the newest is in slot `published % slots`."""

LIVE, ENDED, MOVED = 1, 2, 3
"""`state`: frames come; the writer ended cleanly; the name stands for other memory now (larger frames): open it again."""

SLOT = np.dtype(
    {
        "names": [
            "lock", "number", "sequence", "captured_ns", "published_ns", "width", "height", "format", "bits",
            "row_bytes", "status", "reason", "strength", "picture_bytes", "shown_at", "original_at",
            "reason_text", "bundle_sha256", "source",
        ],
        "formats": [
            "<u8", "<u8", "<u8", "<u8", "<u8", "<u4", "<u4", "<u4", "<u4",
            "<u4", "<u4", "<u4", "<f4", "<u8", "<u8", "<u8",
            "S32", "S64", "S40",
        ],
        "offsets": [0, 8, 16, 24, 32, 40, 44, 48, 52, 56, 60, 64, 68, 72, 80, 88, 96, 128, 192],
        "itemsize": 256,
    }
)  # fmt: skip
"""The first 256 bytes of a slot. Times are CLOCK_MONOTONIC; `shown_at` and `original_at` count from the slot's begin."""

RGB24, GRAY8, GRAY16LE = 1, 2, 3
"""`format`."""

ENHANCED, PASSTHROUGH = 1, 2
"""`status`."""

OTHER_REASON = 255

REASONS = {
    "backend_error": 1,
    "unhealthy_output": 2,
    "deadline": 3,
    "unsupported_frame": 4,
    "worker_starting": 5,
    "worker_died": 6,
    "worker_hung": 7,
    "worker_memory": 8,
    "gave_up": 9,
    "drift": 10,
    "stopped": 11,
}
"""`reason` of a frame that passed through; 0 = enhanced. A number never gets another meaning; `reason_text` has the word."""


def reason_code(reason: PassthroughReason | None) -> int:
    """The number of a reason; 0 for None."""
    return REASONS.get(reason.value, OTHER_REASON) if reason else 0


def slot_bytes(picture_bytes: int) -> int:
    """Bytes of a slot for pictures of so many bytes, the one to show and the original; a multiple of the page."""
    return -(-(SLOT.itemsize + 2 * aligned(picture_bytes)) // PAGE) * PAGE


def aligned(count: int) -> int:
    """`count`, or the next multiple of 64."""
    return -(-count // 64) * 64
