/**
 * Static shape inference for the operations that YOLO graphs are made of.
 *
 * @module
 */
import {
  DATA_TYPE,
  elementCount,
  floatsOf,
  intsOf,
  type OnnxModel,
  type OnnxNode,
} from "./onnx_file.ts";
import {
  constantsOf,
  intAttribute,
  intsAttribute,
  sortedLiveNodes,
  textAttribute,
} from "./onnx_graph.ts";

/** What is known of the values in a graph. */
export interface InferredShapes {
  /** Dimensions by value name; a value whose shape is not known has no entry. */
  shapes: Map<string, number[]>;
  /**
   * Elements of small integer values that don't depend on the input's data (sizes, slices' ends).
   */
  integers: Map<string, number[]>;
}

/**
 * Returns the shapes of all values when the model's inputs have the given ones.
 *
 * `inputShapes` overrides the shapes in the file, by input name. A symbolic size without an
 * override leaves the shapes that depend on it unknown, as does an operation that is not covered.
 */
export function inferShapes(
  model: OnnxModel,
  inputShapes: ReadonlyMap<string, number[]> = new Map(),
): InferredShapes {
  const shapes = new Map<string, number[]>();
  const integers = new Map<string, number[]>();
  for (const [name, tensor] of constantsOf(model)) {
    shapes.set(name, tensor.dims);
    const isInteger = tensor.dataType === DATA_TYPE.int64 || tensor.dataType === DATA_TYPE.int32;
    if (isInteger && elementCount(tensor.dims) <= 64) integers.set(name, intsOf(tensor));
  }
  for (const input of model.inputs) {
    const dims = inputShapes.get(input.name) ?? input.dims;
    if (dims?.every((dim): dim is number => typeof dim === "number" && dim > 0)) {
      shapes.set(input.name, dims as number[]);
    }
  }
  const constants = constantsOf(model);
  const nodes = sortedLiveNodes(model.nodes, model.nodes.flatMap((node) => node.outputs));
  for (const node of nodes) {
    const known = {
      shape: (i: number) => shapes.get(node.inputs[i] ?? ""),
      ints: (i: number) => integers.get(node.inputs[i] ?? ""),
      floats: (i: number) => {
        const tensor = constants.get(node.inputs[i] ?? "");
        return tensor && tensor.dataType === DATA_TYPE.float ? floatsOf(tensor) : undefined;
      },
    };
    if (node.opType !== "Constant") {
      const inferred = inferNode(node, known);
      node.outputs.forEach((output, i) => {
        if (inferred?.[i]) shapes.set(output, inferred[i]);
      });
    }
    const folded = foldIntegers(node, known);
    if (folded && folded.values.length <= 64) {
      integers.set(node.outputs[0], folded.values);
      shapes.set(node.outputs[0], folded.isScalar ? [] : [folded.values.length]);
    }
  }
  return { shapes, integers };
}

interface Known {
  shape(input: number): number[] | undefined;
  ints(input: number): number[] | undefined;
  floats(input: number): number[] | undefined;
}

/** Operations whose result has the shape of their first input. */
export const ELEMENTWISE = new Set(
  ("Sigmoid Relu LeakyRelu Clip HardSigmoid HardSwish Swish Silu Softmax Tanh Exp Log Sqrt Neg Abs Cast Identity " +
    "BatchNormalization Dropout Elu Mish Softplus Erf Floor Ceil Round Reciprocal LRN PRelu InstanceNormalization LogSoftmax " +
    "DequantizeLinear QuantizeLinear LayerNormalization Gelu Selu Sin Cos Sign Celu " +
    "ThresholdedRelu Softsign Not CumSum LpNormalization GroupNormalization RMSNormalization Shrink")
    .split(" "),
);
/** Operations whose result has the shape that those of their inputs broadcast to. */
export const BROADCAST = new Set(
  ("Add Sub Mul Div Pow Max Min Mod Sum Mean Equal Greater Less GreaterOrEqual LessOrEqual And Or " +
    "Where").split(" "),
);

