import { assertEquals } from "@std/assert";
import { SHIPPED_STAGES } from "./schedule.ts";
import { manifestOf, stageArguments } from "./train.ts";

Deno.test("stageArguments() names every number of the stage as train.py does", () => {
  const text = stageArguments(SHIPPED_STAGES[0]).join(" ");
  assertEquals(
    text,
    "--batches 1000 --decay-batches 0 --batch 8 --imgsz 160 --early-imgsz 128 --lr 0.0012 " +
      "--keypoint-loss narrowing",
  );
});

Deno.test("manifestOf() has the file's hash and size, and the time of all stages", () => {
  const options = {
    activation: "relu" as const,
    exportSidePx: 160,
    seed: 3,
    stages: [...SHIPPED_STAGES],
  };
  const versions = { ultralytics: "8.2.98", torch: "2.4.1" };
  const manifest = manifestOf("posemark-n-relu", 99, "abcd", options, [
    { wallSeconds: 100, ...versions },
    { wallSeconds: 20, ...versions },
  ]);
  assertEquals([manifest.file, manifest.sha256, manifest.sizeBytes], [
    "posemark-n-relu.onnx",
    "abcd",
    99,
  ]);
  assertEquals(manifest.inputShape, { widthPx: 160, heightPx: 160 });
  assertEquals([manifest.trainedOn.wallSeconds, manifest.trainedOn.seed], [120, 3]);
  assertEquals(manifest.trainedOn.stages.length, SHIPPED_STAGES.length);
});
