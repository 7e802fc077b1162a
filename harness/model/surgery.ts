/**
 * One exported pose model → the graphs of its variants: other heads, other activations, other input
 * sizes.
 *
 * ```
 * decoded   … conv ─► DFL, sigmoid, arithmetic ─► output [1, 4+nc+K·D, N]
 * raw       … conv cls ─┐
 *           … conv box ─┼─ Concat ─ Transpose ─► out<level> [1, H, W, nc+4·regMax+K·D]      three outputs
 *           … conv kpt ─┘
 * raw-nchw  … conv ─► out0 box, out1 cls, out2 kpt of stride 8, out3 box of stride 16, …   nine outputs
 * ```
 *
 * @module
 */
import type { Activation, Head, OutputBlob } from "../record/variant.ts";
import { HarnessError } from "../errors.ts";
import {
  badModel,
  DATA_TYPE,
  floatTensor,
  type OnnxModel,
  type OnnxNode,
  type OnnxValue,
} from "./onnx/onnx_file.ts";
import {
  constantsOf,
  freshName,
  namesIn,
  producersOf,
  pruned,
  WEIGHTED_OPERATORS,
} from "./onnx/onnx_graph.ts";
import { inferShapes } from "./onnx/shapes.ts";
import type { PoseHead } from "./head.ts";
import { withActivation } from "./activation.ts";
import { withSizesFor } from "./free_size.ts";

/**
 * Version of the surgery: raised when the graphs that it makes change, so that cached variants are
 * made anew.
 */
export const SURGERY_VERSION = 7;

/** A graph made for a variant, and what its outputs hold. */
export interface CutModel {
  model: OnnxModel;
  outputs: OutputBlob[];
}

/**
 * Returns the model with the head and the activation asked for.
 *
 * `activation` null keeps the trained one. Dead nodes are gone and the nodes are in topological
 * order.
 */
export function cutModel(
  model: OnnxModel,
  head: PoseHead,
  kind: Head,
  activation: Activation | null,
): CutModel {
  const cut = cutHead(scaledResizes(withWeights(withoutIdentities(model))), head, kind);
  return { ...cut, model: withActivation(pruned(cut.model), activation) };
}

/**
 * Returns the model with the outputs of the head asked for; nodes that are dead by that are still
 * in it.
 */
function cutHead(model: OnnxModel, head: PoseHead, kind: Head): CutModel {
  const { shapes } = inferShapes(model);
  const taken = namesIn(model);
  const nodes = [...model.nodes];
  const values: OnnxValue[] = [];
  const outputs: OutputBlob[] = [];
  const addOutput = (
    source: string,
    role: OutputBlob["role"],
    stride: number,
    from: OnnxNode[],
  ) => {
    const blob = freshName(`out${values.length}`, taken);
    if (from.length > 0) {
      from[from.length - 1].outputs = [blob];
      nodes.push(...from);
    } else {
      renameValue(nodes, source, blob);
    }
    values.push({ name: blob, dataType: DATA_TYPE.float, dims: null });
    outputs.push({ blob, role, stride });
  };
  if (kind === "decoded") {
    const output = {
      ...model.outputs[0],
      dims: shapes.get(head.outputName) ?? model.outputs[0].dims,
    };
    return {
      model: { ...model, outputs: [output] },
      outputs: [{ blob: head.outputName, role: "decoded", stride: null }],
    };
  }
  for (const { stride, box, cls, kpt } of head.levels) {
    if (kind === "raw-nchw") {
      addOutput(box, "box", stride, []);
      addOutput(cls, "cls", stride, []);
      if (kpt !== null) addOutput(kpt, "kpt", stride, []);
      continue;
    }
    const joined = freshName(`raw_stride${stride}_nchw`, taken);
    addOutput(joined, "raw", stride, [
      {
        name: freshName(`raw_stride${stride}/Concat`, taken),
        opType: "Concat",
        domain: "",
        inputs: [cls, box, ...(kpt === null ? [] : [kpt])],
        outputs: [joined],
        attributes: new Map([["axis", { type: "int", value: 1 }]]),
      },
      {
        name: freshName(`raw_stride${stride}/Transpose`, taken),
        opType: "Transpose",
        domain: "",
        inputs: [joined],
        outputs: [],
        attributes: new Map([["perm", { type: "ints", value: [0, 2, 3, 1] }]]),
      },
    ]);
  }
  const cut = { ...model, nodes, outputs: values };
  return { model: withOutputShapes(cut), outputs };
}

/**
 * Returns the model whose keypoint convolutions give their channels in this order: channel `i` is
 * the one that was `channels[i]`.
 *
 * Throws `TypeError` when a convolution's weights are no constants.
 */
