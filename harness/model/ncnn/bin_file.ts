/**
 * An ncnn `.bin` against the layers of its `.param`: whether each layer finds its weights there:
 * pure.
 *
 * A `.bin` has no structure of its own: each layer in turn takes as many bytes as its parameters
 * say. A weight starts with four bytes that tell how it is stored.
 *
 * Source: ncnn at a4d2ea1d, `src/modelbin.cpp` and `load_model` of `src/layer/*.cpp`.
 *
 * @module
 */
import type { LoadedLayer, LoaderFault } from "./loader.ts";
import { intAsRead, quoted } from "./loader_values.ts";

/** Values that a layer takes from the file. */
interface BinRead {
  count: number;
  /** Whether four bytes before them tell how they are stored; without they are float32. */
  isTagged: boolean;
  /** Whether ncnn looks if they were there. */
  isChecked: boolean;
}

type Get = (id: number, fallback?: number) => number;

const tagged = (count: number): BinRead => ({ count, isTagged: true, isChecked: true });
const plain = (count: number): BinRead => ({ count, isTagged: false, isChecked: true });
/** Scales of int8: ncnn doesn't look whether they were there. */
const scales = (...counts: number[]): BinRead[] =>
  counts.map((count) => ({ count, isTagged: false, isChecked: false }));
const when = (is: number | boolean, ...reads: BinRead[]): BinRead[] => is ? reads : [];

const convolution = (get: Get) => [tagged(get(6)), ...when(get(5), plain(get(0)))];
const dynamicOr = (id: number, reads: (get: Get) => BinRead[]) => (get: Get) =>
  get(id) ? [] : reads(get);
const affine = (count: number, switchId: number, each: number) => (get: Get) =>
  get(switchId, 1) ? Array.from({ length: each }, () => plain(get(count))) : [];
const recurrent = (gates: number, biases: number) => (get: Get) => {
  const directions = get(2) === 2 ? 2 : 1;
  const outputs = get(0);
  const hidden = gates === 4 ? get(3, outputs) : outputs;
  const size = Math.trunc(get(1) / directions / hidden / gates);
  return [
    tagged(size * hidden * gates * directions),
    tagged(hidden * biases * directions),
    tagged(outputs * hidden * gates * directions),
    ...when(gates === 4 && outputs !== hidden, tagged(hidden * outputs * directions)),
    ...when(get(8), ...scales(hidden * gates * directions, hidden * gates * directions)),
  ];
};

/** What each kind of layer takes, in its order; kinds that are not here take nothing. */
const READS: Record<string, (get: Get) => BinRead[]> = {
  BatchNorm: (get) => [plain(get(0)), plain(get(0)), plain(get(0)), plain(get(0))],
  Bias: (get) => [plain(get(0))],
  Convolution: dynamicOr(19, (get) => [
    ...convolution(get),
    ...when(get(8), ...scales(get(0), 1)),
    ...when(get(8) > 100, ...scales(1)),
  ]),
  ConvolutionDepthWise: dynamicOr(19, (get) => [
    ...convolution(get),
    ...when(get(8) % 100 === 1, ...scales(get(7, 1), 1)),
    ...when(get(8) % 100 === 2, ...scales(1, 1)),
    ...when(get(8) > 100, ...scales(1)),
  ]),
  Convolution1D: dynamicOr(19, convolution),
  ConvolutionDepthWise1D: dynamicOr(19, convolution),
  Convolution3D: convolution,
  ConvolutionDepthWise3D: convolution,
  Deconvolution: dynamicOr(28, convolution),
  DeconvolutionDepthWise: dynamicOr(28, convolution),
  Deconvolution1D: dynamicOr(28, convolution),
  DeconvolutionDepthWise1D: dynamicOr(28, convolution),
  Deconvolution3D: convolution,
  DeconvolutionDepthWise3D: convolution,
  DeformableConv2D: convolution,
  Dequantize: (get) => [plain(get(0, 1)), ...when(get(1), plain(get(1)))],
  Embed: (get) => [
    tagged(get(3)),
    ...when(get(2), plain(get(0))),
    ...when(get(18), ...scales(1)),
  ],
  Gemm: (get) => {
    const [m, n, k] = [get(7), get(8), get(9)];
    const added = new Map([[0, 1], [1, m], [2, m], [3, m * n], [4, n]]).get(get(10));
    return [
      ...when(get(4) === 1, tagged(m * k)),
      ...when(get(5) === 1, tagged(n * k)),
      ...when(get(6) === 1 && added !== undefined, tagged(added ?? 0)),
      ...when(get(18) && get(4) === 1, ...scales(m)),
      ...when(get(18) && get(5) === 1, ...scales(1)),
    ];
  },
  GroupNorm: affine(1, 3, 2),
  GRU: recurrent(3, 4),
  InnerProduct: (get) => [
    tagged(get(2)),
    ...when(get(1), plain(get(0))),
    ...when(get(8), ...scales(get(0), 1)),
  ],
  InstanceNorm: affine(0, 2, 2),
  LayerNorm: affine(0, 2, 2),
  LSTM: recurrent(4, 4),
  MemoryData: (get) => {
    const [w, h, d, c] = [get(0), get(1), get(11), get(2)];
    const sizes = d ? [w, h, d, c] : c ? [w, h, c] : h ? [w, h] : [w];
    if (w === 0 && sizes.length === 1) return [];
    const count = sizes.reduce((product, size) => product * size, 1);
    return [get(21, 1) === 0 ? tagged(count) : plain(count)];
  },
  MultiHeadAttention: (get) => {
    const embed = get(0);
    const query = Math.trunc(get(2) / embed);
    return [
      ...[query, get(3, embed), get(4, embed)].flatMap((width) => [
        tagged(embed * width),
        plain(embed),
      ]),
      tagged(query * embed),
      plain(query),
      ...when(get(18), ...scales(embed, embed, embed, 1)),
    ];
  },
  Normalize: (get) => [plain(get(3))],
  Padding: (get) => when(get(6), ...scales(get(6))),
  PReLU: (get) => [plain(get(0))],
  Quantize: (get) => [plain(get(0, 1))],
  Requantize: (get) => [
    plain(get(0, 1)),
    plain(get(1, 1)),
    ...when(get(2), plain(get(2))),
  ],
  RMSNorm: affine(0, 2, 1),
  RNN: recurrent(1, 1),
  Scale: (get) => get(0) === -233 ? [] : [plain(get(0)), ...when(get(1), plain(get(0)))],
};

