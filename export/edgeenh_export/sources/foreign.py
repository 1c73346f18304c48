"""A model from elsewhere as a source: an ONNX file, or a torch module that others wrote."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
from onnx import ModelProto
from torch import nn

from edgeenh.bundle import Generator
from edgeenh.padding import upscale
from edgeenh.pixels import Pixels
from edgeenh_export import options
from edgeenh_export.gate import arithmetic_of
from edgeenh_export.golden import GoldenFrame
from edgeenh_export.model_card import foreign_card
from edgeenh_export.options import Bounds, Size
from edgeenh_export.sources.colour import ASSUMED
from edgeenh_export.sources.contract import Contract
from edgeenh_export.sources.discovery import discover
from edgeenh_export.sources.onnx_model import bring_to_form, holds_half, is_half, read_onnx
from edgeenh_export.sources.overrides import ModuleSource, Overrides
from edgeenh_export.sources.probe import Probe
from edgeenh_export.sources.torch_module import ModuleProbe, export_module, load_module
from edgeenh_export.sources.wrapper import wrap
from edgeenh_train.checkpoint import CheckpointInfo

if TYPE_CHECKING:
    from edgeenh_export.sources.source import Picture

ONNX_VARIANT, MODULE_VARIANT = "foreign-onnx", "foreign-torch"
UNKNOWN = "not known: the model was made elsewhere"


class ForeignModel:
    """See `edgeenh_export.sources.source.Source`.

    Args:
        path: The file that the model, or its weights, came in.
        model: The model as it came.
        info: What the manifest says of it.
        overrides: What the user stated.
        sizes: The frame sizes that are asked for.
        multiple: What sizes are known to be multiples of.
        remark: Takes what the user should know.
        module: The torch module that the model was exported from, the reference then; None = the ONNX file is.
    """

    step = ("contract", "finding out what the model takes and gives, on real frames")
    macs = 0.0
    pixels: Pixels
    scale: int
    bounds: Bounds

    def __init__(
        self,
        path: Path,
        model: ModelProto,
        info: CheckpointInfo,
        overrides: Overrides,
        sizes: Sequence[Size],
        multiple: int,
        remark: Callable[[str], None],
        module: nn.Module | None = None,
    ) -> None:
        came = "the ONNX file in FP32" if holds_half(model) else "the ONNX file as it came"
        self.reference = came if module is None else "the module in PyTorch"
        self._module = module
        self.info, self._path, self._remark = info, path, remark
        self._overrides, self._sizes, self._multiple = overrides, tuple(sizes), multiple
        self._metadata = {entry.key: entry.value for entry in model.metadata_props}
        if is_half(model):
            remark(
                f"{path.name} holds 16-bit weights: the FP32 graph, the reference of all others, computes with them in FP32"
            )
        self._model = bring_to_form(model, path.name)
        # not the form: what bringing it there changed, by another opset or in today's operators, must be found too
        self._as_came = self._model if holds_half(model) else model
        self._outputs = tuple(value.name for value in self._model.graph.output)
        self._threads = len(os.sched_getaffinity(0))
        self._contract: Contract | None = None
        self._graph = b""

    @property
    def contract(self) -> Contract:
        """What was found out; there once `prove` has run."""
        if self._contract is None:
            raise RuntimeError("prove() comes first")
        return self._contract

    @property
    def test_size(self) -> Size | None:
        """The fixed size; otherwise the least that holds 256×256."""
        side = -(-256 // self.contract.multiple) * self.contract.multiple
        return self.bounds.fixed or (side, side)

    def prove(self) -> None:
        """Find out the contract, and say what of it is an assumption.

        Raises:
            InputError, UsageError: As `discover`; or a size that the model does not take.
        """
        contract = self._contract = discover(
            self._model,
            self._overrides,
            self._sizes,
            name=self._path.name,
            metadata=self._metadata,
            threads=self._threads,
            multiple=self._multiple,
        )
        self.pixels, self.scale = contract.pixels, contract.scale
        if contract.fixed:
            self.bounds = Bounds(contract.fixed, contract.fixed, contract.fixed, (contract.fixed,), 1)
        else:
            self.bounds = options.bounds(self._sizes, contract.multiple, contract.smallest)
        self._remark(f"{self._path.name}: {contract.line()}")
        if contract.known["colour"] == ASSUMED:
            colour = contract.reading.colour
            other = "BGR" if colour.given == colour.back else f"{colour.back}:{colour.given}"
            self._remark(
                f"{self._path.name} does not say the order of its colours and treats them differently: {colour} is assumed; "
                f"where the colours of the result are wrong, export with --colour {other}"
            )
        if self.info.cap == 1:
            self._remark(f"{self._path.name} may change a value by the full range: --cap C bounds it, e.g. --cap 0.5")

    def write(self) -> bytes:
        """The model with the graph contract around it."""
        if not self._graph:
            info, fixed = self.info, self.bounds.fixed
            metadata = self._own_metadata()
            self._graph = wrap(
                self._model,
                self.contract,
                info.cap,
                fixed=fixed,
                name=info.name,
                version=info.version,
                metadata=metadata,
            )
        return self._graph

    def half(self) -> None:
        """Nobody knows beforehand what FP16 does to it: it is searched for."""

    def exact(self, frames: Sequence[GoldenFrame]) -> list[Picture]:
        """The model as it came: a module in torch, a file in ONNX Runtime; range and cap in NumPy."""
        reading = self.contract.reading
        probe = (
            Probe(self._as_came, self._threads) if self._module is None else ModuleProbe(self._module, self._outputs)
        )
        top, cap = float(self.pixels.top), self.info.cap
        whole = self._model.graph.input[0].type.tensor_type.elem_type == onnx.TensorProto.UINT8
        pictures = []
        for frame in frames:
            batch = reading.encode(frame.image, frame_top(frame))
            given = probe.run(np.rint(batch).astype(np.uint8) if whole else batch)[reading.output]
            base = upscale(frame.image.astype(np.float32), self.scale)
            wanted = reading.decode(given) * np.float32(top)
            spoilt = ~np.isfinite(wanted)
            held = base + np.clip(np.clip(wanted, 0, top) - base, -cap * top, cap * top)
            pictures.append(np.where(spoilt, wanted, held).astype(np.float32))
        return pictures

    def in_half(self, frames: Sequence[GoldenFrame]) -> None:
        """Nothing: there is no `half`."""

    def describe(self) -> Generator:
        """The network as the manifest names it."""
        contract, bounds = self.contract, self.bounds
        # a number without dimensions is a constant of the graph, and whole numbers are shapes and indices
        weights = [w for w in self._model.graph.initializer if w.dims and w.data_type == onnx.TensorProto.FLOAT]
        return Generator(
            variant=self.info.variant,
            parameters=sum(int(np.prod(tensor.dims, dtype=np.int64)) for tensor in weights),
            macs_per_pixel=round(arithmetic_of(self._graph).macs_per_pixel, 1),
            cap=self.info.cap,
            size_multiple=contract.multiple,
            min_size=bounds.min,
            max_size=bounds.max,
            fixed_size=bounds.fixed,
            scale=contract.scale,
        )

    def card(self) -> bytes:
        """The card beside the file, or one made from what was found out."""
        return foreign_card(self._path, self.info, self.contract.line())

    def found(self) -> Mapping[str, Any]:
        """The contract."""
        return {"file": self._path.name, "contract": self.contract.to_json(), "stated": self._overrides.named()}

    def _own_metadata(self) -> dict[str, str]:
        contract = self.contract
        return {
            "cap": f"{self.info.cap:g}",
            "checkpoint_sha256": self.info.sha256,
            "colour_order": contract.pixels.photometric,
            "scale": str(contract.scale),
            "size_multiple": str(contract.multiple),
            "variant": self.info.variant,
        }


def frame_top(frame: GoldenFrame) -> int:
    """What full brightness is in a golden frame."""
    return int(np.iinfo(frame.image.dtype).max)


def from_onnx(path: Path, overrides: Overrides, sizes: Sequence[Size], remark: Callable[[str], None]) -> ForeignModel:
    """An ONNX file.

    Raises:
        InputError: It cannot be read or used.
    """
    model, digest = read_onnx(path)
    properties = {entry.key.lower(): " ".join(entry.value.split()) for entry in model.metadata_props}
    made_by = " ".join(f"{model.producer_name} {model.producer_version}".split()) or "another tool"
    licence = properties.get("license") or properties.get("licence") or UNKNOWN
    info = CheckpointInfo(
        name=model_id(path.stem),
        version=max(1, model.model_version),
        variant=ONNX_VARIANT,
        cap=overrides.cap or 1.0,
        images_seen=0,
        data=f"{UNKNOWN} (ONNX file of {made_by})",
        licence=licence[:1000],
        sha256=digest,
    )
    return ForeignModel(path, model, info, overrides, sizes, 1, remark)


def from_module(
    source: ModuleSource, overrides: Overrides, sizes: Sequence[Size], remark: Callable[[str], None]
) -> ForeignModel:
    """A torch module.

    Raises:
        UsageError, CheckpointError: The factory or the weights cannot be used.
        JobFailed: torch cannot export it.
    """
    module, digest = load_module(source)
    model, multiple = export_module(module, tuple(sizes), source.factory)
    info = CheckpointInfo(
        name=model_id(source.weights.stem),
        version=1,
        variant=MODULE_VARIANT,
        cap=overrides.cap or 1.0,
        images_seen=0,
        data=f"{UNKNOWN} (torch module {source.factory})",
        licence=UNKNOWN,
        sha256=digest,
    )
    return ForeignModel(source.weights, model, info, overrides, sizes, multiple, remark, module)


def model_id(stem: str) -> str:
    """A file's name as a model's id: small letters, digits, `.`, `_` and `-`."""
    return re.sub(r"[^a-z0-9._-]+", "-", stem.lower()).lstrip("._-")[:64] or "model"
