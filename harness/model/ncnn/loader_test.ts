import { assert, assertEquals, assertMatch } from "@std/assert";
import * as path from "@std/path";
import { inTempFolder } from "../../testdata/temp_folder.ts";
import { ncnnSource } from "../../toolchain/source.ts";
import { SILENT } from "../../progress.ts";
import { loadBin } from "./bin_file.ts";
import { LAYER_PARAMS } from "./layer_params.ts";
import { loadAsNcnn, type LoadedParam, type ReadValue } from "./loader.ts";
import { type Probed, probeLoader } from "./testdata/loader_probe.ts";
import { seededRandom } from "../../pose/testdata/random.ts";

const GOOD = [
  "7767517",
  "7 8",
  "Input                in0    0 1 in0 0=64 1=32 2=3",
  "Convolution          conv0  1 1 in0 1 0=16 1=3 5=1 6=432 9=2 -23310=1,1.000000e-01",
  "Split                s      1 2 1 2 3",
  "Clip                 clip   1 1 2 4 0=0.0 1=6.0",
  'Reshape              shape  1 1 3 5 6="-1,16"',
  "BinaryOp             add    1 1 4 6 0=2 1=1 2=5.000000e-01",
  "Slice                cut    1 1 6 out0 -23300=2,8,-233 1=0",
];

const encode = (text: string) => new TextEncoder().encode(text);
const load = (lines: string[]): LoadedParam => loadAsNcnn(encode(`${lines.join("\n")}\n`));

/** Returns the good file with one line changed by a replacement. */
function changed(line: number, from: string | RegExp, to: string): string[] {
  return GOOD.map((text, i) => i === line - 1 ? text.replace(from, to) : text);
}

Deno.test("loadAsNcnn() finds nothing in a sound file", () => {
  const { layers, faults, isLoaded } = load(GOOD);
  assertEquals(faults, []);
  assert(isLoaded);
  assertEquals(layers.map(({ type, line }) => [type, line])[2], ["Split", 5]);
  assertEquals(layers[1].params.get(10), {
    kind: "array",
    numbers: [{ isFloat: true, value: Math.fround(0.1) }],
  });
});

