import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { HarnessError } from "../errors.ts";
import type { Activation } from "../record/variant.ts";
import { modelNames, type PlannedModel, planVariants, type VariantChoice } from "./variant_plan.ts";

const CHOICE: VariantChoice = {
  activations: null,
  heads: ["raw"],
  precisions: ["fp32"],
  shapes: [{ mode: "own" }],
  converters: ["pnnx"],
};

function model(name: string, trained: Activation, widthPx = 640, heightPx = 640): PlannedModel {
  return {
    name,
    path: `/m/${name}.onnx`,
    trained,
    branch: "o2m",
    inputWidthPx: widthPx,
    inputHeightPx: heightPx,
    decode: { boxForm: "xywh", isNormalised: false, isUsualOrder: true, notes: [] },
  };
}

function ids(models: PlannedModel[], choice: Partial<VariantChoice> = {}): string[] {
  return planVariants(models, { ...CHOICE, ...choice }).variants.map((variant) => variant.id);
}

function optionError(models: PlannedModel[], choice: Partial<VariantChoice>): string {
  const error = assertThrows(() => planVariants(models, { ...CHOICE, ...choice }), HarnessError);
  assertEquals(error.code, "bad-option");
  return error.message;
}

const SILU = model("a", "silu");
const RELU = model("b", "relu");

Deno.test("planVariants() runs each model as it was trained when no activation is asked for", () => {
  assertEquals(ids([SILU, RELU]), ["a.silu.raw.fp32.640x640.pnnx", "b.relu.raw.fp32.640x640.pnnx"]);
});

Deno.test("planVariants() swaps SiLU for ReLU for its speed alone when there is no trained one", () => {
  const { variants } = planVariants([SILU], { ...CHOICE, activations: ["silu", "relu"] });
  assertEquals(variants.map((one) => one.id), [
    "a.silu.raw.fp32.640x640.pnnx",
    "a.relu-speedonly.raw.fp32.640x640.pnnx",
  ]);
  assertEquals(variants.map((one) => one.swapped), [false, true]);
  assertEquals(variants.map((one) => one.warnings.map((warning) => warning.code)), [
    [],
    ["speed-only"],
  ]);
});

Deno.test("planVariants() makes no speed-only swap when a model trained with ReLU is there", () => {
  const plan = planVariants([SILU, RELU], { ...CHOICE, activations: ["silu", "relu"] });
  assertEquals(plan.variants.map((one) => one.id), [
    "a.silu.raw.fp32.640x640.pnnx",
    "b.relu.raw.fp32.640x640.pnnx",
  ]);
  assertEquals(plan.skipped.map((warning) => warning.code), [
    "skipped-activation",
    "skipped-activation",
  ]);
  assertStringIncludes(plan.skipped[0].message, "b, trained with ReLU");
});

Deno.test("planVariants() makes HardSwish of SiLU a full variant, and skips it for ReLU", () => {
  const plan = planVariants([SILU, RELU], { ...CHOICE, activations: ["hardswish"] });
  assertEquals(plan.variants.map((one) => [one.id, one.key.speedOnly, one.swapped]), [
    ["a.hardswish.raw.fp32.640x640.pnnx", false, true],
  ]);
  assertEquals(plan.variants[0].warnings[0].code, "swapped-activation");
  assertStringIncludes(
    plan.skipped[0].message,
    "b is not run as hardswish: it was trained with relu",
  );
});

Deno.test("planVariants() fails with the reasons when nothing remains", () => {
  const message = optionError([RELU], { activations: ["silu", "hardswish"] });
  assertStringIncludes(message, "b is not run as silu");
  assertStringIncludes(message, "b is not run as hardswish");
  assertStringIncludes(optionError([], {}), "--model");
});

Deno.test("planVariants() takes shapes from the model and from the option", () => {
  const tall = model("t", "silu", 320, 640);
  assertEquals(
    ids([tall], {
      shapes: [
        { mode: "own" },
        { mode: "rect", longSidePx: null },
        { mode: "rect", longSidePx: 416 },
        { mode: "fixed", widthPx: 416, heightPx: 256 },
        { mode: "fixed", widthPx: 320, heightPx: 640 },
      ],
    }),
    ["320x640", "rect640", "rect416", "416x256"].map((shape) => `t.silu.raw.fp32.${shape}.pnnx`),
  );
});

Deno.test("planVariants() makes the product of heads, precisions and converters", () => {
  const made = ids([SILU], {
    heads: ["raw", "raw-nchw"],
    precisions: ["fp32", "fp16", "bf16"],
    converters: ["pnnx", "onnx2ncnn"],
  });
  assertEquals(made.length, 12);
  assertEquals(new Set(made).size, 12);
  assertEquals(made[1], "a.silu.raw.fp32.640x640.onnx2ncnn");
});

Deno.test("planVariants() says what to do when the decoded head can't have the shape or the converter", () => {
  const rect = optionError([SILU], {
    heads: ["decoded"],
    shapes: [{ mode: "rect", longSidePx: null }],
  });
  assertStringIncludes(rect, "use --head raw, or leave --shape out");
  const fixed = optionError([SILU], {
    heads: ["decoded"],
    shapes: [{ mode: "fixed", widthPx: 320, heightPx: 320 }],
  });
  assertStringIncludes(fixed, "320x320");
  for (const converter of ["onnx2ncnn", "pnnx-optimized"] as const) {
    const message = optionError([SILU], { heads: ["decoded"], converters: [converter] });
    assertStringIncludes(message, "use --converter pnnx");
  }
  const own = ids([SILU], {
    heads: ["decoded"],
    shapes: [{ mode: "fixed", widthPx: 640, heightPx: 640 }],
  });
  assertEquals(own, ["a.silu.decoded.fp32.640x640.pnnx"]);
});

Deno.test("modelNames() adds the hash to each of several files with one stem", () => {
  const files = [
    { stem: "best", sha256: "a".repeat(64), branch: "o2m" as const, given: "a/best.pt" },
    { stem: "best", sha256: "b".repeat(64), branch: "o2m" as const, given: "b/best.pt" },
    { stem: "other", sha256: "c".repeat(64), branch: "o2m" as const, given: "other.pt" },
  ];
  assertEquals(modelNames(files), ["best-aaaaaaaa", "best-bbbbbbbb", "other"]);
  assertEquals(modelNames(files.slice(1)), ["best", "other"]);
  // ids tell branches apart
  const branches = [files[0], { ...files[1], branch: "o2o" as const }];
  assertEquals(modelNames(branches), ["best", "best"]);
  // one checkpoint, exported at two sizes
  const sizes = [files[0], { ...files[0], sha256: "d".repeat(64) }];
  assertEquals(modelNames(sizes), ["best", "best"]);
  assertEquals(modelNames([...sizes, files[1]]), [
    "best-aaaaaaaa",
    "best-aaaaaaaa",
    "best-bbbbbbbb",
  ]);
});

Deno.test("planVariants() leaves out a file that has not the branch asked for, and says so", () => {
  const one = { ...model("a", "silu"), branch: "o2o" as const };
  const plan = planVariants([one, model("b", "silu")], { ...CHOICE, branches: ["o2o"] });
  assertEquals(plan.variants.map(({ id }) => id), ["a.silu.raw.o2o.fp32.640x640.pnnx"]);
  assertEquals(plan.skipped.map(({ code }) => code), ["skipped-branch"]);
});
