/**
 * Static shapes, parameters and multiply-accumulates of the layers in an ncnn graph: pure.
 *
 * Shapes are written outermost first: [c, h, w], [h, w] or [w], without a batch.
 * Source of parameter ids and size rules: ncnn at a4d2ea1d, `src/layer/<layer>.cpp`.
 *
 * @module
 */
import type { ParamLayer, ParamValue } from "./param_file.ts";

/** Value that stands for "not given" in ncnn's parameters. */
const ABSENT = -233;

/** Layers whose tops all have the shape of their first bottom. */
const SAME_SHAPE = new Set(
  ("AbsVal BatchNorm Bias BNLL CELU Cast Clip Dequantize Dropout ELU Eltwise Erf Exp GELU GLU GroupNorm HardSigmoid " +
    "HardSwish InstanceNorm LayerNorm LRN Log MVN Mish Noop Normalize Power PReLU Quantize ReLU Requantize RMSNorm Scale SELU " +
    "Shrink ShuffleChannel Sigmoid Softmax Softplus Split Swish TanH Threshold UnaryOp")
    .split(" "),
);

/**
 * Returns the shapes of all blobs that can be told, by name.
 *
 * `inputShape` is [c, h, w] for `Input` layers that don't state their own size. Layers that are not covered leave the blobs
 * after them unknown, unless the file states shapes (parameter 30).
 */
export function inferNcnnShapes(
  layers: readonly ParamLayer[],
  inputShape: number[] | null = null,
): Map<string, number[]> {
  const shapes = new Map<string, number[]>();
  for (const layer of layers) {
    const bottoms = layer.bottoms.map((blob) => shapes.get(blob));
    const tops = statedShapes(layer) ?? inferLayer(layer, bottoms, inputShape);
    layer.tops.forEach((blob, i) => {
      const shape = tops?.[i];
      if (shape?.every((dim) => Number.isInteger(dim) && dim > 0)) shapes.set(blob, shape);
    });
  }
  return shapes;
}

/** Returns the shapes that the layer's parameter 30 states: for each top dims, w, h, c. */
function statedShapes(layer: ParamLayer): number[][] | undefined {
  const values = layer.params.get(30);
  if (!Array.isArray(values) || values.length !== 4 * layer.tops.length) return undefined;
  return layer.tops.map((_, i) => {
    const [dims, w, h, c] = values.slice(4 * i, 4 * i + 4);
    return dims === 3 ? [c, h, w] : dims === 2 ? [h, w] : [w];
  });
}

function inferLayer(
  layer: ParamLayer,
  bottoms: (number[] | undefined)[],
  inputShape: number[] | null,
): number[][] | undefined {
  const get = (id: number, fallback: number) => numberParam(layer.params.get(id), fallback);
  const [first, second] = bottoms;
  if (SAME_SHAPE.has(layer.type)) return first && layer.tops.map(() => first);
  switch (layer.type) {
    case "Input":
    case "MemoryData": {
      const own = [get(2, 0), get(1, 0), get(0, 0)].filter((dim) => dim > 0);
      return own.length > 0
        ? [own]
        : layer.type === "Input" && inputShape
        ? [inputShape]
        : undefined;
    }
    case "Convolution":
    case "ConvolutionDepthWise":
      return first && slidingShape(layer, first, get);
    case "Deconvolution":
    case "DeconvolutionDepthWise":
      return first && growingShape(first, get);
    case "Pooling":
      return first && poolingShape(first, get);
    case "InnerProduct":
      return first && [first.length === 2 && first[0] > 1 ? [first[0], get(0, 0)] : [get(0, 0)]];
    case "BinaryOp":
      return first && [get(1, 0) !== 0 || !second ? first : broadcast(first, second)];
    case "Concat": {
      if (!bottoms.every((shape): shape is number[] => shape !== undefined)) return undefined;
      const axis = axisOf(get(0, 0), bottoms[0].length);
      const total = bottoms.reduce((sum, shape) => sum + shape[axis], 0);
      return [bottoms[0].map((dim, i) => i === axis ? total : dim)];
    }
    case "Slice":
      return first && sliceShapes(layer, first, get);
    case "Crop":
      return first && cropShape(layer, first, second);
    case "Interp":
      return first && interpShape(first, second, get);
    case "Flatten":
      return first && [[product(first)]];
    case "Reshape":
      return first && layer.bottoms.length === 1 ? reshapeShape(first, get) : undefined;
    case "Permute":
      return first && permuteShape(first, get(0, 0));
    case "Reorg":
      return first && [[first[0] * get(0, 1) ** 2, first[1] / get(0, 1), first[2] / get(0, 1)]];
    case "PixelShuffle":
      return first && [[first[0] / get(0, 1) ** 2, first[1] * get(0, 1), first[2] * get(0, 1)]];
    case "Padding": {
      if (!first || first.length < 2) return undefined;
      const [h, w] = first.slice(-2);
      return [[...first.slice(0, -2), h + get(0, 0) + get(1, 0), w + get(2, 0) + get(3, 0)]];
    }
    default:
      return undefined;
  }
}

