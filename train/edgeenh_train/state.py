"""The state of a run on disk, enough to go on as if it had never stopped. Safetensors only: pickle is never read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors
from torch import Tensor, nn
from torch.optim import Optimizer

from edgeenh.errors import CheckpointError
from edgeenh.files import write_bytes
from edgeenh_train.seal import BrokenSealError, opened, sealable, sealed

STATE_FILE = "state.safetensors"
_KEY = "edgeenh-state"
_FACTS = {"step", "seconds", "config", "pictures", "circumstances"}


def optimizer_tensors(optimizer: Optimizer) -> dict[str, Tensor]:
    """Adam's moments and step counts by name, e.g. `3.exp_avg`."""
    return {
        f"{index}.{name}": torch.as_tensor(value)
        for index, slots in optimizer.state_dict()["state"].items()
        for name, value in slots.items()
    }


def restore_optimizer(optimizer: Optimizer, tensors: dict[str, Tensor]) -> None:
    """Undo `optimizer_tensors`; the parameter groups stay as they were made."""
    slots: dict[int, dict[str, Tensor]] = {}
    for name, value in tensors.items():
        index, slot = name.split(".", 1)
        slots.setdefault(int(index), {})[slot] = value
    optimizer.load_state_dict({"state": slots, "param_groups": optimizer.state_dict()["param_groups"]})


def save_state(
    folder: Path, modules: dict[str, nn.Module], optimizers: dict[str, Optimizer], facts: dict[str, Any]
) -> None:
    """Write modules, optimizers and facts (JSON) to `folder`, atomically.

    Raises:
        UsageError, OutputFailed: It cannot be written; an older state is untouched.
    """
    tensors: dict[str, Tensor] = {}
    for name, module in modules.items():
        tensors |= {f"{name}/{key}": value for key, value in module.state_dict().items()}
    for name, optimizer in optimizers.items():
        tensors |= {f"adam.{name}/{key}": value for key, value in optimizer_tensors(optimizer).items()}
    # clone: safetensors refuses tensors that share memory, and spectral norm's buffers may
    clean = {key: value.detach().cpu().contiguous().clone() for key, value in tensors.items()}
    write_bytes(folder / STATE_FILE, sealed(save_tensors(clean, metadata={_KEY: sealable(facts)})))


def load_state(folder: Path) -> tuple[dict[str, dict[str, Tensor]], dict[str, Any], bool]:
    """Read what `save_state` wrote.

    Returns:
        Tensors by module or optimizer name, the facts, and whether a seal proves the file whole; states from before there were
        seals have none.

    Raises:
        CheckpointError: There is none, or it is damaged.
    """
    path = folder / STATE_FILE
    try:
        data = path.read_bytes()
        facts, whole = opened(data, _KEY)
        if set(facts) - _FACTS:  # a damaged name of the seal would pass for a state without one
            raise KeyError(*facts)
        tensors = load_tensors(data)
        parts: dict[str, dict[str, Tensor]] = {}
        for name, value in tensors.items():
            part, key = name.split("/", 1)
            parts.setdefault(part, {})[key] = value
    except OSError as exc:
        raise CheckpointError(
            f"{path} cannot be read ({exc.strerror}); --resume needs the --out folder of a run that saved a checkpoint"
        ) from exc
    except (ValueError, KeyError, TypeError, RecursionError, SafetensorError) as exc:
        found = f": {exc}" if isinstance(exc, BrokenSealError) else ""
        raise CheckpointError(
            f"{path} is damaged{found}; start again without --resume in another --out folder"
        ) from exc
    return parts, facts, whole
