import { assertEquals, assertNotEquals } from "@std/assert";
import { PRECISION_NAMES } from "./precision.ts";
import { NO_SETTINGS } from "./run_settings.ts";
import {
  ACTIVATIONS,
  type AxisName,
  choiceOf,
  CONVERTERS,
  HEADS,
  parseVariantId,
  VARIANT_AXES,
  variantId,
  type VariantKey,
  withoutAxis,
} from "./variant.ts";

const KEY: VariantKey = {
  ...{ model: "m", activation: "silu", speedOnly: false, head: "raw", branch: "o2m" },
  ...{
    precision: "fp32",
    shape: { mode: "fixed", widthPx: 352, heightPx: 640 },
    converter: "pnnx",
    settings: NO_SETTINGS,
  },
};
const IDS_OF_VERSION_0_1_0 = [
  "yolov8n-pose.silu.raw.fp32.640x640.pnnx",
  "m.relu-speedonly.raw-nchw.fp16-storage.rect640.pnnx-optimized",
  "m.hardswish.decoded.int8.352x640.onnx2ncnn",
];

Deno.test("variantId() returns the id again that parseVariantId() read, those of version 0.1.0 too", () => {
  assertEquals(variantId(KEY), "m.silu.raw.fp32.352x640.pnnx");
  for (const id of IDS_OF_VERSION_0_1_0) assertEquals(variantId(parseVariantId(id)!), id);
  for (const activation of ACTIVATIONS) {
    for (const head of HEADS) {
      for (const precision of PRECISION_NAMES) {
        for (const converter of CONVERTERS) {
          const key = { ...KEY, activation, head, precision, converter };
          assertEquals(parseVariantId(variantId(key)), key);
        }
      }
    }
  }
});

Deno.test("parseVariantId() returns null when a part is missing, unknown, in another place or in excess", () => {
  for (
    const text of [
      "",
      "m",
      "m.silu.raw.fp32.640x640",
      "m.silu.raw.fp32.640x640.pnnx.more",
      "m.raw.silu.fp32.640x640.pnnx",
      "m.swoosh.raw.fp32.640x640.pnnx",
      "m.silu.raw.fp8.640x640.pnnx",
      "m.silu.raw.fp32.640.pnnx",
      "m.silu.raw.fp32.0x640.pnnx",
      ".silu.raw.fp32.640x640.pnnx",
    ]
  ) {
    assertEquals(parseVariantId(text), null, text);
  }
});

Deno.test("variantId() says the branch only where it is one-to-one", () => {
  const oneToOne = variantId({ ...KEY, branch: "o2o" });
  assertEquals(oneToOne, "m.silu.raw.o2o.fp32.352x640.pnnx");
  assertEquals(parseVariantId(oneToOne)?.branch, "o2o");
  assertEquals(parseVariantId("m.silu.raw.fp32.352x640.pnnx")?.branch, "o2m");
});

Deno.test("variantId() says the settings only where the variant brings some along", () => {
  const settings = { ...NO_SETTINGS, threads: 2, coreMask: "f0", winograd: false };
  const own = variantId({ ...KEY, settings });
  assertEquals(own, "m.silu.raw.fp32.352x640.pnnx.t2-mf0-no_winograd");
  assertEquals(parseVariantId(own)?.settings, settings);
  assertEquals(parseVariantId("m.silu.raw.fp32.352x640.pnnx")?.settings, NO_SETTINGS);
  for (const text of ["t0", "t999", "no_winograd-t2", "t2-t2", "m0", "p3", "fast"]) {
    assertEquals(parseVariantId(`m.silu.raw.fp32.352x640.pnnx.${text}`), null, text);
  }
});

Deno.test("withoutAxis() tells variants apart by every axis but the one left out", () => {
  const others: Record<AxisName, VariantKey> = {
    activation: { ...KEY, activation: "relu" },
    head: { ...KEY, head: "decoded" },
    branch: { ...KEY, branch: "o2o" },
    precision: { ...KEY, precision: "bf16" },
    shape: { ...KEY, shape: { mode: "rect", widthPx: 640, heightPx: 640 } },
    converter: { ...KEY, converter: "onnx2ncnn" },
    settings: { ...KEY, settings: { ...NO_SETTINGS, threads: 2 } },
  };
  const names = Object.keys(VARIANT_AXES) as AxisName[];
  for (const name of names) {
    for (const left of names) {
      const compare = name === left ? assertEquals : assertNotEquals;
      compare(withoutAxis(others[name], left), withoutAxis(KEY, left));
    }
  }
  assertNotEquals(withoutAxis({ ...KEY, model: "n" }, "head"), withoutAxis(KEY, "head"));
});

Deno.test("choiceOf() asks for one value on every axis", () => {
  assertEquals(choiceOf(KEY), {
    activations: ["silu"],
    heads: ["raw"],
    branches: ["o2m"],
    precisions: ["fp32"],
    shapes: [{ mode: "fixed", widthPx: 352, heightPx: 640 }],
    converters: ["pnnx"],
    settings: [NO_SETTINGS],
  });
});
