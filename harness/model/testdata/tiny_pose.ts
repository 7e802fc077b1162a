/**
 * A tiny YOLOv8-pose model made by hand: three levels, few channels, random weights, names without
 * meaning.
 *
 * @module
 */
import { type HeadCode, YOLOV8 } from "../../record/head_code.ts";
import {
  DATA_TYPE,
  floatTensor,
  intTensor,
  type OnnxAttribute,
  type OnnxModel,
  type OnnxNode,
} from "../onnx/onnx_file.ts";

/** How the tiny model is made. */
export interface TinyPoseOptions {
  classes: number;
  keypoints: number;
  dims: 2 | 3;
  widthPx: number;
  heightPx: number;
  activation: "silu" | "relu" | "hardswish" | "fused-swish" | "spelled-hardswish";
  /**
   * `joined`: box and classes of a level go through one Concat (ultralytics 8.2); `apart`: each on
   * its own (later exports).
   */
  style: "joined" | "apart";
  /** False leaves the keypoints out: a detection model. */
  pose: boolean;
  /** How boxes and keypoints are decoded: as YOLOv8 does, or as YOLO26. */
  code: HeadCode;
  seed: number;
}

/** What the tiny model is unless a test says otherwise. */
export const TINY_POSE: TinyPoseOptions = {
  classes: 3,
  keypoints: 5,
  dims: 3,
  widthPx: 96,
  heightPx: 64,
  activation: "silu",
  style: "joined",
  pose: true,
  code: YOLOV8,
  seed: 1,
};