function inferNode(node: OnnxNode, known: Known): number[][] | undefined {
  const first = known.shape(0);
  if (ELEMENTWISE.has(node.opType)) return first && [first];
  if (BROADCAST.has(node.opType)) {
    const all = node.inputs.map((_, i) => known.shape(i));
    const result = all.reduce((a, b) => a && b && broadcast(a, b));
    return result && [result];
  }
  switch (node.opType) {
    case "Conv":
    case "MaxPool":
    case "AveragePool":
      return first && convolutionShape(node, first, known);
    case "ConvTranspose":
      return first && transposedConvolutionShape(node, first, known);
    case "GlobalAveragePool":
    case "GlobalMaxPool":
      return first && [[first[0], first[1], ...first.slice(2).map(() => 1)]];
    case "Concat":
      return concatShape(node, known);
    case "Split":
      return first && splitShapes(node, first, known);
    case "Slice":
      return first && sliceShape(node, first, known);
    case "Reshape":
      return first &&
        reshapeShape(first, known.ints(1) ?? intsAttribute(node, "shape") ?? undefined);
    case "Transpose": {
      const perm = intsAttribute(node, "perm") ?? first?.map((_, i) => i).reverse();
      return first && perm && [perm.map((axis) => first[axis])];
    }
    case "Resize":
    case "Upsample":
      return first && resizeShape(node, first, known);
    case "MatMul": {
      const second = known.shape(1);
      if (!first || !second || first.length < 2 || second.length < 2) return undefined;
      const batch = broadcast(first.slice(0, -2), second.slice(0, -2));
      if (!batch || first[first.length - 1] !== second[second.length - 2]) return undefined;
      return [[...batch, first[first.length - 2], second[second.length - 1]]];
    }
    case "Gemm": {
      const second = known.shape(1);
      if (!first || !second) return undefined;
      const rows = intAttribute(node, "transA", 0) ? first[1] : first[0];
      return [[rows, intAttribute(node, "transB", 0) ? second[0] : second[1]]];
    }
    case "Flatten": {
      const axis = intAttribute(node, "axis", 1);
      return first && [[elementCount(first.slice(0, axis)), elementCount(first.slice(axis))]];
    }
    case "Unsqueeze": {
      const axes = intsAttribute(node, "axes") ?? known.ints(1);
      if (!first || !axes) return undefined;
      const rank = first.length + axes.length;
      const places = new Set(axes.map((axis) => axis < 0 ? axis + rank : axis));
      const rest = [...first];
      return [Array.from({ length: rank }, (_, i) => places.has(i) ? 1 : rest.shift()!)];
    }
    case "Squeeze": {
      const axes = intsAttribute(node, "axes") ?? known.ints(1);
      if (!first) return undefined;
      const places = new Set(axes?.map((axis) => axis < 0 ? axis + first.length : axis));
      return [first.filter((dim, i) => axes ? !places.has(i) : dim !== 1)];
    }
    case "DepthToSpace":
    case "SpaceToDepth": {
      const side = intAttribute(node, "blocksize", 1);
      if (first?.length !== 4) return undefined;
      const [batch, channels, height, width] = first;
      return node.opType === "DepthToSpace"
        ? [[batch, channels / side ** 2, height * side, width * side]]
        : [[batch, channels * side ** 2, height / side, width / side]];
    }
    case "GridSample": {
      const grid = known.shape(1);
      return first && grid && [[...first.slice(0, 2), ...grid.slice(1, -1)]];
    }
    case "Tile": {
      const repeats = known.ints(1);
      return first && repeats && [first.map((dim, i) => dim * repeats[i])];
    }
    case "TopK": {
      const count = known.ints(1)?.[0] ?? intAttribute(node, "k", NaN);
      if (!first || Number.isNaN(count)) return undefined;
      const axis = normalAxis(intAttribute(node, "axis", -1), first.length);
      const dims = first.map((dim, i) => i === axis ? count : dim);
      return [dims, dims];
    }
    case "Range": {
      const [start, limit, step] = [0, 1, 2].map((i) => (known.ints(i) ?? known.floats(i))?.[0]);
      if (start === undefined || limit === undefined || step === undefined) return undefined;
      return [[Math.max(0, Math.ceil((limit - start) / step))]];
    }
    case "GatherElements": {
      const indices = known.shape(1);
      return indices && [indices];
    }
    case "ArgMax":
    case "ArgMin": {
      const axis = normalAxis(intAttribute(node, "axis", 0), first?.length ?? 0);
      const keep = intAttribute(node, "keepdims", 1) !== 0;
      return first && [first.flatMap((dim, i) => i === axis ? (keep ? [1] : []) : [dim])];
    }
    case "ReduceSum":
    case "ReduceSumSquare":
    case "ReduceMax":
    case "ReduceMin":
    case "ReduceProd":
    case "ReduceL1":
    case "ReduceL2":
    case "ReduceLogSum":
    case "ReduceLogSumExp":
    case "ReduceMean": {
      const axes = intsAttribute(node, "axes") ?? known.ints(1) ?? first?.map((_, i) => i);
      if (!first || !axes) return undefined;
      const places = new Set(axes.map((axis) => axis < 0 ? axis + first.length : axis));
      const keep = intAttribute(node, "keepdims", 1) !== 0;
      return [first.flatMap((dim, i) => places.has(i) ? (keep ? [1] : []) : [dim])];
    }
    case "Gather": {
      const second = known.shape(1);
      if (!first || !second) return undefined;
      const axis = normalAxis(intAttribute(node, "axis", 0), first.length);
      return [[...first.slice(0, axis), ...second, ...first.slice(axis + 1)]];
    }
    case "Expand": {
      const target = known.ints(1);
      const result = first && target && broadcast(first, target);
      return result && [result];
    }
    case "ConstantOfShape": {
      const target = known.ints(0);
      return target && [target];
    }
    case "Pad": {
      const pads = intsAttribute(node, "pads") ?? known.ints(1);
      return first && pads && [first.map((dim, i) => dim + pads[i] + pads[i + first.length])];
    }
    default:
      return undefined;
  }
}

