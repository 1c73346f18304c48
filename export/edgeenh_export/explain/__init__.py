"""Why an engine's pictures differ: rounding, a value that does not fit, or a compiler that is wrong.

The same frame goes through three executions of one graph, and every intermediate result is compared:

    reference   the graph in FP32, on ONNX Runtime without any optimisation
    rounded     the graph in the precision asked for, likewise: what that precision itself costs
    engine      the graph in the precision asked for, on the engine under suspicion, as it is and with every result shown

* **rounding**: the engine is about as far from the reference as the rounded graph is, and drift grows along the graph.
* **overflow**: the rounded graph itself holds what is not finite: a value left the range of the type.
* **miscompile**: the rounded graph is right and the engine is not. The first wrong node is named, and the smallest part of
  the graph that shows it is written as an ONNX of its own, with its inputs.
"""

from __future__ import annotations

from edgeenh_export.explain.explanation import Explanation as Explanation
from edgeenh_export.explain.explanation import Finding as Finding
from edgeenh_export.explain.investigate import investigate as investigate
