"""What models may be made of: operations of TensorFlow and of LiteRT, and classes of Keras, each group with its reason.

The lists hold what our own architectures and the usual networks of ``keras.applications`` export, and what stands beside it:
arithmetic on the numbers a model is given. None of it reads or writes a file, opens a connection, runs a program or keeps
anything between photos. Whatever else TensorFlow can do is refused, also what it learns to do in later releases.
"""

from __future__ import annotations

from collections.abc import Mapping


def _all(groups: Mapping[str, str]) -> frozenset[str]:
    return frozenset(name for names in groups.values() for name in names.split())


_TENSORFLOW = {
    "a graph's own frame: inputs, constants, names for what passes through": """
        Placeholder PlaceholderWithDefault Const Identity IdentityN NoOp StopGradient PreventGradient EnsureShape Shape ShapeN
        Rank Size Assert""",
    "the model's own weights, held in memory": """
        VarHandleOp VarIsInitializedOp ReadVariableOp AssignVariableOp DisableCopyOnRead ResourceGather""",
    "calls of the model's own functions, which are looked at as well; branches, and loops over the photos of a batch": """
        PartitionedCall StatefulPartitionedCall If StatelessIf While StatelessWhile
        TensorListFromTensor TensorListReserve TensorListGetItem TensorListSetItem TensorListStack TensorListLength""",
    "layers": """
        Conv2D DepthwiseConv2dNative Conv2DBackpropInput BiasAdd BiasAddV1 MatMul BatchMatMul BatchMatMulV2 BatchMatMulV3 Einsum
        MaxPool MaxPoolV2 AvgPool FusedBatchNorm FusedBatchNormV2 FusedBatchNormV3 LRN SpaceToBatchND BatchToSpaceND SpaceToDepth
        DepthToSpace""",
    "activations": """
        Relu Relu6 LeakyRelu Elu Selu Sigmoid Tanh Softmax LogSoftmax Softplus Softsign Erf""",
    "arithmetic": """
        Add AddV2 AddN Sub Mul Div RealDiv DivNoNan FloorDiv FloorMod Neg Abs Sign Square SquaredDifference Sqrt Rsqrt Reciprocal
        Inv Pow Exp Expm1 Log Log1p Sin Cos Maximum Minimum Floor Ceil Round Rint ClipByValue Cast Cumsum""",
    "comparisons": """
        Equal NotEqual Less LessEqual Greater GreaterEqual LogicalAnd LogicalOr LogicalNot Select SelectV2 Where All Any
        IsFinite IsNan""",
    "sums and extremes": "Sum Mean Prod Max Min ArgMax ArgMin TopK TopKV2",
    "arranging": """
        Reshape Squeeze ExpandDims Transpose ConcatV2 Pack Unpack Split SplitV Slice StridedSlice Gather GatherV2 GatherNd Reverse
        ReverseV2 Pad PadV2 MirrorPad Tile BroadcastTo BroadcastArgs Fill ZerosLike OnesLike Range LinSpace OneHot""",
    "pictures: decoding bytes that are given, resizing, colours": """
        DecodeImage DecodeJpeg DecodePng ResizeBilinear ResizeBicubic ResizeNearestNeighbor ResizeArea ScaleAndTranslate
        CropAndResize ImageProjectiveTransformV2 ImageProjectiveTransformV3 AdjustContrastv2 AdjustHue AdjustSaturation RGBToHSV
        HSVToRGB""",
    "dropout and augmentation, which stay in a graph though nobody asks for them": """
        RandomUniform RandomStandardNormal StatelessRandomUniform StatelessRandomUniformV2 StatelessRandomNormalV2
        StatelessRandomGetKeyCounter StatelessRandomGetAlg StatelessRandomGetKeyCounterAlg""",
    "names of checkpoints, put together by the functions below": "StringJoin StaticRegexFullMatch",
}
TENSORFLOW = _all(_TENSORFLOW)

# Every SavedModel has a function that saves it and one that restores it. They may stand in these two and nowhere else, and
# nothing else may call the two: see ml.checks.saved_model.
RESTORING = frozenset({"RestoreV2"})
SAVING = frozenset({"SaveV2", "MergeV2Checkpoints", "ShardedFilename"})

