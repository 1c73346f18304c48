"""Memory of this process, or of a process and all that it started, from the kernel's own account."""

from __future__ import annotations

import threading
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

_STATUS = Path("/proc/self/status")


def resident_memory_mb() -> float:
    """Megabytes (10⁶ bytes) of this process that are in memory now."""
    return _status_mb("VmRSS")


def peak_memory_mb() -> float:
    """The most megabytes that were ever in memory, or since `forget_peak_memory`."""
    return _status_mb("VmHWM")


def forget_peak_memory() -> None:
    """Let the peak begin again at what is resident now, so that it belongs to what comes next."""
    with suppress(OSError):  # not permitted in some sandboxes; the peak then also covers the start of the process
        Path("/proc/self/clear_refs").write_text("5")


def _status_mb(field: str) -> float:
    for line in _STATUS.read_text().splitlines():
        name, _, value = line.partition(":")
        if name == field:
            return int(value.split()[0]) * 1024 / 1e6
    raise RuntimeError(f"{_STATUS} has no {field}: resident memory cannot be measured on this kernel")


class TreeMemory(NamedTuple):
    """Megabytes (10⁶ bytes) of a process and its descendants.

    Attributes:
        pss_mb: Proportional set size: a page that n processes share counts 1/n in each, so that the sum counts it once.
        rss_mb: Resident set size: shared pages count in every process, so that the sum is at least `pss_mb`.
        processes: How many there were.
    """

    pss_mb: float
    rss_mb: float
    processes: int


def tree_memory(pid: int) -> TreeMemory:
    """What a process and its descendants hold now; one that has just ended counts nothing."""
    import psutil

    try:
        family = psutil.Process(pid)
        pids = [pid, *(child.pid for child in family.children(recursive=True))]
    except psutil.NoSuchProcess:
        return TreeMemory(0.0, 0.0, 0)
    found = [one for one in map(_rollup_kib, pids) if one is not None]
    return TreeMemory(sum(pss for pss, _ in found) * 1024 / 1e6, sum(rss for _, rss in found) * 1024 / 1e6, len(found))


class PeakOfTree:
    """While entered, looks at a process and its descendants again and again, in a thread of its own.

    A look walks the page tables of every process and disturbs what it looks at: time nothing meanwhile.

    Args:
        pid: The process.
        every_s: Seconds between two looks.

    Attributes:
        looks: What was seen, in order.
    """

    def __init__(self, pid: int, every_s: float = 0.1) -> None:
        self._pid, self._every_s = pid, every_s
        self.looks: list[TreeMemory] = []
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._look, name="edgeenh-memory", daemon=True)

    @property
    def pss_mb(self) -> float:
        """The most that was held at any look; 0.0 before the first."""
        return max((look.pss_mb for look in self.looks), default=0.0)

    @property
    def rss_mb(self) -> float:
        """The same as the sum of resident sets."""
        return max((look.rss_mb for look in self.looks), default=0.0)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._thread.join()

    def _look(self) -> None:
        while True:
            self.looks.append(tree_memory(self._pid))
            if self._ended.wait(self._every_s):
                return


def _rollup_kib(pid: int) -> tuple[int, int] | None:
    """(PSS, RSS) of one process in KiB; None where it has just ended or may not be looked at."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
    except OSError:
        return None
    sizes = {name: int(rest.split()[0]) for name, _, rest in (line.partition(":") for line in lines)}
    return (sizes["Pss"], sizes["Rss"]) if "Pss" in sizes else None
