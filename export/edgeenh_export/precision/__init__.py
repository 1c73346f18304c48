"""Graphs in other precisions than FP32, made from the FP32 graph."""
