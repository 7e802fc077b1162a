/**
 * Passes over a converted ncnn graph that keep what it computes and make it faster: pure.
 *
 * ```
 * Convolution ─ Split ┬───────── BinaryOp mul      Convolution ─ Swish
 *                     └─ Sigmoid ─┘           →
 * Convolution ─ HardSwish                     →    Convolution 9=6
 * ```
 *
 * The last blob of what a pass joins keeps its name, and the weights stay as they are.
 *
 * @module
 */
import type { AppliedPass } from "../../record/variant.ts";
import { fusedActivation, numberParam, type ParamLayer, withWords } from "../ncnn/param_file.ts";

/** Goes up with each change of what the passes make: it is in the key of the cache. */
export const PASSES_VERSION = 2;

/** Returns the layers with one more place changed; null when there is no such place. */
type Step = (layers: readonly ParamLayer[], isHalf: boolean) => ParamLayer[] | null;

/** The passes by name, in their order: what the first joins, the second can fuse. */
const PASSES: readonly { name: string; step: Step }[] = [
  { name: "join-gate", step: joinGate },
  { name: "fuse-activation", step: fuseActivation },
];

/**
 * Returns the layers after all passes, and those passes that changed something.
 *
 * `isHalf` is true for graphs that run in fp16: x · sigmoid(x) stays in two layers there. On arm64
 * ncnn's Swish in fp16 arithmetic moved a joint of yolov8n-pose by 19 px at 160×160, Sigmoid and
 * product by 2 px.
 */
export function applyPasses(
  layers: readonly ParamLayer[],
  isHalf = false,
): { layers: ParamLayer[]; passes: AppliedPass[] } {
  let current = [...layers];
  const passes: AppliedPass[] = [];
  for (const { name, step } of PASSES) {
    let count = 0;
    for (let next = step(current, isHalf); next !== null; next = step(current, isHalf)) {
      current = next;
      count++;
    }
    if (count > 0) passes.push({ name, count });
  }
  return { layers: current, passes };
}

/**
 * Layers that are their gate times the input, by the gate; both take the same parameters. Source:
 * ncnn at a4d2ea1d, `src/layer/{swish,hardsigmoid,hardswish}.cpp`.
 */
const GATED: Readonly<Record<string, string>> = { Sigmoid: "Swish", HardSigmoid: "HardSwish" };

/** Parameter 0 of a BinaryOp that multiplies. */
const MUL = 2;

/**
 * Joins a gate and its product, x · sigmoid(x), into one layer.
 *
 * pnnx writes the SiLU before a shortcut's addition in this way: it takes the whole of
 * `add(x, mul(y, sigmoid(y)))` for one expression before it looks for SiLU.
 */
function joinGate(layers: readonly ParamLayer[], isHalf: boolean): ParamLayer[] | null {
  const links = linksOf(layers);
  for (const product of layers) {
    const isProduct = product.type === "BinaryOp" && numberParam(product, 0, 0) === MUL &&
      numberParam(product, 1, 0) === 0 && product.bottoms.length === 2;
    if (!isProduct) continue;
    const places = product.bottoms.map((blob) => links.makers.get(blob));
    const at = places.findIndex((maker, i) => {
      if (maker === undefined || GATED[maker.type] === undefined) return false;
      if (isHalf && maker.type === "Sigmoid") return false;
      const isOnlyReader = links.readers.get(maker.tops[0])?.length === 1;
      const value = product.bottoms[1 - i];
      return isOnlyReader && links.origin(maker.bottoms[0]) === links.origin(value);
    });
    if (at < 0) continue;
    const gate = places[at]!;
    const joined = withWords(
      { ...product, type: GATED[gate.type], bottoms: [product.bottoms[1 - at]] },
      gate.words,
    );
    return withoutCopy(
      layers.filter((layer) => layer !== gate).map((layer) => layer === product ? joined : layer),
      gate.bottoms[0],
    );
  }
  return null;
}

/**
 * Returns the layers without the copy that a Split made for a reader that is gone; a Split with one
 * reader left goes too.
 */
