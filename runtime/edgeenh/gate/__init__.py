"""The gate: whether an engine's pictures are those of its FP32 reference. One function, `judge`, for everybody.

Export judges every graph it writes, the runtime every engine at its first start on a station, and the benchmarks every
row of their table:

    frames ─ engine ─┬─ `self_test`   every value back at strength 0, colours in their order, the same frame twice
                     └─ `judge`       shape, type, finite, not constant, in place, not stale; then the figures of
                                      `edgeenh.drift` against the thresholds, per picture and worst of all

`run_gate` does both for an engine at hand, and `probe` says whether it repeats itself. Every comparison is written so that NaN fails, and a picture that could not
be measured never drops out of a mean: there is no mean.
"""

from __future__ import annotations

from edgeenh.gate.determinism import Determinism as Determinism
from edgeenh.gate.determinism import probe as probe
from edgeenh.gate.judging import judge as judge
from edgeenh.gate.judging import run_gate as run_gate
from edgeenh.gate.self_test import SelfTest as SelfTest
from edgeenh.gate.self_test import self_test as self_test
from edgeenh.gate.verdict import Verdict as Verdict
