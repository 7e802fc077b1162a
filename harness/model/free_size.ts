/**
 * A graph whose Reshapes hold the exported size (attention does) → the same graph for another size.
 *
 * A Reshape's numbers follow from the input's height and width: each is a constant, or grows with
 * the height, the width, or both. Which one is found by inference at a made-up size at which all of
 * these differ.
 *
 * @module
 */
import { intTensor, type OnnxModel, type OnnxNode } from "./onnx/onnx_file.ts";
import { constantsOf, freshName, namesIn, sortedLiveNodes } from "./onnx/onnx_graph.ts";
import { inferShapes } from "./onnx/shapes.ts";

/** How a number grows with the input: by its height, its width. */
interface Growth {
  height: 0 | 1;
  width: 0 | 1;
}

/** One dimension that a Reshape asks for: its size as exported, and how it grows. */
interface GrowingSize extends Growth {
  size: number;
}

/** Factors of the made-up size: no product of two of them is another. */
const FACTORS = { height: 3, width: 5 };
const CONSTANT: Growth = { height: 0, width: 0 };
const ALL_GROWTHS: Growth[] = [
  CONSTANT,
  { height: 1, width: 0 },
  { height: 0, width: 1 },
  { height: 1, width: 1 },
];

/**
 * Returns the model for an input [1, 3, heightPx, widthPx], with the sizes in its Reshapes replaced
 * by those that the new input asks for; a Reshape for which that can't be told keeps its own.
 *
 * `inputName` names the image; its dimensions in the model are those that it was exported for.
 */
export function withSizesFor(
  model: OnnxModel,
  inputName: string,
  heightPx: number,
  widthPx: number,
): OnnxModel {
  const dims = model.inputs.find(({ name }) => name === inputName)?.dims ?? [];
  const [exportedHeight, exportedWidth] = dims.slice(2).map(Number);
  const targets = new Map<string, number[]>();
  for (const [output, sizes] of growingReshapes(model, inputName, exportedHeight, exportedWidth)) {
    targets.set(
      output,
      sizes.map(({ size, height, width }) =>
        size * (height === 1 ? heightPx / exportedHeight : 1) *
        (width === 1 ? widthPx / exportedWidth : 1)
      ),
    );
  }
  const whole = targets.entries().filter(([, sizes]) => sizes.every(Number.isInteger));
  return withTargets(model, new Map(whole));
}

/**
 * Returns what the Reshapes of the graph ask for that have to change with the input's size, by the
 * name of their output.
 */
function growingReshapes(
  model: OnnxModel,
  inputName: string,
  exportedHeight: number,
  exportedWidth: number,
): Map<string, GrowingSize[]> {
  const found = new Map<string, GrowingSize[]>();
  const constants = constantsOf(model);
  const { shapes: exported } = inferShapes(model);
  const grids = gridsOf(exported);
  const probeDims = [1, 3, exportedHeight * FACTORS.height, exportedWidth * FACTORS.width];
  const inputs = new Map([[inputName, probeDims]]);
  let probe = model;
  let { shapes } = inferShapes(probe, inputs);
  const nodes = sortedLiveNodes(model.nodes, model.outputs.map(({ name }) => name));
  for (const { opType, inputs: [source, target], outputs: [output] } of nodes) {
    if (opType !== "Reshape" || !constants.has(target)) continue;
    const [before, after, grown] = [exported.get(source), exported.get(output), shapes.get(source)];
    if (!before || !after || !grown) continue;
    if (before.every((dim, axis) => dim === grown[axis])) continue;
    const sizes = growthOf(before, grown, after, grids);
    if (sizes === null) continue;
    found.set(output, sizes);
    const probed = sizes.map(({ size, ...growth }) => size * factorOf(growth));
    probe = withTargets(probe, new Map([[output, probed]]));
    ({ shapes } = inferShapes(probe, inputs));
  }
  return found;
}

