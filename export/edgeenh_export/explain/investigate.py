"""The investigation: three executions, a comparison of every result, and the smallest part that still shows a fault."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import ModelProto, NodeProto, TensorProto

from edgeenh.backends.contract import OUTPUT
from edgeenh_export.explain.engines import Engine, OnnxRuntimeEngine
from edgeenh_export.explain.explanation import Explanation, Finding, Kind, decibels, relative_error
from edgeenh_export.explain.surgery import (
    Values,
    ancestors,
    fixed,
    frozen,
    inferred,
    part,
    rounded_to,
    shown,
    widened,
)

MARGIN_DB = 12.0
"""An engine is wrong where it is this much farther from the reference than the precision itself is, and…"""

EXACT_DB = 60.0
"""…closer than this to no good: what no rounding of FP32 arithmetic explains."""

FP16_MAX = 65504.0

_FLOATS = (TensorProto.FLOAT, TensorProto.FLOAT16)
_WHOLE = (TensorProto.INT64, TensorProto.INT32, TensorProto.BOOL)
_QUANTISED = (TensorProto.UINT8, TensorProto.INT8)


@dataclass(frozen=True, slots=True)
class SmallestPart:
    """The smallest part of a graph that shows a fault, and what goes into it and should come out."""

    model: ModelProto
    feeds: Values
    expected: NDArray[Any]


def investigate(
    model: ModelProto,
    exact: ModelProto,
    feeds: Values,
    engine: Engine,
    precision: str,
    picture: str,
    progress: Callable[[str], None] | None = None,
) -> tuple[Explanation, SmallestPart | None]:
    """Find out why an engine's picture differs.

    Args:
        model: The graph in the precision under suspicion (for `bf16` the FP32 graph); not changed.
        exact: The FP32 graph, whose weights are not rounded; for `int8` the reference itself.
        feeds: The frame and the strength, by the graph contract.
        engine: The engine under suspicion.
        precision: `fp32`, `fp16`, `bf16` or `int8`.
        picture: What the frame is called.
        progress: Takes a line at the beginning of each step; None = nobody is told.

    Returns:
        The explanation, without files; and for a miscompile the smallest part that shows it.

    Raises:
        JobFailed: A library cannot run the graph.
    """
    tell = progress or (lambda _: None)
    tell("running the reference and the rounded graph, every result shown")
    case = _Case(model, exact, feeds, engine, precision)
    tell(f"running {engine.name} as it is, and with every result shown")
    whole = engine.run(case.graph, feeds)[OUTPUT]
    findings = case.findings(engine.run(case.shown, feeds))
    whole_rounded, whole_engine = (decibels(case.reference[OUTPUT], found) for found in (case.rounded[OUTPUT], whole))
    kind, node = _judge(findings, whole_rounded, whole_engine)
    smallest = None
    if kind == "miscompile":
        tell("looking for the first wrong result, and the smallest part that shows it")
        node = node or case.first_wrong_alone(findings)
        smallest = case.smallest(node.tensor)
    nodes = tuple(one.name for one in smallest.model.graph.node) if smallest else ()
    explanation = Explanation(
        kind, engine.name, precision, picture, tuple(findings), whole_rounded, whole_engine, node, nodes
    )
    return explanation, smallest


def _judge(findings: Sequence[Finding], whole_rounded: float, whole_engine: float) -> tuple[Kind, Finding | None]:
    """What it is, and the node that says so; a miscompile without a node shows only while nothing is looked at."""
    lost = next((one for one in findings if not np.isfinite(one.rounded_db) and one.rounded_db < 0), None)
    if lost is not None:
        return "overflow", lost
    wrong = next((one for one in findings if is_wrong(one.rounded_db, one.engine_db)), None)
    if wrong is not None or is_wrong(whole_rounded, whole_engine):
        return "miscompile", wrong
    if all(one.engine_db == np.inf for one in findings) and whole_engine == np.inf:
        return "identical", None
    return "rounding", _steepest(findings)


def is_wrong(rounded_db: float, engine_db: float) -> bool:
    """Whether no rounding explains the engine's result; so written that NaN is wrong."""
    return not (engine_db >= min(rounded_db - MARGIN_DB, EXACT_DB))


def _steepest(findings: Sequence[Finding]) -> Finding:
    """The node at which the engine's PSNR falls most below the least so far."""
    least, steepest, most = 150.0, findings[0], -1.0
    for one in findings:
        if least - one.engine_db > most:
            steepest, most = one, least - one.engine_db
        least = min(least, one.engine_db)
    return steepest


