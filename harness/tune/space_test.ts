import { assert, assertEquals } from "@std/assert";
import { variantId, type VariantKey } from "../record/variant.ts";
import { NO_SETTINGS, settingsText } from "../record/run_settings.ts";
import {
  best,
  contestantsOf,
  type Entry,
  frontOf,
  settingsFor,
  shapesFor,
  type TuneSpace,
} from "./space.ts";

const OWN = { mode: "fixed" as const, widthPx: 640, heightPx: 640 };
const BASE: VariantKey = {
  ...{ model: "m", activation: "silu", speedOnly: false, head: "decoded", branch: "o2m" },
  ...{ precision: "fp32", shape: OWN, converter: "pnnx", settings: NO_SETTINGS },
};
const SPACE: TuneSpace = {
  activations: ["silu", "hardswish"],
  precisions: ["fp32", "fp16"],
  heads: ["raw", "decoded"],
  converters: ["pnnx", "onnx2ncnn"],
  shapes: [OWN, { mode: "fixed", widthPx: 320, heightPx: 320 }],
  settings: [{ ...NO_SETTINGS, threads: 1 }, { ...NO_SETTINGS, winograd: false }],
};

/** An entry of a variant that differs from the base in these. */
function entry(change: Partial<VariantKey>, time: number | null, more: Partial<Entry> = {}): Entry {
  return {
    key: { ...BASE, ...change },
    ...{ stage: "networks", time: time === null ? null : { value: time, low: time, high: time } },
    ...{ ap: 0.5, apDifference: { value: 0, low: 0, high: 0 }, sizeBytes: 1e6 },
    ...{ refusal: null, beatenBy: null },
    ...more,
  };
}

const texts = (keys: readonly VariantKey[]) => keys.map((key) => variantId(key).slice("m.".length));

Deno.test("contestantsOf() races networks first, by the raw head, against the base", () => {
  assertEquals(texts(contestantsOf("networks", BASE, SPACE, [])), [
    "silu.decoded.fp32.640x640.pnnx",
    "silu.raw.fp32.640x640.pnnx",
    "silu.raw.fp16.640x640.pnnx",
    "hardswish.raw.fp32.640x640.pnnx",
    "hardswish.raw.fp16.640x640.pnnx",
  ]);
});

Deno.test("contestantsOf() leaves out what no converter makes, and varies the fastest alone", () => {
  const entries = [
    entry({}, 1),
    entry({ head: "raw", precision: "fp16" }, 0.8),
    entry({ head: "raw", activation: "hardswish" }, 0.7, { refusal: "it loses AP" }),
  ];
  assertEquals(texts(contestantsOf("routes", BASE, SPACE, entries)), [
    "silu.raw.fp16.640x640.pnnx",
    "silu.raw.fp16.640x640.onnx2ncnn",
    "silu.decoded.fp16.640x640.pnnx",
  ]);
});

Deno.test("contestantsOf() tries the sizes of every network on the front, by the best route", () => {
  const entries = [
    entry({ head: "raw" }, 0.9, { ap: 0.5 }),
    entry({ head: "raw", activation: "hardswish" }, 0.8, { ap: 0.49 }),
    entry({ head: "raw", precision: "fp16" }, 0.95, { ap: 0.48 }),
    entry({ head: "raw", activation: "hardswish", converter: "onnx2ncnn" }, 0.75, {
      ...{ ap: 0.49, stage: "routes" },
    }),
  ];
  assertEquals(texts(contestantsOf("sizes", BASE, SPACE, entries)), [
    "hardswish.raw.fp32.640x640.onnx2ncnn",
    "silu.raw.fp32.640x640.onnx2ncnn",
    "silu.raw.fp32.320x320.onnx2ncnn",
    "hardswish.raw.fp32.320x320.onnx2ncnn",
  ]);
});

Deno.test("contestantsOf() joins the settings that helped in the last race, beside those that can't be told apart", () => {
  const t1 = { ...NO_SETTINGS, threads: 1 };
  const plain = { ...NO_SETTINGS, winograd: false };
  const entries = [
    entry({ head: "raw" }, 0.8, { stage: "settings" }),
    entry({ head: "raw", settings: t1 }, 0.7, { stage: "settings" }),
    entry({ head: "raw", settings: plain }, 0.75, { stage: "settings" }),
    entry({ head: "raw", activation: "hardswish" }, 0.72, { beatenBy: "x" }),
    entry({ head: "raw", precision: "fp16" }, 0.79),
  ];
  assertEquals(texts(contestantsOf("final", BASE, SPACE, entries)), [
    "silu.decoded.fp32.640x640.pnnx",
    "silu.raw.fp32.640x640.pnnx.t1",
    "silu.raw.fp32.640x640.pnnx.t1-no_winograd",
    "silu.raw.fp32.640x640.pnnx.no_winograd",
    "silu.raw.fp16.640x640.pnnx",
    "silu.raw.fp32.640x640.pnnx",
  ]);
});

Deno.test("best() is the fastest that may be chosen, and the base's own when none may", () => {
  const refused = entry({ precision: "int8" }, 0.5, { refusal: "it loses AP" });
  assertEquals(best([refused, entry({}, 1), entry({ head: "raw" }, 0.9)]).head, "raw");
  assertEquals(best([entry({}, null), refused]), BASE);
});

Deno.test("frontOf() keeps who is beaten in neither time nor accuracy", () => {
  const fast = entry({ head: "raw" }, 0.5, { ap: 0.4 });
  const right = entry({}, 1, { ap: 0.5 });
  const beaten = entry({ precision: "fp16" }, 1.1, { ap: 0.45 });
  assertEquals(frontOf([beaten, fast, right, entry({}, null)]), [fast, right]);
});

Deno.test("shapesFor() tries squares and the images' own rectangles, and one fixed rectangle where they lie alike", () => {
  const names = (aspects: number[]) =>
    shapesFor(OWN, aspects).map(({ mode, widthPx, heightPx }) =>
      `${mode === "rect" ? "rect" : ""}${widthPx}x${heightPx}`
    );
  const landscape = names([4 / 3, 4 / 3, 16 / 9, 4 / 3]);
  assertEquals(landscape[0], "640x640");
  assert(landscape.includes("640x480") && landscape.includes("320x256"), `${landscape}`);
  assert(landscape.includes("rect640x640"));
  assert(names([3 / 4, 3 / 4]).includes("480x640"));
  const mixed = names([4 / 3, 3 / 4]);
  assert(mixed.every((name) => /^(rect)?(\d+)x\2$/.test(name)), `${mixed}`);
  assert(shapesFor(OWN, [1.5]).every(({ widthPx, heightPx }) => (widthPx | heightPx) % 32 === 0));
});

Deno.test("settingsFor() tries thread counts up to the cores, the kinds of cores where there are two, and each switch", () => {
  const of = (coreCount: number, bigCoreCount: number, threads: number) =>
    settingsFor({ coreCount, bigCoreCount, threads }).map(settingsText);
  assertEquals(of(2, 2, 2), ["t1", "no_winograd", "no_sgemm", "no_packing"]);
  assertEquals(of(8, 3, 3).slice(0, 6), ["t1", "t2", "t4", "t8", "p0", "p2"]);
});
