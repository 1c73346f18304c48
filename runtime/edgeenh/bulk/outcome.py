"""What became of one input of a bulk run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from edgeenh.bulk.discovery import Item
    from edgeenh.bulk.enhancing import Enhanced
    from edgeenh.errors import EdgeenhError


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one input.

    Attributes:
        input: The picture, or the words of the user where they name none.
        output: Where the enhanced picture is; None when there is none.
        detail: Why there is none; empty otherwise.
        code: Exit code of what went wrong; 0 when nothing did.
        size: (width, height) in pixels; None when it was not read.
        bits: Bits per value, before and after; None when it was not read.
        frames: Pictures in the file; None when it was not read.
        left_out: What the file has beside its pixels and the result does not, in words.
        done_before: A former run made it, and it is as it was written.
        enhance_ms: Time in the enhancer, the first of a size included.
        node: The machine of the cluster that enhanced it; empty without one.
    """

    input: str
    output: str | None = None
    detail: str = ""
    code: int = 0
    size: tuple[int, int] | None = None
    bits: int | None = None
    frames: int | None = None
    left_out: tuple[str, ...] = ()
    done_before: bool = False
    enhance_ms: float | None = None
    node: str = ""

    @classmethod
    def failed(cls, name: str, error: EdgeenhError) -> Outcome:
        """The outcome of an input that raised `error`."""
        return cls(name, detail=str(error), code=error.exit_code)

    @classmethod
    def before(cls, item: Item) -> Outcome:
        """The outcome of a file that a former run did."""
        return cls(str(item.source), str(item.target), done_before=True)

    @classmethod
    def made(cls, item: Item, made: Enhanced, node: str = "") -> Outcome:
        """The outcome of a file that is enhanced and written."""
        return cls(
            str(item.source), str(item.target), size=made.size, bits=made.bits, frames=made.frames,
            left_out=made.left_out, enhance_ms=round(made.milliseconds, 3), node=node,
        )  # fmt: skip