function withoutCopy(layers: ParamLayer[], copy: string): ParamLayer[] {
  const split = layers.find(({ type, tops }) => type === "Split" && tops.includes(copy));
  if (split === undefined) return layers;
  const tops = split.tops.filter((blob) => blob !== copy);
  const [last] = tops;
  // without a reader the blob is an output of the graph, and its name has to stay
  const isRead = layers.some(({ bottoms }) => bottoms.includes(last));
  if (tops.length > 1 || !isRead) {
    return layers.map((layer) => layer === split ? { ...split, tops } : layer);
  }
  return layers.filter((layer) => layer !== split).map((layer) => ({
    ...layer,
    bottoms: layer.bottoms.map((blob) => blob === last ? split.bottoms[0] : blob),
  }));
}

const SMALLEST = -3.4028234663852886e38;
const PIECEWISE = ["ReLU", "Clip", "Sigmoid"];
const ALL_FUSABLE = [...PIECEWISE, "Mish", "HardSwish"];

/**
 * Activations that a layer takes in, by the layer. Source: ncnn at a4d2ea1d,
 * `tools/ncnnoptimize.cpp` (`fuse_convolution_activation` and its like).
 */
const FUSES: Readonly<Record<string, readonly string[]>> = {
  Convolution: ALL_FUSABLE,
  ConvolutionDepthWise: ALL_FUSABLE,
  InnerProduct: ALL_FUSABLE,
  Deconvolution: PIECEWISE,
  DeconvolutionDepthWise: PIECEWISE,
};

/** Makes an activation a parameter of the layer before it, where nobody else reads that layer. */
function fuseActivation(layers: readonly ParamLayer[]): ParamLayer[] | null {
  const { makers, readers } = linksOf(layers);
  for (const activation of layers) {
    const maker = makers.get(activation.bottoms[0]);
    if (maker === undefined || !FUSES[maker.type]?.includes(activation.type)) continue;
    // layers of two bottoms get their weights from a blob
    const isPlain = maker.bottoms.length === 1 && maker.tops.length === 1 &&
      [...activation.params.keys()].every((id) => id <= 1);
    const isFree = fusedActivation(maker) === null &&
      readers.get(maker.tops[0])?.length === 1;
    if (!isPlain || !isFree) continue;
    const kept = maker.words.filter((word) => !/^(?:9|10|-23310)=/.test(word));
    const fused = withWords({ ...maker, tops: activation.tops }, [
      ...kept,
      ...fusedWords(activation),
    ]);
    return layers.filter((layer) => layer !== activation)
      .map((layer) => layer === maker ? fused : layer);
  }
  return null;
}

/**
 * Returns parameters 9 and 10 of a layer with this activation in it. Source: ncnn at a4d2ea1d,
 * `src/layer/fused_activation.h`; defaults are those of the activation's own layer.
 */
function fusedWords(activation: ParamLayer): string[] {
  const [first, second] = [0, 1].map((id) => (fallback: number) =>
    numberParam(activation, id, fallback)
  );
  switch (activation.type) {
    case "ReLU":
      return first(0) === 0 ? ["9=1"] : ["9=2", floatsWord(10, [first(0)])];
    case "Clip":
      return ["9=3", floatsWord(10, [first(SMALLEST), second(-SMALLEST)])];
    case "Sigmoid":
      return ["9=4"];
    case "Mish":
      return ["9=5"];
    default:
      return ["9=6", floatsWord(10, [first(0.2), second(0.5)])];
  }
}

/**
 * Returns a list of floats as a parameter. ncnn reads a number without point and exponent as an
 * integer, and no more than 15 characters of each.
 */
function floatsWord(id: number, values: readonly number[]): string {
  const texts = values.map((value) => Math.fround(value).toExponential(8));
  return `${-23300 - id}=${[values.length, ...texts].join(",")}`;
}

/** Who makes and who reads each blob. */
interface Links {
  makers: Map<string, ParamLayer>;
  readers: Map<string, ParamLayer[]>;
  /** Returns the blob that this one is a copy of; itself when it is none. */
  origin: (blob: string) => string;
}

function linksOf(layers: readonly ParamLayer[]): Links {
  const makers = new Map<string, ParamLayer>();
  const readers = new Map<string, ParamLayer[]>();
  for (const layer of layers) {
    for (const blob of layer.tops) makers.set(blob, layer);
    for (const blob of layer.bottoms) readers.set(blob, [...readers.get(blob) ?? [], layer]);
  }
  const origin = (blob: string) => {
    const maker = makers.get(blob);
    return maker?.type === "Split" ? maker.bottoms[0] : blob;
  };
  return { makers, readers, origin };
}
