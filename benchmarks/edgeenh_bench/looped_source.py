"""A source for a run of a given time: a file begins again at its end, and it is known how many frames it has by itself."""

from __future__ import annotations

from pathlib import Path

from edgeenh.errors import UsageError
from edgeenh.sources import Source, open_source


def open_looped(spec: str, photometric: str) -> tuple[Source, int | None]:
    """Open a source that does not end with its file.

    Args:
        spec: As `edgeenh run` takes it.
        photometric: Of the bundle.

    Returns:
        The source, which belongs to the caller, and how many frames the file holds by what it says; None where there is no file, or it does not say.

    Raises:
        SourceError: It cannot be opened.
        UsageError: It has no frame rate.
    """
    source = open_source(spec, photometric=photometric)
    length = source.length
    if not source.live and Path(spec).exists():
        source.close()
        source = open_source(spec, photometric=photometric, loop=True)
    if not source.live and source.fps is None:
        source.close()
        raise UsageError(f"{spec} has no frame rate: give a video or a camera")
    return source, length


def used_again(length: int | None, captured: int) -> list[str]:
    """A sentence where more frames were taken than the file holds."""
    if length is None or captured <= length:
        return []
    return [f"the source holds {length} frames, and {captured} were taken: it was used again from its start"]
