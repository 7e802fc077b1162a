import { assertEquals } from "@std/assert";
import { labelLines } from "./render_set.ts";

Deno.test("labelLines() has class, box centre and size, and keypoints as fractions of the picture", () => {
  const keypoints = Array(51).fill(0);
  keypoints.splice(0, 3, 50, 20, 2);
  keypoints.splice(48, 3, 100, 40, 1);
  const person = {
    keypoints,
    numKeypoints: 2,
    bboxXywhPx: [20, 10, 100, 40] as [number, number, number, number],
    areaPx: 900,
  };
  const rendering = { widthPx: 200, heightPx: 80, rgb: new Uint8Array(), people: [person] };
  const fields = labelLines(rendering).trimEnd().split(" ");
  assertEquals(fields.length, 1 + 4 + 51);
  assertEquals(fields.slice(0, 5), ["0", "0.35000", "0.37500", "0.50000", "0.50000"]);
  assertEquals(fields.slice(5, 8), ["0.25000", "0.25000", "2"]);
  assertEquals(fields.slice(8, 11), ["0.00000", "0.00000", "0"]);
  assertEquals(fields.slice(-3), ["0.50000", "0.50000", "1"]);
});

Deno.test("labelLines() is empty without people", () => {
  assertEquals(labelLines({ widthPx: 9, heightPx: 9, rgb: new Uint8Array(), people: [] }), "");
});