export function withKeypointChannels(
  model: OnnxModel,
  head: PoseHead,
  channels: readonly number[],
): OnnxModel {
  if (channels.every((channel, index) => channel === index)) return model;
  const producers = producersOf(model.nodes);
  const constants = constantsOf(model);
  const taken = namesIn(model);
  const initializers = new Map(model.initializers);
  const ordered = (name: string): string => {
    const tensor = constants.get(name);
    if (tensor === undefined) {
      throw new TypeError(`Cannot order the channels of "${name}": it is no constant`);
    }
    const rowBytes = tensor.data.length / channels.length;
    const data = new Uint8Array(tensor.data.length);
    channels.forEach((channel, index) =>
      data.set(tensor.data.subarray(channel * rowBytes, (channel + 1) * rowBytes), index * rowBytes)
    );
    const fresh = freshName(`${name}_ordered`, taken);
    initializers.set(fresh, { ...tensor, name: fresh, data });
    return fresh;
  };
  const convolutions = new Set(
    head.levels.flatMap(({ kpt }) => kpt ?? []).map((kpt) => producers.get(kpt)),
  );
  const nodes = model.nodes.map((node) =>
    convolutions.has(node)
      ? { ...node, inputs: [node.inputs[0], ...node.inputs.slice(1).map(ordered)] }
      : node
  );
  return { ...model, nodes, initializers };
}

function renameValue(nodes: OnnxNode[], from: string, to: string): void {
  const rename = (name: string) => name === from ? to : name;
  nodes.forEach((node, i) => {
    if (!node.inputs.includes(from) && !node.outputs.includes(from)) return;
    nodes[i] = { ...node, inputs: node.inputs.map(rename), outputs: node.outputs.map(rename) };
  });
}

function withOutputShapes(model: OnnxModel): OnnxModel {
  const { shapes } = inferShapes(model);
  return {
    ...model,
    outputs: model.outputs.map((output) => ({ ...output, dims: shapes.get(output.name) ?? null })),
  };
}

/**
 * Returns the model without nodes that only pass a value on, as exports without simplification have
 * them.
 */
function withoutIdentities(model: OnnxModel): OnnxModel {
  const outputs = new Set(model.outputs.map((output) => output.name));
  const isIdle = (node: OnnxNode) => node.opType === "Identity" && !outputs.has(node.outputs[0]);
  const sources = new Map(
    model.nodes.filter(isIdle).map((node) => [node.outputs[0], node.inputs[0]]),
  );
  const resolve = (name: string): string => {
    const source = sources.get(name);
    return source === undefined ? name : resolve(source);
  };
  return {
    ...model,
    nodes: model.nodes.filter((node) => !isIdle(node))
      .map((node) => ({ ...node, inputs: node.inputs.map(resolve) })),
  };
}

/**
 * Returns the model with the weights of Constant nodes among the initializers, where tolerances and
 * counts look for them.
 */
function withWeights(model: OnnxModel): OnnxModel {
  const constants = constantsOf(model);
  const weights = new Set(
    model.nodes.filter(({ opType }) => WEIGHTED_OPERATORS.has(opType))
      .flatMap(({ inputs }) => inputs.slice(1))
      .filter((name) => constants.has(name)),
  );
  return {
    ...model,
    initializers: new Map([
      ...model.initializers,
      ...[...weights].map((name) => [name, { ...constants.get(name)!, name }] as const),
    ]),
    nodes: model.nodes.filter(({ opType, outputs }) =>
      opType !== "Constant" || !weights.has(outputs[0])
    ),
  };
}

/**
 * Returns the model with every Resize that names its output size turned into one that names its
 * scale.
 */
function scaledResizes(model: OnnxModel): OnnxModel {
  const { shapes } = inferShapes(model);
  const taken = namesIn(model);
  const initializers = new Map(model.initializers);
  const nodes = model.nodes.map((node) => {
    if (node.opType !== "Resize" || !node.inputs[3]) return node;
    const before = shapes.get(node.inputs[0]);
    const after = shapes.get(node.outputs[0]);
    if (!before || !after) return node;
    const name = freshName(`${node.outputs[0]}_scales`, taken);
    initializers.set(
      name,
      floatTensor(name, [before.length], before.map((dim, i) => after[i] / dim)),
    );
    return { ...node, inputs: [node.inputs[0], node.inputs[1] ?? "", name] };
  });
  return { ...model, nodes, initializers };
}

