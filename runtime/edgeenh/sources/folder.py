"""What is in a watched folder: which files are new, which are still being written, and which were taken already."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from edgeenh.errors import SourceError
from edgeenh.sources.pictures import is_picture

NETWORK_KINDS = ("nfs", "nfs4", "cifs", "smb3", "9p", "afs", "ceph", "glusterfs", "fuse")
"""File systems on which the kernel does not see what other machines write."""

UNFINISHED = (".tmp", ".part", ".partial", ".temp", ".crdownload", ".filepart", ".lock", "~")


@dataclass(frozen=True, slots=True)
class Stamp:
    """What changes when a file is written again."""

    inode: int
    size: int
    modified_ns: int


def stamp_of(path: Path) -> Stamp | None:
    """The stamp of a file; None when it is not there or cannot be asked."""
    try:
        found = path.stat()
    except OSError:
        return None
    return Stamp(found.st_ino, found.st_size, found.st_mtime_ns)


def stamps_in(folder: Path) -> dict[str, Stamp]:
    """Every picture directly in the folder, the oldest first.

    Raises:
        SourceError: The folder cannot be read.
    """
    try:
        paths = [path for path in folder.iterdir() if is_picture(path)]
    except OSError as exc:
        raise SourceError(f"{folder} cannot be read ({exc.strerror or exc}): give a folder that you may read") from exc
    found = [(path.name, stamp) for path in paths if (stamp := stamp_of(path)) is not None]
    return dict(sorted(found, key=lambda item: (item[1].modified_ns, item[0])))


def is_unfinished(name: str) -> bool:
    """Whether a name says that the file is not meant to be read yet."""
    return name.startswith((".", "~")) or name.lower().endswith(UNFINISHED)


class Taken:
    """The state of every file that was seen, so that each content of each name is taken once."""

    def __init__(self) -> None:
        self._stamps: dict[str, Stamp] = {}

    def add(self, name: str, stamp: Stamp) -> None:
        """This content was used, or refused for good."""
        self._stamps[name] = stamp

    def forget(self, name: str) -> None:
        """The file is gone."""
        self._stamps.pop(name, None)

    def new(self, name: str, stamp: Stamp) -> bool:
        """Whether this content was not taken yet."""
        return self._stamps.get(name) != stamp

    def update(self, present: dict[str, Stamp]) -> list[str]:
        """The names in `present` that are new; what is not in it any more is forgotten."""
        self._stamps = {name: stamp for name, stamp in self._stamps.items() if name in present}
        return [name for name, stamp in present.items() if self.new(name, stamp)]


def on_network(folder: Path, mounts: Path = Path("/proc/self/mounts")) -> bool:
    """Whether other machines can write to the folder behind the kernel's back."""
    try:
        lines = mounts.read_text(errors="replace").splitlines()
    except OSError:
        return False
    where, best, kind = folder.resolve(), Path(), ""
    for line in lines:
        words = line.split()
        if len(words) < 3:
            continue
        mount = Path(words[1].replace("\\040", " "))
        if (where == mount or mount in where.parents) and len(mount.parts) >= len(best.parts):
            best, kind = mount, words[2]
    return kind in NETWORK_KINDS or kind.startswith("fuse.")