/** Types of layers that take weights from the file. */
export const WEIGHTED_TYPES: ReadonlySet<string> = new Set(Object.keys(READS));

/** How a weight is stored, by its first four bytes. */
const TAGS = { half: 0x01306b47, int8: 0x000d4b38, scaled: 0x0002c056, raw: 0 };
/** Bytes of a table of 256 float32 values, the form of every other tag. */
const TABLE_BYTES = 1024;

/** What ncnn makes of a `.bin`. */
export interface LoadedBin {
  faults: LoaderFault[];
  /** Whether `load_model` returns 0. */
  isLoaded: boolean;
  /** Bytes that the layers take. */
  takenBytes: number;
}

/** Returns what ncnn makes of the file's bytes with these layers. Lines are of the `.param`. */
export function loadBin(layers: readonly LoadedLayer[], bytes: Uint8Array): LoadedBin {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const faults: LoaderFault[] = [];
  let at = 0;
  for (const layer of layers) {
    const what = `${layer.type} ${quoted(layer.name)}`;
    const fault = (effect: LoaderFault["effect"], message: string) => {
      faults.push({ line: layer.line, effect, message });
    };
    const get: Get = (id, fallback = 0) => intAsRead(layer.params.get(id), fallback);
    for (const read of READS[layer.type]?.(get) ?? []) {
      if (!(read.count > 0 && read.count < 2 ** 31)) {
        fault("refused", `${what} asks the .bin for ${read.count} values, by its parameters`);
        return { faults, isLoaded: false, takenBytes: at };
      }
      const stored = storedForm(view, at, read);
      const left = Math.max(0, bytes.length - at);
      if (stored === null || stored.bytes > left) {
        const needs = stored?.bytes ?? 4;
        fault(
          read.isChecked ? "refused" : "crash",
          `the .bin ends within ${what}: it needs ${needs} bytes for ${read.count} values, and ${left} of the file's ${bytes.length} are left: the file is cut off, or it belongs to another .param`,
        );
        return { faults, isLoaded: false, takenBytes: at };
      }
      if (stored.isTable) {
        fault(
          "misread",
          `the weight of ${what} starts with 0x${
            view.getUint32(at, true).toString(16).padStart(8, "0")
          }, which is no way of storing: ncnn takes it for a table of 256 values; does the .bin belong to this .param?`,
        );
      }
      const wrong = countNotFinite(view, at + stored.dataAt, read.count, stored.form);
      if (wrong > 0) {
        fault("misread", `${wrong} of the ${read.count} weights of ${what} are NaN or infinite`);
      }
      at += stored.bytes;
    }
  }
  if (at < bytes.length) {
    faults.push({
      line: layers.at(-1)?.line ?? 1,
      effect: "unread",
      message:
        `the .bin has ${bytes.length} bytes, of which the layers take ${at}: does it belong to this .param?`,
    });
  }
  return { faults, isLoaded: true, takenBytes: at };
}

type Form = "half" | "float" | "other";

function storedForm(
  view: DataView,
  at: number,
  { count, isTagged }: BinRead,
): { bytes: number; dataAt: number; form: Form; isTable: boolean } | null {
  if (!isTagged) return { bytes: 4 * count, dataAt: 0, form: "float", isTable: false };
  if (at + 4 > view.byteLength) return null;
  const tag = view.getUint32(at, true);
  const aligned = (bytes: number) => 4 + Math.ceil(bytes / 4) * 4;
  const form = (bytes: number, form: Form) => ({ bytes, dataAt: 4, form, isTable: false });
  if (tag === TAGS.half) return form(aligned(2 * count), "half");
  if (tag === TAGS.int8) return form(aligned(count), "other");
  if (tag === TAGS.scaled || tag === TAGS.raw) return form(4 + 4 * count, "float");
  return { bytes: TABLE_BYTES + aligned(count), dataAt: 4, form: "other", isTable: true };
}

function countNotFinite(view: DataView, at: number, count: number, form: Form): number {
  if (form === "other") return 0;
  let found = 0;
  for (let i = 0; i < count; i++) {
    // all bits of the exponent are set
    const isWrong = form === "half"
      ? (view.getUint16(at + 2 * i, true) & 0x7c00) === 0x7c00
      : (view.getUint32(at + 4 * i, true) & 0x7f800000) === 0x7f800000;
    if (isWrong) found++;
  }
  return found;
}
