"""Precision of a graph: FP16 written into its types, INT8 as QDQ, and the search for what has to stay in FP32.

* `typed` writes a graph in FP16 with any set of its nodes in FP32; `quantise` does so in INT8.
* `search` is the closed loop: it measures candidates on real frames until the gate holds, and keeps in FP32 what gains most
  decibels for what it costs. It knows neither FP16 nor INT8.
* `half` and `int8` are the two uses of it; `stored`, `ranges`, `traffic` and `timing` measure for them.
* `autocast` is ModelOpt's way of writing FP16, tried beside ours where it is installed.
"""
