import { assertEquals, assertMatch } from "@std/assert";
import { syntheticReport } from "../../harness/report/testdata/synthetic_report.ts";
import { deviceNames, plain, shellLine, variantLabels } from "./labels.js";

const report = syntheticReport({
  seed: 1,
  devices: 2,
  rounds: 1,
  images: 1,
  iterations: 2,
  pictures: 0,
});

Deno.test("plain() shows what would be obeyed or not be seen when a text holds control and bidi marks", () => {
  assertEquals(plain("a\u202Eb"), "a⟨U+202E⟩b");
  assertEquals(plain("a\u0000\u200B\u2066"), "a⟨U+0000⟩⟨U+200B⟩⟨U+2066⟩");
  assertEquals(plain("lone \ud800 pair 😀"), "lone ⟨U+D800⟩ pair 😀");
  assertEquals(plain("tab\tnewline\n中文"), "tab\tnewline\n中文");
});

Deno.test("plain() cuts the middle when a text is long", () => {
  const cut = plain("x".repeat(50) + "END", 11);
  assertEquals(cut, "xxxxxx…xxEND");
});

Deno.test("variantLabels() names only what differs, and each variant once, when variants share the rest", () => {
  const { common, byId } = variantLabels(report.variants);
  assertEquals(common, ["yolov8n-pose", "640×640", "pnnx"]);
  assertEquals(byId.get(report.base), "SiLU · raw · fp32");
  assertEquals(new Set(byId.values()).size, byId.size);
});

Deno.test("variantLabels() takes files that differ in the activation only for one model", () => {
  const named = report.variants.map((variant) => ({
    ...variant,
    variant: { ...variant.variant, model: `yolov8n-pose-${variant.activation}` },
  }));
  const { common, byId } = variantLabels(named);
  assertEquals(common[0], "yolov8n-pose");
  assertEquals(byId.get(report.base), "SiLU · raw · fp32");
  for (const variant of named) {
    if (variant.id === report.base) variant.variant.model = "yolov8s-pose-silu";
  }
  assertEquals(variantLabels(named).byId.get(report.base), "yolov8s-pose-silu · SiLU · raw · fp32");
});

Deno.test("variantLabels() adds what was asked when two variants ran with the same precision", () => {
  const [a] = report.variants;
  const b = structuredClone(a);
  b.id = "other";
  b.precision.requested = "fp16";
  const { byId } = variantLabels([a, b]);
  assertEquals([...byId.values()], ["SiLU · fp32 (fp32)", "SiLU · fp32 (fp16)"]);
});

Deno.test("variantLabels() falls back to the id when nothing else differs", () => {
  const [a] = report.variants;
  const { byId } = variantLabels([a, { ...a, id: "twin" }]);
  assertEquals(byId.get("twin"), "twin");
});

Deno.test("variantLabels() counts variants whose ids differ only where they are cut", () => {
  const [a] = report.variants;
  const twins = ["1", "2", "3", "4"].map((middle) => ({
    ...a,
    id: `${"a".repeat(60)}${middle}${"b".repeat(60)}`,
  }));
  const labels = [...variantLabels(twins).byId.values()];
  assertEquals(new Set(labels).size, 4);
  assertEquals(labels.map((label) => label.slice(-2)), ["2)", "bb", "#2", "#3"]);
});

Deno.test("deviceNames() adds the serial when two devices have the same name", () => {
  const twins = structuredClone(report);
  twins.devices[1].model = twins.devices[0].model;
  twins.devices[1].manufacturer = twins.devices[0].manufacturer;
  const names = deviceNames(twins);
  assertEquals(names.get("SYNTH0001"), "Example Phone 8 (SYNTH0001)");
  assertEquals(names.get("SYNTH0002"), "Example Phone 8 (SYNTH0002)");
});

Deno.test("shellLine() gives back the same words when a shell reads them", async () => {
  const words = ["a b", "it's", "$HOME", "`x`", "--n=1", "", "中文;&|"];
  const output = await new Deno.Command("sh", {
    args: ["-c", `printf '%s\\n' ${shellLine(words)}`],
  })
    .output();
  assertEquals(new TextDecoder().decode(output.stdout), words.map((word) => `${word}\n`).join(""));
  assertMatch(shellLine(["x"]), /^x$/);
});

Deno.test("variantLabels() says the branch only of models that have another than one-to-many", () => {
  const [a] = report.variants;
  const ofBranch = (branch: string) => ({
    ...a,
    id: branch,
    labels: { ...a.labels, branch },
  });
  assertEquals(variantLabels([ofBranch("o2m")]).common.includes("o2m"), false);
  assertEquals(variantLabels([ofBranch("o2o")]).common.includes("o2o"), true);
  assertEquals([...variantLabels([ofBranch("o2m"), ofBranch("o2o")]).byId.values()], [
    "o2m",
    "o2o",
  ]);
});