/**
 * Returns the cut model for another input size.
 *
 * Throws `HarnessError` `bad-option` when the size is not a multiple of the largest stride,
 * `bad-model` when something in the graph holds the exported size and it can't be told how it
 * follows from the input's.
 */
export function resizedModel(
  model: OnnxModel,
  head: PoseHead,
  widthPx: number,
  heightPx: number,
  label: string,
): OnnxModel {
  checkMultiple(head, widthPx, heightPx);
  if (widthPx === head.inputWidthPx && heightPx === head.inputHeightPx) return model;
  const dims = [1, 3, heightPx, widthPx];
  const freed = withSizesFor(model, head.inputName, heightPx, widthPx);
  const stuck = stuckAt(freed, head, dims);
  if (stuck) {
    throw badModel(
      label,
      `its graph holds the size that it was exported for, ${head.inputWidthPx}x${head.inputHeightPx} (${stuck}), so that it can't run at ${widthPx}x${heightPx}: leave --shape out, or export it again at the size that you want`,
    );
  }
  const inputs = model.inputs.map((input) => ({ ...input, dims }));
  return withOutputShapes(pruned({ ...freed, inputs }));
}

/**
 * Throws `HarnessError` `bad-option` when a level's stride does not divide 32, the multiple to
 * which a rectangle's sides are padded.
 */
export function checkRectangular(head: PoseHead): void {
  const stride = largestStride(head);
  if (32 % stride === 0) return;
  throw new HarnessError(
    "bad-option",
    `Cannot prepare --shape rect: its sides are padded to multiples of 32, and the model's largest stride is ${stride}: name fixed sizes in multiples of ${stride}, as --shape WIDTHxHEIGHT`,
  );
}

/**
 * Returns the cut model with symbolic height and width, so that one file serves every size in
 * multiples of the largest stride.
 *
 * Throws `HarnessError` `bad-model` when something in the graph holds the exported size.
 */
export function sizeFreeModel(model: OnnxModel, head: PoseHead, label: string): OnnxModel {
  const stride = largestStride(head);
  const other = [1, 3, head.inputHeightPx + stride, head.inputWidthPx + 2 * stride];
  const stuck = stuckAt(model, head, other);
  if (stuck) {
    throw badModel(
      label,
      `its graph holds the size that it was exported for, ${head.inputWidthPx}x${head.inputHeightPx} (${stuck}), so that one file can't serve the sizes of --shape rect: name the sizes that you want, as --shape WIDTHxHEIGHT`,
    );
  }
  return {
    ...model,
    inputs: model.inputs.map((input) => ({ ...input, dims: [1, 3, "height", "width"] })),
    outputs: model.outputs.map((output, level) => ({
      ...output,
      dims:
        output.dims?.map((dim, axis) =>
          dim !== null && isGridAxis(output.dims!, axis, head)
            ? `${axis === gridAxis(output.dims!, head) ? "height" : "width"}${level}`
            : dim
        ) ?? null,
    })),
  };
}

/** Returns the first of the two grid axes of an output: 1 in NHWC, 2 in NCHW. */
function gridAxis(dims: OnnxValue["dims"] & unknown[], head: PoseHead): number {
  return head.levels.some((level) => dims[1] === level.heightCells && dims[2] === level.widthCells)
    ? 1
    : 2;
}

function isGridAxis(dims: OnnxValue["dims"] & unknown[], axis: number, head: PoseHead): boolean {
  const first = gridAxis(dims, head);
  return axis === first || axis === first + 1;
}

function largestStride(head: PoseHead): number {
  return Math.max(...head.levels.map((level) => level.stride));
}

function checkMultiple(head: PoseHead, widthPx: number, heightPx: number): void {
  const stride = largestStride(head);
  if (widthPx % stride === 0 && heightPx % stride === 0 && widthPx > 0 && heightPx > 0) return;
  const near = (size: number) => Math.max(stride, Math.round(size / stride) * stride);
  throw new HarnessError(
    "bad-option",
    `Cannot prepare the shape ${widthPx}x${heightPx}: expected multiples of ${stride}, the model's largest stride: use ${
      near(widthPx)
    }x${near(heightPx)}`,
  );
}

/**
 * Returns the first node that can't take an input of these dimensions, in words; null when all can.
 */
function stuckAt(model: OnnxModel, head: PoseHead, dims: number[]): string | null {
  const { shapes } = inferShapes(model, new Map([[head.inputName, dims]]));
  const stuck = model.nodes.find((node) =>
    node.outputs.some((output) => !shapes.has(output)) &&
    node.inputs.every((input) => input === "" || shapes.has(input))
  );
  return stuck ? `${stuck.opType} node "${stuck.name}"` : null;
}
