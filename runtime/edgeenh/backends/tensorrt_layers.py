"""Proof of precision for TensorRT: what the engine inspector says of each layer. Not yet run on a GPU.

The inspector gives one JSON object per layer when a plan was built with detailed verbosity, with the type of each tensor
in words that differ between versions: `Row major linear FP16 format`, `Half`, `Thirty-two wide channel vectorized row
major Int8 format`, `Float`, or `N/A due to dynamic shapes` where no execution context was given.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from edgeenh.errors import BackendUnavailable

_WORDS = {"bf16": r"bf16|bfloat", "fp16": r"fp16|half|float16", "int8": r"int8", "fp32": r"fp32|float"}
"""Type → how the inspector calls it; the first that is found counts."""

_HEAVY = re.compile(r"conv|gemm|matrixmultiply|matmul", re.IGNORECASE)
"""Layers that multiply, by their type or what they were made of."""


def layer_types(trt: Any, engine: Any, context: Any) -> list[str]:
    """What the engine's layers that multiply compute in.

    Args:
        trt: The flavour's module.
        engine: A deserialised engine.
        context: An execution context with its shapes set: types of dynamic shapes are unknown without one.

    Returns:
        `fp32`, `fp16`, `bf16` or `int8`, one for each; empty when this flavour or plan does not show its layers.
    """
    if not hasattr(engine, "create_engine_inspector"):
        return []
    inspector = engine.create_engine_inspector()
    inspector.execution_context = context
    try:
        document = json.loads(inspector.get_engine_information(trt.LayerInformationFormat.JSON))
    except (TypeError, ValueError):
        return []
    layers = document.get("Layers", []) if isinstance(document, dict) else []
    return list(_types(layers))


def prove_types(types: Sequence[str], precision: str, flavour: str) -> str:
    """Refuse an engine that computes in another precision than asked for.

    Args:
        types: From `layer_types`.
        precision: What was asked for.
        flavour: What messages call the engine.

    Returns:
        How many of the layers are of that precision, for `SessionInfo.provider`.

    Raises:
        BackendUnavailable: Not one layer is of it; or, for fp32, one is of less.
    """
    if not types:
        return "layer types not shown"
    found = ", ".join(f"{types.count(name)} {name}" for name in sorted(set(types)))
    if precision not in types or (precision == "fp32" and set(types) != {"fp32"}):
        raise BackendUnavailable(
            f"{flavour} was asked for {precision} and its {len(types)} layers that multiply are {found}: "
            "choose another --precision or --backend"
        )
    return f"{types.count(precision)} of {len(types)} heavy layers in {precision}"


def _types(layers: Sequence[Any]) -> Iterator[str]:
    for layer in layers:
        if not isinstance(layer, Mapping):
            continue  # built with names only
        names = " ".join(str(layer.get(key, "")) for key in ("LayerType", "ParameterType", "Name"))
        tensors = [tensor for tensor in layer.get("Inputs", ()) if isinstance(tensor, Mapping)]
        kind = _type(str(tensors[0].get("Format/Datatype", ""))) if tensors else ""
        if kind and _HEAVY.search(names) and layer.get("LayerType") != "Reformat":
            yield kind


def _type(words: str) -> str:
    return next((name for name, pattern in _WORDS.items() if re.search(pattern, words, re.IGNORECASE)), "")
