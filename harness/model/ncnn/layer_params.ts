/**
 * Which parameters ncnn's layers read, and as what.
 *
 * @module
 */

/**
 * What a layer asks its parameter for. ncnn keeps the 32 bits that the text was written as and
 * never converts: `1` asked for as a float is 1.4e-45.
 */
export type ParamKind = "int" | "float" | "ints" | "floats" | "text";

/**
 * Layers with their ids: a bare id is an int, `f` a float, `I` ints, `F` floats, `s` a text.
 * Source: ncnn at a4d2ea1d, the `pd.get(id, default)` of `src/layer/*.cpp`.
 */
const TABLE =
  `ArgMax 0 1; BatchNorm 0 1f; Bias 0; BinaryOp 0 1 2f; Cast 0 1; CELU 0f; Clip 0f 1f; Concat 0;
Convolution 0 1 2 3 4 5 6 8 9 10F 11 12 13 14 15 16 18f 19; Convolution1D 0 1 2 3 4 5 6 9 10F 15
18f 19; Convolution3D 0 1 2 3 4 5 6 9 10F 11 12 13 14 15 16 17 18f 21 22 23 24;
ConvolutionDepthWise 0 1 2 3 4 5 6 7 8 9 10F 11 12 13 14 15 16 18f 19; ConvolutionDepthWise1D 0
1 2 3 4 5 6 7 9 10F 15 18f 19; ConvolutionDepthWise3D 0 1 2 3 4 5 6 7 9 10F 11 12 13 14 15 16 17
18f 21 22 23 24; CopyTo 0 1 2 9I 11I 13; Crop 0 1 2 3 4 5 6 7 8 9I 10I 11I 13 14 15 19s 20s 21s;
CumulativeSum 0; Deconvolution 0 1 2 3 4 5 6 9 10F 11 12 13 14 15 16 18 19 20 21 28;
Deconvolution1D 0 1 2 3 4 5 6 9 10F 15 18 20 28; Deconvolution3D 0 1 2 3 4 5 6 9 10F 11 12 13 14
15 16 17 18 19 20 21 22 23 24 25 26 27; DeconvolutionDepthWise 0 1 2 3 4 5 6 7 9 10F 11 12 13 14
15 16 18 19 20 21 28; DeconvolutionDepthWise1D 0 1 2 3 4 5 6 7 9 10F 15 18 20 28;
DeconvolutionDepthWise3D 0 1 2 3 4 5 6 7 9 10F 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26
27; DeformableConv2D 0 1 2 3 4 5 6 9 10F 11 12 13 14 15 16; Dequantize 0 1; DetectionOutput 0 1f
2 3 4f 5f 6f 7f 8f; Diag 0; Dropout 0f; Einsum 0I; Eltwise 0 1F; ELU 0f; Embed 0 1 2 3 18; Exp
0f 1f 2f; ExpandDims 3I; Flip 0I; Fold 1 2 3 4 11 12 13 14 15 16 20 21; GELU 0; Gemm 0f 1f 2 3 4
5 6 7 8 9 10 11 12 13 14 18 20 21 22; GLU 0; GridSample 0 1 2 3; GroupNorm 0 1 2f 3; GRU 0 1 2
8; HardSigmoid 0f 1f; HardSwish 0f 1f; InnerProduct 0 1 2 8 9 10F; Input 0 1 2 11; InstanceNorm
0 1f 2; Interp 0 1f 2f 3 4 5 6 9s; InverseSpectrogram 0 1 2 3 4 5 7; LayerNorm 0 1f 2; Log 0f 1f
2f; LRN 0 1 2f 3f 4f; LSTM 0 1 2 3 8; MatMul 0; MemoryData 0 1 2 11 21; MultiHeadAttention 0 1 2
3 4 5 6f 7 18; MVN 0 1 2f; Normalize 0 1 2f 3 4 9; Packing 0 1 2 3; Padding 0 1 2 3 4 5f 6 7 8;
Permute 0; PixelShuffle 0 1; Pooling 0 1 2 3 4 5 6 7 8 11 12 13 14 15 18; Pooling1D 0 1 2 3 4 5
6 7 8 14; Pooling3D 0 1 2 3 4 5 6 7 8 11 12 13 14 15 16 18 21 22 23 28; Power 0f 1f 2f; PReLU 0;
PriorBox 0F 1F 2F 3f 4f 5f 6f 7 8 9 10 11f 12f 13f 14 15; Proposal 0 1 2 3 4f 5; PSROIPooling 0
1 2f 3; Quantize 0; Reduction 0 1 2f 3I 4 5; ReLU 0f; Reorg 0 1; Requantize 0 1 2 3 4F; Reshape
0 1 2 6s 11; RMSNorm 0 1f 2; RNN 0 1 2 8; ROIAlign 0 1 2f 3 4 5; ROIPooling 0 1 2f; RotaryEmbed
0; Scale 0 1; SDPA 5 6f 7 18; SELU 0f 1f; Shrink 0f 1f; ShuffleChannel 0 1; Slice 0I 1 2I;
Softmax 0 1; Spectrogram 0 1 2 3 4 5 6 7 8; SPP 0 1; Squeeze 0 1 2 3I 11; StatisticsPooling 0;
Threshold 0f; Tile 0 1 2I; UnaryOp 0; Unfold 1 2 3 4 11 12 13 14 15 16 18f; YoloDetectionOutput
0 1 2f 3f 4F; Yolov3DetectionOutput 0 1 2f 3f 4F 5F 6F`;

const KINDS: Record<string, ParamKind> = {
  "": "int",
  f: "float",
  I: "ints",
  F: "floats",
  s: "text",
};

/** Kinds of the parameters by id, by type of layer. Layers that read none are not there. */
export const LAYER_PARAMS: ReadonlyMap<string, ReadonlyMap<number, ParamKind>> = new Map(
  TABLE.split(";").map((line) => {
    const [type, ...ids] = line.trim().split(/\s+/);
    const kinds = ids.map((word): [number, ParamKind] => {
      const [, id, kind] = /^(\d+)(\w?)$/.exec(word)!;
      return [Number(id), KINDS[kind]];
    });
    return [type, new Map(kinds)];
  }),
);

/** Ids that the network reads of every layer: shapes of its tops, features that are off. */
export const NET_PARAMS: ReadonlyMap<number, ParamKind> = new Map([[30, "ints"], [31, "int"]]);
