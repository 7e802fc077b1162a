/**
 * A `.param` as ncnn's own loader takes it, with everything that it refuses or reads in another way
 * than it is written: pure.
 *
 * Posemark reads such files with a parser of its own (`param_file.ts`), which goes by lines and
 * says what is wrong. ncnn goes by words, knows no lines and trusts its counts: what it makes of a
 * file is found here, word by word as it goes.
 *
 * Source: ncnn at a4d2ea1d, `src/net.cpp` (`Net::load_param`).
 *
 * @module
 */
import { NCNN_LAYER_TYPES } from "../../toolchain/layer_types.ts";
import { checkKinds } from "./loader_kinds.ts";
import {
  type Effect,
  intAsRead,
  type LoaderFault,
  quoted,
  type Reading,
  readParams,
  type ReadValue,
} from "./loader_values.ts";
import { scanInt, scannerOf, scanWord, skipSpace } from "./scan.ts";

export type { Effect, LoaderFault, ReadValue } from "./loader_values.ts";

/** A layer as ncnn reads it. */
export interface LoadedLayer {
  type: string;
  name: string;
  bottoms: string[];
  tops: string[];
  params: Map<number, ReadValue>;
  /** Line of its type, from 1. */
  line: number;
}

/** What ncnn's loader makes of a `.param`. */
export interface LoadedParam {
  /** Layers up to the place where ncnn gives up. */
  layers: LoadedLayer[];
  faults: LoaderFault[];
  /** Whether `load_param` returns 0. False too where it writes outside of its memory. */
  isLoaded: boolean;
}

/** First word of the text form. */
const MAGIC = 7767517;
/** Bytes of a type or name that ncnn takes. Source: `char layer_type[256]`. */
const NAME_BYTES = 255;
/** More layers or blobs than any file has. */
const MOST_COUNTED = 1e7;

/** Returns what ncnn's loader makes of the bytes of a `.param`. */
export function loadAsNcnn(bytes: Uint8Array): LoadedParam {
  const scanner = scannerOf(bytes);
  const lineAt = lineFinder(scanner.text);
  const faults: LoaderFault[] = [];
  const note = (effect: Effect, message: string, at = scanner.at) => {
    faults.push({ line: lineAt(at), effect, message });
  };
  const reading: Reading = { scanner, note };
  const layers: LoadedLayer[] = [];
  const counts = readHead(reading);
  let isLoaded = counts !== null && readLayers(reading, counts, layers, lineAt);
  if (isLoaded && counts !== null) {
    checkEnd(reading, counts, layers);
    checkReaders(layers, faults);
    isLoaded = !faults.some(({ effect }) => effect === "crash");
  }
  return { layers, faults: byLine(faults), isLoaded };
}

interface Counts {
  layers: number;
  blobs: number;
}

/** Reads magic and counts; null when ncnn refuses them. */
function readHead({ scanner, note }: Reading): Counts | null {
  const refuse = (message: string) => (note("refused", message), null);
  if (/^\xef\xbb\xbf|^\xff\xfe|^\xfe\xff/.test(scanner.text)) {
    return refuse(
      "the file starts with a byte order mark, where ncnn expects a digit: save it as UTF-8 without BOM",
    );
  }
  const nul = scanner.text.indexOf("\0");
  if (nul >= 0) {
    note("refused", "the file holds a byte 0: it is no text (is it a .param.bin?)", nul);
    return null;
  }
  const [first] = scanner.text.split(/\r?\n/, 1);
  const magic = scanInt(scanner);
  if (magic === null) return refuse(`found ${quoted(first)}, expected the number ${MAGIC}`);
  if (magic !== MAGIC) {
    return refuse(
      /^\s*\d+\s+\d+\s*$/.test(first)
        ? `the file has no magic number, as ncnn's files before 2017: write ${MAGIC} on a line before the first`
        : `found ${quoted(first)}, expected ${MAGIC}: ncnn calls the file too old`,
    );
  }
  const layers = scanInt(scanner);
  const blobs = layers === null ? null : scanInt(scanner);
  if (layers === null || blobs === null) {
    skipSpace(scanner);
    return refuse("expected the counts of layers and of blobs");
  }
  if (layers <= 0 || blobs <= 0) {
    return refuse(`the counts are ${layers} layers and ${blobs} blobs, expected at least one`);
  }
  if (Math.max(layers, blobs) > MOST_COUNTED) {
    note("crash", `ncnn asks for the memory of ${layers} layers and ${blobs} blobs`);
    return null;
  }
  return { layers, blobs };
}

