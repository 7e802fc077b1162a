import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { parseCategoryRules } from "./category_rules.ts";
import { parseAnnotations } from "./read_annotations.ts";
import { readResults } from "./read_results.ts";

/** Three images, one object of two joints. */
const ANNOTATIONS = parseAnnotations(
  JSON.stringify({
    images: ["007.jpg", "a/b c.png", "x.jpg"].map((file_name, index) => ({
      ...{ id: index + 1, file_name, width: 200, height: 100 },
    })),
    categories: [{ id: 3, name: "dog" }],
    annotations: [{
      ...{ id: 1, image_id: 1, category_id: 3, bbox: [0, 0, 9, 9], area: 81 },
      keypoints: [1, 2, 2, 3, 4, 2],
    }],
  }),
  "a.json",
);
const ENTRY = { image_id: 1, category_id: 3, score: 0.5, keypoints: [1, 2, 0.9, 3, 4, 0.8] };
const read = (...changes: Record<string, unknown>[]) =>
  readResults(changes.map((change) => ({ ...ENTRY, ...change })), "d.json", ANNOTATIONS);

Deno.test("readResults() matches images by id, else by path, name, stem or number of the file", () => {
  const images = (...ids: unknown[]) =>
    read(...ids.map((image_id) => ({ image_id }))).results.map((result) => result.image_id);
  assertEquals(images(1, 3, "2"), [1, 3, 2]);
  assertEquals(images(7, "b c", "a/b c.png", "x.jpg", "007"), [1, 2, 2, 3, 1]);
  assertStringIncludes(read({ image_id: 7 }).notes[0], 'for instance 7 with "007.jpg"');
  assertThrows(() => read({ image_id: 9 }), Error, "entry 0 is of image 9, which is not in the");
  assertThrows(() => read({ image_id: null }), Error, "no number and no text");
});

Deno.test("readResults() takes nulls, two values a joint, nested joints and shares of the sides", () => {
  assertEquals(read({ bbox: null }).results[0].bbox, undefined);
  assertEquals(read({ keypoints: null, bbox: [1, 2, 3, 4] }).results[0].keypoints, undefined);
  const pairs = read({ keypoints: [1, 2, 3, 4] });
  assertEquals(pairs.results[0].keypoints, [1, 2, 1, 3, 4, 1]);
  assertStringIncludes(pairs.notes[0], "1 of 1 results have two values a joint");
  assertEquals(read({ keypoints: [[1, 2, 1], [3, 4, 1]] }).results[0].keypoints?.length, 6);
  const shares = read({ keypoints: [0.5, 0.5, 0.9, 1, 0.25, 0.8], bbox: [0, 0, 0.5, 1] });
  assertEquals(shares.results[0].keypoints, [100, 50, 0.9, 200, 25, 0.8]);
  assertEquals(shares.results[0].bbox, [0, 0, 100, 100]);
  assertStringIncludes(shares.notes[0], "shares of the images' sides");
  assertEquals(read().results, []);
});

Deno.test("readResults() names the entry and the key when one is wrong", () => {
  const cases: [Record<string, unknown>, string][] = [
    [{ score: null }, 'entry 1 has no number for "score"'],
    [{ score: "0.5" }, 'no number for "score": "0.5"'],
    [JSON.parse('{"score":1e400}'), "a number beyond what a computer holds"],
    [{ bbox: [1, 2] }, 'entry 1: "bbox" is not x, y, width, height'],
    [{ keypoints: [1, 2, "3"] }, 'entry 1: "keypoints" has "3" at place 2, not a number'],
    [{ keypoints: [1, 2] }, '"keypoints" has 2 values'],
    [{ keypoints: undefined }, 'entry 1 has neither "keypoints" nor "bbox"'],
  ];
  for (const [change, found] of cases) assertThrows(() => read({}, change), Error, found);
  assertThrows(() => readResults({}, "d.json", ANNOTATIONS), Error, "not a list");
  assertThrows(
    () => readResults({ annotations: [] }, "d.json", ANNOTATIONS),
    Error,
    "exchanged",
  );
});

Deno.test("readResults() maps categories by rules, and refuses a rule that names nothing", () => {
  const mapped = (text: string) =>
    readResults([{ ...ENTRY, category_id: 0 }], "d.json", {
      ...ANNOTATIONS,
      categoryRules: parseCategoryRules(text),
    }).results[0].category_id;
  assertEquals(mapped("0=3"), 3);
  assertEquals(mapped("0=Dog"), 3);
  assertThrows(() => mapped("0=cat"), Error, '"cat" is no category');
  assertThrows(() => mapped("0"), Error, "expected CLASS=CATEGORY");
});
