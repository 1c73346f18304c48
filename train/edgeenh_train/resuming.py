"""What may keep a resumed run from ending as an unbroken one would have, and what it must not be resumed with."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from edgeenh.errors import UsageError
from edgeenh_train.config import TrainConfig
from edgeenh_train.distributed import processes


def circumstances(device: torch.device) -> dict[str, Any]:
    """What decides the order and the arithmetic of the sums in which a run's figures are added up."""
    return {
        "processes": processes(),
        "threads": torch.get_num_threads(),
        "device": device.type,
        "torch": str(torch.__version__),
    }


def refuse_other_config(config: TrainConfig, saved: Mapping[str, Any], out: Path) -> None:
    """Refuse to resume the run in `out` with another configuration; its length may differ.

    Raises:
        UsageError: It does in another setting, which is named.
    """
    now = dataclasses.asdict(config)
    then = dataclasses.asdict(TrainConfig()) | dict(saved)  # a setting that is younger than the run had its default
    changed = [key for key in now if key != "images" and now[key] != then[key]]
    if changed:
        key = changed[0]
        raise UsageError(
            f"{out} was started with {key} = {then[key]!r}, not {now[key]!r}; resume with the same options, or start in another --out"
        )


def departures(facts: Mapping[str, Any], config: TrainConfig, pictures: str, device: torch.device) -> list[str]:
    """Why a run that goes on from a state will not end as an unbroken one would have, a line each.

    Args:
        facts: Of the state, as `Run.save` writes them; what older ones do not say is taken to be as it is now.
        config, pictures, device: Of the run that goes on.
    """
    lines = []
    if facts.get("pictures", pictures) != pictures:
        lines.append("the folders hold other pictures than when the run was saved")
    planned = facts["config"].get("images", config.images)
    if planned != config.images:
        lines.append(f"the run was planned for {planned} pictures, and now for {config.images}")
    lines = [f"{line}: it will not end as an unbroken run would have" for line in lines]
    then, now = facts.get("circumstances", {}), circumstances(device)
    return lines + [
        f"the run was saved with {key} = {then[key]}, and goes on with {now[key]}: sums are rounded in another order, and it will not end to the bit as an unbroken run would have"
        for key in now
        if then.get(key, now[key]) != now[key]
    ]
