"""edgeenh_export: from a checkpoint to a bundle: ONNX in FP32 and FP16, gate, TensorRT plan.

The whole way is one function: `edgeenh_export.pipeline.export`.
"""
