import { assertEquals } from "@std/assert";
import { NO_SETTINGS } from "../record/run_settings.ts";
import { variantId, type VariantKey } from "../record/variant.ts";
import { changesBetween, ladderOf, stepIds, stepLabel } from "./ladder.ts";

const OWN = { mode: "fixed" as const, widthPx: 640, heightPx: 640 };
const FROM: VariantKey = {
  ...{ model: "m-silu", activation: "silu", speedOnly: false, head: "decoded", branch: "o2m" },
  ...{ precision: "fp32", shape: OWN, converter: "pnnx", settings: NO_SETTINGS },
};
const TO: VariantKey = {
  ...FROM,
  ...{ model: "m-relu", activation: "relu", head: "raw" },
  shape: { mode: "fixed", widthPx: 480, heightPx: 640 },
};

Deno.test("changesBetween() names what differs, a model together with its activation", () => {
  assertEquals(changesBetween(FROM, TO), [
    { name: "activation", label: "SiLU → ReLU (m-silu → m-relu)", after: "ReLU" },
    { name: "head", label: "decoded → raw", after: "raw" },
    { name: "shape", label: "640×640 → 480×640", after: "480×640" },
  ]);
  assertEquals(changesBetween(FROM, FROM), []);
});

Deno.test("ladderOf() passes through no decode in the graph at another size", () => {
  const ladder = ladderOf(FROM, TO, OWN);
  assertEquals(ladder.orders, [
    ["activation", "head", "shape"],
    ["head", "activation", "shape"],
    ["head", "shape", "activation"],
  ]);
  assertEquals([...stepIds(ladder).values()], [
    "m-silu.silu.decoded.fp32.640x640.pnnx",
    "m-relu.relu.decoded.fp32.640x640.pnnx",
    "m-silu.silu.raw.fp32.640x640.pnnx",
    "m-relu.relu.raw.fp32.640x640.pnnx",
    "m-silu.silu.raw.fp32.480x640.pnnx",
    variantId(TO),
  ]);
  assertEquals(ladder.steps.map(({ made }) => stepLabel(ladder, made)), [
    "as it was",
    "ReLU",
    "raw",
    "ReLU, raw",
    "raw, 480×640",
    "ReLU, raw, 480×640",
  ]);
});

Deno.test("ladderOf() has no order when every way passes through what no converter makes", () => {
  const other = { ...FROM, shape: TO.shape };
  assertEquals(ladderOf({ ...FROM, head: "raw" }, other, OWN).orders, []);
});