/** Reads the counted layers; false when ncnn gives up. */
function readLayers(
  reading: Reading,
  counts: Counts,
  layers: LoadedLayer[],
  lineAt: (at: number) => number,
): boolean {
  const { scanner, note } = reading;
  const blobs = new Map<string, number>();
  let blobCount = 0;
  const takeBlob = (name: string, at: number): boolean => {
    if (blobCount >= counts.blobs) {
      note(
        "crash",
        `blob ${
          quoted(name)
        } is one more than the ${counts.blobs} that the head of the file counts: ncnn writes outside of its table`,
        at,
      );
      return false;
    }
    blobCount++;
    if (!blobs.has(name)) blobs.set(name, lineAt(at));
    return true;
  };
  const nameOf = (what: string): string | null => {
    skipSpace(scanner);
    const at = scanner.at;
    const name = scanWord(scanner, NAME_BYTES);
    if (name === null) {
      note(
        "refused",
        `the file ends before the ${what} of layer ${layers.length + 1} of ${counts.layers}`,
        at - 1,
      );
    } else if (/\S/.test(scanner.text[scanner.at] ?? " ")) {
      const whole = scanner.text.slice(at).match(/^\S*/)![0];
      note(
        "misread",
        `the ${what} ${
          quoted(whole)
        } has ${whole.length} bytes, of which ncnn takes ${NAME_BYTES}: it goes on to read at ${
          quoted(whole.slice(NAME_BYTES))
        }`,
        at,
      );
    }
    return name;
  };
  const countOf = (what: string): number | null => {
    skipSpace(scanner);
    const at = scanner.at;
    const count = scanInt(scanner);
    const found = scanner.text.slice(at).match(/^\S*/)![0];
    if (count === null) note("refused", `found ${quoted(found)}, expected the ${what}`, at);
    else if (count < 0 || count > MOST_COUNTED) {
      note("crash", `ncnn asks for the memory of ${count} names for the ${what}`, at);
      return null;
    }
    return count;
  };
  while (layers.length < counts.layers) {
    const type = nameOf("type");
    if (type === null) return false;
    const at = scanner.at - type.length;
    const name = nameOf("name");
    const bottomCount = name === null ? null : countOf("count of inputs");
    const topCount = bottomCount === null ? null : countOf("count of outputs");
    if (name === null || bottomCount === null || topCount === null) {
      if (!NCNN_LAYER_TYPES.has(type)) noteUnknown(reading, type, at);
      return false;
    }
    if (!NCNN_LAYER_TYPES.has(type)) {
      noteUnknown(reading, type, at);
      return false;
    }
    const layer: LoadedLayer = {
      type,
      name,
      bottoms: [],
      tops: [],
      params: new Map(),
      line: lineAt(at),
    };
    for (let i = 0; i < bottomCount; i++) {
      const blob = nameOf("input");
      if (blob === null) return false;
      if (!blobs.has(blob)) {
        note(
          "misread",
          `layer ${quoted(name)} reads blob ${
            quoted(blob)
          }, which no line before makes: ncnn makes an empty one, and running the network fails there`,
          scanner.at - 1,
        );
        if (!takeBlob(blob, scanner.at - 1)) return false;
      }
      layer.bottoms.push(blob);
    }
    for (let i = 0; i < topCount; i++) {
      const blob = nameOf("output");
      if (blob === null) return false;
      const before = blobs.get(blob);
      if (before !== undefined) {
        note(
          "misread",
          `blob ${
            quoted(blob)
          } is made a second time, first on line ${before}: every layer after reads the first`,
          scanner.at - 1,
        );
      }
      if (!takeBlob(blob, scanner.at - 1)) return false;
      layer.tops.push(blob);
    }
    const params = readParams(reading);
    if (params === null) {
      noteNotFinite(reading, at);
      return false;
    }
    layer.params = params;
    checkKinds(layer, (effect, message) => note(effect, message, at));
    const refusal = REFUSALS[type]?.(layer);
    if (refusal !== undefined) {
      note("refused", `${type} ${quoted(name)} ${refusal}`, at);
      return false;
    }
    layers.push(layer);
    if (topCount === 0 && params.get(30)?.kind === "array") {
      note("crash", "ncnn divides the shapes of parameter 30 by its 0 outputs", at);
      return false;
    }
  }
  return true;
}

/** Notes values of the line that ncnn can't read and that its reading did not come to. */
function noteNotFinite({ scanner, note }: Reading, start: number): void {
  const [line] = scanner.text.slice(start).split("\n", 1);
  for (const [, word] of line.matchAll(/\s(-?\d+=[-+]?(?:inf|nan)\S*)/gi)) {
    note("misread", `${quoted(word)} is no number for ncnn: it knows neither inf nor nan`, start);
  }
}

