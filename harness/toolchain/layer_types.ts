/**
 * The layers of ncnn, and which of them a build has.
 *
 * @module
 */

/**
 * Every layer type of the pinned ncnn. Source: ncnn at a4d2ea1d, `src/CMakeLists.txt`
 * (`ncnn_add_layer`).
 */
export const NCNN_LAYER_TYPES: ReadonlySet<string> = new Set(
  (`AbsVal ArgMax BatchNorm Bias BNLL Concat Convolution Crop Deconvolution Dropout Eltwise ELU
Embed Exp Flatten InnerProduct Input Log LRN MemoryData MVN Pooling Power PReLU Proposal
Reduction ReLU Reshape ROIPooling Scale Sigmoid Slice Softmax Split SPP TanH Threshold Tile RNN
LSTM BinaryOp UnaryOp ConvolutionDepthWise Padding Squeeze ExpandDims Normalize Permute
PriorBox DetectionOutput Interp DeconvolutionDepthWise ShuffleChannel InstanceNorm Clip Reorg
YoloDetectionOutput Quantize Dequantize Yolov3DetectionOutput PSROIPooling ROIAlign Packing
Requantize Cast HardSigmoid SELU HardSwish Noop PixelShuffle DeepCopy Mish StatisticsPooling
Swish Gemm GroupNorm LayerNorm Softplus GRU MultiHeadAttention GELU Convolution1D Pooling1D
ConvolutionDepthWise1D Convolution3D ConvolutionDepthWise3D Pooling3D MatMul Deconvolution1D
DeconvolutionDepthWise1D Deconvolution3D DeconvolutionDepthWise3D Einsum DeformableConv2D GLU
Fold Unfold GridSample CumulativeSum CopyTo Erf Diag CELU Shrink RMSNorm Spectrogram
InverseSpectrogram Flip SDPA RotaryEmbed`).split(/\s+/),
);

/**
 * Layers of the small build. Graphs of YOLOv8, YOLO11, YOLO12 and YOLO26 by pnnx and by onnx2ncnn
 * use some two thirds of them; the rest is what ncnn itself makes on the way (Padding, Packing,
 * Cast, Flatten, activations) and what int8 graphs hold.
 */
export const CORE_LAYER_TYPES: ReadonlySet<string> = new Set(
  (`BatchNorm BinaryOp Cast Clip Concat Convolution ConvolutionDepthWise Crop DeepCopy Dequantize
Dropout Eltwise ExpandDims Flatten Gemm HardSigmoid HardSwish Input Interp MatMul MemoryData Mish
Noop Packing Padding Permute Pooling Quantize ReLU Requantize Reshape SDPA Scale Sigmoid Slice
Softmax Split Squeeze Swish UnaryOp`).split(/\s+/),
);

/**
 * Which layers a build of ncnn has: `core` builds in two thirds of the time of `all`, which is made
 * when a model needs it.
 */
export type LayerSet = "core" | "all";

/** Returns the smallest set that holds every one of the layer types. */
export function layerSetFor(types: Iterable<string>): LayerSet {
  return [...types].every((type) => CORE_LAYER_TYPES.has(type)) ? "core" : "all";
}
