import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import { iou } from "../head/select.ts";
import { seededRandom } from "../pose/testdata/random.ts";
import { iouBounds } from "./iou_bounds.ts";

Deno.test("iouBounds() are the IoU itself where nothing is off", () => {
  const { least, most } = iouBounds(
    { sides: [0, 0, 10, 10], offPx: 0 },
    { sides: [5, 0, 15, 10], offPx: 0 },
  );
  assertEquals([least, most], [50 / 150, 50 / 150]);
  const apart = iouBounds(
    { sides: [0, 0, 10, 10], offPx: 1 },
    { sides: [20, 0, 30, 10], offPx: 2 },
  );
  assertEquals(apart, { least: 0, most: 0 });
});

Deno.test("iouBounds() take each side by its own box's tolerance, an overlap of inner sides too", () => {
  // the second lies within the first: only its own tolerance moves what they share
  const inner = iouBounds(
    { sides: [0, 0, 100, 100], offPx: 0 },
    { sides: [40, 40, 60, 60], offPx: 1 },
  );
  assertAlmostEquals(inner.most, 22 ** 2 / 1e4, 0.002);
  assert(inner.least <= 18 ** 2 / 1e4 && inner.least > 0.03);
});

Deno.test("iouBounds() hold for boxes moved at random, up to boxes smaller than their tolerance", () => {
  const random = seededRandom(5);
  const box = () => {
    const [x, y] = [20 * random(), 20 * random()];
    return [x, y, x + 12 * random(), y + 12 * random()] as [number, number, number, number];
  };
  const moved = (sides: readonly number[], off: number) =>
    sides.map((side) => side + off * (2 * random() - 1));
  for (let trial = 0; trial < 20_000; trial++) {
    const [a, b, offA, offB] = [box(), box(), 2 * random() ** 3, 2 * random() ** 3];
    const { least, most } = iouBounds({ sides: a, offPx: offA }, { sides: b, offPx: offB });
    const actual = iou(moved(a, offA), moved(b, offB));
    assert(
      least <= actual + 1e-12 && actual <= most + 1e-12,
      `${least} ${actual} ${most} of ${JSON.stringify([a, b, offA, offB])}`,
    );
  }
});