type Get = (id: number, fallback: number) => number;

function slidingShape(layer: ParamLayer, input: number[], get: Get): number[][] | undefined {
  if (input.length === 1) return [[get(0, 0)]];
  if (input.length !== 3) return undefined;
  const axis = (
    size: number,
    kernel: number,
    dilation: number,
    stride: number,
    a: number,
    b: number,
  ) => {
    if (a === ABSENT || a === -234) return Math.ceil(size / stride);
    return Math.floor((size + a + b - dilation * (kernel - 1) - 1) / stride) + 1;
  };
  const [kw, dw, sw, left] = [get(1, 0), get(2, 1), get(3, 1), get(4, 0)];
  const top = get(14, left);
  const width = axis(input[2], kw, dw, sw, left, get(15, left));
  const height = axis(input[1], get(11, kw), get(12, dw), get(13, sw), top, get(16, top));
  return [[get(0, 0), height, width], ...layer.tops.slice(1).map(() => [])];
}

function growingShape(input: number[], get: Get): number[][] | undefined {
  if (input.length !== 3) return undefined;
  const [kw, dw, sw, left] = [get(1, 0), get(2, 1), get(3, 1), get(4, 0)];
  const top = get(14, left);
  const grow = (
    size: number,
    kernel: number,
    dilation: number,
    stride: number,
    extra: number,
    pad: number,
  ) => (size - 1) * stride + dilation * (kernel - 1) + 1 + extra - pad;
  const outW = get(20, 0) || grow(input[2], kw, dw, sw, get(18, 0), left + get(15, left));
  const outH = get(21, 0) ||
    grow(input[1], get(11, kw), get(12, dw), get(13, sw), get(19, get(18, 0)), top + get(16, top));
  return [[get(0, 0), outH, outW]];
}

function poolingShape(input: number[], get: Get): number[][] | undefined {
  if (input.length !== 3) return undefined;
  if (get(4, 0)) return [[input[0]]];
  if (get(7, 0)) {
    const outW = get(8, 0);
    const outH = get(18, outW);
    return [[input[0], outH === ABSENT ? input[1] : outH, outW === ABSENT ? input[2] : outW]];
  }
  const [kw, sw, left, mode] = [get(1, 0), get(2, 1), get(3, 0), get(5, 0)];
  const [top, right] = [get(13, left), get(14, left)];
  const axis = (size: number, kernel: number, stride: number, pad: number) => {
    if (mode >= 2) return Math.ceil(size / stride);
    const steps = (size + pad - kernel) / stride;
    return (mode === 0 ? Math.ceil(steps) : Math.floor(steps)) + 1;
  };
  return [[
    input[0],
    axis(input[1], get(11, kw), get(12, sw), top + get(15, top)),
    axis(input[2], kw, sw, left + right),
  ]];
}

function sliceShapes(layer: ParamLayer, input: number[], get: Get): number[][] | undefined {
  const sizes = layer.params.get(0);
  if (!Array.isArray(sizes)) return undefined;
  const axis = axisOf(get(1, 0), input.length);
  let left = input[axis];
  return sizes.map((size, i) => {
    const part = size === ABSENT ? Math.floor(left / (sizes.length - i)) : size;
    left -= part;
    return input.map((dim, j) => j === axis ? part : dim);
  });
}

