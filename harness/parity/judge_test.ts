import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { nms } from "../head/select.ts";
import type { ParityRecord, StageParity } from "../record/records.ts";
import { ParityRecordSchema } from "../record/records.ts";
import { type HeadCode, YOLO26, YOLOV8 } from "../record/head_code.ts";
import { HEADS } from "../record/variant.ts";
import {
  DEFAULT_BARS,
  headReference,
  type ImageEvidence,
  judgeImage,
  type JudgeOptions,
} from "./judge.ts";
import { cleanEvidence } from "./testdata/evidence.ts";
import { decodeFloat } from "./testdata/float_runner.ts";
import { testManifest } from "./testdata/manifest.ts";

function stageOf(record: ParityRecord, name: StageParity["stage"]): StageParity {
  return record.stages.find(({ stage }) => stage === name)!;
}

/** Clean evidence of the raw head with a change; judged. */
function judgeWith(change: (evidence: ImageEvidence) => void, seed = 3): ParityRecord {
  const evidence = cleanEvidence({ variant: testManifest(), seed });
  change(evidence);
  return judgeImage(evidence);
}

Deno.test("judgeImage() passes every stage of every head when the runner is clean", () => {
  for (const head of HEADS) {
    const record = judgeImage(
      cleanEvidence({ variant: testManifest({ head }), seed: 3, people: 5 }),
    );
    ParityRecordSchema.parse(record);
    assertEquals(
      record.stages.map(({ verdict, reason }) => verdict === "pass" ? verdict : reason),
      new Array(5).fill("pass"),
    );
    assertEquals(record.firstFailedStage, null);
    assert(record.matches.length >= 2, `${head}: ${record.matches.length} pairs`);
  }
});

Deno.test("judgeImage() passes every stage of any head that is told by data alone, and fails where the runner was told another", () => {
  const codes: HeadCode[] = [
    YOLOV8,
    YOLO26,
    { ...YOLO26, select: "top-k", branch: "one-to-one" },
    { ...YOLOV8, box: { code: "dfl", origin: 0 }, keypoint: { ...YOLO26.keypoint, scale: 3 } },
  ];
  for (const headCode of codes) {
    for (const head of HEADS) {
      for (const [keypointCount, keypointDims, classCount] of [[17, 3, 1], [4, 2, 3], [0, 3, 2]]) {
        const variant = testManifest({
          head,
          headCode,
          regMax: headCode.box.code === "dfl" ? 16 : 1,
          keypointCount,
          keypointDims: keypointDims as 2 | 3,
          classCount,
        });
        const evidence = cleanEvidence({ variant, seed: 3, people: 5 });
        const record = ParityRecordSchema.parse(judgeImage(evidence));
        assertEquals(
          record.stages.map(({ verdict, reason }) => verdict === "pass" ? verdict : reason),
          new Array(5).fill("pass"),
          JSON.stringify([headCode, head, keypointCount]),
        );
        assert(record.matches.length >= 2);
        assert(record.matches.every(({ oks }) => oks > 0.9 && oks <= 1));
        if (head === "decoded" || headCode === YOLOV8) continue;
        const other = {
          ...variant,
          headCode: { ...headCode, box: { ...headCode.box, origin: 0.25 } },
        };
        const { blobs } = headReference(variant, evidence.reference, evidence.options);
        evidence.stages!.decode = decodeFloat(
          other,
          blobs,
          evidence.reference.geometry,
          evidence.options,
        );
        assertEquals(judgeImage(evidence).firstFailedStage, "decode");
      }
    }
  }
});

Deno.test("judgeImage() takes the best k of a one-to-one branch, and names what was suppressed", () => {
  const headCode: HeadCode = { ...YOLO26, select: "top-k", branch: "one-to-one" };
  const variant = testManifest({ headCode, regMax: 1 });
  const evidence = cleanEvidence({ variant, seed: 3, people: 5, options: { maxDetections: 7 } });
  const { detected } = headReference(variant, evidence.reference, evidence.options);
  assert(detected.candidates.count > 7);
  assertEquals(detected.kept.length, 7);
  const record = judgeImage(evidence);
  assertEquals(record.firstFailedStage, null);
  assertStringIncludes(
    stageOf(record, "nms").reason,
    "the best 7 pairs of cell and class, without NMS",
  );
  evidence.stages!.nms = nms(detected.candidates, evidence.options);
  const suppressed = judgeImage(evidence);
  assertEquals(suppressed.firstFailedStage, "nms");
});

