/**
 * Static shapes of the blobs in an ncnn graph: pure.
 *
 * Shapes are written outermost first: [c, h, w], [h, w] or [w], without a batch.
 * Source of parameter ids and size rules: ncnn at a4d2ea1d, `src/layer/<layer>.cpp`.
 *
 * @module
 */
import { ncnnProduct } from "./products.ts";
import { elementCount } from "../onnx/onnx_file.ts";
import { numberParam, type ParamLayer } from "./param_file.ts";

/** Value that stands for "not given" in ncnn's parameters. */
export const ABSENT = -233;

/** Layers whose tops all have the shape of their first bottom. */
export const SAME_SHAPE = new Set(
  ("AbsVal BatchNorm Bias BNLL CELU Cast Clip Dequantize Dropout ELU Eltwise Erf Exp GELU GroupNorm HardSigmoid " +
    "HardSwish InstanceNorm LayerNorm LRN Log MVN Mish Noop Normalize Power PReLU Quantize ReLU Requantize RMSNorm Scale SELU " +
    "Shrink ShuffleChannel Sigmoid Softmax Softplus Split Swish TanH Threshold UnaryOp")
    .split(" "),
);

/**
 * Returns the shapes of all blobs that can be told, by name.
 *
 * `inputShape` is [c, h, w] for `Input` layers that don't state their own size. Layers that are not
 * covered leave the blobs after them unknown, unless the file states shapes (parameter 30).
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
  const get = (id: number, fallback: number) => numberParam(layer, id, fallback);
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
      return first && [[elementCount(first)]];
    case "Reshape":
      return layer.bottoms.length === 1 ? reshapeShape(first, get) : undefined;
    case "Reduction":
      return first && [reductionShape(layer, first, get)];
    case "Squeeze":
      return first && [squeezeShape(layer, first, get)];
    case "ExpandDims":
      return first && [expandShape(layer, first)];
    case "GLU":
      return first && [halved(first, first.length === 1 ? 0 : axisOf(get(0, 0), first.length))];
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
    default: {
      const made = ncnnProduct(layer, bottoms);
      return made && [made.shape];
    }
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
  // pads below 0 are ONNX's SAME: they say how the output is cut to its stated size, and nothing
  // without one
  const pads = [left, get(15, left), top, get(16, top)].map((pad) => Math.max(pad, 0));
  const stated = [get(21, 0), get(20, 0)];
  if (pads.every((pad) => pad === 0) && stated.every((size) => size > 0)) {
    return [[get(0, 0), ...stated]];
  }
  const grow = (size: number, kernel: number, dilation: number, stride: number, extra: number) =>
    (size - 1) * stride + dilation * (kernel - 1) + 1 + extra;
  const width = grow(input[2], kw, dw, sw, get(18, 0)) - pads[0] - pads[1];
  const height = grow(input[1], get(11, kw), get(12, dw), get(13, sw), get(19, get(18, 0))) -
    pads[2] - pads[3];
  return [[get(0, 0), height, width]];
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

/** Sizes that the file states in full are known without the input's. */
function reshapeShape(input: number[] | undefined, get: Get): number[][] | undefined {
  if (get(11, ABSENT) !== ABSENT) return undefined;
  const given = [get(2, ABSENT), get(1, ABSENT), get(0, ABSENT)].filter((dim) => dim !== ABSENT);
  if (given.length === 0) return undefined;
  if (given.every((dim) => dim > 0)) return [given];
  if (!input) return undefined;
  const aligned = input.slice(-given.length);
  const dims = given.map((dim, i) => dim === 0 ? aligned[i] : dim);
  const rest = elementCount(dims.filter((dim) => dim !== -1));
  return [dims.map((dim) => dim === -1 ? elementCount(input) / rest : dim)];
}

/**
 * Returns the places of the axes that the layer's parameter 3 lists, counted from the end where
 * they are negative.
 */
function listedAxes(layer: ParamLayer, rank: number): Set<number> {
  const axes = layer.params.get(3);
  return new Set(Array.isArray(axes) ? axes.map((axis) => axisOf(axis, rank)) : []);
}

function reductionShape(layer: ParamLayer, input: number[], get: Get): number[] {
  const axes = listedAxes(layer, input.length);
  const isReduced = (i: number) => get(1, 1) !== 0 || input.length === 1 || axes.has(i);
  if (get(4, 0)) return input.map((dim, i) => isReduced(i) ? 1 : dim);
  return orOne(input.filter((_, i) => !isReduced(i)));
}

/** Ids of Squeeze's flags by the number of axes, outermost first. */
const SQUEEZE_FLAGS = [[], [0], [1, 0], [2, 1, 0], [2, 11, 1, 0]];

function squeezeShape(layer: ParamLayer, input: number[], get: Get): number[] {
  const axes = listedAxes(layer, input.length);
  const flags = SQUEEZE_FLAGS[input.length];
  const isNamed = (i: number) => layer.params.has(3) ? axes.has(i) : get(flags[i], 0) !== 0;
  return orOne(input.filter((dim, i) => dim !== 1 || !isNamed(i)));
}

function expandShape(layer: ParamLayer, input: number[]): number[] {
  const added = layer.params.get(3);
  const rank = input.length + (Array.isArray(added) ? added.length : 0);
  const axes = listedAxes(layer, rank);
  const rest = [...input];
  return Array.from({ length: rank }, (_, i) => axes.has(i) ? 1 : rest.shift()!);
}

function halved(input: number[], axis: number): number[] {
  return input.map((dim, i) => i === axis ? Math.floor(dim / 2) : dim);
}

/** A blob has one axis at least. */
function orOne(dims: number[]): number[] {
  return dims.length > 0 ? dims : [1];
}

/**
 * Orders of the axes (outermost first) by the layer's parameter 0, for three axes: ncnn names them
 * innermost first.
 */
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
