"""Which frame sizes a model of dynamic size takes, found by trying: its multiple, and its smallest."""

from __future__ import annotations

from collections.abc import Callable

from edgeenh_export.options import Size

MULTIPLES = (1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 14, 16, 20, 24, 28, 32, 40, 48, 56, 64, 96, 128)
_SIDE = 72
"""Trial sides are not much larger: what fails does so because of the remainder."""
_SMALLEST = 16
_LARGEST_MINIMUM = 512

Takes = Callable[[Size], bool]
"""Whether the model turns a frame of (width, height) into one of that size, scaled."""


def find_multiple(takes: Takes, at_least: int = 1) -> int | None:
    """The smallest of `MULTIPLES` that is enough; None when none is.

    A multiple is taken to be enough when two sizes work whose sides are odd multiples of it, of other remainders by 3 and 5.

    Args:
        takes: Tries a size.
        at_least: A multiple that is known to be needed.
    """
    for multiple in MULTIPLES:
        if multiple % at_least == 0 and all(takes(size) for size in _trial_sizes(multiple)):
            return multiple
    return None


def _trial_sizes(multiple: int) -> list[Size]:
    """Two sizes; none of the four sides is a multiple of more than `multiple` by 2."""
    first = max(_SIDE // multiple, 1) | 1
    odd = [first, first + 2, first + 4, first + 6]
    return [(multiple * odd[1], multiple * odd[0]), (multiple * odd[2], multiple * odd[3])]


def find_smallest(takes: Takes, multiple: int) -> int | None:
    """The smallest side, of those that double from 16 and are multiples, that works with itself; None when none does."""
    side = _SMALLEST
    while side <= _LARGEST_MINIMUM:
        rounded = -(-side // multiple) * multiple
        if takes((rounded, rounded)):
            return rounded
        side *= 2
    return None
