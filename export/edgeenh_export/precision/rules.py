"""What stays in FP32 by rule, because no measurement on this machine could show that it must."""

from __future__ import annotations

import math
from collections.abc import Iterable

import onnx
from onnx import GraphProto, ModelProto

from edgeenh.backends.contract import INPUT, STRENGTH
from edgeenh_export.precision.traffic import with_shapes
from edgeenh_export.sources.wrapper import WRAPPER

_NORMS = {
    *("GroupNormalization", "InstanceNormalization", "LayerNormalization", "LpNormalization"),
    *("MeanVarianceNormalization", "RMSNormalization"),
}
_SUMS = {
    *("GlobalAveragePool", "GlobalLpPool", "ReduceL1", "ReduceL2", "ReduceLogSum", "ReduceLogSumExp", "ReduceMean"),
    *("ReduceProd", "ReduceSum", "ReduceSumSquare", "CumSum"),
}
CARRY = "carry.kernel"
"""What the weights are called that bring coefficients to the picture's size: `FrameGraph.carry`."""

MANY = 2048
"""A sum over more values than this stays in FP32: an FP16 accumulator cannot even count further."""


def fp32_by_rule(model: ModelProto) -> set[str]:
    """Names of the nodes of an FP32 graph by the contract that stay in FP32 in every precision.

    * What depends on `strength`: the sum of image and change, whose values are exact in FP32, so that strength 0 gives
      the frame back bit for bit; and what reads the frame itself, or belongs to what was put around a foreign model.
    * Sums and means over many values, and norms: a GPU may add them up in FP16, which overflows or stops counting; an
      emulation that only rounds what is stored would not show it.
    * The convolution that enlarges the coefficients (`edgeenh_train.networks.carry`): what it interpolates in steps of INT8, every pixel of the
      picture has in steps, and it is a small part of the work.
    """
    kept = {node.name for node in model.graph.node if node.name.startswith(WRAPPER) or INPUT in node.input}
    kept |= {node.name for node in downstream(model.graph, {STRENGTH})}
    kept |= {node.name for node in model.graph.node if CARRY in node.input}
    counts = {name: math.prod(max(1, side) for side in shape) for name, shape in with_shapes(model).items()}
    for node in model.graph.node:
        if node.op_type in _NORMS:
            kept.add(node.name)
        elif node.op_type in _SUMS:
            read, given = counts.get(node.input[0]), counts.get(node.output[0])
            if read is None or given is None or read > MANY * given:
                kept.add(node.name)
    return kept


def downstream(graph: GraphProto, names: Iterable[str]) -> list[onnx.NodeProto]:
    """Nodes that depend on a tensor of `names`, in the graph's order."""
    reached, found = set(names), []
    for node in graph.node:
        if not reached.isdisjoint(node.input):
            reached |= set(node.output)
            found.append(node)
    return found
