/**
 * ONNX graph → where its pose head is: the convolutions whose outputs the decode starts from.
 *
 * The head is found by structure: from the decoded output backwards through the decode's arithmetic
 * to the first convolutions. What each of them holds follows from the way to it: the first four
 * rows come from the box, rows that are a bare sigmoid from the class scores, other arithmetic from
 * the keypoints. Names don't matter. Whether the values mean what the structure suggests is
 * measured afterwards, see `fit_decode.ts`.
 *
 * @module
 */
import { type HeadCode, YOLO26, YOLOV8 } from "../record/head_code.ts";
import {
  badModel,
  floatsOf,
  type OnnxModel,
  type OnnxNode,
  type OnnxTensor,
} from "./onnx/onnx_file.ts";
import {
  constantsOf,
  intAttribute,
  intsAttribute,
  producersOf,
  valuesOfInputs,
} from "./onnx/onnx_graph.ts";
import {
  type InferredShapes,
  inferShapes,
  normalAxis,
  sliceRanges,
  splitSizes,
} from "./onnx/shapes.ts";

/** One level of the head: three convolutions over one grid of cells. */
export interface HeadLevel {
  /** Letterbox pixels per cell. */
  stride: number;
  widthCells: number;
  heightCells: number;
  /**
   * Value names of the outputs [1,C,H,W] of the convolutions: 4·regMax, classCount,
   * keypointCount·keypointDims channels. No `kpt` without keypoints.
   */
  box: string;
  cls: string;
  kpt: string | null;
}

/**
 * The head of a model as exported: decode in the graph, one output [1, 4+nc+K·D, N]. Detection
 * models have no keypoints.
 */
export interface PoseHead {
  inputName: string;
  inputWidthPx: number;
  inputHeightPx: number;
  outputName: string;
  classCount: number;
  keypointCount: number;
  keypointDims: 2 | 3;
  /** Values per box side: DFL bins, or 1. */
  regMax: number;
  /** How these values become people. */
  headCode: HeadCode;
  /** Ascending strides. */
  levels: HeadLevel[];
}

const EXPORT_ADVICE =
  "expected a YOLO pose or detection model as ultralytics exports it (`yolo export format=onnx`)";

/**
 * Returns the model's pose head.
 *
 * `label` names the model in errors. Throws `HarnessError` `bad-model` for dynamic shapes, other
 * tasks (detection, segmentation, classification, oriented boxes), NMS in the graph, heads without
 * DFL, and outputs that are not one decoded tensor.
 */
export function findPoseHead(model: OnnxModel, label: string): PoseHead {
  const input = checkInput(model, label);
  checkOutputs(model, label);
  const inferred = inferShapes(model);
  const convolutions = traceDecode(model, inferred, label);
  return assembleHead(model, label, input, inferred, convolutions);
}

function checkInput(
  model: OnnxModel,
  label: string,
): { name: string; width: number; height: number } {
  const [input, ...others] = model.inputs;
  if (!input || others.length > 0) {
    throw badModel(
      label,
      `it has ${model.inputs.length} inputs, expected one image: ${EXPORT_ADVICE}`,
    );
  }
  const text = input.dims ? `[${input.dims.map((dim) => dim ?? "?").join(", ")}]` : "unknown";
  if (!input.dims?.every((dim) => typeof dim === "number" && dim > 0)) {
    throw badModel(
      label,
      `its input "${input.name}" has a dynamic shape ${text}, expected a static one such as [1, 3, 640, 640]: export it again with dynamic=False`,
    );
  }
  const [batch, channels, height, width] = input.dims as number[];
  if (input.dims.length !== 4 || batch !== 1 || channels !== 3) {
    throw badModel(
      label,
      `its input "${input.name}" has the shape ${text}, expected one RGB image [1, 3, H, W]: export it again with batch=1`,
    );
  }
  return { name: input.name, width, height };
}

