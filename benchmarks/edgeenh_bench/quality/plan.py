"""What is trained and on what: the rows of the quality tables, and the settings under which all rows stand.

Every row sees the same pictures of the same people, the same number of them, in views of the same size. `reduced` is what two CPU cores
train in two hours: all rows see fewer pictures, and every rival starts with 16 channels, a half or a quarter of its paper's. `full` is each paper's own
width and the number of pictures that its schedule would see; it wants a GPU.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

UNPAIRED = ("--low", "low", "--high", "split/high")
PAIRED = ("--pairs", "pairs")
GOOD = ("--high", "split/high")


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the table.

    Attributes:
        name: What the table calls it.
        preset: Preset of `edgeenh train`.
        folders: Options that name folders, relative to the study's.
        knows: What it was taught by, in words.
        settings: Settings on top of the preset's, under any setting of the study.
        reduced: Further ones under the reduced setting.
    """

    name: str
    preset: str
    folders: tuple[str, ...]
    knows: str
    settings: Mapping[str, object] = field(default_factory=dict)
    reduced: Mapping[str, object] = field(default_factory=dict)


ROWS = (
    Row("n unpaired", "default", UNPAIRED, "two unpaired folders"),
    Row("n adversarial", "adversarial", UNPAIRED, "two unpaired folders; the seed's three losses alone"),
    Row("n self-pairs", "self-pairs", GOOD, "good pictures and the camera model"),
    Row("n paired twin", "paired", PAIRED, "the truth of every low picture (upper bound)"),
    Row("CycleGAN", "cyclegan", UNPAIRED, "two unpaired folders", reduced={"rival_width": 16, "batch": 1}),
    Row("UEGAN", "uegan", UNPAIRED, "two unpaired folders", reduced={"rival_width": 16}),
    Row("DnCNN noise", "dncnn", GOOD, "good pictures and the camera's noise", reduced={"rival_width": 16}),
    Row(
        "DnCNN pairs", "dncnn", PAIRED, "the truth of every low picture", settings={"camera": "none"},
        reduced={"rival_width": 16},
    ),
)  # fmt: skip

REDUCED: dict[str, object] = {
    "images": 6_000, "batch": 8, "view_height": 96, "view_width": 128, "whole_share": 0.7, "constant_epochs": 0, "decay_epochs": 0,
}  # fmt: skip
"""What all rows share under the reduced setting, over their presets."""

FULL: dict[str, object] = {
    "images": 200_000,
    "view_height": 256,
    "view_width": 256,
    "constant_epochs": 0,
    "decay_epochs": 0,
}
"""Likewise under the full setting; batch and widths are the papers'."""

IMAGENET_PRESETS = frozenset({"uegan"})
"""Presets whose papers measure consistency on a network trained on ImageNet."""

SETTINGS: dict[str, dict[str, object]] = {"reduced": REDUCED, "full": FULL}


def dataset_commands(photographs: Path, subject: str, hold_out: str) -> list[list[str]]:
    """The commands that make the study's data, run in its folder; each with the folder it makes as its last-but-one pair."""
    degrade = ["dataset", "degrade"]
    return [
        ["dataset", "split", str(photographs), "--out", "split", "--subject", subject, "--hold-out", hold_out, "--by", "half", "--seed", "1"],
        [*degrade, "split/low", "--out", "low", "--camera", "dental", "--seed", "99", "--copies", "4", "--width", "640", "--inputs-only"],
        [*degrade, "split/low", "--out", "pairs", "--camera", "dental", "--seed", "99", "--copies", "4", "--width", "640"],
        [*degrade, "split/held-out", "--out", "test", "--camera", "dental", "--seed", "7", "--copies", "2", "--width", "640"],
        [*degrade, "split/held-out", "--out", "test-b", "--camera", "dental-b", "--seed", "7", "--copies", "2", "--width", "640"],
    ]  # fmt: skip


def config_text(row: Row, setting: str, backbone: Mapping[str, object] | None = None) -> str:
    """The TOML file of a row: what the setting shares, then the row's own, then the ImageNet backbone where its paper has one."""
    values = {
        **SETTINGS[setting],
        **row.settings,
        **(row.reduced if setting == "reduced" else {}),
        **(backbone or {} if row.preset in IMAGENET_PRESETS else {}),
        "name": slug(row.name),
    }
    lines = [f'{key} = "{value}"' if isinstance(value, str) else f"{key} = {value}" for key, value in values.items()]
    return "\n".join(lines) + "\n"


def slug(name: str) -> str:
    """A row's name as a folder's."""
    return name.lower().replace(" ", "-")
