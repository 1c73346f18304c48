"""The folder of entries: recalled and remembered by key, bounded in size, safe among processes."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from edgeenh.cache.entries import SUFFIX, Entry, decode, encode, file_name
from edgeenh.cache.station_key import station_key
from edgeenh.errors import EdgeenhError
from edgeenh.files import alone_in, read_once, write_bytes

Key = Mapping[str, str]
"""Everything that an entry depends on, by name."""

LIMIT_BYTES = 1024 * 1024 * 1024
"""What all entries of a cache may take together; beyond it the one used longest ago goes first."""

ENTRIES = "entries"
"""Folder of the cache that holds a folder for each kind of entry."""


class Cache:
    """Entries of one kind. Whatever is wrong with the cache makes things slower, never wrong, and is remarked.

    Args:
        folder: The station's cache folder; None = nothing is recalled or kept.
        kind: What sort of thing is kept, e.g. `plans`.
        limit_bytes: For all kinds together.

    Attributes:
        remarks: What the user should hear: an entry that was refused, what changed since the last one, a full disk.
    """

    def __init__(self, folder: Path | None, kind: str, limit_bytes: int = LIMIT_BYTES) -> None:
        self.remarks: list[str] = []
        self._folder, self._kind, self._limit = folder, kind, limit_bytes
        self._secret: bytes | None = None

    def recall(self, key: Key) -> bytes | None:
        """What was remembered under exactly this key, or None; a remark where something else lies in its place."""
        place = self._place()
        if place is None:
            return None
        path = place / file_name(self._kind, key)
        if not os.path.lexists(path):
            return None
        entry = self._read(path)
        if entry is None or entry.key != key:
            self._remark(f"{path} was not written by this station and is refused; it is made again")
            return None
        with suppress(OSError):
            os.utime(path)  # used just now: the last to be thrown away
        return entry.data

    def remember(self, key: Key, data: bytes) -> None:
        """Keep `data` under `key`; whole or not at all, and never an error: a cache that cannot be written is remarked."""
        place = self._place()
        if place is None or self._secret is None:
            return
        raw = encode(self._secret, self._kind, key, data)
        if len(raw) > self._limit:
            self._remark(f"{len(raw):,} bytes of {self._kind} are not kept: the cache holds {self._limit:,}")
            return
        try:
            with alone_in(place.parent):  # what another process is writing must not be taken for what one left behind
                self._make_room(len(raw))
                write_bytes(place / file_name(self._kind, key), raw)
        except EdgeenhError as exc:
            self._remark(f"the {self._kind} are not remembered: {exc}")

    def entries(self) -> tuple[list[Entry], list[Path]]:
        """All entries of this kind, the last used first and without their content; and files that are none of ours.

        Raises:
            IntegrityError: The station's key cannot be trusted.
        """
        good: list[Entry] = []
        foreign: list[Path] = []
        if self._folder is None or not (self._folder / ENTRIES / self._kind).is_dir():
            return good, foreign
        self._secret = station_key(self._folder)
        for path in sorted((self._folder / ENTRIES / self._kind).iterdir()):
            entry = self._read(path) if path.suffix == SUFFIX else None
            if entry is None or path.name != file_name(self._kind, entry.key):
                foreign.append(path)
            else:
                good.append(entry)
        return sorted(good, key=lambda entry: entry.used_ns, reverse=True), foreign

    def _place(self) -> Path | None:
        """The folder of this kind, once the station's key is at hand; None where the cache cannot be used."""
        if self._folder is None:
            return None
        if self._secret is None:
            try:
                self._secret = station_key(self._folder)
            except EdgeenhError as exc:
                self._remark(f"the cache is not used: {exc}")
                return None
        return self._folder / ENTRIES / self._kind

    def _read(self, path: Path) -> Entry | None:
        """The entry at `path`, from one read of what was opened, or None where this station did not write it."""
        assert self._secret is not None
        try:
            raw, state = read_once(path, self._limit, follow=False)
        except OSError:
            return None
        decoded = decode(self._secret, self._kind, raw)
        if decoded is None:
            return None
        return Entry(self._kind, decoded[0], path, decoded[1], state.st_size, state.st_mtime_ns)

    def _make_room(self, needed: int) -> None:
        assert self._folder is not None
        files = sorted(_files(self._folder), key=lambda one: one[0])
        total = sum(size for _, size, _ in files) + needed
        for _, size, path in files:
            if total <= self._limit:
                return
            with suppress(OSError):  # another process was first
                path.unlink()
            total -= size

    def _remark(self, text: str) -> None:
        if text not in self.remarks:
            self.remarks.append(text)


def kinds(folder: Path) -> list[str]:
    """The kinds of entries that a cache holds."""
    place = folder / ENTRIES
    return sorted(path.name for path in place.iterdir() if path.is_dir()) if place.is_dir() else []


def clear(folder: Path) -> tuple[int, int]:
    """Remove every entry and leave the station's key; returns how many files and bytes went.

    Raises:
        OSError: A file cannot be removed.
    """
    if not (folder / ENTRIES).is_dir():
        return 0, 0
    with alone_in(folder / ENTRIES):
        files = list(_files(folder))
        for _, _, path in files:
            path.unlink(missing_ok=True)
    return len(files), sum(size for _, size, _ in files)


def _files(folder: Path) -> Iterator[tuple[int, int, Path]]:
    """When last used, size and path of every file below the entries, also those left by a process that was killed."""
    for path in (folder / ENTRIES).glob("*/*"):
        with suppress(OSError):
            found = path.lstat()
            if not stat.S_ISDIR(found.st_mode):
                yield found.st_mtime_ns, found.st_size, path
