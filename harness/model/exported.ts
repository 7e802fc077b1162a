/**
 * An export as people have it → the same network in its plainest form: one float image of a fixed
 * size, batch 1, and the decoded values of every cell as the only output.
 *
 * What exporters add before and behind the network (free sizes, batches, bytes for an image, NMS or
 * the best k in the graph) is taken off again, and told.
 *
 * @module
 */
import { badModel, DATA_TYPE, intTensor, type OnnxModel, type OnnxNode } from "./onnx/onnx_file.ts";
import {
  constantsOf,
  consumersOf,
  intAttribute,
  producersOf,
  pruned,
  sortedLiveNodes,
} from "./onnx/onnx_graph.ts";
import { floatsOf, intsOf, type OnnxValue } from "./onnx/onnx_file.ts";
import { inferShapes, normalAxis } from "./onnx/shapes.ts";
import { HarnessError, type Warning } from "../errors.ts";
import { findPoseHead } from "./head.ts";

/** How the file chose among its cells, before that was cut off. */
export interface ExportedSelection {
  /** `none`: it has every cell; `nms`: NMS in the graph; `top-k`: a one-to-one head's best k. */
  by: "none" | "nms" | "top-k";
  /** What the graph's NMS suppresses from; null where it can't be told. */
  nmsIou: number | null;
  /** Rows that the graph keeps at most; null where it can't be told. */
  count: number | null;
}

/** An export in its plainest form. */
export interface PlainExport {
  model: OnnxModel;
  selection: ExportedSelection;
  /** The same with the file's own choice of the best k behind it; null where it has none. */
  selecting: OnnxModel | null;
  /** What was changed that a reader should know. */
  warnings: Warning[];
}

/** Side of a free input where the file names none, pixels: what ultralytics exports by default. */
const USUAL_SIDE_PX = 640;

/**
 * Returns the export in its plainest form.
 *
 * `label` names the model in errors. Throws `HarnessError` `bad-model` for inputs that are no RGB
 * image in planes, and for quantised files.
 */
export function plainExport(model: OnnxModel, label: string): PlainExport {
  refuseQuantised(model, label);
  const warnings: Warning[] = [];
  const floating = withFloatInput(model, label);
  const sized = withStaticInput(floating, label, warnings);
  const { model: cut, selection } = withoutSelection(sized, warnings);
  return {
    model: withoutExtraOutputs(cut, label, warnings),
    selection,
    selecting: selection.by === "top-k" ? sized : null,
    warnings,
  };
}

/**
 * Returns the model with the output alone that a head is decoded to, where it has others beside it:
 * what training needs, or what somebody wanted to see.
 *
 * With no such output the model comes back as it is.
 */
function withoutExtraOutputs(model: OnnxModel, label: string, warnings: Warning[]): OnnxModel {
  if (model.outputs.length < 2) return model;
  const { shapes } = inferShapes(model);
  const decoded = model.outputs.filter(({ name, dims }) =>
    (shapes.get(name) ?? dims)?.length === 3
  );
  for (const output of decoded) {
    const single = pruned({ ...model, outputs: [output] });
    try {
      findPoseHead(single, label);
    } catch (error) {
      if (!(error instanceof HarnessError)) throw error;
      // with one output of that form, what is wrong with it says what the model is
      if (decoded.length === 1) throw error;
      continue;
    }
    const others = model.outputs.filter((other) => other !== output).map(({ name }) => `"${name}"`);
    warnings.push({
      code: "extra-outputs",
      message: `The file has more outputs than the decoded "${output.name}": ${
        others.join(", ")
      } are left out`,
      advice: "Export the model without them, if your app doesn't read them.",
    });
    return single;
  }
  return model;
}

function refuseQuantised(model: OnnxModel, label: string): void {
  const quantised = model.nodes.find(({ opType }) =>
    /^(Quantize|DynamicQuantize)Linear$/.test(opType)
  );
  if (!quantised) return;
  throw badModel(
    label,
    `it is quantised already (${quantised.opType} node "${quantised.name}"), and ncnn quantises in its own way: export the float model, and ask for --precision int8`,
  );
}