_LITERT = {
    "layers": """
        CONV_2D DEPTHWISE_CONV_2D TRANSPOSE_CONV FULLY_CONNECTED BATCH_MATMUL AVERAGE_POOL_2D MAX_POOL_2D L2_POOL_2D
        LOCAL_RESPONSE_NORMALIZATION L2_NORMALIZATION SPACE_TO_BATCH_ND BATCH_TO_SPACE_ND SPACE_TO_DEPTH DEPTH_TO_SPACE DILATE""",
    "activations": """
        RELU RELU6 RELU_N1_TO_1 RELU_0_TO_1 LEAKY_RELU PRELU ELU LOGISTIC TANH SOFTMAX LOG_SOFTMAX HARD_SWISH GELU""",
    "arithmetic": """
        ADD ADD_N SUB MUL DIV FLOOR_DIV FLOOR_MOD NEG ABS SIGN SQUARE SQUARED_DIFFERENCE SQRT RSQRT POW EXP LOG SIN COS MAXIMUM
        MINIMUM FLOOR CEIL ROUND CAST CUMSUM""",
    "comparisons": """
        EQUAL NOT_EQUAL LESS LESS_EQUAL GREATER GREATER_EQUAL LOGICAL_AND LOGICAL_OR LOGICAL_NOT SELECT SELECT_V2""",
    "sums and extremes": "SUM MEAN REDUCE_PROD REDUCE_MAX REDUCE_MIN REDUCE_ANY REDUCE_ALL ARG_MAX ARG_MIN TOPK_V2",
    "arranging": """
        RESHAPE SQUEEZE EXPAND_DIMS TRANSPOSE CONCATENATION PACK UNPACK SPLIT SPLIT_V SLICE STRIDED_SLICE GATHER GATHER_ND
        REVERSE_V2 PAD PADV2 MIRROR_PAD TILE BROADCAST_TO BROADCAST_ARGS FILL ZEROS_LIKE RANGE SHAPE RANK ONE_HOT""",
    "weights in 8 and 16 bits": "QUANTIZE DEQUANTIZE FAKE_QUANT",
    "pictures": "RESIZE_BILINEAR RESIZE_NEAREST_NEIGHBOR",
}
LITERT = _all(_LITERT)

_KERAS = {
    "a network's frame": "Functional Sequential InputLayer __keras_tensor__ DTypePolicy",
    "layers": """
        Dense Conv1D Conv2D SeparableConv2D DepthwiseConv2D Conv2DTranspose MaxPooling2D AveragePooling2D GlobalAveragePooling2D
        GlobalMaxPooling2D BatchNormalization LayerNormalization GroupNormalization UnitNormalization Rescaling Normalization""",
    "activations": "Activation ReLU LeakyReLU PReLU ELU Softmax",
    "arranging": """
        Flatten Reshape Permute ZeroPadding2D Cropping2D UpSampling2D Resizing CenterCrop Concatenate
        Flip Resize GetItem Transpose Squeeze ExpandDims Stack""",
    "arithmetic": """
        Add Subtract Multiply Divide TrueDivide Power Negative Absolute Average Maximum Minimum Mean Sum Max Min Sqrt Square Exp
        Log Sigmoid Relu Relu6 Tanh Silu Gelu Rsqrt Round Clip Cast StopGradient Matmul""",
    "dropout and augmentation": """
        Dropout SpatialDropout2D GaussianDropout GaussianNoise ActivityRegularization RandomFlip RandomRotation RandomZoom
        RandomTranslation RandomCrop RandomContrast RandomBrightness""",
    "blocks of keras.applications": "LayerScale StochasticDepth",
    "how weights begin": """
        Zeros Ones Constant RandomNormal RandomUniform TruncatedNormal VarianceScaling GlorotUniform GlorotNormal HeUniform
        HeNormal LecunUniform LecunNormal Orthogonal""",
    "what holds weights small": "L1 L2 L1L2 MaxNorm MinMaxNorm NonNeg UnitNorm",
}
KERAS = _all(_KERAS)
