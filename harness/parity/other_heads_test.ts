import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import type { PoseHead } from "../model/head.ts";
import { keptConversion } from "../model/convert/conversion.ts";
import { pinnedTools } from "../model/convert/tools.ts";
import { encodeOnnx, type OnnxModel } from "../model/onnx/onnx_file.ts";
import { tinyPose } from "../model/testdata/tiny_pose.ts";
import { sha256Hex } from "../hash.ts";
import { seededRandom } from "../pose/testdata/random.ts";
import { SILENT } from "../progress.ts";
import { type HeadCode, YOLO26, YOLOV8 } from "../record/head_code.ts";
import { type Head, HEADS, type VariantManifest } from "../record/variant.ts";
import { DEFAULT_BARS } from "./judge.ts";
import { summarizeParity } from "./summary.ts";
import { testManifest } from "./testdata/manifest.ts";
import { openRunnerOf, type Photograph, type RealRunner } from "./testdata/real_runner.ts";

const SHAPE = { mode: "fixed", widthPx: 96, heightPx: 64 } as const;
const CLASSES = 2;

/** Images of noise: random weights see something in each. */
const IMAGES: Photograph[] = [1, 2].map((seed) => {
  const random = seededRandom(seed);
  const rgb = Uint8Array.from({ length: 96 * 64 * 3 }, () => 256 * random());
  return { id: `noise${seed}`, widthPx: 96, heightPx: 64, rgb };
});

/** What is told of a head, beside its name in no table. */
interface Told {
  code: HeadCode;
  keypoints: number;
  layouts: Head[];
}

/** The head's description, written down and not recognised. */
function describe(model: OnnxModel, { code, keypoints }: Told): PoseHead {
  const kernels = model.nodes.filter(({ opType, attributes }) =>
    opType === "Conv" && JSON.stringify(attributes.get("kernel_shape")?.value) === "[1,1]" &&
    attributes.has("pads")
  );
  const perLevel = keypoints > 0 ? 3 : 2;
  assertEquals(kernels.length, 3 * perLevel);
  return {
    inputName: "x0",
    inputWidthPx: SHAPE.widthPx,
    inputHeightPx: SHAPE.heightPx,
    outputName: model.outputs[0].name,
    classCount: CLASSES,
    keypointCount: keypoints,
    keypointDims: 3,
    regMax: code.box.code === "dfl" ? 16 : 1,
    headCode: code,
    levels: [8, 16, 32].map((stride, level) => {
      const names = kernels.slice(level * perLevel, (level + 1) * perLevel)
        .map(({ outputs }) => outputs[0]);
      const [cls, box] = names.slice(-2);
      return {
        stride,
        widthCells: SHAPE.widthPx / stride,
        heightCells: SHAPE.heightPx / stride,
        box,
        cls,
        kpt: keypoints > 0 ? names[0] : null,
      };
    }),
  };
}

/** The real runner with a graph of random weights that has such a head. */
async function runnerWith(told: Told): Promise<RealRunner> {
  const model = tinyPose({
    classes: CLASSES,
    keypoints: told.keypoints,
    pose: told.keypoints > 0,
    code: told.code,
    seed: 5,
  });
  const head = describe(model, told);
  const sha256 = await sha256Hex(encodeOnnx(model));
  const source = { path: "tiny.onnx", stem: "tiny", sha256, bytes: 1, model, head };
  const prepared = [];
  for (const layout of told.layouts) {
    const { conversion, folder } = await keptConversion(
      {
        source: {
          ...source,
          trained: "silu",
          selecting: null,
          names: null,
          keypointNames: null,
          warnings: [],
        },
        activation: null,
        head: layout,
        shape: SHAPE,
        converter: "pnnx",
        weights: "fp32",
        calibration: null,
      },
      "Preparing a tiny model",
      pinnedTools({ progress: SILENT }),
      { progress: SILENT },
    );
    const { param, bin, referenceOnnx, inputBlob, outputs } = conversion;
    const manifest: VariantManifest = testManifest({
      head: layout,
      shape: SHAPE,
      classCount: CLASSES,
      keypointCount: told.keypoints,
      regMax: head.regMax,
      headCode: told.code,
      param,
      bin,
      referenceOnnx,
      inputBlob,
      outputs,
    });
    prepared.push({ manifest, dir: folder });
  }
  return await openRunnerOf(prepared, IMAGES);
}

