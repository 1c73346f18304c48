"""What the study set out to show, claim by claim, judged from the figures of `edgeenh evaluate`; nothing is measured here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from edgeenh.errors import InputError

OURS, TWIN = "n unpaired", "n paired twin"
MACS_RATIO = 30.0
FRAME_PIXELS = 1280 * 720
_TITLES = {"psnr_db": "PSNR", "ssim": "SSIM", "delta_e_2000": "ΔE2000"}


@dataclass(frozen=True, slots=True)
class Claim:
    """One line of the verdict.

    Attributes:
        text: What is claimed.
        found: What was found, in words.
        holds: Whether it is so; None where a row is missing or failed.
    """

    text: str
    found: str
    holds: bool | None


def judge(table: Mapping[str, Any], uegan_macs_per_pixel: float) -> list[Claim]:
    """The claims on one set of pictures.

    Args:
        table: One element of `sets` of `quality.json`, whose differences are those of `OURS` to every other row.
        uegan_macs_per_pixel: Of UEGAN's network as published, on a picture of 1280×720.

    Raises:
        InputError: The table has no row of ours.
    """
    rows = {row["name"]: row for row in table["rows"]}
    if OURS not in rows or rows[OURS]["failure"]:
        raise InputError(f"the table of {table['name']} has no usable row '{OURS}': run the study's training first")
    free = [name for name, row in rows.items() if not row["facts"].get("trained") and name not in ("input", "truth")]
    best = max((n for n in free if not rows[n]["failure"]), key=lambda n: _mean(rows[n], "psnr_db"), default="")
    wanted = (("CycleGAN", 2.5), ("UEGAN", 0.0), ("DnCNN noise", 1.8), ("DnCNN pairs", 1.8), (best, 3.0), (TWIN, -1.5))
    claims = [_ahead(table, rows, name, margin) for name, margin in wanted]
    rivals = [n for n, row in rows.items() if n not in ("truth", TWIN, "n self-pairs") and not row["failure"]]
    claims += [_best(rows, rivals, "ssim", max), _best(rows, rivals, "delta_e_2000", min)]
    return [*claims, _cheap(rows[OURS], uegan_macs_per_pixel)]


def markdown(claims: Sequence[Claim]) -> str:
    """The claims as a table."""
    words = {True: "holds", False: "**missed**", None: "not judged"}
    lines = ["| claim | found | |", "| --- | --- | --- |"]
    return "\n".join([*lines, *(f"| {c.text} | {c.found} | {words[c.holds]} |" for c in claims)]) + "\n"


def _mean(row: Mapping[str, Any], key: str) -> float:
    return float(row["summary"][key]["mean"])


def _ahead(table: Mapping[str, Any], rows: Mapping[str, Any], name: str, margin: float) -> Claim:
    """PSNR of ours against another row's: the mean of the differences picture by picture, with its 95 % interval."""
    text = f"{OURS} − {name or 'the best method without training'} ≥ {margin:+.1f} dB"
    if name not in rows or rows[name]["failure"]:
        return Claim(text, "no such row, or it failed", None)
    found = table["differences"][name]["psnr_db"]
    return Claim(text, f"{found['mean']:+.2f} ± {found['half_width_95']:.2f} dB", found["mean"] >= margin)


def _best(rows: Mapping[str, Any], names: Sequence[str], key: str, choose: Any) -> Claim:
    winner = choose(names, key=lambda name: _mean(rows[name], key))
    found = f"{OURS} {_mean(rows[OURS], key):.3f}, best {winner} {_mean(rows[winner], key):.3f}"
    return Claim(f"{_TITLES[key]} best of the table, the twin and self-pairs aside", found, winner == OURS)


def _cheap(row: Mapping[str, Any], uegan: float) -> Claim:
    ours = float(row["facts"]["macs_per_pixel"])
    frame = f"{ours * FRAME_PIXELS / 1e9:.3f} against {uegan * FRAME_PIXELS / 1e9:.0f} GMAC a frame of 1280×720"
    return Claim(
        f"at most 1/{MACS_RATIO:.0f} of UEGAN's MACs", f"1/{uegan / ours:.0f}: {frame}", uegan >= MACS_RATIO * ours
    )