/** Returns the shape that two shapes broadcast to; undefined when they don't fit. */
function broadcast(a: number[], b: number[]): number[] | undefined {
  const rank = Math.max(a.length, b.length);
  const dims: number[] = [];
  for (let i = 0; i < rank; i++) {
    const left = a[i - rank + a.length] ?? 1;
    const right = b[i - rank + b.length] ?? 1;
    if (left !== right && left !== 1 && right !== 1) return undefined;
    dims.push(left === 1 ? right : left);
  }
  return dims;
}

/** Returns the place of an axis that counts from the end where it is negative. */
export function normalAxis(axis: number, rank: number): number {
  return axis < 0 ? axis + rank : axis;
}

function convolutionShape(node: OnnxNode, input: number[], known: Known): number[][] | undefined {
  const weight = node.opType === "Conv" ? known.shape(1) : undefined;
  const kernel = intsAttribute(node, "kernel_shape") ?? weight?.slice(2);
  if (!kernel || (node.opType === "Conv" && !weight)) return undefined;
  const spatial = input.slice(2);
  const strides = intsAttribute(node, "strides") ?? kernel.map(() => 1);
  const dilations = intsAttribute(node, "dilations") ?? kernel.map(() => 1);
  const pads = intsAttribute(node, "pads") ?? kernel.flatMap(() => [0, 0]);
  const same = textAttribute(node, "auto_pad", "NOTSET").startsWith("SAME");
  const round = intAttribute(node, "ceil_mode", 0) ? Math.ceil : Math.floor;
  const size = spatial.map((dim, i) => {
    if (same) return Math.ceil(dim / strides[i]);
    const span = dilations[i] * (kernel[i] - 1) + 1;
    return round((dim + pads[i] + pads[i + spatial.length] - span) / strides[i]) + 1;
  });
  return [[input[0], weight ? weight[0] : input[1], ...size]];
}

