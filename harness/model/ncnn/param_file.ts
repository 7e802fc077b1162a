/**
 * Text of an ncnn `.param` file → its layers, and back: pure.
 *
 * ```
 * 7767517                                     magic
 * 3 3                                         layers, blobs
 * Input        in0    0 1 in0                 type, name, count of bottoms, count of tops, bottoms, tops, key=value …
 * Convolution  conv0  1 1 in0 1 0=16 1=3 9=1
 * Split        split0 1 2 1 2 3
 * ```
 *
 * Source: ncnn at a4d2ea1d, `src/net.cpp` (`Net::load_param`) and `src/paramdict.cpp`
 * (`ParamDict::load_param`).
 *
 * @module
 */
import { HarnessError } from "../../errors.ts";

/** First line of every `.param` text that ncnn reads. */
export const PARAM_MAGIC = "7767517";

/** Value of a layer's parameter: a number, several, or a text. */
export type ParamValue = number | number[] | string;

/** One line of a `.param` file. */
export interface ParamLayer {
  type: string;
  name: string;
  /** Blobs that the layer reads. */
  bottoms: string[];
  /** Blobs that the layer makes. */
  tops: string[];
  /** Parameters by id, for instance 9 is the fused activation of a Convolution. */
  params: Map<number, ParamValue>;
  /** The same as they are written: ncnn tells `1` from `1.0`. */
  words: string[];
  /** Line in the file, from 1. */
  line: number;
}

/** A parsed `.param` file. */
export interface ParamFile {
  layers: ParamLayer[];
  /** Distinct blobs in the order in which they appear. */
  blobs: string[];
}

/**
 * Returns the layers of a `.param` text.
 *
 * `label` names the file in errors. Throws `HarnessError` `bad-param` that names the line at fault.
 *
 * @example
 * ```ts
 * parseParam("7767517\n1 1\nInput in0 0 1 in0 0=640\n", "a.param").layers[0].params.get(0); // 640
 * ```
 */
export function parseParam(text: string, label: string): ParamFile {
  const lines = text.split(/\r?\n/).map((line, i) => ({ text: line.trim(), number: i + 1 }));
  const filled = lines.filter((line) => line.text !== "");
  const fail = (line: number, found: string): HarnessError =>
    new HarnessError("bad-param", `Cannot read ${label} line ${line}: ${found}`);
  if (filled.length === 0) throw fail(1, "the file is empty, expected an ncnn .param text");
  if (filled[0].text !== PARAM_MAGIC) {
    throw fail(
      filled[0].number,
      `found "${
        printable(filled[0].text)
      }", expected the magic number ${PARAM_MAGIC}: is it a binary .param.bin, or a file of an ncnn before 2017?`,
    );
  }
  const counts = /^(\d+)\s+(\d+)$/.exec(filled[1]?.text ?? "");
  if (!counts) {
    const found = filled[1] ? `"${printable(filled[1].text)}"` : "the end of the file";
    throw fail(filled[1]?.number ?? 2, `found ${found}, expected the counts of layers and blobs`);
  }
  const layerCount = Number(counts[1]);
  const blobCount = Number(counts[2]);
  const makers = new Map<string, number>();
  const blobs = new Set<string>();
  const layers = filled.slice(2, 2 + layerCount).map((line) => {
    const layer = parseLayer(line.text, line.number, fail);
    for (const blob of layer.bottoms) {
      if (!makers.has(blob)) {
        throw fail(
          line.number,
          `layer "${layer.name}" reads blob "${blob}", which no line before makes`,
        );
      }
    }
    for (const blob of layer.tops) {
      const maker = makers.get(blob);
      if (maker !== undefined) {
        throw fail(line.number, `blob "${blob}" is made a second time, first on line ${maker}`);
      }
      makers.set(blob, line.number);
      blobs.add(blob);
    }
    return layer;
  });
  if (layers.length !== layerCount || layerCount === 0) {
    throw fail(
      layers[layers.length - 1]?.line ?? filled[1].number,
      `the file ends after ${layers.length} layers, line ${
        filled[1].number
      } promises ${layerCount}: was it cut short or edited?`,
    );
  }
  if (blobs.size > blobCount) {
    throw fail(
      filled[1].number,
      `the file has ${blobs.size} blobs, the line promises ${blobCount}: ncnn would write beyond its table`,
    );
  }
  return { layers, blobs: [...blobs] };
}

function parseLayer(
  text: string,
  line: number,
  fail: (line: number, found: string) => HarnessError,
): ParamLayer {
  const words = splitWords(text);
  const [type, name, bottomText, topText] = words;
  if (!/^\d+$/.test(bottomText ?? "") || !/^\d+$/.test(topText ?? "")) {
    throw fail(
      line,
      `found "${printable(text)}", expected type, name, count of bottoms and count of tops`,
    );
  }
  const bottomCount = Number(bottomText);
  const topCount = Number(topText);
  const blobs = words.slice(4, 4 + bottomCount + topCount);
  const missing = blobs.length < bottomCount + topCount;
  const early = blobs.findIndex((word) => /^-?\d+=/.test(word));
  if (missing || early >= 0) {
    throw fail(
      line,
      `layer "${name}" names ${
        early >= 0 ? early : blobs.length
      } blobs, expected ${bottomCount} bottoms and ${topCount} tops`,
    );
  }
  const parameters = words.slice(4 + bottomCount + topCount);
  const params = new Map<number, ParamValue>();
  for (const word of parameters) {
    const [id, value] = parseParameter(word) ?? [];
    if (id === undefined || value === undefined) {
      throw fail(line, `layer "${name}" has "${printable(word)}", expected id=value`);
    }
    params.set(id, value);
  }
  return {
    type,
    name,
    bottoms: blobs.slice(0, bottomCount),
    tops: blobs.slice(bottomCount),
    params,
    words: parameters,
    line,
  };
}