/** Returns the model with a float image from 0 to 1 where it takes bytes and scales them itself. */
function withFloatInput(model: OnnxModel, label: string): OnnxModel {
  const [input] = model.inputs;
  if (input?.dataType !== DATA_TYPE.uint8) return model;
  const consumers = consumersOf(model.nodes);
  const constants = constantsOf(model);
  const [cast, ...others] = consumers.get(input.name) ?? [];
  const [scale] = cast?.opType === "Cast" ? consumers.get(cast.outputs[0]) ?? [] : [];
  const factor = scale && constants.get(scale.inputs[1] ?? "");
  const value = factor && floatsOf(factor)[0];
  const isShare = (scale?.opType === "Div" && value === 255) ||
    (scale?.opType === "Mul" && value !== undefined && Math.abs(value - 1 / 255) < 1e-9);
  if (others.length > 0 || !isShare) {
    throw badModel(
      label,
      `its input "${input.name}" takes bytes and does not simply divide them by 255: export it again with a float input from 0 to 1`,
    );
  }
  const image = scale.outputs[0];
  return pruned({
    ...model,
    inputs: [{ ...input, dataType: DATA_TYPE.float }],
    nodes: model.nodes.filter((node) => node !== cast && node !== scale)
      .map((node) => ({
        ...node,
        inputs: node.inputs.map((name) => name === image ? input.name : name),
      })),
  });
}

/** Returns the model for one image of a fixed size. */
function withStaticInput(model: OnnxModel, label: string, warnings: Warning[]): OnnxModel {
  const [input] = model.inputs;
  if (model.inputs.length !== 1 || input.dims?.length !== 4) return model;
  const [batch, channels, ...size] = input.dims;
  if (channels === 1 || size[1] === 3) {
    const text = input.dims.map((dim) => dim ?? "?").join(", ");
    throw badModel(
      label,
      channels === 1
        ? `its input "${input.name}" [${text}] is a grey image, expected one with red, green and blue: train and export it with channels=3`
        : `its input "${input.name}" [${text}] has the channels last, expected [1, 3, H, W]: export it again from ultralytics, without a transposition in front`,
    );
  }
  const sides = exportedSides(model);
  const [height, width] = size.map((side, axis) => typeof side === "number" ? side : sides[axis]);
  const dims = [1, 3, height, width];
  if (dims.every((dim, axis) => dim === input.dims![axis])) return model;
  if (size.some((side) => typeof side !== "number")) {
    warnings.push({
      code: "free-size",
      message: `The file leaves its input size open, and is run at ${width}x${height}`,
      advice: "Name another size by --shape.",
    });
  }
  const single = typeof batch === "number" && batch > 1 ? withBatchOne(model, batch) : model;
  return withFoldedSizes({
    ...single,
    inputs: [{ ...input, dims }],
    outputs: model.outputs.map((output): OnnxValue => ({ ...output, dims: null })),
  });
}

/** Returns height and width that the metadata say the model was exported for, pixels. */
function exportedSides({ metadata }: OnnxModel): [number, number] {
  const sides = (metadata.get("imgsz") ?? "").match(/\d+/g)?.map(Number) ?? [];
  const [height = USUAL_SIDE_PX, width = height] = sides;
  return [height, width];
}

/** Returns the model with 1 for the batch in the shapes that its nodes ask for. */
function withBatchOne(model: OnnxModel, batch: number): OnnxModel {
  const shapes = new Set(
    model.nodes.flatMap(({ opType, inputs }) =>
      opType === "Reshape" || opType === "Expand" || opType === "Tile" ? [inputs[1]] : []
    ),
  );
  const constants = constantsOf(model);
  const initializers = new Map(model.initializers);
  for (const name of shapes) {
    const tensor = constants.get(name);
    const values = tensor && intsOf(tensor);
    if (!values || values.length < 2 || values[0] !== batch) continue;
    initializers.set(name, intTensor(name, tensor.dims, [1, ...values.slice(1)]));
  }
  const replaced = new Set(initializers.keys());
  const nodes = model.nodes.filter((node) =>
    node.opType !== "Constant" || !replaced.has(node.outputs[0])
  );
  return { ...model, initializers, nodes };
}