Deno.test("judgeImage() passes every stage of a decoded head whose levels are not 8, 16 and 32", () => {
  for (const strides of [[8, 16, 32, 64], [4, 8, 16, 32], [16, 32]]) {
    const record = judgeImage(cleanEvidence({
      variant: testManifest({
        head: "decoded",
        strides,
        shape: { mode: "fixed", widthPx: 192, heightPx: 128 },
      }),
      seed: 5,
      people: 4,
    }));
    assertEquals(
      record.stages.map(({ verdict, reason }) => verdict === "pass" ? verdict : reason),
      new Array(5).fill("pass"),
    );
    assert(record.matches.length > 0, `${strides}: nobody was found`);
  }
});

Deno.test("judgeImage() explains a detection just above the threshold when the reference has none at all", () => {
  for (const head of HEADS) {
    for (const sigmoid of ["exact", "fast"] as const) {
      const variant = testManifest({ head });
      const request = { variant, seed: 3, people: 1 };
      const best = cleanEvidence(request).reference.detections[0].score;
      const evidence = cleanEvidence({
        ...request,
        options: { scoreThreshold: best + 1e-6, sigmoid },
        // the logits of the single class
        adjust: (blobs, side) =>
          side === "runner" && blobs.forEach((blob) => {
            const channels = 1 + 4 * variant.regMax + 3 * variant.keypointCount;
            for (let at = 0; at < blob.length; at += channels) blob[at] += 2e-5;
          }),
      });
      assertEquals(evidence.reference.detections.length, 0);
      const endToEnd = stageOf(judgeImage({ ...evidence, stages: null }), "end-to-end");
      assertEquals(endToEnd.verdict, "pass", `${head} ${sigmoid}: ${endToEnd.reason}`);
      if (sigmoid === "exact") assertEquals(evidence.detections!.length, 1);
    }
  }
});

Deno.test("judgeImage() has no false alarm on 300 clean images of random size, threshold and head", () => {
  let pairs = 0;
  for (let seed = 0; seed < 300; seed++) {
    const variant = testManifest({
      head: HEADS[seed % 3],
      shape: {
        mode: seed % 4 === 0 ? "rect" : "fixed",
        widthPx: 64 + 32 * (seed % 5),
        heightPx: 64 + 32 * (seed % 3),
      },
    });
    const record = judgeImage(cleanEvidence({
      variant,
      seed,
      people: seed % 6,
      imageWidthPx: 40 + (seed * 37) % 300,
      imageHeightPx: 40 + (seed * 53) % 300,
      options: { scoreThreshold: [0.05, 0.25, 0.5][seed % 3], nmsIou: [0.45, 0.7][seed % 2] },
    }));
    assertEquals(
      record.stages.filter(({ verdict }) => verdict === "fail"),
      [],
      `seed ${seed}, ${variant.head}`,
    );
    pairs += record.matches.length;
  }
  assert(pairs > 300, `${pairs} pairs`);
});

Deno.test("judgeImage() names preprocess and what it looks like when the tensor differs", () => {
  const swapped = judgeWith(({ stages }) => {
    const plane = stages!.preprocess!.length / 3;
    const red = stages!.preprocess!.slice(0, plane);
    stages!.preprocess!.copyWithin(0, 2 * plane);
    stages!.preprocess!.set(red, 2 * plane);
  });
  assertEquals(swapped.firstFailedStage, "preprocess");
  assertStringIncludes(stageOf(swapped, "preprocess").reason, "red and blue are swapped");
  const scaled = judgeWith(({ stages }) =>
    stages!.preprocess = stages!.preprocess!.map((v) => 255 * v)
  );
  assertStringIncludes(stageOf(scaled, "preprocess").reason, "not divided by 255");
  const padded = judgeWith(({ stages, reference: { geometry } }) =>
    stages!.preprocess!.forEach((_, at, tensor) => {
      const row = Math.floor(at / geometry.widthPx) % geometry.heightPx;
      if (row < geometry.topPx) tensor[at] = 0;
    })
  );
  assertStringIncludes(stageOf(padded, "preprocess").reason, "padding");
  const one = judgeWith(({ stages }) => stages!.preprocess![7] += 1 / 255);
  assertStringIncludes(
    stageOf(one, "preprocess").reason,
    "1 of 46080 values differ, first R at x 7, y 0",
  );
  const cut = judgeWith(({ stages }) => stages!.preprocess = stages!.preprocess!.slice(1));
  assertStringIncludes(stageOf(cut, "preprocess").reason, "46079 values, expected 46080");
});