/** What layers refuse of their own parameters. Source: `load_param` of `src/layer/*.cpp`. */
const REFUSALS: Record<string, (layer: LoadedLayer) => string | undefined> = {
  Softmax: ({ params }) =>
    intAsRead(params.get(0), 0) !== 0 && intAsRead(params.get(1), 0) === 0 ? TOO_OLD : undefined,
  Reduction: ({ params }) =>
    hasValues(params.get(3)) && intAsRead(params.get(5), 0) === 0 ? TOO_OLD : undefined,
  Interp: ({ params }) => {
    const kind = intAsRead(params.get(0), 0);
    return kind < 0 || kind > 3 ? `asks for the resize type ${kind}, ncnn has 0 to 3` : undefined;
  },
  ConvolutionDepthWise: ({ params }) => {
    const [outputs, groups] = [intAsRead(params.get(0), 0), intAsRead(params.get(7), 1)];
    return groups !== 0 && outputs % groups !== 0
      ? `has ${outputs} outputs in ${groups} groups, which don't divide them`
      : undefined;
  },
};

const TOO_OLD =
  "is written as ncnn's converters wrote it before their axes were mended: convert the model again";

function hasValues(value: ReadValue | undefined): boolean {
  return value?.kind === "array" && value.numbers.length > 0;
}

function noteUnknown({ scanner, note }: Reading, type: string, at: number): void {
  const rest = scanner.text.slice(at).split(/\r?\n/, 1)[0];
  const isPnnx = /^(pnnx|nn|F|torch|Tensor|aten|prim)\.[\w.]+$/.test(type);
  note(
    "refused",
    isPnnx
      ? `the type ${quoted(type)} is an operator of pnnx that ncnn has no layer for`
      : /^[A-Za-z]\w*$/.test(type)
      ? `ncnn has no layer of the type ${
        quoted(type)
      }: an app that registers it can load the file, Posemark can't`
      : `ncnn takes ${quoted(rest)} for the start of a layer`,
    at,
  );
}

/** Notes what is left after the counted layers, and blobs that are counted and not there. */
function checkEnd(
  { scanner, note }: Reading,
  counts: Counts,
  layers: readonly LoadedLayer[],
): void {
  skipSpace(scanner);
  if (scanner.at < scanner.text.length) {
    const left = scanner.text.slice(scanner.at).split(/\r?\n/).filter((line) => line.trim() !== "");
    note(
      "unread",
      `${left.length} ${
        left.length === 1 ? "line follows" : "lines follow"
      } the ${counts.layers} layers that the head of the file counts, and ncnn never reads ${
        left.length === 1 ? "it" : "them"
      }`,
    );
  }
  const blobs = layers.reduce((sum, { tops }) => sum + tops.length, 0);
  if (blobs < counts.blobs) {
    const at = scanner.text.indexOf("\n");
    note("unread", `the file counts ${counts.blobs} blobs and has ${blobs}`, at + 1);
  }
}

/** Notes blobs with several readers: ncnn knows one reader of a blob. */
function checkReaders(layers: readonly LoadedLayer[], faults: LoaderFault[]): void {
  const readers = new Map<string, number>();
  for (const { bottoms, line } of layers) {
    for (const blob of new Set(bottoms)) {
      const first = readers.get(blob);
      if (first === undefined) {
        readers.set(blob, line);
        continue;
      }
      faults.push({
        line,
        effect: "misread",
        message: `blob ${
          quoted(blob)
        } is read here and on line ${first} without a Split: ncnn frees a blob after its first reader and computes it anew, or fails where it can't`,
      });
    }
  }
}

/** Returns the faults by line, each once. */
function byLine(faults: readonly LoaderFault[]): LoaderFault[] {
  const seen = new Set<string>();
  return faults.filter(({ line, message }) => {
    const key = `${line} ${message}`;
    if (seen.has(key)) return false;
    seen.add(key);
    return true;
  }).sort((a, b) => a.line - b.line);
}

/** Returns a function that gives the line, from 1, of an index of the text. */
function lineFinder(text: string): (at: number) => number {
  const starts = [0];
  for (let at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n", at + 1)) starts.push(at + 1);
  return (at) => {
    let [low, high] = [0, starts.length - 1];
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (starts[middle] <= Math.max(at, 0)) low = middle;
      else high = middle - 1;
    }
    return low + 1;
  };
}