function cropShape(
  layer: ParamLayer,
  input: number[],
  reference: number[] | undefined,
): number[][] | undefined {
  const [starts, ends, axes] = [9, 10, 11].map((id) => layer.params.get(id));
  if (Array.isArray(starts) && Array.isArray(ends)) {
    const dims = [...input];
    const list = Array.isArray(axes) ? axes : starts.map((_, i) => i);
    list.forEach((given, i) => {
      const axis = axisOf(given, input.length);
      const clamp = (value: number) =>
        Math.min(Math.max(value < 0 ? value + input[axis] : value, 0), input[axis]);
      dims[axis] = clamp(ends[i] === ABSENT ? input[axis] : ends[i]) - clamp(starts[i]);
    });
    return [dims];
  }
  return reference && [reference];
}

function interpShape(
  input: number[],
  reference: number[] | undefined,
  get: Get,
): number[][] | undefined {
  if (input.length === 1) return [[input[0], get(3, 1), get(4, 1)]];
  if (input.length !== 3) return undefined;
  if (reference) return [[input[0], ...reference.slice(-2)]];
  const [height, width] = [get(3, 0), get(4, 0)];
  return [[
    input[0],
    height || Math.floor(input[1] * get(1, 1)),
    width || Math.floor(input[2] * get(2, 1)),
  ]];
}

function reshapeShape(input: number[], get: Get): number[][] | undefined {
  if (get(11, ABSENT) !== ABSENT) return undefined;
  const given = [get(2, ABSENT), get(1, ABSENT), get(0, ABSENT)].filter((dim) => dim !== ABSENT);
  const aligned = input.slice(-given.length);
  const dims = given.map((dim, i) => dim === 0 ? aligned[i] : dim);
  const rest = product(dims.filter((dim) => dim !== -1));
  return [dims.map((dim) => dim === -1 ? product(input) / rest : dim)];
}

/** Orders of the axes (outermost first) by the layer's parameter 0, for three axes: ncnn names them innermost first. */
const PERMUTE_ORDERS = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]];

function permuteShape(input: number[], order: number): number[][] | undefined {
  if (input.length === 2) return [order === 1 ? [input[1], input[0]] : input];
  const axes = PERMUTE_ORDERS[order];
  return input.length === 3 && axes ? [axes.map((axis) => input[axis])] : undefined;
}

function broadcast(a: number[], b: number[]): number[] {
  if (a.length !== b.length) return a.length > b.length ? a : b;
  return a.map((dim, i) => Math.max(dim, b[i]));
}

function axisOf(axis: number, rank: number): number {
  return axis < 0 ? axis + rank : axis;
}

function product(dims: readonly number[]): number {
  return dims.reduce((a, b) => a * b, 1);
}

function numberParam(value: ParamValue | undefined, fallback: number): number {
  return typeof value === "number" ? value : fallback;
}

/** Returns the weights and biases that the layer takes from the `.bin`; null for a kind of layer that is not covered. */
export function ncnnParameters(layer: ParamLayer): number | null {
  const get = (id: number) => numberParam(layer.params.get(id), 0);
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
    case "Scale":
      return get(0) === ABSENT ? 0 : get(0) * (get(1) ? 2 : 1);
    case "Bias":
    case "PReLU":
      return get(0);
    case "MemoryData":
      return product([get(0), get(1), get(2)].filter((dim) => dim > 0));
    default:
      return UNWEIGHTED.has(layer.type) ? 0 : null;
  }
}

/** Layers that hold no weights. */
const UNWEIGHTED = new Set([
  ...[...SAME_SHAPE].filter((type) =>
    ![
      "GroupNorm",
      "LayerNorm",
      "RMSNorm",
      "InstanceNorm",
      "Normalize",
      "Quantize",
      "Dequantize",
      "Requantize",
    ]
      .includes(type)
  ),
  ...("BinaryOp Concat Crop DetectionOutput Flatten Input Interp MatMul Padding Permute PixelShuffle Pooling PriorBox " +
    "Reduction Reorg Reshape SDPA Slice Squeeze ExpandDims Yolov3DetectionOutput YoloDetectionOutput")
    .split(" "),
]);

/** Returns the multiply-accumulates of a layer's convolution or product; 0 for other layers, null when shapes are not known. */
export function ncnnMacs(layer: ParamLayer, shapes: ReadonlyMap<string, number[]>): number | null {
  const get = (id: number) => numberParam(layer.params.get(id), 0);
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
    case "LSTM":
    case "GRU":
    case "RNN":
    case "Convolution1D":
    case "ConvolutionDepthWise1D":
    case "Convolution3D":
    case "DeformableConv2D":
      return null;
    default:
      return 0;
  }
}