Deno.test("judgeImage() names the network when one value of one blob is off, NaN, or a blob is missing", () => {
  const off = judgeWith(({ stages }) => stages!.blobs[1]![100] += 0.02);
  assertEquals(off.firstFailedStage, "network");
  assertStringIncludes(stageOf(off, "network").reason, "of stride 16");
  const nan = judgeWith(({ stages }) => stages!.blobs[2]![5] = NaN);
  assertEquals(nan.firstFailedStage, "network");
  assertStringIncludes(stageOf(nan, "network").reason, "not finite");
  assertEquals(stageOf(nan, "network").verdict, "fail");
  const missing = judgeWith(({ stages }) => stages!.blobs[2] = null);
  assertStringIncludes(
    stageOf(missing, "network").reason,
    'missing: the runner left no output "out2"',
  );
  const short = judgeWith(({ stages }) => stages!.blobs[0] = stages!.blobs[0]!.slice(1));
  assertStringIncludes(stageOf(short, "network").reason, 'output "out0" has');
});

Deno.test("judgeImage() fails the network when the runner counted values that are not finite, though no stages were run", () => {
  const record = judgeWith((evidence) => {
    evidence.stages = null;
    evidence.detections = [];
    evidence.notFinite = 7;
    evidence.precisionEffective = "fp16-weights";
  });
  assertEquals(record.firstFailedStage, "network");
  assertStringIncludes(stageOf(record, "network").reason, "7 values are not finite");
  assertStringIncludes(stageOf(record, "network").reason, "beyond 65504");
});

Deno.test("judgeImage() names decode and the value when a row is wrong, missing or one too many", () => {
  const integers = judgeWith(({ stages }) =>
    stages!.decode!.forEach((value, at, rows) => {
      if (at % 57 < 4) rows[at] = Math.trunc(value);
    })
  );
  assertEquals(integers.firstFailedStage, "decode");
  assertStringIncludes(stageOf(integers, "decode").reason, "boxes are cut to integers");
  const fewer = judgeWith(({ stages }) => stages!.decode = stages!.decode!.slice(57));
  assertEquals(stageOf(fewer, "decode").verdict, "fail");
  const last = judgeWith(({ stages }) => stages!.decode = stages!.decode!.slice(0, -57));
  assertStringIncludes(stageOf(last, "decode").reason, "is missing");
  const more = judgeWith(({ stages }) =>
    stages!.decode = Float32Array.from([...stages!.decode!, ...stages!.decode!.slice(0, 57)])
  );
  assertStringIncludes(stageOf(more, "decode").reason, "is beyond");
  const nan = judgeWith(({ stages }) => stages!.decode![7] = NaN);
  assertEquals(stageOf(nan, "decode").verdict, "fail");
  const logit = judgeWith(({ stages }) => stages!.decode![8] = 3.5);
  assertStringIncludes(stageOf(logit, "decode").reason, "no sigmoid?");
});

Deno.test("judgeImage() names NMS and the decision when a candidate stays, goes or stands elsewhere", () => {
  const order = judgeWith(({ stages }) => stages!.nms!.reverse());
  assertEquals(order.firstFailedStage, "nms");
  const fewer = judgeWith(({ stages }) => stages!.nms = stages!.nms!.slice(0, -1));
  assertStringIncludes(stageOf(fewer, "nms").reason, "is missing although");
  const all = judgeWith(({ stages }) =>
    stages!.nms = Int32Array.from(stages!.decode!.keys().take(stages!.decode!.length / 57))
  );
  assertEquals(stageOf(all, "nms").verdict, "fail");
  const twice = judgeWith(({ stages }) =>
    stages!.nms = Int32Array.from([...stages!.nms!, stages!.nms![0]])
  );
  assertStringIncludes(stageOf(twice, "nms").reason, "stay, expected at most");
});