const OPTIONS = { scoreThreshold: 0.6, nmsIou: 0.7, maxDetections: 300, bar: DEFAULT_BARS };

async function summaryOf(
  runner: RealRunner,
  head: Head,
  told?: { headCode: HeadCode },
  scoreThreshold = OPTIONS.scoreThreshold,
) {
  const records = await runner.judge({
    head,
    shape: SHAPE,
    images: IMAGES,
    options: { ...OPTIONS, scoreThreshold },
    told,
  });
  return { records, summary: summarizeParity(records, { speedOnly: false, expectedImages: 2 }) };
}

Deno.test("a head with another box code and keypoint rule, told by data alone, passes parity on the real runner", async () => {
  await using runner = await runnerWith({
    code: YOLO26,
    keypoints: 5,
    layouts: [...HEADS],
  });
  for (const layout of HEADS) {
    const { summary } = await summaryOf(runner, layout);
    assertEquals(summary.verdict, "pass", `${layout}: ${summary.reason}`);
    assert(summary.matched > 3, `${layout}: ${summary.matched} pairs`);
  }
  for (
    const [headCode, hint] of [
      [{ ...YOLO26, keypoint: YOLOV8.keypoint }, "only keypoints differ"],
      [
        { ...YOLO26, keypoint: { ...YOLO26.keypoint, origin: 0 } },
        "-0.50 cells (where the grid starts?)",
      ],
      [{ ...YOLO26, box: { ...YOLO26.box, origin: 0 } }, "-0.50 cells (where anchors start?)"],
    ] as const
  ) {
    const { summary } = await summaryOf(runner, "raw", { headCode });
    assertEquals(summary.firstFailedStage, "decode", summary.reason);
    assertStringIncludes(summary.reason, hint);
  }
});

Deno.test("a head that takes the best k passes parity on the real runner, and NMS in its place is named", async () => {
  const code: HeadCode = { ...YOLO26, select: "top-k", branch: "one-to-one" };
  await using runner = await runnerWith({ code, keypoints: 5, layouts: ["raw"] });
  const { summary, records } = await summaryOf(runner, "raw", undefined, 0.2);
  assertEquals(summary.verdict, "pass", summary.reason);
  assertStringIncludes(
    records[0].stages.find(({ stage }) => stage === "nms")!.reason,
    "the best 300 pairs of cell and class, without NMS",
  );
  const overlaps = records.some(({ reference }) =>
    reference.some((a, at) =>
      reference.slice(at + 1).some((b) => a.boxXyxyPx.join() === b.boxXyxyPx.join())
    )
  );
  assert(overlaps, "no cell gives two classes");
  const told = await summaryOf(runner, "raw", { headCode: YOLO26 }, 0.2);
  assertEquals(told.summary.verdict, "fail");
});

Deno.test("a head without keypoints is detection: it passes parity on the real runner, with the IoU of boxes for OKS", async () => {
  for (const code of [YOLOV8, YOLO26]) {
    await using runner = await runnerWith({ code, keypoints: 0, layouts: ["raw", "raw-nchw"] });
    for (const layout of ["raw", "raw-nchw"] as const) {
      const { summary, records } = await summaryOf(runner, layout);
      assertEquals(summary.verdict, "pass", `${code.box.code} ${layout}: ${summary.reason}`);
      assert(summary.matched > 3);
      assert(summary.minOks! > 0.99 && summary.minOks! <= 1);
      assertEquals(records[0].reference[0].keypoints, []);
    }
  }
});
