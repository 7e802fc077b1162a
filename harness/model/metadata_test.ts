import { assertEquals } from "@std/assert";
import { findPoseHead } from "./head.ts";
import { readModelNames } from "./metadata.ts";
import { tinyPose } from "./testdata/tiny_pose.ts";

// 3 classes, 5 keypoints of 3 values, 96 × 64 pixels, strides 8, 16, 32
const HEAD = findPoseHead(tinyPose(), "m.onnx");
const JOINTS = ["a", "b", "c", "d", "e"];
const LIST = `[${JOINTS.map((joint) => `'${joint}'`).join(", ")}]`;

const said = (metadata: Record<string, string>, head = HEAD) => {
  const { warnings, ...names } = readModelNames(new Map(Object.entries(metadata)), head);
  return { ...names, said: warnings.map(({ message }) => message) };
};

Deno.test("readModelNames() gives the names that agree with the graph", () => {
  assertEquals(
    said({
      names: `{0: 'cat', 1: "dog's", 2: 'horse'}`,
      kpt_names: `{0: ${LIST}, 1: ${LIST}, 2: ${LIST}}`,
      kpt_shape: "[5, 3]",
      stride: "32",
      imgsz: "[64, 96]",
    }),
    { names: ["cat", "dog's", "horse"], keypointNames: JOINTS, said: [] },
  );
  assertEquals(said({ names: "['cat', 'dog', 'horse']", kpt_names: LIST }), {
    names: ["cat", "dog", "horse"],
    keypointNames: JOINTS,
    said: [],
  });
  // keys in another order than their numbers
  assertEquals(said({ names: "{2: 'horse', 0: 'cat', 1: 'dog'}" }).names, ["cat", "dog", "horse"]);
});

Deno.test("readModelNames() has no names and no word where the file says nothing", () => {
  assertEquals(said({}), { names: null, keypointNames: null, said: [] });
});

Deno.test("readModelNames() follows the graph, and tells each key that contradicts it", () => {
  const { names, keypointNames, said: sentences } = said({
    names: "{0: 'cat', 1: 'dog'}",
    kpt_names: "{0: ['nose']}",
    kpt_shape: "[17, 3]",
    stride: "64",
    imgsz: "[640, 640]",
  });
  assertEquals([names, keypointNames], [null, null]);
  assertEquals(sentences, [
    'The metadata "names" of the file say 2 classes, its graph has 3: the graph is followed',
    'The metadata "kpt_names" of the file say 1 keypoints, its graph has 5: the graph is followed',
    'The metadata "kpt_shape" of the file say 17 keypoints of 3 values, its graph has 5 of 3: the graph is followed',
    'The metadata "stride" of the file say 64, its graph has 8, 16, 32: the graph is followed',
    'The metadata "imgsz" of the file say 640x640, its graph has an input of 96x64: the graph is followed',
  ]);
});

Deno.test("readModelNames() gives no names that it can't read or that differ by class", () => {
  assertEquals(said({ names: "{0: 'cat', 1: 'dog', 7: 'horse'}" }).names, null);
  assertEquals(said({ names: "cat, dog, horse" }), {
    names: null,
    keypointNames: null,
    said: ['The metadata "names" of the file are no list of names: they are not used'],
  });
  const other = LIST.replace("'a'", "'z'");
  assertEquals(said({ kpt_names: `{0: ${LIST}, 1: ${other}}` }), {
    names: null,
    keypointNames: null,
    said: ['The metadata "kpt_names" of the file differ by class: they are not used'],
  });
});

Deno.test("readModelNames() of a model without keypoints tells a file that says it has some", () => {
  const head = findPoseHead(tinyPose({ pose: false }), "m.onnx");
  assertEquals(said({ kpt_names: LIST, kpt_shape: "[5, 3]" }, head), {
    names: null,
    keypointNames: null,
    said: [
      'The metadata "kpt_shape" of the file say 5 keypoints of 3 values, its graph has no keypoints: the graph is followed',
    ],
  });
});
