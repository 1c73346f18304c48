"""How much of the machine other programs took while we measured."""

from __future__ import annotations

from typing import Any

from edgeenh.errors import MissingExtra


class OtherLoad:
    """CPU time of the machine that went neither to us, nor to our workers, nor to idling; counted from construction.

    Workers that have ended by the time of `share` are counted by the kernel as our children; those that are still
    running are asked. Where the machine is a container's host, its other tenants are other programs too.

    Raises:
        MissingExtra: psutil is not installed.
    """

    def __init__(self) -> None:
        self._busy, self._total = _machine_seconds()
        self._ours = tree_seconds()

    def share(self) -> float:
        """Share of the machine's CPU time, 0…1, that other programs used since construction."""
        busy, total = _machine_seconds()
        elapsed = total - self._total
        if elapsed <= 0:
            return 0.0
        others = (busy - self._busy) - (tree_seconds() - self._ours)
        return min(1.0, max(0.0, others / elapsed))


def _machine_seconds() -> tuple[float, float]:
    times = _psutil().cpu_times()
    total = sum(
        getattr(times, field)
        for field in ("user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal")
        if hasattr(times, field)
    )
    idle = times.idle + getattr(times, "iowait", 0.0)
    return total - idle, total


def tree_seconds() -> float:
    """CPU seconds of this process, of its descendants that run, and of those that have ended and were waited for."""
    psutil = _psutil()
    me = psutil.Process()
    times = me.cpu_times()
    seconds = times.user + times.system + times.children_user + times.children_system
    for child in me.children(recursive=True):
        try:
            its = child.cpu_times()
        except psutil.NoSuchProcess:
            continue  # it ended just now, and is among our children's times next time
        seconds += its.user + its.system
    return float(seconds)


def _psutil() -> Any:
    """Imported when something is measured: a page is made of stored results without it."""
    try:
        import psutil
    except ImportError as exc:
        raise MissingExtra("measuring", "bench") from exc
    return psutil
