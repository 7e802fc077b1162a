import { assertEquals } from "@std/assert";
import { seededRandom } from "../pose/testdata/random.ts";
import { type Candidates, newCandidates, rowAt } from "./candidates.ts";
import { YOLO26, YOLOV8 } from "../record/head_code.ts";
import { candidateClasses, iou, nms, overlapLimit, select, selectionRule, topK } from "./select.ts";

/** Candidates without keypoints from [x1, y1, x2, y2, score, class]. */
function candidates(...rows: number[][]): Candidates {
  const made = newCandidates(
    rows.map(([, , , , score, classIndex], cell) => ({
      level: 0,
      stride: 8,
      cell,
      score,
      classIndex,
    })),
    0,
  );
  rows.forEach((row, index) => rowAt(made, index).set(row));
  return made;
}

const OPTIONS = { nmsIou: 0.5, maxDetections: 300 };

Deno.test("iou() is the shared part of both areas, 0 when boxes touch, are apart or have no area", () => {
  assertEquals(iou([0, 0, 10, 10], [5, 0, 15, 10]), 50 / 150);
  assertEquals(iou([0, 0, 10, 10], [10, 0, 20, 10]), 0);
  assertEquals(iou([0, 0, 10, 10], [50, 50, 60, 60]), 0);
  assertEquals(iou([3, 3, 3, 3], [3, 3, 3, 3]), 0);
});

Deno.test("nms() keeps the best of overlapping boxes and what they do not overlap, by descending score", () => {
  const kept = nms(
    candidates([0, 0, 10, 10, 0.5, 0], [1, 0, 11, 10, 0.9, 0], [40, 0, 50, 10, 0.7, 0]),
    OPTIONS,
  );
  assertEquals([...kept], [1, 2]);
});

Deno.test("nms() keeps a box whose only overlap is with a box that went", () => {
  // 0 and 2 both overlap 1 (IoU 0.54) but not each other (0.25)
  const chain = candidates([0, 0, 10, 10, 0.9, 0], [3, 0, 13, 10, 0.8, 0], [6, 0, 16, 10, 0.7, 0]);
  assertEquals([...nms(chain, OPTIONS)], [0, 2]);
});

Deno.test("nms() keeps both when the IoU equals the threshold or the classes differ", () => {
  const half = candidates([0, 0, 10, 10, 0.9, 0], [0, 0, 10, 5, 0.8, 0]);
  assertEquals([...nms(half, OPTIONS)], [0, 1]);
  assertEquals([...nms(half, { ...OPTIONS, nmsIou: 0.49 })], [0]);
  assertEquals(
    [...nms(candidates([0, 0, 10, 10, 0.9, 0], [0, 0, 10, 10, 0.8, 1]), OPTIONS)],
    [0, 1],
  );
});

Deno.test("nms() takes the lower index first when scores are equal, and NaN last", () => {
  const ties = candidates([0, 0, 9, 9, 0.5, 0], [20, 0, 29, 9, NaN, 0], [40, 0, 49, 9, 0.5, 0]);
  assertEquals([...nms(ties, OPTIONS)], [0, 2, 1]);
});

Deno.test("nms() stops at the largest number and takes an empty list", () => {
  const apart = candidates([0, 0, 9, 9, 0.5, 0], [20, 0, 29, 9, 0.6, 0]);
  assertEquals([...nms(apart, { ...OPTIONS, maxDetections: 1 })], [1]);
  assertEquals([...nms(candidates(), OPTIONS)], []);
});

Deno.test("nms() keeps what OpenCV's NMSBoxes and torchvision keep on the recorded cases", async () => {
  const cases = JSON.parse(
    await Deno.readTextFile(new URL("testdata/nms_cases.json", import.meta.url)),
  );
  assertEquals(cases.length, 20);
  for (const { kind, boxes, scores, classes, nmsIou, opencv, torchvision } of cases) {
    const made = candidates(
      ...boxes.map((box: number[], index: number) => [...box, scores[index], classes[index]]),
    );
    const kept = [...nms(made, { nmsIou, maxDetections: 1000 })];
    assertEquals(kept, torchvision, `${kind} at ${nmsIou}, torchvision`);
    // two boxes without an area at one place: OpenCV takes their overlap as whole, torchvision and
    // we as none
    const expected = kind === "no area" ? kept.filter((index) => index !== 1) : kept;
    assertEquals(expected, opencv, `${kind} at ${nmsIou}, OpenCV`);
  }
});

const TOP_K = { classCount: 3, headCode: { ...YOLO26, select: "top-k" as const } };
const NMS = { classCount: 3, headCode: YOLOV8 };

Deno.test("topK() keeps the best whatever they overlap, equal scores in their order, NaN last", () => {
  const made = candidates(
    [0, 0, 10, 10, 0.5, 0],
    [0, 0, 10, 10, 0.9, 0],
    [0, 0, 10, 10, 0.5, 1],
    [0, 0, 10, 10, NaN, 1],
  );
  assertEquals([...topK(made, OPTIONS)], [1, 0, 2, 3]);
  assertEquals([...topK(made, { ...OPTIONS, maxDetections: 2 })], [1, 0]);
  assertEquals([...select(TOP_K, made, { ...OPTIONS, maxDetections: 3 })], [1, 0, 2]);
  assertEquals([...select(NMS, made, { ...OPTIONS, maxDetections: 3 })], [1, 2]);
  assertEquals([...topK(candidates(), OPTIONS)], []);
});

Deno.test("topK() takes the pairs that the best k cells and then the best k pairs of them give, as ultralytics does", () => {
  const random = seededRandom(4);
  for (let round = 0; round < 200; round++) {
    const [cells, classes, k] = [1 + Math.floor(40 * random()), 3, 1 + Math.floor(20 * random())];
    const scores = Array.from(
      { length: cells },
      () => Array.from({ length: classes }, () => Math.fround(random())),
    );
    const made = candidates(
      ...scores.flatMap((each) => each.map((score, index) => [0, 0, 1, 1, score, index])),
    );
    const bestCells = scores.map((each, cell) => ({ cell, best: Math.max(...each) }))
      .sort((a, b) => b.best - a.best).slice(0, k);
    const pairs = bestCells.flatMap(({ cell }) =>
      scores[cell].map((score, index) => ({ at: cell * classes + index, score }))
    ).sort((a, b) => b.score - a.score).slice(0, k);
    assertEquals([...topK(made, { ...OPTIONS, maxDetections: k })], pairs.map(({ at }) => at));
  }
});

Deno.test("candidateClasses() gives the best class to NMS and all above the threshold to top-k", () => {
  const of = (values: number[], spec: typeof NMS | typeof TOP_K) =>
    candidateClasses(spec, (index) => values[index], 0.5);
  assertEquals(of([0.6, 0.9, 0.4], NMS), [1]);
  assertEquals(of([0.6, 0.9, 0.4], TOP_K), [0, 1]);
  assertEquals(of([0.5, 0.1, 0.4], TOP_K), []);
  assertEquals(of([NaN, 0.9, NaN], TOP_K), [1]);
  assertEquals(of([NaN, NaN, NaN], NMS), []);
});

Deno.test("overlapLimit() and selectionRule() say what the selection goes by", () => {
  assertEquals([overlapLimit(NMS, OPTIONS), overlapLimit(TOP_K, OPTIONS)], [0.5, null]);
  assertEquals(selectionRule("nms", OPTIONS), "greedy by class, IoU > 0.5, at most 300");
  assertEquals(
    selectionRule("top-k", OPTIONS),
    "the best 300 pairs of cell and class, without NMS",
  );
});