/** Heights and widths of the maps in the graph, as `HxW`. */
function gridsOf(shapes: ReadonlyMap<string, number[]>): Set<string> {
  const maps = shapes.values().filter((shape) => shape.length === 4 && shape[0] === 1);
  return new Set(maps.map(([, , height, width]) => `${height}x${width}`));
}

function factorOf({ height, width }: Growth): number {
  return FACTORS.height ** height * FACTORS.width ** width;
}

/**
 * Returns how each dimension that a Reshape gives grows; null where it can't be told.
 *
 * Dimensions of both sides are taken together until their products are equal: what grows on one
 * side grows on the other. `grown` is `before` at the made-up size.
 */
function growthOf(
  before: readonly number[],
  grown: readonly number[],
  after: readonly number[],
  grids: ReadonlySet<string>,
): GrowingSize[] | null {
  const sizes: GrowingSize[] = [];
  let from = 0;
  for (let to = 0; to < after.length;) {
    const [firstFrom, firstTo] = [from, to];
    let products = { before: before[from++] ?? 1, after: after[to++] };
    while (products.before !== products.after) {
      if (products.before < products.after ? from >= before.length : to >= after.length) {
        return null;
      }
      products = products.before < products.after
        ? { ...products, before: products.before * before[from++] }
        : { ...products, after: products.after * after[to++] };
    }
    // ones at the end belong to nobody
    while (to === after.length && from < before.length && before[from] === 1) from++;
    const sources = before.slice(firstFrom, from)
      .map((size, at) => ({ size, factor: grown[firstFrom + at] / size }))
      .filter(({ size }) => size !== 1);
    const group = growthWithin(sources, after.slice(firstTo, to), after.length === 4, grids);
    if (group === null) return null;
    sizes.push(...group);
  }
  return from === before.length ? sizes : null;
}

/**
 * Returns how the dimensions of one group grow, which is made of `sources`; null where it can't be
 * told. Only a Reshape to four dimensions gives a map back its height and width.
 */
function growthWithin(
  sources: readonly { size: number; factor: number }[],
  dims: readonly number[],
  canBeMap: boolean,
  grids: ReadonlySet<string>,
): GrowingSize[] | null {
  const factor = sources.reduce((all, source) => all * source.factor, 1);
  const total = ALL_GROWTHS.find((growth) => factorOf(growth) === factor);
  if (total === undefined) return null;
  const sizes = dims.map((size): GrowingSize => ({ size, ...CONSTANT }));
  if (total === CONSTANT) return sizes;
  const many = dims.filter((size) => size !== 1);
  if (canBeMap && many.length === 2 && total.height === 1 && total.width === 1) {
    const at = dims.indexOf(many[0]);
    if (dims[at + 1] === many[1] && grids.has(many.join("x"))) {
      sizes[at].height = 1;
      sizes[at + 1].width = 1;
      return sizes;
    }
  }
  // a row of cells: the longest is theirs, the others count heads, groups or areas
  const longest = Math.max(...dims);
  const isClear = many.length <= 1 ||
    (sources.every((source) => source.factor !== 1) &&
      many.filter((size) => size === longest).length === 1);
  if (!isClear) return null;
  sizes[dims.indexOf(longest)] = { size: longest, ...total };
  return sizes;
}

/** Returns the model with other numbers for the Reshapes that make these values. */
function withTargets(model: OnnxModel, targets: ReadonlyMap<string, number[]>): OnnxModel {
  if (targets.size === 0) return model;
  const taken = namesIn(model);
  const initializers = new Map(model.initializers);
  const nodes = model.nodes.map((node): OnnxNode => {
    const sizes = targets.get(node.outputs[0]);
    if (node.opType !== "Reshape" || sizes === undefined) return node;
    const name = freshName(`${node.outputs[0]}_shape`, taken);
    initializers.set(name, intTensor(name, [sizes.length], sizes));
    return { ...node, inputs: [node.inputs[0], name] };
  });
  return { ...model, initializers, nodes };
}