function checkOutputs(model: OnnxModel, label: string): void {
  const shapes = inferShapes(model).shapes;
  const outputs = model.outputs.map((output) => shapes.get(output.name) ?? output.dims ?? []);
  const text = model.outputs.map((output, i) => `"${output.name}" [${outputs[i].join(", ")}]`)
    .join(", ");
  const task = model.metadata.get("task");
  if (outputs.length > 2 && outputs.every((dims) => dims.length === 4)) {
    throw badModel(
      label,
      `its head is already cut (outputs ${text}): give the model as exported, with the decode in the graph; Posemark cuts it itself`,
    );
  }
  if (outputs.length === 1 && outputs[0].length === 2) {
    throw badModel(
      label,
      `it is a classification model (output ${text}), and Posemark measures pose and detection models: ${EXPORT_ADVICE}`,
    );
  }
  if (outputs.length !== 1 || outputs[0].length !== 3 || outputs[0][0] !== 1) {
    throw badModel(
      label,
      `it has the wrong outputs (${text || "none"}${
        task ? `, task ${task}` : ""
      }), expected one [1, 4 + classes + keypoint values, cells]: ${EXPORT_ADVICE}`,
    );
  }
}

/** What was met on the way from the output back to a convolution. */
interface Way {
  /** True for the way of the first four rows. */
  box: boolean;
  softmax: boolean;
  sigmoid: boolean;
  arithmetic: boolean;
  angle: boolean;
  /** Channels of the value that the way is about; null for all. */
  channels: readonly [number, number] | null;
}

interface Traced {
  /** Ways by the convolution that they end at. */
  ways: Map<OnnxNode, Way[]>;
  regMax: number | null;
  /** [K, D] of the four-dimensional values [1,K,D,N] met on the way to the keypoints. */
  keypointShapes: [number, number][];
}

function traceDecode(model: OnnxModel, inferred: InferredShapes, label: string): Traced {
  const producers = producersOf(model.nodes);
  const constants = constantsOf(model);
  const ofImage = valuesOfInputs(model);
  const traced: Traced = { ways: new Map(), regMax: null, keypointShapes: [] };
  const seen = new Set<string>();
  const start = { softmax: false, sigmoid: false, arithmetic: false, angle: false };
  const [{ name: output }] = model.outputs;
  const rows = inferred.shapes.get(output)?.[1] ?? Infinity;
  const open: [string, Way][] = [
    [output, { ...start, box: true, channels: [0, 4] }],
    [output, { ...start, box: false, channels: [4, rows] }],
  ];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const [name, way] = next;
    const key = JSON.stringify([name, way]);
    const node = producers.get(name);
    if (seen.has(key) || !node || !ofImage.has(name)) continue;
    seen.add(key);
    if (node.opType === "Conv") {
      const bins = distributionBins(constants.get(node.inputs[1]));
      if (bins === null) {
        // the angle of an oriented box is one channel, too
        if (way.box && !way.angle && inferred.shapes.get(name)?.[1] === 1) {
          throw badModel(
            label,
            `its boxes are a distribution (DFL) whose weights "${
              node.inputs[1]
            }" are not 0, 1, 2, …: ${EXPORT_ADVICE}`,
          );
        }
        traced.ways.set(node, [...(traced.ways.get(node) ?? []), way]);
        continue;
      }
      traced.regMax = bins;
    }
    const shape = inferred.shapes.get(name);
    if (node.opType === "Reshape" && shape?.length === 4 && !way.softmax) {
      traced.keypointShapes.push([shape[1], shape[2]]);
    }
    const steps = stepBack(node, name, way, inferred);
    if (steps === null) {
      throw badModel(
        label,
        `its decode has an unexpected ${node.opType} node "${node.name}": ${EXPORT_ADVICE}`,
      );
    }
    open.push(...steps);
  }
  return traced;
}

/**
 * Returns the bins of a DFL convolution, whose weights are 0, 1, 2, …; null for any other weights.
 */
function distributionBins(weights: OnnxTensor | undefined): number | null {
  if (!weights || weights.dims.length !== 4) return null;
  const [outputs, bins, height, width] = weights.dims;
  if (outputs !== 1 || height !== 1 || width !== 1 || bins < 2) return null;
  return floatsOf(weights).every((value, i) => value === i) ? bins : null;
}

/**
 * Returns the inputs of a node that its output depends on, each with the way so far; null for a
 * node that no decode has.
 */
