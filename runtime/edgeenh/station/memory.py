"""Memory of pictures is kept by this process between two of them, instead of given back and taken again for each.

glibc maps a new region for every block above a threshold, and the kernel hands its pages out one by one, zeroed, as they are
first touched: some thousand faults for a 720p picture, 2 ms each for decoding and for encoding it on a virtual machine. The
threshold grows by itself, but by luck: it depends on which thread freed what. mallopt(3) says it once.
"""

from __future__ import annotations

import ctypes

MAPPED_FROM = 32 << 20
"""Bytes of a block that is still mapped, and so given back at once: glibc's own upper bound, a picture of 11 megapixels."""

KEPT = 64 << 20
"""Free bytes at the end of a heap that are kept."""

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3  # malloc.h of glibc


def keep_picture_memory(libc: ctypes.CDLL | None = None) -> bool:
    """Have malloc keep blocks of the size of pictures; for the whole process, so only a program's own start may do it.

    Args:
        libc: The C library; None = this process's.

    Returns:
        Whether it could be said: a C library without mallopt goes on as it was.
    """
    mallopt = getattr(ctypes.CDLL(None) if libc is None else libc, "mallopt", None)
    if mallopt is None:
        return False
    return all(mallopt(name, value) for name, value in ((_M_MMAP_THRESHOLD, MAPPED_FROM), (_M_TRIM_THRESHOLD, KEPT)))