function transposedConvolutionShape(
  node: OnnxNode,
  input: number[],
  known: Known,
): number[][] | undefined {
  const weight = known.shape(1);
  if (!weight) return undefined;
  const kernel = intsAttribute(node, "kernel_shape") ?? weight.slice(2);
  const strides = intsAttribute(node, "strides") ?? kernel.map(() => 1);
  const dilations = intsAttribute(node, "dilations") ?? kernel.map(() => 1);
  const pads = intsAttribute(node, "pads") ?? kernel.flatMap(() => [0, 0]);
  const extra = intsAttribute(node, "output_padding") ?? kernel.map(() => 0);
  const size = input.slice(2).map((dim, i) =>
    strides[i] * (dim - 1) + extra[i] + dilations[i] * (kernel[i] - 1) + 1 - pads[i] -
    pads[i + kernel.length]
  );
  return [[input[0], weight[1] * intAttribute(node, "group", 1), ...size]];
}

function concatShape(node: OnnxNode, known: Known): number[][] | undefined {
  const all = node.inputs.map((_, i) => known.shape(i));
  if (!all.every((shape): shape is number[] => shape !== undefined) || all.length === 0) {
    return undefined;
  }
  const axis = normalAxis(intAttribute(node, "axis", 0), all[0].length);
  const fits = all.every((shape) =>
    shape.length === all[0].length &&
    shape.every((dim, i) => i === axis || dim === all[0][i])
  );
  if (!fits) return undefined;
  const total = all.reduce((sum, shape) => sum + shape[axis], 0);
  return [all[0].map((dim, i) => i === axis ? total : dim)];
}

/** Returns the sizes of a Split's parts along its axis; undefined when they are not known. */
export function splitSizes(
  node: OnnxNode,
  inputShape: number[],
  sizesInput: number[] | undefined,
): number[] | undefined {
  const axis = normalAxis(intAttribute(node, "axis", 0), inputShape.length);
  const given = intsAttribute(node, "split") ?? sizesInput;
  if (given) return given;
  if (node.inputs[1]) return undefined;
  const parts = node.outputs.length;
  const each = Math.ceil(inputShape[axis] / parts);
  return Array.from({ length: parts }, (_, i) => Math.min(each, inputShape[axis] - i * each));
}

function splitShapes(node: OnnxNode, input: number[], known: Known): number[][] | undefined {
  const axis = normalAxis(intAttribute(node, "axis", 0), input.length);
  return splitSizes(node, input, known.ints(1))?.map((size) =>
    input.map((dim, i) => i === axis ? size : dim)
  );
}

/**
 * Returns start and end (exclusive) that a Slice takes of each axis; undefined when not known or
 * not of step 1.
 */
export function sliceRanges(
  node: OnnxNode,
  inputShape: number[],
  ints: (input: number) => number[] | undefined,
): { axis: number; start: number; end: number; step: number }[] | undefined {
  const starts = intsAttribute(node, "starts") ?? ints(1);
  const ends = intsAttribute(node, "ends") ?? ints(2);
  if (!starts || !ends) return undefined;
  const given = intsAttribute(node, "axes") ?? (node.inputs[3] ? ints(3) : undefined);
  if (node.inputs[3] && !given) return undefined;
  const axes = given ?? starts.map((_, i) => i);
  const steps = node.inputs[4] ? ints(4) : starts.map(() => 1);
  if (!steps || steps.some((step) => step < 1)) return undefined;
  return axes.map((given, i) => {
    const axis = normalAxis(given, inputShape.length);
    const dim = inputShape[axis];
    const clamp = (value: number) => Math.min(Math.max(value < 0 ? value + dim : value, 0), dim);
    return { axis, start: clamp(starts[i]), end: clamp(ends[i]), step: steps[i] };
  });
}

