import { assert, assertEquals, assertRejects } from "@std/assert";
import * as path from "@std/path";
import { HarnessError } from "../errors.ts";
import { evaluateFiles, formatEvaluation } from "./evaluate.ts";
import { parseAnnotations } from "../pose/read_annotations.ts";
import { evaluateBoxes, evaluateKeypoints } from "../pose/coco_eval.ts";
import { prepareVenv } from "../pose/testdata/venv.ts";
import { needs } from "../testdata/needs.ts";

const MAKE_CASES = path.fromFileUrl(
  new URL("../pose/testdata/make_coco_cases.py", import.meta.url),
);
const REQUIREMENTS = ["pycocotools==2.0.10", "numpy==2.2.6"];
const { ignore } = needs("python");

Deno.test("evaluateFiles() reads both files and gives both kinds of numbers", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const annotations = path.join(folder, "a.json");
    const detections = path.join(folder, "d.json");
    const keypoints = [10, 10, 2, 20, 30, 2];
    await Deno.writeTextFile(
      annotations,
      JSON.stringify({
        images: [{ id: 3, file_name: "3.jpg" }],
        categories: [{ id: 1 }],
        annotations: [{
          id: 1,
          image_id: 3,
          category_id: 1,
          bbox: [5, 5, 60, 60],
          area: 3600,
          iscrowd: 0,
          num_keypoints: 2,
          keypoints,
        }],
      }),
    );
    await Deno.writeTextFile(
      detections,
      JSON.stringify([{
        image_id: 3,
        category_id: 1,
        score: 0.5,
        bbox: [5, 5, 60, 60],
        keypoints,
      }]),
    );
    const evaluation = await evaluateFiles({ annotations, detections });
    assert(Math.abs(evaluation.keypoints.AP - 1) < 1e-9);
    assert(Math.abs(evaluation.boxes.APm - 1) < 1e-9);
    assertEquals(evaluation.boxes.APl, -1);
    assert(formatEvaluation(evaluation).startsWith("keypoints  AP 1.000"));
    const missing = await assertRejects(
      () => evaluateFiles({ annotations, detections: path.join(folder, "none.json") }),
      HarnessError,
      "there is no such file",
    );
    assertEquals(missing.code, "bad-detections");
    await Deno.writeTextFile(
      detections,
      JSON.stringify([{ image_id: 3, category_id: 1, score: 0.5, keypoints: [9, 9, 1] }]),
    );
    const layout = await assertRejects(
      () => evaluateFiles({ annotations, detections }),
      HarnessError,
      "1 keypoints, expected 2",
    );
    assertEquals(layout.code, "bad-detections");
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test({
  name: "evaluateKeypoints() and evaluateBoxes() equal pycocotools run now when cases are random",
  ignore,
  fn: async () => {
    const python = await prepareVenv("coco", REQUIREMENTS);
    const seed = 1 + Math.floor(Date.now() / 1000) % 100000;
    const { stdout, success } = await new Deno.Command(python, {
      args: [MAKE_CASES, "--seed", String(seed), "--count", "65"],
    }).output();
    assert(success);
    for (const { kind, ...each } of JSON.parse(new TextDecoder().decode(stdout))) {
      const annotations = parseAnnotations(JSON.stringify(each.annotations), "case.json");
      const found: Record<string, Record<string, number>> = {
        keypoints: { ...evaluateKeypoints(annotations, each.detections) },
        boxes: { ...evaluateBoxes(annotations, each.detections) },
      };
      for (const [what, numbers] of Object.entries<Record<string, number>>(each.expected)) {
        for (const [name, value] of Object.entries(numbers)) {
          assert(
            Math.abs(value - found[what][name]) < 1e-9,
            `seed ${seed}, ${kind}, ${what} ${name}: found ${
              found[what][name]
            }, pycocotools ${value}`,
          );
        }
      }
    }
  },
});

Deno.test({
  name: "evaluateFiles() is faster than pycocotools on 5,000 images, with the same numbers",
  ignore,
  fn: async () => {
    const python = await prepareVenv("coco", REQUIREMENTS);
    const folder = await Deno.makeTempDir();
    try {
      const { annotations, detections } = manyImages(5000);
      const files = [path.join(folder, "a.json"), path.join(folder, "d.json")];
      await Deno.writeTextFile(files[0], JSON.stringify(annotations));
      await Deno.writeTextFile(files[1], JSON.stringify(detections));
      const start = performance.now();
      const evaluation = await evaluateFiles({ annotations: files[0], detections: files[1] });
      const seconds = (performance.now() - start) / 1000;
      const { stdout, success } = await new Deno.Command(python, {
        args: [MAKE_CASES, "--seconds", ...files],
      }).output();
      assert(success);
      const theirs = JSON.parse(new TextDecoder().decode(stdout));
      for (const what of ["keypoints", "boxes"] as const) {
        for (const [name, value] of Object.entries(evaluation[what])) {
          assert(Math.abs(value - theirs[what][name]) < 1e-9, `${what} ${name}`);
        }
      }
      assert(
        seconds < theirs.seconds,
        `ours ${seconds.toFixed(2)} s (with reading), pycocotools ${theirs.seconds.toFixed(2)} s`,
      );
      console.log(
        `5,000 images: ${seconds.toFixed(2)} s, pycocotools ${theirs.seconds.toFixed(2)} s`,
      );
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
});

/**
 * Annotations and noisy detections of that many images, two people each, from a fixed linear
 * congruential sequence.
 */
function manyImages(count: number) {
  let state = 12345;
  const random = () => (state = (state * 1103515245 + 12345) % 2147483648) / 2147483648;
  const images = [], annotations = [], detections = [];
  for (let id = 1; id <= count; id++) {
    images.push({ id, file_name: `${id}.jpg`, width: 640, height: 480 });
    for (let person = 0; person < 2; person++) {
      const size = 20 + 200 * random();
      const bbox = [400 * random(), 250 * random(), size * 0.6, size];
      const joints = Array.from(
        { length: 17 },
        () => [bbox[0] + random() * bbox[2], bbox[1] + random() * bbox[3]],
      );
      annotations.push({
        id: annotations.length + 1,
        image_id: id,
        category_id: 1,
        bbox,
        area: bbox[2] * bbox[3] * 0.6,
        iscrowd: 0,
        num_keypoints: 17,
        keypoints: joints.flatMap(([x, y]) => [x, y, 2]),
      });
      for (let copy = 0; copy < 2; copy++) {
        const noise = size * 0.08 * random();
        detections.push({
          image_id: id,
          category_id: 1,
          bbox,
          keypoints: joints.flatMap(([x, y]) => [x + noise * random(), y - noise * random(), 0.9]),
          score: random(),
        });
      }
    }
  }
  return {
    annotations: { info: {}, images, annotations, categories: [{ id: 1, name: "person" }] },
    detections,
  };
}