class _Case:
    """A graph at one frame size, with all results of the reference and of the rounded graph."""

    def __init__(self, model: ModelProto, exact: ModelProto, feeds: Values, engine: Engine, precision: str) -> None:
        plain = OnnxRuntimeEngine(optimised=False)
        self._plain, self._engine, self._feeds = plain, engine, feeds
        self.graph = _at_size(model, feeds, plain)
        floats = _tensors(self.graph, _FLOATS)
        self.shown = shown(self.graph, floats)
        rounded = self.shown
        if precision == "int8":  # pairs stand around the layers: what they read and give has its name in the FP32 graph
            wide = _at_size(exact, feeds, plain)
            self.reference = plain.run(shown(wide, _tensors(wide, _FLOATS)), feeds)
            rounded = shown(self.shown, _tensors(self.graph, _QUANTISED))
        else:
            wide = widened(self.graph, exact)
            self.reference = plain.run(shown(wide, floats), feeds)
            if engine.lowers_to:
                rounded = shown(rounded_to(wide, engine.lowers_to), floats)
        self.rounded = plain.run(rounded, feeds)
        self._narrow = precision == "fp16"

    def findings(self, found: Values) -> list[Finding]:
        """One finding per result, in the graph's order."""
        return [
            self._finding(node, name, found)
            for node in self.graph.graph.node
            for name in node.output
            if name in found and name in self.reference
        ]

    def _finding(self, node: NodeProto, name: str, found: Values) -> Finding:
        reference = self.reference[name]
        largest = float(np.abs(reference.astype(np.float64)).max()) if reference.size else 0.0
        return Finding(
            node.name or node.output[0],
            node.op_type,
            name,
            decibels(reference, self.rounded[name]),
            decibels(reference, found[name]),
            relative_error(reference, found[name]),
            self._narrow and largest > FP16_MAX,
        )

    def first_wrong_alone(self, findings: Sequence[Finding]) -> Finding:
        """The first wrong result when only one at a time is shown: a fault of fusing hides while all are.

        The graph is cut off behind each result in turn. Not by halves: a later result may be right again, e.g. behind a
        normalisation or where little of the wrong one is added.
        """
        for finding in findings:
            if self._wrong(ancestors(self.graph.graph, finding.tensor), finding.tensor) is not None:
                return finding
        return findings[-1]

    def smallest(self, tensor: str) -> SmallestPart | None:
        """The fewest of the nodes right before `tensor` that are still wrong, given right inputs; by doubling, then halves."""
        line = ancestors(self.graph.graph, tensor)
        count, best = 1, None
        while best is None and count < 2 * len(line):
            best = self._wrong(line[-count:], tensor)
            count *= 2
        low, high = count // 4, len(best.model.graph.node) if best else 0
        while best is not None and high - low > 1:
            middle = (low + high) // 2
            if (smaller := self._wrong(line[-middle:], tensor)) is not None:
                best, high = smaller, middle
            else:
                low = middle
        return best

    def _wrong(self, nodes: Sequence[NodeProto], tensor: str) -> SmallestPart | None:
        """The part of the graph, when the engine is wrong on it alone, given the rounded graph's values."""
        model = part(self.graph, nodes, tensor)
        feeds = {value.name: self._feeds.get(value.name, self.rounded.get(value.name)) for value in model.graph.input}
        given = {name: value for name, value in feeds.items() if value is not None}
        expected, found = (engine.run(model, given)[tensor] for engine in (self._plain, self._engine))
        limit = decibels(self.reference[tensor], self.rounded[tensor])
        return SmallestPart(model, given, expected) if is_wrong(limit, decibels(expected, found)) else None


def _at_size(model: ModelProto, feeds: Values, plain: OnnxRuntimeEngine) -> ModelProto:
    """The model for the shapes of `feeds`, its sizes as constants, all types and shapes inferred."""
    at_size = fixed(model, feeds)
    names = _tensors(at_size, _WHOLE)
    sizes = plain.run(shown(at_size, names), feeds)
    return inferred(frozen(at_size, {name: sizes[name] for name in names}))


def _tensors(model: ModelProto, types: Sequence[int]) -> list[str]:
    """Names of what the nodes give, of some types, in the graph's order."""
    known = {value.name: value.type.tensor_type.elem_type for value in (*model.graph.value_info, *model.graph.output)}
    return [name for node in model.graph.node for name in node.output if known.get(name) in types]