function sliceShape(node: OnnxNode, input: number[], known: Known): number[][] | undefined {
  const ranges = sliceRanges(node, input, known.ints);
  if (!ranges) return undefined;
  const dims = [...input];
  for (const { axis, start, end, step } of ranges) {
    dims[axis] = Math.max(0, Math.ceil((end - start) / step));
  }
  return [dims];
}

function reshapeShape(input: number[], target: number[] | undefined): number[][] | undefined {
  if (!target) return undefined;
  const dims = target.map((dim, i) => dim === 0 ? input[i] : dim);
  const rest = elementCount(dims.filter((dim) => dim !== -1));
  const result = dims.map((dim) => dim === -1 ? elementCount(input) / rest : dim);
  return result.every(Number.isInteger) && elementCount(result) === elementCount(input)
    ? [result]
    : undefined;
}

function resizeShape(node: OnnxNode, input: number[], known: Known): number[][] | undefined {
  const sizes = node.opType === "Resize" && node.inputs[3] ? known.ints(3) : undefined;
  if (sizes) return [sizes];
  if (node.opType === "Resize" && node.inputs[3]) return undefined;
  const attribute = node.attributes.get("scales");
  const scales = attribute?.type === "floats"
    ? attribute.value
    : known.floats(node.inputs.length > 2 ? 2 : 1);
  if (!scales || scales.length !== input.length) return undefined;
  return [input.map((dim, i) => Math.floor(dim * scales[i]))];
}

/** Returns the elements of a small integer value that can be told without running the network. */
function foldIntegers(
  node: OnnxNode,
  known: Known,
): { values: number[]; isScalar: boolean } | undefined {
  const first = known.ints(0);
  switch (node.opType) {
    case "Shape": {
      const shape = known.shape(0);
      // both ends as those of Array.slice: negative ones count from the end, those beyond are
      // clamped
      const [start, end] = [intAttribute(node, "start", 0), intAttribute(node, "end", Infinity)];
      return shape && { values: shape.slice(start, end), isScalar: false };
    }
    case "Gather": {
      const indices = known.ints(1);
      if (!first || !indices) return undefined;
      const values = indices.map((index) => first[index < 0 ? index + first.length : index]);
      return { values, isScalar: known.shape(1)?.length === 0 };
    }
    case "Unsqueeze":
      return first && { values: first, isScalar: false };
    case "Squeeze":
      return first && { values: first, isScalar: first.length === 1 };
    case "Cast":
    case "Identity":
      return first && { values: first, isScalar: known.shape(0)?.length === 0 };
    case "Concat": {
      const all = node.inputs.map((_, i) => known.ints(i));
      return all.every((part): part is number[] => part !== undefined)
        ? { values: all.flat(), isScalar: false }
        : undefined;
    }
    case "Slice": {
      if (!first) return undefined;
      const [range] = sliceRanges(node, [first.length], known.ints) ?? [];
      if (!range) return undefined;
      const values = first.slice(range.start, range.end).filter((_, i) => i % range.step === 0);
      return { values, isScalar: false };
    }
    case "Add":
    case "Sub":
    case "Mul":
    case "Div": {
      const second = known.ints(1);
      if (!first || !second) return undefined;
      const length = Math.max(first.length, second.length);
      const values = Array.from({ length }, (_, i) => {
        const a = first[first.length === 1 ? 0 : i];
        const b = second[second.length === 1 ? 0 : i];
        if (node.opType === "Add") return a + b;
        if (node.opType === "Sub") return a - b;
        return node.opType === "Mul" ? a * b : Math.trunc(a / b);
      });
      const isScalar = known.shape(0)?.length === 0 && known.shape(1)?.length === 0;
      return { values, isScalar };
    }
    default:
      return undefined;
  }
}