function stepBack(
  node: OnnxNode,
  output: string,
  way: Way,
  { shapes, integers }: InferredShapes,
): [string, Way][] | null {
  const input = shapes.get(node.inputs[0]);
  const all: Way = { ...way, channels: null };
  switch (node.opType) {
    case "Softmax":
      return [[node.inputs[0], { ...way, softmax: true }]];
    case "Sigmoid":
      return [[node.inputs[0], { ...way, sigmoid: true }]];
    case "Sin":
    case "Cos":
      return [[node.inputs[0], { ...way, angle: true }]];
    case "Add":
    case "Sub":
    case "Mul":
    case "Div":
    case "Pow":
    case "MatMul":
      return node.inputs.map((name) => [name, { ...way, arithmetic: true }]);
    case "Split": {
      const sizes = input && splitSizes(node, input, integers.get(node.inputs[1] ?? ""));
      if (!sizes || normalAxis(intAttribute(node, "axis", 0), input.length) !== 1) {
        return [[node.inputs[0], all]];
      }
      const offset = sizes.slice(0, node.outputs.indexOf(output)).reduce((a, b) => a + b, 0);
      return [[node.inputs[0], within(way, offset, sizes[node.outputs.indexOf(output)])]];
    }
    case "Slice": {
      const ranges = input && sliceRanges(node, input, (i) => integers.get(node.inputs[i] ?? ""));
      const range = ranges?.find(({ axis }) => axis === 1);
      if (!ranges) return [[node.inputs[0], all]];
      if (!range) return [[node.inputs[0], way]];
      return [[node.inputs[0], within(way, range.start, range.end - range.start)]];
    }
    case "Concat": {
      const rank = shapes.get(output)?.length ?? 0;
      if (normalAxis(intAttribute(node, "axis", 0), rank) !== 1 || way.channels === null) {
        return node.inputs.map((name) => [name, way]);
      }
      const [from, to] = way.channels;
      let offset = 0;
      return node.inputs.flatMap((name): [string, Way][] => {
        const size = shapes.get(name)?.[1];
        if (size === undefined) return [[name, all]];
        const channels = [Math.max(0, from - offset), Math.min(size, to - offset)] as const;
        offset += size;
        return channels[0] < channels[1] ? [[name, { ...way, channels }]] : [];
      });
    }
    case "Reshape": {
      const shape = shapes.get(output);
      const keeps = input && shape && input[0] === shape[0] && input[1] === shape[1];
      return [[node.inputs[0], keeps ? way : all]];
    }
    case "Transpose":
      return [[node.inputs[0], intsAttribute(node, "perm")?.[1] === 1 ? way : all]];
    case "Cast":
    case "Identity":
      return [[node.inputs[0], way]];
    case "Conv":
    case "Unsqueeze":
    case "Squeeze":
    case "Flatten":
    case "ReduceSum":
    case "Expand":
    case "Gather":
      return [[node.inputs[0], all]];
    default:
      return null;
  }
}

/** Returns the way narrowed to the channels [offset, offset + size) of the value before. */
function within(way: Way, offset: number, size: number): Way {
  const [from, to] = way.channels ?? [0, size];
  return { ...way, channels: [offset + from, offset + Math.min(to, size)] };
}

type Role = "box" | "cls" | "kpt";

function roleOf(ways: readonly Way[]): Role {
  if (ways.some((way) => way.box)) return "box";
  return ways.some((way) => way.arithmetic) ? "kpt" : "cls";
}

