"""Faults to be played while a stream runs: `worker-kill@20s,camera-lost=3s@10s`. Pure; what plays them is `edgeenh.stream.rehearsal`.

schedule  = fault { "," fault }
fault     = KIND [ "=" amount ] "@" time          KIND: one of `KINDS`
time      = number ( "ms" | "s" | "min" | "h" )   since the stream began
amount    = number and the kind's unit            how long, how much or how many
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import NamedTuple

from edgeenh.errors import UsageError

_SECONDS = {"ms": 0.001, "s": 1.0, "min": 60.0, "h": 3600.0}
_FAULT = re.compile(r"([a-z-]+)(?:=(-?[0-9]+(?:\.[0-9]+)?)([A-Za-z]*))?@([0-9]+(?:\.[0-9]+)?)(ms|s|min|h)")
LONGEST_S = 30 * 86_400.0


class Kind(NamedTuple):
    """One kind of fault.

    Attributes:
        what: What is played.
        answer: What the contract demands of the stream.
        unit: Of the amount: `s` (also given in ms, min, h), `MiB`, `frames`; empty where there is none.
        amount: The amount where none is given.
        needs: `camera`, `worker`, `disk`, or nothing.
    """

    what: str
    answer: str
    unit: str = ""
    amount: float = 0.0
    needs: str = ""


KINDS = {
    "camera-lost": Kind(
        "the camera is unplugged for so long", "told, found again, its frames go on", "s", 2.0, "camera"
    ),
    "camera-stall": Kind("the camera gives no frame for so long", "told, its frames go on", "s", 1.0, "camera"),
    "frame-corrupt": Kind("so many frames come incomplete", "counted as lost upstream, told", "frames", 1.0, "camera"),
    "resize": Kind("frames are half as wide and high for so long", "told, every one goes out", "s", 1.0, "camera"),
    "worker-kill": Kind("the worker process is killed", "frames go on, another worker enhances", needs="worker"),
    "worker-hang": Kind("the worker answers no more", "killed in time, another enhances", needs="worker"),
    "worker-leak": Kind("the worker holds so much more memory", "replaced by another", "MiB", 64.0, "worker"),
    "gpu-lost": Kind("the device fails such that only a new process helps", "another worker enhances", needs="worker"),
    "model-nan": Kind("the model gives no picture for one frame", "the original goes out, flagged", needs="worker"),
    "slow-model": Kind("five frames take so much longer", "no frame is shown late", "s", 0.5, "worker"),
    "disk-full": Kind(
        "nothing can be written for so long", "frames go on; told, and told when it is over", "s", 2.0, "disk"
    ),
    "clock-step": Kind("the time of day jumps by so much", "nothing changes", "s", 3600.0),
}
"""Every kind of fault that can be played."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault of a schedule.

    Attributes:
        kind: One of `KINDS`.
        at_s: Seconds after the stream began.
        amount: In the kind's unit.
    """

    kind: str
    at_s: float
    amount: float = 0.0

    def __str__(self) -> str:
        unit = KINDS[self.kind].unit
        return f"{self.kind}{f'={_plain(self.amount)}{unit}' if unit else ''}@{_plain(self.at_s)}s"


@dataclass(frozen=True, slots=True)
class FaultSchedule:
    """Faults in the order they are played."""

    faults: tuple[Fault, ...] = ()

    @classmethod
    def parse(cls, text: str) -> FaultSchedule:
        """Read a schedule; `str` of it is read as the same one again.

        Raises:
            UsageError: It is none; the message says what is wrong with which fault.
        """
        faults = [_parse(part.strip()) for part in text.split(",")]
        return cls(tuple(sorted(faults, key=lambda fault: fault.at_s)))

    def needing(self, what: str) -> list[Fault]:
        """The faults that need `camera`, `worker` or `disk`."""
        return [fault for fault in self.faults if KINDS[fault.kind].needs == what]

    def __str__(self) -> str:
        return ",".join(map(str, self.faults))


def _parse(text: str) -> Fault:
    match = _FAULT.fullmatch(text)
    name = re.split("[=@]", text)[0]
    if name not in KINDS:
        raise UsageError(f"there is no fault {name!r}: choose one of {', '.join(KINDS)}")
    kind = KINDS[name]
    if match is None:
        more = f"[={_plain(kind.amount)}{kind.unit}]" if kind.unit else ""
        raise UsageError(
            f"the fault {text!r} is not understood, expected {name}{more}@TIME, e.g. {name}@10s or {name}@500ms"
        )
    at_s = float(match[4]) * _SECONDS[match[5]]
    if at_s > LONGEST_S:
        raise UsageError(f"the fault {text!r} is more than 30 days after the start: give an earlier time")
    return Fault(name, at_s, kind.amount if match[2] is None else _amount(text, kind, float(match[2]), match[3]))


def _amount(text: str, kind: Kind, number: float, unit: str) -> float:
    units = {"s": _SECONDS, "MiB": {"MiB": 1.0, "GiB": 1024.0}, "frames": {"frames": 1.0, "": 1.0}, "": {}}[kind.unit]
    if unit not in units:
        takes = f"an amount in {', '.join(filter(None, units))}" if units else "no amount"
        raise UsageError(f"the fault {text!r}: it takes {takes}")
    amount = number * units[unit]
    negative = "clock-step" in text and amount >= -LONGEST_S
    if not (0 < amount <= LONGEST_S or (negative and amount < 0)):
        raise UsageError(f"the fault {text!r}: its amount is {number:g}{unit}, expected above 0 and at most 30 days")
    return amount


def _plain(number: float) -> str:
    """A number as the grammar has it: never with an exponent, and exact."""
    text = f"{number:.12f}".rstrip("0").rstrip(".")
    return text or "0"
