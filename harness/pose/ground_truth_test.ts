import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { parseCategoryRules } from "./category_rules.ts";
import { groundTruthOf, type JudgedModel } from "./ground_truth.ts";
import { parseAnnotations } from "./read_annotations.ts";

interface Category {
  id: number;
  name?: string;
  supercategory?: string;
  keypoints?: string[];
  sigmas?: number[];
  /** Objects of it, and the joints of each. */
  objects?: number;
  joints?: number;
}

function annotationsOf(categories: Category[], rules?: string) {
  const annotations = categories.flatMap(({ id, objects = 1, joints = 2 }) =>
    Array.from({ length: objects }, () => ({
      image_id: 1,
      category_id: id,
      bbox: [0, 0, 9, 9],
      keypoints: Array.from({ length: joints }, () => [1, 1, 2]).flat(),
    }))
  );
  const read = parseAnnotations(
    JSON.stringify({ images: [{ id: 1, file_name: "1.jpg" }], categories, annotations }),
    "made-up.json",
  );
  return rules === undefined ? read : { ...read, categoryRules: parseCategoryRules(rules) };
}

const model = (
  classCount: number,
  names: string[] | null = null,
  keypointCount = 2,
): JudgedModel => ({
  ...{ classCount, names, keypointCount, keypointNames: null },
});
const idsOf = (categories: Category[], of: JudgedModel, rules?: string) =>
  groundTruthOf(annotationsOf(categories, rules), of).classes.map(({ categoryId }) => categoryId);
const codesOf = (categories: Category[], of: JudgedModel) =>
  groundTruthOf(annotationsOf(categories), of).warnings.map(({ code }) => code)
    .filter((code) => code !== "sigmas-chosen");

const DOG_CAT = [{ id: 4, name: "dog" }, { id: 9, name: "Big_Cat" }];

Deno.test("groundTruthOf() pairs classes by rule, by name, else by order with a warning", () => {
  assertEquals(idsOf(DOG_CAT, model(2, ["big cat", "dog"])), [9, 4]);
  assertEquals(codesOf(DOG_CAT, model(2, ["big cat", "dog"])), []);
  assertEquals(idsOf(DOG_CAT, model(2)), [4, 9]);
  assertEquals(codesOf(DOG_CAT, model(2)), ["classes-by-order"]);
  assertEquals(idsOf(DOG_CAT, model(2), "0=9,1=dog"), [9, 4]);
  assertThrows(() => idsOf(DOG_CAT, model(2), "5=9"), Error, '"5" is no class of the model');
  assertEquals(codesOf([{ id: 1 }], model(1)), []);
});

Deno.test("groundTruthOf() leaves out what has no partner, and tells it", () => {
  const truth = groundTruthOf(annotationsOf(DOG_CAT), model(2, ["dog", "horse"]));
  assertEquals(truth.classes.map(({ categoryId }) => categoryId), [4, 11]);
  assertEquals(truth.annotations.categories.map(({ id }) => id), [4]);
  assertEquals(codesOf(DOG_CAT, model(2, ["dog", "horse"])), [
    ...["classes-not-annotated", "categories-left-out"],
  ]);
});

Deno.test("groundTruthOf() passes over a category above all, and can't tell among others", () => {
  const above = [
    { id: 0, name: "animals", supercategory: "none", objects: 0 },
    { id: 1, name: "a", supercategory: "animals", objects: 0 },
    { id: 2, name: "b", supercategory: "animals" },
  ];
  assertEquals(idsOf(above, model(2)), [1, 2]);
  const unclear = [{ id: 1, objects: 0 }, { id: 2 }, { id: 3, objects: 0 }];
  assertStringIncludes(
    groundTruthOf(annotationsOf(unclear), model(2)).absent ?? "",
    "the model has 2 classes, the annotations have 3 categories (1, 2, 3), and neither names",
  );
});

Deno.test("groundTruthOf() judges all categories as the class of a model that has one alone", () => {
  const { annotations, warnings } = groundTruthOf(annotationsOf(DOG_CAT), model(1, ["animal"]));
  assertEquals(annotations.annotations.map(({ categoryId }) => categoryId), [4, 4]);
  assertEquals(warnings[0].code, "categories-merged");
  assertEquals(
    groundTruthOf(annotationsOf(DOG_CAT), model(1, ["dog"])).annotations.annotations.length,
    1,
  );
});

Deno.test("groundTruthOf() takes the category's own sigmas, those of its joints' names, or the same for all", () => {
  const of = (category: Category) =>
    groundTruthOf(annotationsOf([category]), model(1, null, category.joints)).sigmas;
  assertEquals(of({ id: 1, joints: 2, sigmas: [0.1, 0.2] }), '"sigmas" of categories[0]');
  assertEquals(of({ id: 1, joints: 17 }), "COCO's, for 17 joints without names");
  const crowdpose =
    "left_shoulder right_shoulder left_elbow right_elbow left_wrist right_wrist left_hip right_hip left_knee right_knee left_ankle right_ankle top_head neck";
  assertEquals(of({ id: 1, joints: 14, keypoints: crowdpose.split(" ") }), "CrowdPose's");
  const others = Array.from({ length: 17 }, (_, joint) => `j${joint}`);
  assertEquals(of({ id: 1, joints: 17, keypoints: others }), "1/17 each");
});

Deno.test("groundTruthOf() has no accuracy, with the annotation named, for other numbers of joints", () => {
  const three = groundTruthOf(annotationsOf([{ id: 1, joints: 3 }]), model(1));
  assertStringIncludes(
    three.absent ?? "",
    "have 3 joints (annotation 1 for one), the model finds 2",
  );
  const named = [{ id: 1, joints: 1, keypoints: ["b"] }, { id: 2, keypoints: ["a", "b"] }];
  assertEquals(groundTruthOf(annotationsOf(named), model(2)).classes[0].joints, [1]);
});
