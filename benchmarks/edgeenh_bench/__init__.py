"""The benchmarks of edgeenh: latency, drift and memory of every backend on the same real frames."""
