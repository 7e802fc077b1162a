import { assert, assertEquals } from "@std/assert";
import type { Head, Shape } from "../record/variant.ts";
import { DEFAULT_BARS } from "./judge.ts";
import { openRealRunner } from "./testdata/real_runner.ts";
import { needs } from "../testdata/needs.ts";

const SHAPES: Shape[] = [
  { mode: "fixed", widthPx: 160, heightPx: 160 },
  { mode: "fixed", widthPx: 256, heightPx: 192 },
  { mode: "fixed", widthPx: 128, heightPx: 224 },
  { mode: "rect", widthPx: 224, heightPx: 224 },
  { mode: "rect", widthPx: 320, heightPx: 320 },
  { mode: "fixed", widthPx: 320, heightPx: 320 },
];

/** Score threshold, NMS threshold and head of a launch. */
const SETTINGS: [number, number, Head][] = [
  [0.25, 0.7, "raw"],
  [0.25, 0.45, "raw-nchw"],
  [0.05, 0.7, "raw"],
  [0.01, 0.6, "raw-nchw"],
  [0.5, 0.7, "raw"],
  [0.1, 0.3, "raw"],
  [0.35, 0.8, "raw-nchw"],
];

Deno.test({
  name:
    "judgeImage() gives no false alarm on 1,000 clean cases of the real runner: photographs, sizes, thresholds, heads",
  ...needs("shared"),
  fn: async () => {
    await using runner = await openRealRunner(["raw", "raw-nchw"]);
    let cases = 0;
    let pairs = 0;
    const alarms: string[] = [];
    for (const shape of SHAPES) {
      for (const [scoreThreshold, nmsIou, head] of SETTINGS) {
        const options = { scoreThreshold, nmsIou, maxDetections: 300, bar: DEFAULT_BARS };
        const records = await runner.judge({ head, shape, images: runner.photographs, options });
        for (const { imageId, stages, matches } of records) {
          cases++;
          pairs += matches.length;
          for (const { stage, verdict, reason } of stages) {
            if (verdict !== "fail") continue;
            alarms.push(
              `${head} ${shape.mode} ${shape.widthPx}x${shape.heightPx} ${scoreThreshold}/${nmsIou} ${imageId} ${stage}: ${reason}`,
            );
          }
        }
      }
    }
    assertEquals(alarms, []);
    assert(cases >= 1000, `${cases} cases`);
    assert(pairs >= 1000, `${pairs} matched people`);
  },
});
