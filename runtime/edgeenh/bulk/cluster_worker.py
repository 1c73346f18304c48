"""What runs on the machines of a cluster: reading a file where the command runs, enhancing it wherever there is room.

Rows are plain values, so that Ray's blocks hold them: names are bytes (they need not be UTF-8), the rest of what is to be
told is JSON. A file that cannot be used becomes a row that says so; what raises here is a machine that cannot work at all.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

if TYPE_CHECKING:
    from edgeenh.bulk.enhancing import Workshop
    from edgeenh.errors import EdgeenhError

Row = dict[str, Any]

TODO, BEFORE, MADE, FAILED = "todo", "before", "made", "failed"


@dataclass(frozen=True, slots=True)
class Setting:
    """What every worker must have alike, so that one makes what another would.

    Attributes:
        version: Of edgeenh.
        bundle_sha256: Of the bundle's bytes.
        backend, precision, device, threads, strength: As `edgeenh.load`; the backend by name, never `auto`.
        bits: As `Workshop`.
        run: Of this run: objects of one series become one series, whichever worker has them.
    """

    version: str
    bundle_sha256: str
    backend: str
    precision: str
    device: str
    threads: int | None
    strength: float
    bits: int | None
    run: UUID


def row_of(index: int, source: Path, target: Path, *, dicom: bool, known: tuple[str, str] | None) -> Row:
    """What is sent out for one file; `known` are the digests of its input and result in the list of results."""
    return {
        "index": index, "source": os.fsencode(source), "target": os.fsencode(target), "dicom": dicom,
        "known": json.dumps(known),
    }  # fmt: skip


def read(row: Row) -> Row:
    """Read the file, on the machine of the command; what a former run did goes no further."""
    from edgeenh.bulk.ledger import sha256
    from edgeenh.errors import EdgeenhError
    from edgeenh.pictures import read_content

    source, target = (Path(os.fsdecode(row[name])) for name in ("source", "target"))
    known = json.loads(row["known"])
    named = {"index": row["index"], "source": row["source"], "dicom": row["dicom"]}
    try:
        data = read_content(source)
    except EdgeenhError as exc:
        return {**named, "state": FAILED, "data": b"", "about": _failure(exc)}
    digest = sha256(data)
    if known is not None and known[0] == digest and _digest_of(target) == known[1]:
        return {**named, "state": BEFORE, "data": b"", "about": "{}"}
    return {**named, "state": TODO, "data": data, "about": json.dumps({"input_sha256": digest})}


class Worker:
    """One enhancer on one machine of the cluster; Ray calls it with one row after another.

    A machine that cannot work (no such backend, say) says so of every file that it gets: raising here would have Ray start
    it over and over.

    Args:
        setting: As on every other machine.
        bundle: A reference to the bundle's bytes.
    """

    def __init__(self, setting: Setting, bundle: Any) -> None:
        import ray

        from edgeenh.errors import EdgeenhError

        self._node = f"{ray.util.get_node_ip_address()}/{ray.get_runtime_context().get_node_id()[:8]}"
        self._failure: EdgeenhError | None = None
        try:
            self._workshop = _open(setting, ray.get(bundle))
        except EdgeenhError as exc:
            self._failure = exc

    def __call__(self, row: Row) -> Row:
        """Enhance one file that `read` gave."""
        from edgeenh.bulk.discovery import Item
        from edgeenh.errors import EdgeenhError, JobFailed

        answer = {"index": row["index"], "state": row["state"], "data": b"", "about": row["about"]}
        if row["state"] != TODO:
            return answer
        source = Path(os.fsdecode(row["source"]))
        try:
            if self._failure is not None:
                raise JobFailed(f"{source}: {self._node}: {self._failure}")
            made = self._workshop.enhance(Item(source, source, row["dicom"]), row["data"])
        except EdgeenhError as exc:
            return {**answer, "state": FAILED, "about": _failure(exc)}
        facts = {name: value for name, value in asdict(made).items() if name != "content"}
        provenance = asdict(self._workshop.enhancer.provenance())
        about = {**json.loads(row["about"]), "made": facts, "provenance": provenance, "node": self._node}
        return {**answer, "state": MADE, "data": made.content, "about": json.dumps(about)}


def version() -> str:
    """The version of edgeenh on this machine."""
    from edgeenh import __version__

    return __version__


def _open(setting: Setting, content: bytes) -> Workshop:
    from edgeenh.bulk.enhancing import Workshop
    from edgeenh.bundle import Bundle
    from edgeenh.enhancer import Enhancer
    from edgeenh.errors import IntegrityError, UsageError
    from edgeenh.loading import cache_folder

    if version() != setting.version:
        raise UsageError(f"this machine has edgeenh {version()}, expected {setting.version}: install the same")
    opened = Bundle.from_bytes(content, Path("the bundle"))
    if opened.sha256 != setting.bundle_sha256:
        raise IntegrityError(f"the bundle came with the digest {opened.sha256[:12]}…: it was damaged on its way")
    enhancer = Enhancer(
        opened, backend=setting.backend, precision=setting.precision, strength=setting.strength,
        threads=setting.threads, device=setting.device, cache_dir=cache_folder(),
    )  # fmt: skip
    return Workshop(enhancer, setting.bits, run=setting.run)


def _failure(error: EdgeenhError) -> str:
    return json.dumps({"detail": str(error), "code": error.exit_code})


def _digest_of(path: Path) -> str | None:
    from edgeenh.bulk.ledger import sha256

    try:
        return sha256(path.read_bytes())
    except OSError:
        return None
