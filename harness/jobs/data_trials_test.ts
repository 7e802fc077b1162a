/**
 * Data sets and results that once gave a silent AP of 0, refused without reason, or were judged by
 * the wrong classes: each gives what `../shared/trials/README.md` calls right.
 */
import {
  assert,
  assertAlmostEquals,
  assertEquals,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import * as path from "@std/path";
import { HarnessError } from "../errors.ts";
import { checkPictures } from "../images/check_pictures.ts";
import { openDataset } from "../images/dataset.ts";
import { loadImage } from "../images/load_image.ts";
import { SHARED } from "../model/testdata/shared.ts";
import { groundTruthOf, type JudgedModel } from "../pose/ground_truth.ts";
import { needs } from "../testdata/needs.ts";
import { evaluateFiles, formatEvaluation } from "./evaluate.ts";

const TRIALS = path.join(SHARED, "trials", "data");
const FIXTURES = path.resolve(import.meta.dirname!, "../../fixtures/images");
const { ignore } = needs("shared");

const setOf = (name: string) =>
  openDataset(FIXTURES, { annotations: path.join(TRIALS, "sets", name, "person_keypoints.json") });

/** A model of so many classes and joints. */
function model(
  classCount: number,
  keypointCount: number,
  names: string[] | null = null,
): JudgedModel {
  return { classCount, keypointCount, names, keypointNames: null };
}

const ANIMALS = ["cat", "dog", "horse"];

Deno.test({
  name: "groundTruthOf() pairs classes by name whatever the ids, and past Roboflow's category 0",
  ignore,
  fn: async () => {
    const other = groundTruthOf((await setOf("cls-other-ids")).annotations!, model(3, 5, ANIMALS));
    assertEquals(other.classes.map(({ categoryId }) => categoryId), [3, 1, 2]);
    const { annotations } = await setOf("cls-roboflow-0-cat-missing-in-val");
    for (const names of [ANIMALS, null]) {
      const { classes, absent } = groundTruthOf(annotations!, model(3, 5, names));
      assertEquals([classes.map(({ categoryId }) => categoryId), absent], [[1, 2, 3], null]);
    }
  },
});

Deno.test({
  name:
    "groundTruthOf() gives the same for mixed numbers of joints in any order of rows, and says the sigmas",
  ignore,
  fn: async () => {
    const [four, six] = await Promise.all(["mixed-4-first", "mixed-6-first"].map(async (name) => {
      const { classes, sigmas, absent } = groundTruthOf(
        (await setOf(name)).annotations!,
        model(2, 6),
      );
      return { classes, sigmas, absent };
    }));
    assertEquals(four, six);
    assertEquals(four, {
      classes: [{ categoryId: 1, joints: [0, 1, 2, 3] }, { categoryId: 2, joints: null }],
      sigmas: '1 "shoe": 1/4 each; 2 "half shoe": 1/6 each',
      absent: null,
    });
  },
});

Deno.test({
  name:
    "groundTruthOf() names the annotation whose row is short, and the sigmas of 17 joints that aren't COCO's",
  ignore,
  fn: async () => {
    const short = groundTruthOf((await setOf("one-row-short")).annotations!, model(2, 6));
    assertStringIncludes(short.absent ?? "", "annotation 6 has 5 joints");
    const { annotations } = await setOf("animal17");
    const { sigmas, warnings } = groundTruthOf(annotations!, model(3, 17));
    assertEquals(sigmas, "AP-10K's");
    assert(warnings.some(({ code }) => code === "sigmas-chosen"));
    const file = path.join(TRIALS, "sets", "animal17", "person_keypoints.json");
    const asked = await openDataset(FIXTURES, { annotations: file, sigmas: "coco" });
    assertEquals(groundTruthOf(asked.annotations!, model(3, 17)).sigmas, "COCO's, as asked for");
  },
});

Deno.test({
  name:
    "openDataset() lets the joints decide about EXIF, undoes exchanged sides, and warns with ids",
  ignore,
  fn: async () => {
    for (
      const [name, code] of [
        ["o6-size-raw-coords-upright", "exif-contradicted"],
        ["noexif-swapped-size", "size-exchanged"],
      ]
    ) {
      const dataset = await openDataset(path.join(TRIALS, "exif", name));
      assertEquals(dataset.warnings.map((warning) => warning.code), [code]);
      assertStringIncludes(dataset.warnings[0].message, "8 images");
      assertStringIncludes(dataset.warnings[0].message, "001_vga_three, ");
      const { images } = await checkPictures(dataset, { skip: false });
      assertEquals(images[0].size, { widthPx: 640, heightPx: 480 });
    }
    const { hints } = await openDataset(path.join(TRIALS, "exif", "raw-upright-flag3"));
    assertStringIncludes(hints[0], "8 of 8 pictures have an EXIF orientation (3)");
  },
});

Deno.test({
  name: "loadImage() names HEIC and the limit of pixels, and reads a JPEG without its end marker",
  ignore,
  fn: async () => {
    const load = (name: string) =>
      loadImage({
        id: "x",
        file: path.join(TRIALS, "images", name),
        cocoImageId: null,
        annotatedSize: null,
      });
    await assertRejects(() => load("heic-in.jpg"), HarnessError, "it is HEIC whatever its name");
    await assertRejects(
      () => load("huge-16400.png"),
      HarnessError,
      "16400x16400 = 268960000 pixels, more than the 268402689",
    );
    const { widthPx, heightPx } = await load("no-eoi.jpg");
    assertEquals([widthPx, heightPx], [427, 640]);
  },
});

const NUMBERS = { AP: 0.468, AP50: 0.633, APs: 0.487 };

Deno.test({
  name:
    "evaluateFiles() gives pycocotools' numbers with the reason in a sentence, and refuses text for a number",
  ignore,
  fn: async () => {
    const evaluate = (name: string, more = {}) =>
      evaluateFiles({
        annotations: path.join(TRIALS, name, "ann.json"),
        detections: path.join(TRIALS, name, "det.json"),
        ...more,
      });
    const area = await evaluate("eval/area-0");
    assertEquals([area.keypoints.AP, area.keypoints.APm], [0, -1]);
    for (const [name, value] of Object.entries(NUMBERS)) {
      assertAlmostEquals(area.boxes[name as keyof typeof NUMBERS], value, 5e-4);
    }
    assertStringIncludes(formatEvaluation(area), "84 of 84 annotated objects have area 0");
    const category = await evaluate("eval/category-0");
    assertEquals([category.keypoints.AP, category.boxes.AP], [0, 0]);
    assertStringIncludes(
      formatEvaluation(category),
      "58 of 58 results have category 0, the annotations have 1",
    );
    const mapped = await evaluate("eval/category-0", { categories: "0=person" });
    assertAlmostEquals(mapped.keypoints.AP, 0.231, 5e-4);
    const crowd = await evaluate("eval/all-crowd");
    assertEquals([crowd.keypoints.AP, crowd.boxes.AP], [-1, -1]);
    assertStringIncludes(formatEvaluation(crowd), "all 84 annotated objects are crowds");
    await assertRejects(
      () => evaluate("eval/iscrowd-text-0"),
      HarnessError,
      'annotations[0] has "0" for "iscrowd", not a number',
    );
    const stems = await evaluate("stems/stem-numbers-beyond");
    assertAlmostEquals(stems.keypoints.AP, 0.231, 5e-4);
    assertStringIncludes(
      formatEvaluation(stems),
      'through file_name, for instance 100 with "0100.jpg"',
    );
  },
});
