"""Any torch generator: the user's factory, weights from safetensors, and ONNX through torch's exporter."""

from __future__ import annotations

import hashlib
import importlib
import io
import logging
import re
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

import torch
from numpy.typing import NDArray
from onnx import ModelProto
from safetensors import SafetensorError
from safetensors.torch import load as load_tensors
from torch import Tensor, nn
from torch.utils._pytree import tree_leaves

from edgeenh.errors import CheckpointError, EdgeenhError, JobFailed, UsageError
from edgeenh_export.onnx_writer import OPSET, quiet_exporter
from edgeenh_export.options import MAX_SIZE, MIN_SIZE, Size
from edgeenh_export.sources.overrides import ModuleSource

MULTIPLES = (1, 8, 32)
"""Multiples of the frame size that torch is asked to prove, one after another; how small it can be is then tried."""
_FREE_SIDE = 256
_SHOWN = 4


def load_module(source: ModuleSource) -> tuple[nn.Module, str]:
    """Make the module and load its weights, every one of them.

    Returns:
        The module on the CPU, float32, in `eval` mode; and the SHA-256 of the weights' file.

    Raises:
        UsageError: The factory cannot be imported, fails, or makes no module.
        CheckpointError: The weights are no safetensors, or not exactly the module's.
    """
    module = _made(source.factory)
    try:
        data = source.weights.read_bytes()
        tensors = load_tensors(data)
    except (OSError, SafetensorError) as exc:
        raise CheckpointError(
            f"{source.weights} cannot be read as safetensors ({' '.join(str(exc).split())[:120]}): give the file that "
            "safetensors.torch.save_file wrote of the module's state_dict()"
        ) from exc
    _load(module, tensors, source)
    return module.float().eval().requires_grad_(requires_grad=False), hashlib.sha256(data).hexdigest()


def _made(factory: str) -> nn.Module:
    name, colon, function = factory.partition(":")
    if not colon or not name or not function.isidentifier():
        raise UsageError(
            f"--module {factory!r} is not of the form package.module:factory, e.g. nets.unet:make_generator"
        )
    here = str(Path.cwd())
    if here not in sys.path and "" not in sys.path:
        sys.path.insert(0, here)
    try:
        made = getattr(importlib.import_module(name), function)()
    except EdgeenhError:
        raise
    except (
        Exception,
        SystemExit,
    ) as exc:  # whatever the user's code raises; a script that reads options of its own exits
        raise UsageError(
            f"--module {factory} cannot be made ({type(exc).__name__}: {' '.join(str(exc).split())[:200]}): it must be importable "
            "from here and take no arguments"
        ) from exc
    if not isinstance(made, nn.Module):
        raise UsageError(f"--module {factory} gives a {type(made).__name__}, expected a torch.nn.Module")
    return made


def _load(module: nn.Module, tensors: Mapping[str, Tensor], source: ModuleSource) -> None:
    """`load_state_dict`, strictly, with a message that says what to do."""
    expected = module.state_dict()
    missing, extra = sorted(set(expected) - set(tensors)), sorted(set(tensors) - set(expected))
    shapes = [
        f"{name} {list(tensors[name].shape)} for {list(expected[name].shape)}"
        for name in sorted(set(tensors) & set(expected))
        if tensors[name].shape != expected[name].shape
    ]
    faults = [("missing", missing), ("unexpected", extra), ("of another shape", shapes)]
    found = "; ".join(f"{len(names)} {what}: {_some(names)}" for what, names in faults if names)
    if found:
        raise CheckpointError(
            f"{source.weights} does not fit {source.factory} ({found}): give the weights of exactly this module"
        )
    module.load_state_dict(dict(tensors))
    spoilt = [name for name, value in tensors.items() if value.is_floating_point() and not bool(value.isfinite().all())]
    if spoilt:
        raise CheckpointError(
            f"{source.weights} holds values that are not finite in {_some(spoilt)}: take an earlier checkpoint"
        )


def _some(names: list[str]) -> str:
    return ", ".join(names[:_SHOWN]) + (", …" if len(names) > _SHOWN else "")