Deno.test("judgeImage() names end-to-end when detections don't follow from the runner's own outputs", () => {
  const shifted = judgeWith(({ detections }) => detections![0].keypoints[4][0] += 0.05);
  assertEquals(shifted.firstFailedStage, "end-to-end");
  assertStringIncludes(stageOf(shifted, "end-to-end").reason, "joint 4 is 0.05");
  const gone = judgeWith(({ detections }) => detections!.shift());
  assertEquals(gone.firstFailedStage, "end-to-end");
  assertEquals([gone.unmatchedReference.length, gone.explainedUnmatched], [1, 0]);
  assertStringIncludes(stageOf(gone, "end-to-end").reason, "expected but not found (score 0.9");
  const extra = judgeWith(({ detections }) =>
    detections!.push({ ...detections![0], boxXyxyPx: [0, 0, 5, 5] })
  );
  assertStringIncludes(stageOf(extra, "end-to-end").reason, "found but not expected");
  const nan = judgeWith(({ detections }) => detections![0].keypoints[0][1] = NaN);
  assertStringIncludes(stageOf(nan, "end-to-end").reason, "not finite");
  const none = judgeWith((evidence) => evidence.detections = null);
  assertStringIncludes(stageOf(none, "end-to-end").reason, "missing");
  assertEquals(none.firstFailedStage, "end-to-end");
});

Deno.test("judgeImage() explains a detection at the threshold that is there in one of the two only", () => {
  const evidence = cleanEvidence({ variant: testManifest(), seed: 3 });
  const lowest = evidence.reference.detections.at(-1)!.score;
  const at = cleanEvidence({
    variant: testManifest(),
    seed: 3,
    options: { scoreThreshold: lowest - 1e-5 },
  });
  const record = judgeImage({ ...at, stages: null, detections: at.detections!.slice(0, -1) });
  assertEquals(stageOf(record, "end-to-end").verdict, "pass");
  assertEquals([record.unmatchedReference.length, record.explainedUnmatched], [1, 1]);
});

Deno.test("judgeImage() is inconclusive, not passing, when nobody is on either side or the stages were not run", () => {
  const nobody = judgeImage(cleanEvidence({ variant: testManifest(), seed: 4, people: 0 }));
  assertEquals(nobody.stages.map(({ verdict }) => verdict), [
    "pass",
    "pass",
    "inconclusive",
    "inconclusive",
    "inconclusive",
  ]);
  const evidence = cleanEvidence({ variant: testManifest(), seed: 3 });
  const unrun = judgeImage({ ...evidence, stages: null });
  assertEquals(unrun.stages.map(({ verdict }) => verdict), [
    ...new Array(4).fill("inconclusive"),
    "pass",
  ]);
});

Deno.test("judgeImage() fails within the derived tolerance when the user's bars are tighter", () => {
  const evidence = cleanEvidence({ variant: testManifest(), seed: 3 });
  const options = { ...evidence.options, bar: { maxPx: 1e-9, minOks: null } };
  const record = judgeImage({ ...evidence, options });
  assertEquals(record.firstFailedStage, "end-to-end");
  assertStringIncludes(stageOf(record, "end-to-end").reason, "beyond the bar of 1e-9 px");
});

Deno.test("judgeImage() holds int8 to its tolerance alone, and to bars that the user gives", () => {
  const far = (bar: JudgeOptions["bar"]) =>
    judgeWith((evidence) => {
      evidence.precisionEffective = "int8";
      evidence.stages = null;
      evidence.rounded = {
        ...evidence.rounded,
        storage: evidence.reference.rawBlobs.map((blob) => blob.map((value) => value + 10)),
      };
      evidence.options = { ...evidence.options, bar };
      evidence.detections![0].keypoints[4][0] += 15;
    });
  const free = far(DEFAULT_BARS);
  assertEquals(stageOf(free, "end-to-end").verdict, "pass", stageOf(free, "end-to-end").reason);
  assertStringIncludes(stageOf(free, "end-to-end").reason, "no largest distance");
  const held = far({ maxPx: 12, minOks: null });
  assertStringIncludes(stageOf(held, "end-to-end").reason, "beyond the bar of 12 px");
});

Deno.test("judgeImage() compares fp16 weights with the reference that has the same weights, and allows their change end to end", () => {
  const evidence = cleanEvidence({ variant: testManifest(), seed: 3 });
  const record = judgeImage({
    ...evidence,
    precisionEffective: "fp16-weights",
    stages: { ...evidence.stages!, blobs: [...evidence.rounded.fp16Weights] },
  });
  assertEquals(stageOf(record, "network").verdict, "pass");
  assertStringIncludes(stageOf(record, "network").reason, "same rounded weights");
  // float32 blobs are not what rounded weights give
  const wrong = judgeImage({ ...evidence, precisionEffective: "fp16-weights" });
  assertEquals(wrong.firstFailedStage, "network");
});