function assembleHead(
  model: OnnxModel,
  label: string,
  input: { name: string; width: number; height: number },
  { shapes }: InferredShapes,
  traced: Traced,
): PoseHead {
  const levels = new Map<string, Partial<HeadLevel> & { channels: Record<string, number> }>();
  const task = model.metadata.get("task");
  const said = task ? ` (the file says task ${task})` : "";
  if ([...traced.ways.values()].flat().some((way) => way.angle)) {
    throw badModel(
      label,
      `it is a model of oriented boxes${said}, and Posemark measures pose and detection models: ${EXPORT_ADVICE}`,
    );
  }
  for (const [node, ways] of traced.ways) {
    const role = roleOf(ways);
    const shape = shapes.get(node.outputs[0]);
    if (!shape) {
      throw badModel(label, `the shape of "${node.outputs[0]}" can't be told: ${EXPORT_ADVICE}`);
    }
    const [, channels, height, width] = shape;
    const level = levels.get(`${width}x${height}`) ??
      { channels: {}, widthCells: width, heightCells: height, stride: input.width / width };
    if (level[role] !== undefined) {
      // classes have a sigmoid on their way, coefficients of masks nothing
      const isBare = (ways: readonly Way[]) =>
        !ways.some((way) => way.box || way.sigmoid || way.arithmetic);
      const bare = [...traced.ways.values()].filter(isBare).length;
      if (role === "cls" && bare > 0 && bare < traced.ways.size) {
        throw badModel(
          label,
          `it is a segmentation model${said}, and Posemark measures pose and detection models: ${EXPORT_ADVICE}`,
        );
      }
      throw badModel(
        label,
        `its head has two ${role} convolutions on the grid of ${width} by ${height} cells, expected one: ${EXPORT_ADVICE}`,
      );
    }
    level[role] = node.outputs[0];
    level.channels[role] = channels;
    levels.set(`${width}x${height}`, level);
  }
  const found = [...levels.values()].sort((a, b) => a.stride! - b.stride!);
  const hasKeypoints = found.some((level) => level.kpt !== undefined);
  const whole = found.filter((level): level is HeadLevel & { channels: Record<Role, number> } =>
    level.box !== undefined && level.cls !== undefined &&
    (level.kpt !== undefined) === hasKeypoints
  );
  if (whole.length === 0 || whole.length !== found.length) {
    throw badModel(
      label,
      `its head has ${traced.ways.size} convolutions on ${found.length} grids, expected box, class and keypoint convolutions on each${said}: ${EXPORT_ADVICE}`,
    );
  }
  const hasSoftmax = [...traced.ways.values()].flat().some((way) => way.softmax);
  if (traced.regMax === null && (hasSoftmax || whole[0].channels.box !== 4)) {
    throw badModel(
      label,
      `its boxes are neither a distribution over bins (DFL) nor four distances${said}: ${EXPORT_ADVICE}`,
    );
  }
  const regMax = traced.regMax ?? 1;
  const { box, cls, kpt = 0 } = whole[0].channels as Partial<Record<Role, number>>;
  for (const level of whole) {
    const square = level.stride === input.height / level.heightCells;
    if (!Number.isInteger(level.stride) || !square) {
      throw badModel(
        label,
        `its grid of ${level.widthCells} by ${level.heightCells} cells doesn't divide its input of ${input.width}x${input.height}: export it with a size in multiples of 32`,
      );
    }
    const same = level.channels.box === box && level.channels.cls === cls &&
      (level.channels.kpt ?? 0) === kpt;
    if (!same || box !== 4 * regMax) {
      throw badModel(
        label,
        `its head has ${
          Object.values(level.channels).join(", ")
        } channels at stride ${level.stride}, expected ${
          4 * regMax
        } for the box and the same on each level: ${EXPORT_ADVICE}`,
      );
    }
  }
  const keypoints = kpt === 0 ? [0, 3] : keypointShape(model, traced, kpt);
  if (keypoints === null) {
    throw badModel(
      label,
      `the layout of its ${kpt} keypoint values can't be told from the decode, expected [1, K, 2 or 3, cells]: ${EXPORT_ADVICE}`,
    );
  }
  const rows = shapes.get(model.outputs[0].name)?.[1];
  if (rows !== undefined && rows !== 4 + (cls ?? 0) + kpt) {
    throw badModel(
      label,
      `its output has ${rows} rows, expected 4 + ${cls} classes + ${kpt} keypoint values: ${EXPORT_ADVICE}`,
    );
  }
  return {
    inputName: input.name,
    inputWidthPx: input.width,
    inputHeightPx: input.height,
    outputName: model.outputs[0].name,
    classCount: cls!,
    keypointCount: keypoints[0],
    keypointDims: keypoints[1] as 2 | 3,
    regMax,
    headCode: traced.regMax === null ? YOLO26 : YOLOV8,
    levels: whole.map(({ stride, widthCells, heightCells, box, cls, kpt }) => ({
      stride,
      widthCells,
      heightCells,
      box,
      cls,
      kpt: kpt ?? null,
    })),
  };
}

/**
 * Returns count and values of the keypoints as the decode reshapes them, else as the metadata tell;
 * null when neither fits the channels.
 */
function keypointShape(
  model: OnnxModel,
  { keypointShapes }: Traced,
  channels: number,
): [number, number] | null {
  const [count, dims] = (model.metadata.get("kpt_shape") ?? "").match(/\d+/g)?.map(Number) ?? [];
  const known: [number, number][] = [...keypointShapes, [count, dims]];
  return known.find(([count, dims]) => count * dims === channels && (dims === 2 || dims === 3)) ??
    null;
}
