/**
 * Parameters and multiply-accumulates of the layers in an ncnn graph: pure.
 *
 * Source of parameter ids: ncnn at a4d2ea1d, `src/layer/<layer>.cpp`.
 *
 * @module
 */
import { attentionWidths, ncnnProduct } from "./products.ts";
import { ABSENT, SAME_SHAPE } from "./shapes.ts";
import { elementCount } from "../onnx/onnx_file.ts";
import { numberParam, type ParamLayer } from "./param_file.ts";

/**
 * Returns the weights and biases that the layer takes from the `.bin`; null for a kind of layer
 * that is not covered.
 */
export function ncnnParameters(layer: ParamLayer): number | null {
  const get = (id: number, fallback = 0) => numberParam(layer, id, fallback);
  switch (layer.type) {
    case "Convolution":
    case "ConvolutionDepthWise":
    case "Deconvolution":
    case "DeconvolutionDepthWise":
    case "Convolution1D":
    case "ConvolutionDepthWise1D":
      return get(6) + (get(5) ? get(0) : 0);
    case "InnerProduct":
      return get(2) + (get(1) ? get(0) : 0);
    case "BatchNorm":
      return 4 * get(0);
    case "LayerNorm":
    case "InstanceNorm":
      return get(2, 1) ? 2 * get(0) : 0;
    case "RMSNorm":
      return get(2, 1) ? get(0) : 0;
    case "GroupNorm":
      return get(3, 1) ? 2 * get(1) : 0;
    case "Embed":
      return get(3) + (get(2) ? get(0) : 0);
    case "Gemm":
      return gemmParameters(layer);
    case "MultiHeadAttention": {
      const { embed, query, key, value } = attentionWidths(layer);
      return embed * (2 * query + key + value) + 3 * embed + query;
    }
    case "Scale":
      return get(0) === ABSENT ? 0 : get(0) * (get(1) ? 2 : 1);
    case "Bias":
    case "PReLU":
      return get(0);
    case "MemoryData":
      return elementCount([get(0), get(1), get(2)].filter((dim) => dim > 0));
    default:
      return UNWEIGHTED.has(layer.type) ? 0 : null;
  }
}

function gemmParameters(layer: ParamLayer): number {
  const get = (id: number) => numberParam(layer, id, 0);
  const [m, n, k] = [get(7), get(8), get(9)];
  const byBroadcast = [1, m, m, m * n, n];
  return (get(4) ? m * k : 0) + (get(5) ? n * k : 0) + (get(6) ? byBroadcast[get(10)] ?? 0 : 0);
}

/** Layers that hold no weights. */
const UNWEIGHTED = new Set([
  ...[...SAME_SHAPE].filter((type) =>
    !["Normalize", "Quantize", "Dequantize", "Requantize"].includes(type)
  ),
  ...("BinaryOp Concat Crop DetectionOutput Flatten GLU Input Interp MatMul Padding Permute PixelShuffle Pooling PriorBox " +
    "Reduction Reorg Reshape SDPA Slice Squeeze ExpandDims Yolov3DetectionOutput YoloDetectionOutput")
    .split(" "),
]);

/**
 * Returns the multiply-accumulates of a layer's convolution or product; 0 for layers without, null
 * when shapes are not known and for a kind of layer that is not covered.
 */
export function ncnnMacs(layer: ParamLayer, shapes: ReadonlyMap<string, number[]>): number | null {
  const get = (id: number) => numberParam(layer, id, 0);
  const input = shapes.get(layer.bottoms[0] ?? "");
  const output = shapes.get(layer.tops[0] ?? "");
  switch (layer.type) {
    case "Convolution":
    case "ConvolutionDepthWise":
      // a convolution over a vector is a matrix product
      return output ? (output.length === 3 ? output[1] * output[2] : 1) * get(6) : null;
    case "Deconvolution":
    case "DeconvolutionDepthWise":
      return input ? input[1] * input[2] * get(6) : null;
    case "InnerProduct":
      return input ? get(2) * (input.length === 2 && input[0] > 1 ? input[0] : 1) : null;
    case "Gemm":
    case "MatMul":
    case "MultiHeadAttention":
    case "SDPA":
      return ncnnProduct(layer, layer.bottoms.map((blob) => shapes.get(blob)))?.macs ?? null;
    case "Convolution1D":
    case "ConvolutionDepthWise1D":
      return null;
    default:
      return SAME_SHAPE.has(layer.type) || ncnnParameters(layer) !== null ? 0 : null;
  }
}