/** Returns the model with constants for all small integers that follow from the input's size. */
function withFoldedSizes(model: OnnxModel): OnnxModel {
  const { integers, shapes } = inferShapes(model);
  const constants = constantsOf(model);
  const initializers = new Map(model.initializers);
  const folded = (node: OnnxNode) =>
    node.outputs.length === 1 && integers.has(node.outputs[0]) && !constants.has(node.outputs[0]);
  for (const node of model.nodes.filter(folded)) {
    const [name] = node.outputs;
    initializers.set(name, intTensor(name, shapes.get(name) ?? [], integers.get(name)!));
  }
  return pruned({ ...model, initializers, nodes: model.nodes.filter((node) => !folded(node)) });
}

/** Operations that choose among cells. */
const SELECTION_OPERATIONS = new Set([
  "NonMaxSuppression",
  "EfficientNMS_TRT",
  "TopK",
  "NonZero",
]);

/**
 * Returns the model that ends where every cell still has its values, and how it chose among them
 * behind that.
 *
 * The values of the cells are the last Concat of boxes, scores and keypoints [1, R, N] that no
 * choice comes before.
 */
function withoutSelection(
  model: OnnxModel,
  warnings: Warning[],
): { model: OnnxModel; selection: ExportedSelection } {
  const nodes = sortedLiveNodes(model.nodes, model.outputs.map(({ name }) => name));
  const choice = nodes.find(({ opType }) => SELECTION_OPERATIONS.has(opType));
  const none: ExportedSelection = { by: "none", nmsIou: null, count: null };
  if (choice === undefined) return { model, selection: none };
  const { shapes } = inferShapes(model);
  const producers = producersOf(nodes);
  const before = nodes.slice(0, nodes.indexOf(choice));
  const joined = before.findLast((node) => {
    const shape = node.opType === "Concat" ? shapes.get(node.outputs[0]) : undefined;
    return shape?.length === 3 && normalAxis(intAttribute(node, "axis", 0), 3) === 1 &&
      node.inputs.some((name) => leadsToSigmoid(name, producers));
  });
  if (joined === undefined) return { model, selection: none };
  const [name] = joined.outputs;
  const selection = describeSelection(model, nodes);
  if (selection.by === "nms") {
    warnings.push({
      code: "nms-cut-off",
      message: `The file selects by NMS in its graph (IoU ${
        selection.nmsIou ?? "unknown"
      }); that is cut off, and done in C++ as your app would`,
      advice: "Give its thresholds by --nms-iou and --score-threshold.",
    });
  }
  const output = { name, dataType: DATA_TYPE.float, dims: shapes.get(name)! };
  const metadata = new Map(model.metadata).set("end2end", "False");
  return { model: pruned({ ...model, outputs: [output], metadata }), selection };
}

function leadsToSigmoid(name: string, producers: ReadonlyMap<string, OnnxNode>): boolean {
  const node = producers.get(name);
  const passesOn = ["Reshape", "Cast", "Identity", "Transpose", "Concat", "Slice", "Split"];
  if (node === undefined) return false;
  if (node.opType === "Sigmoid") return true;
  return passesOn.includes(node.opType) && leadsToSigmoid(node.inputs[0], producers);
}

function describeSelection(model: OnnxModel, nodes: readonly OnnxNode[]): ExportedSelection {
  const constants = constantsOf(model);
  const nms = nodes.find(({ opType }) => /NonMaxSuppression|NMS/.test(opType));
  const number = (name: string | undefined) => {
    const tensor = constants.get(name ?? "");
    if (tensor === undefined) return null;
    const values = tensor.dataType === DATA_TYPE.float ? floatsOf(tensor) : intsOf(tensor);
    // a float32 in as many digits as somebody typed
    return values.length === 1 ? Number(values[0].toPrecision(6)) : null;
  };
  if (nms !== undefined) return { by: "nms", nmsIou: number(nms.inputs[3]), count: null };
  const topK = nodes.find(({ opType }) => opType === "TopK");
  return { by: "top-k", nmsIou: null, count: number(topK?.inputs[1]) };
}