/** Returns the tiny model: input `x0`, output [1, 4 + classes + keypoints·dims, cells]. */
export function tinyPose(options: Partial<TinyPoseOptions> = {}): OnnxModel {
  const o = { ...TINY_POSE, ...options };
  const nodes: OnnxNode[] = [];
  const initializers: OnnxModel["initializers"] = new Map();
  let state = o.seed;
  const random = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 31 - 1;
  };
  let counter = 0;
  const fresh = () => `v${(++counter * 7919) % 99991}`;
  const op = (
    opType: string,
    inputs: string[],
    attributes: Record<string, number | number[] | { f: number }> = {},
    outputs = [fresh()],
  ): string => {
    const plain = Object.entries(attributes).map(([name, value]): [string, OnnxAttribute] => [
      name,
      Array.isArray(value)
        ? { type: "ints", value }
        : typeof value === "number"
        ? { type: "int", value }
        : { type: "float", value: value.f },
    ]);
    nodes.push({
      name: `n${nodes.length}`,
      opType,
      domain: "",
      inputs,
      outputs,
      attributes: new Map(plain),
    });
    return outputs[0];
  };
  const floats = (dims: number[], values: ArrayLike<number>) => {
    const name = fresh();
    initializers.set(name, floatTensor(name, dims, values));
    return name;
  };
  const ints = (values: number[]) => {
    const name = fresh();
    initializers.set(name, intTensor(name, [values.length], values));
    return name;
  };
  const channelsOf = new Map([["x0", 3]]);
  const conv = (input: string, channels: number, kernel: number, stride: number) => {
    const from = channelsOf.get(input)!;
    const count = channels * from * kernel * kernel;
    const scale = 2 / Math.sqrt(from * kernel * kernel);
    const weights = Array.from({ length: count }, () => scale * random());
    const output = op("Conv", [
      input,
      floats([channels, from, kernel, kernel], weights),
      floats([channels], Array.from({ length: channels }, random)),
    ], {
      kernel_shape: [kernel, kernel],
      strides: [stride, stride],
      pads: Array(4).fill((kernel - 1) / 2),
      dilations: [1, 1],
      group: 1,
    });
    channelsOf.set(output, channels);
    return output;
  };
  const act = (input: string) => {
    const output = activate(o.activation, input, op, floats);
    channelsOf.set(output, channelsOf.get(input)!);
    return output;
  };
  const body = (input: string, stride: number) => act(conv(input, 6, 3, stride));
  const reshape = (input: string, shape: number[]) => op("Reshape", [input, ints(shape)]);
  const slice = (input: string, axis: number, from: number, to: number) =>
    op("Slice", [input, ints([from]), ints([to]), ints([axis])]);

  const features: string[] = [];
  let value = body(body("x0", 2), 2);
  for (let level = 0; level < 3; level++) {
    value = body(value, 2);
    features.push(value);
  }
  const kptChannels = o.keypoints * o.dims;
  const boxChannels = o.code.box.code === "dfl" ? 64 : 4;
  const boxes: string[] = [];
  const classes: string[] = [];
  const joined: string[] = [];
  const keypoints: string[] = [];
  const grids = [8, 16, 32].map((stride) => ({
    stride,
    width: o.widthPx / stride,
    height: o.heightPx / stride,
  }));
  features.forEach((feature) => {
    const kpt = o.pose ? conv(body(feature, 1), kptChannels, 1, 1) : "";
    const cls = conv(body(feature, 1), o.classes, 1, 1);
    const box = conv(body(feature, 1), boxChannels, 1, 1);
    if (o.pose) keypoints.push(reshape(kpt, [1, kptChannels, -1]));
    if (o.style === "joined") {
      joined.push(reshape(op("Concat", [box, cls], { axis: 1 }), [1, boxChannels + o.classes, -1]));
    } else {
      boxes.push(reshape(box, [1, boxChannels, -1]));
      classes.push(reshape(cls, [1, o.classes, -1]));
    }
  });
  const cells = grids.reduce((sum, { width, height }) => sum + width * height, 0);
  const anchors: number[][] = [[], []];
  const strides: number[] = [];
  for (const { stride, width, height } of grids) {
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        anchors[0].push(x + 0.5);
        anchors[1].push(y + 0.5);
        strides.push(stride);
      }
    }
  }
  let box: string;
  let cls: string;
  if (o.style === "joined") {
    const all = op("Concat", joined, { axis: 2 });
    [box, cls] = [fresh(), fresh()];
    op("Split", [all], { axis: 1, split: [boxChannels, o.classes] }, [box, cls]);
  } else {
    box = op("Concat", boxes, { axis: 2 });
    cls = op("Concat", classes, { axis: 2 });
  }
  const expectation = () => {
    // operator set 11 takes a softmax over the last axis only
    const bins = op("Transpose", [reshape(box, [1, 4, 16, cells])], { perm: [0, 3, 1, 2] });
    const shares = op("Transpose", [op("Softmax", [bins], { axis: 3 })], { perm: [0, 3, 2, 1] });
    const weights = floats([1, 16, 1, 1], Array.from({ length: 16 }, (_, i) => i));
    return reshape(op("Conv", [shares, weights], { kernel_shape: [1, 1] }), [1, 4, cells]);
  };
  const distances = o.code.box.code === "dfl" ? expectation() : box;
  const anchorPoints = floats([1, 2, cells], anchors.flat());
  const strideRow = floats([1, cells], strides);
  const from = op("Sub", [anchorPoints, slice(distances, 1, 0, 2)]);
  const to = op("Add", [anchorPoints, slice(distances, 1, 2, 4)]);
  const centre = op("Div", [op("Add", [from, to]), floats([], [2])]);
  const decodedBox = op("Mul", [
    op("Concat", [centre, op("Sub", [to, from])], { axis: 1 }),
    strideRow,
  ]);
  const parts = [decodedBox, op("Sigmoid", [cls])];
  if (o.pose) {
    const points = reshape(op("Concat", keypoints, { axis: -1 }), [1, o.keypoints, o.dims, cells]);
    const { scale, origin } = o.code.keypoint;
    const offsets = slice(points, 2, 0, 2);
    const scaled = scale === 1 ? offsets : op("Mul", [offsets, floats([], [scale])]);
    const start = floats([1, 2, cells], anchors.flat().map((value) => value - 0.5 + origin));
    let decoded = op("Mul", [op("Add", [scaled, start]), strideRow]);
    if (o.dims === 3) {
      decoded = op("Concat", [decoded, op("Sigmoid", [slice(points, 2, 2, 3)])], { axis: 2 });
    }
    parts.push(reshape(decoded, [1, kptChannels, cells]));
  }
  const output = op("Concat", parts, { axis: 1 });
  const rows = 4 + o.classes + (o.pose ? kptChannels : 0);
  return {
    irVersion: 6,
    producer: "tiny_pose",
    opset: 11,
    otherOpsets: new Map(),
    metadata: new Map(),
    graphName: "tiny",
    nodes,
    initializers,
    inputs: [{ name: "x0", dataType: DATA_TYPE.float, dims: [1, 3, o.heightPx, o.widthPx] }],
    outputs: [{ name: output, dataType: DATA_TYPE.float, dims: [1, rows, cells] }],
  };
}

function activate(
  kind: TinyPoseOptions["activation"],
  input: string,
  op: (opType: string, inputs: string[], attributes?: Record<string, { f: number }>) => string,
  floats: (dims: number[], values: number[]) => string,
): string {
  switch (kind) {
    case "relu":
      return op("Relu", [input]);
    case "fused-swish":
      return op("Swish", [input]);
    case "silu":
      return op("Mul", [op("Sigmoid", [input]), input]);
    case "hardswish":
      return op("Mul", [
        input,
        op("HardSigmoid", [input], { alpha: { f: 1 / 6 }, beta: { f: 0.5 } }),
      ]);
    case "spelled-hardswish": {
      const sum = op("Add", [input, floats([], [3])]);
      const clip = op("Clip", [sum, floats([], [0]), floats([], [6])]);
      return op("Div", [op("Mul", [input, clip]), floats([], [6])]);
    }
  }
}
