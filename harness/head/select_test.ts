import { assertEquals } from "@std/assert";
import { type Candidates, newCandidates, rowAt } from "./candidates.ts";
import { iou, nms } from "./select.ts";

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
