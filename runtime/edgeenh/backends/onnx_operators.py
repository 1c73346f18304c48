"""The one list of ONNX operators that a graph may hold: those that compute pictures from pictures, deterministically.

An operator that is not here is refused before a library sees the file. Left out on purpose: `Loop` and `Scan` (a file
could keep a station busy for ever), `Random…`, `Bernoulli` and `Multinomial` (the same frame would give two results),
`ImageDecoder` and everything on text (a parser inside the library), sequences, maps and optionals, recurrent networks,
the integer kernels (`QLinearConv`, `ConvInteger` and their like: INT8 is written as pairs of `QuantizeLinear` and
`DequantizeLinear` around ordinary layers, which every backend reads), and every operator of another domain (which runs code that only a custom library has).
"""

from __future__ import annotations

DOMAINS = frozenset({"", "ai.onnx"})
"""The two spellings of the standard's own domain."""

_ARITHMETIC = """
Abs Add And Ceil Clip Cos Cosh Div Equal Erf Exp Floor Greater GreaterOrEqual IsInf IsNaN Less LessOrEqual Log Max Mean
Min Mod Mul Neg Not Or Pow Reciprocal Round Sign Sin Sinh Sqrt Sub Sum Tan Where Xor Atan
"""
_ACTIVATIONS = """
Celu Elu Gelu HardSigmoid HardSwish LeakyRelu LogSoftmax Mish PRelu Relu Selu Sigmoid Softmax Softplus Softsign Swish Tanh
ThresholdedRelu
"""
_LAYERS = """
Attention AveragePool BatchNormalization Conv ConvTranspose DFT DeformConv Dropout Einsum Gemm GlobalAveragePool
GlobalLpPool GlobalMaxPool GroupNormalization InstanceNormalization LRN LayerNormalization LpNormalization LpPool MatMul
MaxPool MeanVarianceNormalization RMSNormalization
"""
_REDUCTIONS = """
ArgMax ArgMin CumSum ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp ReduceMax ReduceMean ReduceMin ReduceProd ReduceSum
ReduceSumSquare TopK
"""
_SHAPES = """
AffineGrid Cast CastLike CenterCropPad Col2Im Concat Constant ConstantOfShape DepthToSpace Expand EyeLike Flatten Gather
GatherElements GatherND GridSample Identity Pad Range Reshape Resize Scatter ScatterElements ScatterND Shape Size Slice
SpaceToDepth Split Squeeze Tile Transpose Trilu Unsqueeze Upsample
"""
_QUANTISED = "DequantizeLinear QuantizeLinear"
_BRANCH = "If"
_BEFORE_OPSET_8 = "Affine Crop ImageScaler"

OPERATORS = frozenset(
    " ".join((_ARITHMETIC, _ACTIVATIONS, _LAYERS, _REDUCTIONS, _SHAPES, _QUANTISED, _BRANCH, _BEFORE_OPSET_8)).split()
)
"""Names of the operators that are allowed; those before opset 8 were experimental and live on in old style-transfer files."""