/**
 * Returns the text of a `.param` file with these layers; {@linkcode parseParam} reads it back.
 *
 * @example
 * ```ts
 * writeParam(parseParam("7767517\n1 1\nInput in0 0 1 in0 0=640\n", "a.param").layers); // the same layers
 * ```
 */
export function writeParam(layers: readonly ParamLayer[]): string {
  const blobs = layers.reduce((count, { tops }) => count + tops.length, 0);
  const lines = layers.map(({ type, name, bottoms, tops, words }) =>
    [
      type.padEnd(24),
      name.padEnd(24),
      bottoms.length,
      tops.length,
      ...bottoms,
      ...tops,
      ...words,
    ].join(" ")
  );
  return [PARAM_MAGIC, `${layers.length} ${blobs}`, ...lines, ""].join("\n");
}

/** Returns the layer with other parameters, each written `id=value`. */
export function withWords(layer: ParamLayer, words: readonly string[]): ParamLayer {
  const params = words.map((word) => {
    const parameter = parseParameter(word);
    if (parameter === null) throw new TypeError(`"${word}" is no parameter of a layer`);
    return parameter;
  });
  return { ...layer, words: [...words], params: new Map(params) };
}

/** Returns the words of a line; a word may hold a quoted text with spaces (`0="a b"`). */
function splitWords(text: string): string[] {
  return text.match(/(?:[^\s"]|"[^"]*")+/g) ?? [];
}

/**
 * Returns id and value of `id=value`; arrays are `id=1,2,3`, of one `id=1,` or, older,
 * `-233id=count,1,2,3`.
 */
function parseParameter(word: string): [number, ParamValue] | null {
  const match = /^(-?\d+)=(.+)$/.exec(word);
  if (!match) return null;
  const id = Number(match[1]);
  const text = match[2];
  if (id <= -23300) {
    const [count, ...values] = text.split(",").map(parseNumber);
    if (values.length !== count || values.some(Number.isNaN)) return null;
    return [-id - 23300, values];
  }
  if (id < 0) return null;
  if (text.startsWith('"')) return [id, text.replace(/^"|"$/g, "")];
  const values = text.replace(/,$/, "").split(",").map(parseNumber);
  if (values.some(Number.isNaN)) {
    return /^[A-Za-z_]/.test(text) ? [id, text] : printableText(id, text);
  }
  return [id, text.includes(",") ? values : values[0]];
}

/**
 * Texts without quotes are how pnnx writes expressions, for instance
 * `0=add(@0,mul(@1,sigmoid(@1)))`.
 */
function printableText(id: number, text: string): [number, string] | null {
  return /^[\w@(),.+*/\\ -]+$/.test(text) && /[A-Za-z@]/.test(text) ? [id, text] : null;
}

function parseNumber(text: string): number {
  return /^[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?$/.test(text) || /^[-+]?(inf|nan)$/i.test(text)
    ? Number(text.replace(/inf/i, "Infinity"))
    : NaN;
}

/** Returns the text cut to 60 characters, with control characters shown as `?`. */
function printable(text: string): string {
  // deno-lint-ignore no-control-regex
  const shown = text.replace(/[\x00-\x1f\x7f-\x9f]/g, "?");
  return shown.length > 60 ? `${shown.slice(0, 60)}…` : shown;
}

/**
 * Returns the layer's number with that id; `fallback` when the line doesn't have it, or has several
 * numbers or a text.
 */
export function numberParam(layer: ParamLayer, id: number, fallback: number): number {
  const value = layer.params.get(id);
  return typeof value === "number" ? value : fallback;
}

/**
 * Layers whose parameter 9 is a fused activation. Source: `src/layer/*.cpp` of ncnn,
 * `activation_type = pd.get(9, 0)`.
 */
const FUSING_TYPES = new Set([
  "Convolution",
  "ConvolutionDepthWise",
  "Convolution1D",
  "ConvolutionDepthWise1D",
  "Convolution3D",
  "ConvolutionDepthWise3D",
  "Deconvolution",
  "DeconvolutionDepthWise",
  "Deconvolution1D",
  "DeconvolutionDepthWise1D",
  "Deconvolution3D",
  "DeconvolutionDepthWise3D",
  "DeformableConv2D",
  "InnerProduct",
]);

/**
 * Names of ncnn's fused activations by the value of parameter 9. Source:
 * `src/layer/fused_activation.h`.
 */
const FUSED_NAMES = ["", "relu", "leakyrelu", "clip", "sigmoid", "mish", "hardswish"];

/** Returns the name of the activation that is fused into the layer, null when there is none. */
export function fusedActivation(layer: ParamLayer): string | null {
  if (!FUSING_TYPES.has(layer.type)) return null;
  const value = layer.params.get(9);
  if (typeof value !== "number" || value === 0) return null;
  return FUSED_NAMES[value] ?? `activation ${value}`;
}
