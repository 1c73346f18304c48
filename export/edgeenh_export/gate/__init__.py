"""The gate of an export: it passes, or nothing is written. The judging itself is `edgeenh.gate`, as everywhere.

1. The checkpoint makes pictures of pictures: finite, not constant, not all clipped (`checks.check_reference`).
2. The FP32 graph in ONNX Runtime gives what the checkpoint gives in PyTorch: for colour at most one 8-bit step of
   difference, for grey the share `checks.PARITY` of the range (`checks.compare`).
3. Every graph passes `edgeenh.gate` in ONNX Runtime, the FP32 one against PyTorch, every other against the FP32 one; what
   it holds before its last cast is finite, and a second session gives the same picture (`graphs.judge_graph`).
4. The FP16 network passes in torch too, with features that are really stored in FP16.
5. The multiply-adds really are of the precision that was asked for (`precision.require_precision`).
"""

from __future__ import annotations

from edgeenh_export.gate.checks import Judged as Judged
from edgeenh_export.gate.checks import Parity as Parity
from edgeenh_export.gate.checks import check_reference as check_reference
from edgeenh_export.gate.checks import compare as compare
from edgeenh_export.gate.checks import judge_frames as judge_frames
from edgeenh_export.gate.checks import max_parity_steps as max_parity_steps
from edgeenh_export.gate.checks import require_passed as require_passed
from edgeenh_export.gate.graphs import judge_graph as judge_graph
from edgeenh_export.gate.precision import Arithmetic as Arithmetic
from edgeenh_export.gate.precision import arithmetic_of as arithmetic_of
from edgeenh_export.gate.precision import require_precision as require_precision