class ModuleProbe:
    """A module behind the interface of `edgeenh_export.sources.probe.Probe`.

    Args:
        module: As `load_module` gives it.
        outputs: Names of what it gives, in its order.
    """

    def __init__(self, module: nn.Module, outputs: tuple[str, ...]) -> None:
        self._module, self.outputs = module, outputs

    def run(self, batch: NDArray[Any]) -> dict[str, NDArray[Any]]:
        """What every output is for an input."""
        with torch.inference_mode():
            given = tree_leaves(self._module(torch.from_numpy(batch)))
        return {name: tensor.numpy() for name, tensor in zip(self.outputs, given, strict=True)}


def export_module(module: nn.Module, sizes: tuple[Size, ...], name: str) -> tuple[ModelProto, int]:
    """Write a module as ONNX: a picture [1,C,H,W] in, a picture out.

    Args:
        module: As `load_module` gives it.
        sizes: The frame sizes that are asked for; one: a graph for that alone, otherwise for as many as torch proves.
        name: What messages call it.

    Returns:
        The model, and the multiple of the sizes that torch proved it for.

    Raises:
        JobFailed: torch cannot export it.
    """
    channels, refusal = _channels(module, sizes)
    attempts = [0] if len(sizes) == 1 else list(MULTIPLES)
    for multiple in attempts if channels else []:
        width, height = sizes[0] if sizes else (_FREE_SIDE, _FREE_SIDE // 2 + 64)
        try:
            return _exported(module, torch.zeros(1, channels, height, width), multiple), max(multiple, 1)
        except Exception as exc:  # the exporter has no common base for its errors
            refusal = _reason(exc)
    remedy = "give a module of a picture [1,3,H,W]" if not channels else "see the message, or give one --size WxH"
    raise JobFailed(f"torch could not export {name} ({refusal}): {remedy}")


def _reason(error: BaseException) -> str:
    """What went wrong at the bottom of the exporter's errors, and at which line of the user's code where it says so."""
    while error.__cause__ is not None:
        error = error.__cause__
    said = str(error).strip()
    what = " ".join(re.sub(r"[^ -~]", " ", said.split("\n\n")[0]).split())[:200]
    at = re.search(r'File "([^"]+)", line (\d+)', said)
    where = f", at {Path(at[1]).name}:{at[2]}" if at else ""
    return f"{type(error).__name__}: {what}{where}"


@contextmanager
def _silent_torch() -> Iterator[None]:
    """Keep pages of torch's own debugging out of stderr: what fails is told in one line, what succeeds needs no words."""
    logger = logging.getLogger("torch")
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()), quiet_exporter():
            yield
    finally:
        logger.setLevel(level)


def _channels(module: nn.Module, sizes: tuple[Size, ...]) -> tuple[int, str]:
    """3 or 1, whichever the module takes; 0 and what it says where it takes neither."""
    width, height = sizes[0] if sizes else (_FREE_SIDE, _FREE_SIDE)
    said = ""
    for channels in (3, 1):
        try:
            with torch.inference_mode():
                module(torch.zeros(1, channels, height, width))
        except Exception as exc:  # whatever the user's code raises
            said = said or f"{type(exc).__name__}: {' '.join(str(exc).split())[:200]}"
        else:
            return channels, ""
    return 0, said


def _exported(module: nn.Module, example: Tensor, multiple: int) -> ModelProto:
    shapes = {axis: _any_multiple(letter, multiple) for axis, letter in ((2, "h"), (3, "w"))} if multiple else None
    with _silent_torch():
        program = torch.onnx.export(
            module,
            (example,),
            dynamo=True,
            input_names=["image"],
            dynamic_shapes=(shapes,) if shapes else None,
            opset_version=OPSET,
            external_data=False,
            verbose=False,
        )
    if program is None:
        raise JobFailed("torch gave no ONNX")
    return program.model_proto


def _any_multiple(letter: str, multiple: int) -> Any:
    if multiple == 1:
        return torch.export.Dim(letter, min=min(MIN_SIZE), max=max(MAX_SIZE))
    return multiple * torch.export.Dim(letter, min=1, max=max(MAX_SIZE) // multiple)