const FAULTS: [what: string, lines: string[], line: number, effect: string, message: RegExp][] = [
  ["a byte order mark", changed(1, "77", "\ufeff77"), 1, "refused", /byte order mark/],
  ["no magic", GOOD.slice(1), 1, "refused", /no magic number.*2017/],
  ["a long value", changed(6, "0.0", "-3.402823466e+38"), 6, "misread", /16 characters.*at "8"/],
  ["inf", changed(6, "6.0", "inf"), 6, "misread", /is "inf", which ncnn reads as 0/],
  ["-inf", changed(6, "0.0", "-inf"), 6, "refused", /"-inf", expected a number/],
  ["many decimals", changed(6, "6.0", "0.12345678901"), 6, "misread", /ncnn reads as 3\.089/],
  ["an id of 32", changed(6, "1=", "32="), 6, "refused", /beyond the 32 ids/],
  ["an id of -5", changed(6, "1=", "-5="), 6, "crash", /before the start of its table/],
  ["a name of 300", changed(4, "conv0", "n".repeat(300)), 4, "misread", /300 bytes.*takes 255/],
  ["an unknown layer", changed(6, "Clip", "Frob"), 6, "refused", /no layer of the type "Frob"/],
  ["pnnx's operator", changed(6, "Clip", "nn.SiLU"), 6, "refused", /operator of pnnx/],
  ["a layer more", changed(2, "7 8", "8 8"), 9, "refused", /ends before the type of layer 8 of 8/],
  ["a layer less", changed(2, "7 8", "6 8"), 9, "unread", /1 line follows the 6 layers/],
  ["a blob more", changed(2, "7 8", "7 9"), 2, "unread", /counts 9 blobs and has 8/],
  ["a blob less", changed(2, "7 8", "7 7"), 9, "crash", /one more than the 7/],
  ["a blob of nobody", changed(6, " 2 4", " 9 4"), 6, "misread", /which no line before makes/],
  ["a blob twice", changed(6, "2 4", "2 3"), 6, "misread", /second time, first on line 5/],
  ["two readers", changed(7, "1 1 3", "1 1 2"), 7, "misread", /here and on line 6 without a Split/],
  ["an int for a float", changed(8, "5.000000e-01", "5"), 8, "misread", /7\.01e-45, write 5\.0/],
  ["a float for an int", changed(4, "0=16", "0=16.0"), 4, "misread", /it reads 1098907648/],
  ["ints for floats", changed(4, "1.000000e-01", "3"), 4, "misread", /holds a value that is the/],
  ["a cut array", changed(9, "2,8,-233", "3,8,-233"), 9, "refused", /tells 3 values and ends/],
  ["an unread id", changed(6, "1=6.0", "1=6.0 7=1"), 6, "unread", /parameter 7, which ncnn's Clip/],
  [
    "an old Softmax",
    changed(6, "Clip", "Softmax").map((line) => line.replace("0=0.0 1=6.0", "0=1")),
    6,
    "refused",
    /converters wrote it before/,
  ],
  ["a file in halves", GOOD.slice(0, 5), 5, "refused", /ends before the type of layer 4/],
  ["a .param.bin", ["\0\0\0\0"], 1, "refused", /holds a byte 0/],
];
for (const [what, lines, line, effect, message] of FAULTS) {
  Deno.test(`loadAsNcnn() names ${what} with its line`, () => {
    const { faults, isLoaded } = load(lines);
    const found = faults.find((fault) => message.test(fault.message));
    assertEquals([found?.line, found?.effect], [line, effect], JSON.stringify(faults));
    if (effect === "refused" || effect === "crash") assert(!isLoaded);
  });
}

Deno.test("loadBin() names the layer at which a .bin ends, and what is left of a longer one", () => {
  const { layers } = load(GOOD);
  const whole = 4 + 4 * 432 + 4 * 16;
  assertEquals(loadBin(layers, new Uint8Array(whole)), {
    faults: [],
    isLoaded: true,
    takenBytes: whole,
  });
  const short = loadBin(layers, new Uint8Array(whole - 1));
  assert(!short.isLoaded);
  assertEquals(short.faults[0].line, 4);
  assertMatch(short.faults[0].message, /ends within Convolution "conv0".* 64 bytes .* 63 of/);
  const long = loadBin(layers, new Uint8Array(whole + 8));
  assertMatch(long.faults[0].message, /of which the layers take 1796/);
});

Deno.test("loadBin() names weights that are not finite, and a tag that is none", () => {
  const { layers } = load(GOOD);
  const bytes = new Uint8Array(4 + 4 * 432 + 4 * 16);
  new DataView(bytes.buffer).setFloat32(40, NaN, true);
  assertMatch(loadBin(layers, bytes).faults[0].message, /1 of the 432 weights .* NaN or infinite/);
  new DataView(bytes.buffer).setUint32(0, 0x12345678, true);
  const { faults, takenBytes } = loadBin(layers, bytes);
  assertMatch(faults[0].message, /0x12345678, which is no way of storing/);
  assertEquals(takenBytes, 4 + 1024 + 432 + 4 * 16);
});

Deno.test("LAYER_PARAMS has the ids that the pinned source asks for", async () => {
  const { folder } = await ncnnSource({ progress: SILENT });
  const layers = path.join(folder, "src", "layer");
  const asked = new Map<string, number[]>();
  for (const { name } of Deno.readDirSync(layers)) {
    if (!name.endsWith(".cpp")) continue;
    const text = Deno.readTextFileSync(path.join(layers, name));
    const body = /int (\w+)::load_param\(const ParamDict& pd\)\n\{([^]*?)\n\}/.exec(text);
    const ids = body?.[2].matchAll(/pd\.get\((\d+),/g).map(([, id]) => Number(id)).toArray();
    if (ids !== undefined) asked.set(body![1], [...new Set(ids)].sort((a, b) => a - b));
  }
  const known = LAYER_PARAMS.entries().map(([type, kinds]): [string, number[]] => [
    type,
    [...kinds.keys()],
  ]);
  const sorted = (entries: Iterable<[string, number[]]>) => [...entries].sort();
  assertEquals(sorted(known), sorted(asked));
});

/** Returns the good file after one to three changes such as hands and tools make. */
function spoiled(random: () => number): string {
  const pick = <T>(values: readonly T[]): T => values[Math.floor(random() * values.length)];
  const lines = [...GOOD];
  const word = (change: (word: string) => string) => {
    const at = 2 + Math.floor(random() * (lines.length - 2));
    const words = lines[at]?.split(/(?<=\s)(?=\S)/) ?? [];
    const which = Math.floor(random() * words.length);
    words[which] = change(words[which]?.trim() ?? "") + " ";
    lines[at] = words.join("");
  };
  const value = (change: (value: string) => string) =>
    word((text) =>
      text.includes("=") ? text.replace(/=.*/, (v) => `=${change(v.slice(1))}`) : text
    );
  const digits = () => String(Math.floor(random() * 1e9));
  const changes = [
    () => value((v) => `${v}${pick(["0", "00000", ".", "e5", ",", ",1", "x", "\t", '"'])}`),
    () =>
      value(() => pick(["inf", "-inf", "nan", "relu", '"a b"', '" a"', '""', '"', "+1", "-", "e"])),
    () => value(() => `0.${digits()}${digits()}`.slice(0, 4 + Math.floor(random() * 16))),
    () => value(() => `${digits()}${digits()}`.slice(0, 1 + Math.floor(random() * 16))),
    () => value((v) => v.slice(0, Math.floor(random() * v.length))),
    () => word((w) => w.replace(/^-?\d+=/, `${pick([-23301, -23332, -1, 31, 32, 30, 5])}=`)),
    () => word((w) => w.slice(Math.floor(random() * 2))),
    () => word(() => pick(["", "x".repeat(254 + Math.floor(random() * 4)), "3D", "0=1", "1"])),
    () => word((w) => pick([w + "\n", "\n" + w, w + "\r"])),
    () => lines.splice(2 + Math.floor(random() * 7), 1),
    () => lines.push(pick(["", "Clip c 1 1 out0 out1", "0=1", "# end"])),
    () => lines[1] = `${6 + Math.floor(random() * 4)} ${6 + Math.floor(random() * 4)}`,
    () => lines[0] = pick(["7767517 ", " 7767517", "+7767517", "7767517.0", "7767518", ""]),
  ];
  for (let left = 1 + Math.floor(random() * 3); left > 0; left--) pick(changes)();
  const text = lines.join(random() < 0.1 ? "\r\n" : "\n");
  return random() < 0.1 ? text.slice(0, Math.floor(random() * text.length)) : `${text}\n`;
}

/** Returns a value as `ParamDict` keeps it: its type, and its bits or text. */
function asKept(value: ReadValue): [number, number | number[] | string] {
  const bits = ({ isFloat, value }: { isFloat: boolean; value: number }) =>
    isFloat ? new Int32Array(new Float32Array([value]).buffer)[0] : value;
  if (value.kind === "text") return [7, value.text];
  if (value.kind === "number") return [value.number.isFloat ? 3 : 2, bits(value.number)];
  return [value.numbers.at(-1)?.isFloat ? 6 : 5, value.numbers.map(bits)];
}

function asProbed({ layers, faults, isLoaded }: LoadedParam): Omit<Probed, "bin"> {
  if (!isLoaded) {
    const isCrash = faults.some(({ effect }) => effect === "crash");
    return { status: isCrash ? "crash" : "refused", layers: [], params: [] };
  }
  return {
    status: "loaded",
    layers: layers.map(({ type, name, bottoms, tops }) => ({ type, name, bottoms, tops })),
    params: layers.map(({ params }) =>
      Object.fromEntries(
        [...params].filter(([, value]) => value.kind !== "array" || value.numbers.length > 0)
          .map(([id, value]) => [`${id}`, asKept(value)]),
      )
    ),
  };
}

Deno.test("loadAsNcnn() reads 250 spoiled files as ncnn's own loader does under the sanitizers", async () => {
  await inTempFolder(async (folder) => {
    const random = seededRandom(1);
    const texts = Array.from({ length: 250 }, () => spoiled(random));
    const files = texts.map((text, i) => {
      const file = path.join(folder, `${i}.param`);
      Deno.writeTextFileSync(file, text);
      return file;
    });
    const probed = await probeLoader(files);
    assertEquals(probed.length, texts.length);
    for (const [i, { bin: _, ...own }] of probed.entries()) {
      const loaded = loadAsNcnn(encode(texts[i]));
      // whether memory that is asked for in vain ends the program is the machine's choice
      const isByMemory = loaded.faults.some(({ message }) => message.includes("for the memory"));
      if (isByMemory && own.status !== "loaded") continue;
      assertEquals(asProbed(loaded), own, JSON.stringify(texts[i]));
    }
    const counts = Map.groupBy(probed, ({ status }) => status);
    for (const status of ["loaded", "refused", "crash"] as const) {
      assert((counts.get(status)?.length ?? 0) >= 10, `${status}: ${counts.get(status)?.length}`);
    }
  });
});

Deno.test("loadBin() takes the bytes that ncnn's own layers take", async () => {
  await inTempFolder(async (folder) => {
    const random = seededRandom(2);
    const param = `${GOOD.join("\n")}\n`;
    const { layers } = loadAsNcnn(encode(param));
    const bins = [0, 0x01306b47, 0x000d4b38, 0x0002c056, 0x12345678].flatMap((tag) =>
      [1796, 400, 3000, Math.floor(random() * 2500)].map((bytes) => {
        const bin = new Uint8Array(bytes);
        new DataView(bin.buffer).setUint32(0, tag, true);
        return bin;
      })
    );
    const files = bins.map((bin, i) => {
      const file = path.join(folder, `${i}.param`);
      Deno.writeTextFileSync(file, param);
      Deno.writeFileSync(file.replace(/param$/, "bin"), bin);
      return file;
    });
    const probed = await probeLoader(files);
    for (const [i, { bin }] of probed.entries()) {
      const { isLoaded, takenBytes } = loadBin(layers, bins[i]);
      const own = isLoaded ? { isLoaded, takenBytes } : { isLoaded, takenBytes: bin!.takenBytes };
      assertEquals(own, bin);
    }
  });
});
