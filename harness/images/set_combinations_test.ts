/**
 * Data sets as labelling tools write them, generated: layout × naming × ids × joints. Each gives
 * the AP that pycocotools gives for the same scene, or a named refusal.
 */
import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import * as path from "@std/path";
import sharp from "sharp";
import { HarnessError } from "../errors.ts";
import { evaluateBoxes, evaluateKeypoints } from "../pose/coco_eval.ts";
import { groundTruthOf } from "../pose/ground_truth.ts";
import { toCocoResults } from "../pose/results.ts";
import { inTempFolder } from "../testdata/temp_folder.ts";
import { openDataset } from "./dataset.ts";

interface Scene {
  joints: number;
  flags: "all" | "some";
  objects: { image: number; class: number; box: number[]; keypoints: number[] }[];
  detections: {
    image: number;
    class: number;
    box: number[];
    keypoints: number[];
    score: number;
  }[];
  expected: { keypoints?: number; boxes: number };
}

const { sizes, cases }: { sizes: [number, number][]; cases: Scene[] } = JSON.parse(
  await Deno.readTextFile(new URL("testdata/set_cases.json", import.meta.url)),
);
const NAMES = ["dog", "big cat", "horse"];
const PICTURES = await Promise.all(
  sizes.map(([width, height]) =>
    sharp({ create: { width, height, channels: 3, background: "red" } }).png().toBuffer()
  ),
);

/** File of the i-th picture, and how its annotations call it. */
interface Naming {
  name: string;
  file: (index: number) => string;
  says: (index: number) => string;
}

const plain = (index: number) => `p${index}.png`;
const NAMINGS: Naming[] = [
  { name: "plain", file: plain, says: plain },
  { name: "nested", file: (i) => `a/b${i % 2}/${i}.png`, says: (i) => `a/b${i % 2}/${i}.png` },
  { name: "backslash", file: (i) => `a/x${i}.png`, says: (i) => `a\\x${i}.png` },
  { name: "NFD", file: (i) => `é${i}.png`, says: (i) => `é${i}.png`.normalize("NFD") },
  { name: "case", file: (i) => `IMG_${i}.PNG`, says: (i) => `img_${i}.png` },
  { name: "extension", file: plain, says: (i) => `p${i}.jpg` },
  { name: "percent", file: (i) => `a b${i}.png`, says: (i) => `a%20b${i}.png` },
  {
    name: "URL",
    file: (i) => `a b${i}.png`,
    says: (i) => `https://host.example/bucket/a%20b${i}.png?sig=1/2&x=3`,
  },
  { name: "absolute", file: plain, says: (i) => `/home/someone/set/val/p${i}.png` },
  { name: "no extension", file: (i) => `p${i}`, says: (i) => `p${i}` },
];

/** How images and categories are numbered. */
interface Ids {
  name: string;
  image: (index: number) => number | string;
  category: (index: number) => number;
  /** Whether the model has names, without which the order of ids must be that of the classes. */
  isNamed: boolean;
  /** A category above all, as Roboflow writes it. */
  extra: boolean;
}

const IDS: Ids[] = [
  { name: "from 1", image: (i) => i + 1, category: (i) => i + 1, isNamed: false, extra: false },
  {
    name: "gaps",
    image: (i) => 1000 - 7 * i,
    category: (i) => 3 + 4 * i,
    isNamed: false,
    extra: false,
  },
  { name: "texts", image: (i) => `im-${9 - i}`, category: (i) => i, isNamed: false, extra: false },
  { name: "other order", image: (i) => i, category: (i) => 9 - 2 * i, isNamed: true, extra: false },
  { name: "category 0", image: (i) => i + 5, category: (i) => i + 1, isNamed: false, extra: true },
];

function cocoOf(scene: Scene, ids: Ids, naming: Naming): string {
  return JSON.stringify({
    images: sizes.map(([width, height], index) => ({
      id: ids.image(index),
      file_name: naming.says(index),
      width,
      height,
    })),
    categories: [
      ...(ids.extra ? [{ id: 0, name: "animals", supercategory: "none" }] : []),
      ...NAMES.map((name, index) => ({
        id: ids.category(index),
        name,
        supercategory: ids.extra ? "animals" : "animal",
      })),
    ],
    annotations: scene.objects.map((object, index) => ({
      id: index + 1,
      image_id: ids.image(object.image),
      category_id: ids.category(object.class),
      bbox: object.box,
      ...(index % 2 === 0 ? { area: object.box[2] * object.box[3] } : {}),
      ...(scene.joints === 0 ? {} : { keypoints: object.keypoints }),
    })),
  });
}

/** A layout: where its files lie below the root, and what is opened. */
interface Layout {
  name: string;
  images: string;
  annotations: string;
  opens: (root: string) => [images: string, annotations?: string];
}

const LAYOUTS: Layout[] = [
  ["Posemark", "images", "person_keypoints.json"],
  ["COCO", "val2017", "annotations/person_keypoints_val2017.json"],
  ["COCO's train split", "images/train2017", "annotations/person_keypoints_train2017.json"],
  ["Roboflow", "valid", "valid/_annotations.coco.json"],
  ["CVAT", "images/default", "annotations/person_keypoints_default.json"],
  ["FiftyOne", "data", "labels.json"],
  ["Label Studio", "images", "result.json"],
  ["beside", ".", "mine.json"],
  ["one folder up", "pictures", "mine.json", "pictures"],
  ["named", "pictures", "elsewhere/x.json", "pictures", "elsewhere/x.json"],
].map(([name, images, annotations, opened = ".", file]) => ({
  ...{ name, images, annotations },
  opens: (root: string) =>
    [
      path.join(root, opened),
      ...(file === undefined ? [] : [path.join(root, file)]),
    ] as [string, string?],
}));

async function write(file: string, content: string | Uint8Array): Promise<void> {
  await Deno.mkdir(path.dirname(file), { recursive: true });
  if (typeof content === "string") await Deno.writeTextFile(file, content);
  else await Deno.writeFile(file, content);
}

/** Returns the AP of the scene's detections on the set as it is opened. */
async function apOf(scene: Scene, images: string, annotations?: string, isNamed = false) {
  const dataset = await openDataset(images, { annotations });
  const { joints: keypointCount } = scene;
  const truth = groundTruthOf(dataset.annotations!, {
    ...{ classCount: NAMES.length, keypointCount, names: isNamed ? NAMES : null },
  });
  assertEquals(truth.absent, null);
  // pictures are told apart by their sizes
  const headers = new Map(
    dataset.annotations!.images.map(({ id, widthPx, heightPx }) => [`${widthPx}x${heightPx}`, id]),
  );
  const results = scene.detections.flatMap(
    ({ image, class: classIndex, box, keypoints, score }) => {
      const [x, y, w, h] = box;
      const joints = Array.from(
        { length: keypointCount },
        (_, joint) => keypoints.slice(3 * joint, 3 * joint + 3) as [number, number, number],
      );
      return toCocoResults(headers.get(sizes[image].join("x"))!, [
        { score, classIndex, boxXyxyPx: [x, y, x + w, y + h], keypoints: joints },
      ], truth.classes);
    },
  );
  assertEquals(dataset.images.length, sizes.length);
  return keypointCount === 0
    ? evaluateBoxes(truth.annotations, results).AP
    : evaluateKeypoints(truth.annotations, results).AP;
}

function assertAp(found: number, { expected }: Scene, what: string): void {
  const right = expected.keypoints ?? expected.boxes;
  assert(Math.abs(found - right) < 1e-6, `${what}: AP ${found}, pycocotools gives ${right}`);
}

Deno.test("openDataset() gives pycocotools' AP for each layout, naming, kind of ids and number of joints", async () => {
  let count = 0;
  await inTempFolder(async (folder) => {
    for (const [l, layout] of LAYOUTS.entries()) {
      for (const [n, naming] of NAMINGS.entries()) {
        for (const turn of [0, 1]) {
          const ids = IDS[(l + n + 2 * turn) % IDS.length];
          const scene = cases[(l + 3 * n + 5 * turn) % cases.length];
          const root = path.join(folder, String(count++));
          for (const [index, picture] of PICTURES.entries()) {
            await write(path.join(root, layout.images, naming.file(index)), picture);
          }
          await write(path.join(root, layout.annotations), cocoOf(scene, ids, naming));
          const what =
            `${layout.name}, names ${naming.name}, ids ${ids.name}, ${scene.joints} joints`;
          const [images, annotations] = layout.opens(root);
          const ap = await apOf(scene, images, annotations, ids.isNamed).catch((error) => {
            throw new Error(`${what}: ${error.message}`);
          });
          assertAp(ap, scene, what);
        }
      }
    }
  });
  assert(count >= 200);
});

/** Label files of a scene: shares of the sides, with 2 or 3 values a joint. */
function labelsOf({ objects, joints }: Scene, image: number, dims: 2 | 3): string {
  const [width, height] = sizes[image];
  return objects.filter((object) => object.image === image).map((object) => {
    const [x, y, w, h] = object.box;
    const points = Array.from({ length: joints }, (_, joint) => {
      const [px, py, v] = object.keypoints.slice(3 * joint, 3 * joint + 3);
      return [px / width, py / height, ...(dims === 3 ? [v] : [])];
    });
    return [
      object.class,
      ...[(x + w / 2) / width, (y + h / 2) / height, w / width, h / height],
      ...points.flat(),
    ].join(" ");
  }).join("\n");
}

/** A data set of ultralytics: the yaml, and the folders of pictures and labels. */
const YOLO_SETS: { yaml: string; images: string; labels: string; open: string }[] = [
  {
    yaml: "path: .\nval: images/val",
    images: "images/val",
    labels: "labels/val",
    open: "data.yaml",
  },
  {
    yaml: "val: ../valid/images",
    images: "valid/images",
    labels: "valid/labels",
    open: "data.yaml",
  },
  {
    yaml: "path: /gone/away/set\nval: images/val",
    images: "images/val",
    labels: "labels/val",
    open: ".",
  },
  { yaml: "test: images/test", images: "images/test", labels: "labels/test", open: "." },
  { yaml: "val: val.txt", images: "images/val", labels: "labels/val", open: "data.yaml" },
  {
    yaml: "path: .\nval: images/val",
    images: "images/val",
    labels: "labels/val",
    open: "images/val",
  },
  { yaml: "", images: "images", labels: "labels", open: "." },
];

Deno.test("openDataset() gives pycocotools' AP for ultralytics' sets with 2 and 3 values a joint", async () => {
  let count = 0;
  await inTempFolder(async (folder) => {
    for (const set of YOLO_SETS) {
      for (const naming of NAMINGS.filter(({ name }) => /plain|nested|percent/.test(name))) {
        for (const [index, scene] of cases.entries()) {
          const dims = scene.flags === "all" && index % 2 === 1 && set.yaml !== "" ? 2 : 3;
          const root = path.join(folder, String(count++));
          for (const [image, picture] of PICTURES.entries()) {
            const file = naming.file(image);
            await write(path.join(root, set.images, file), picture);
            const label = file.replace(/\.png$/, ".txt");
            await write(path.join(root, set.labels, label), labelsOf(scene, image, dims));
          }
          if (set.yaml !== "") {
            const shape = scene.joints === 0 ? "" : `kpt_shape: [${scene.joints}, ${dims}]\n`;
            await write(
              path.join(root, "data.yaml"),
              `${set.yaml}\n${shape}names:\n  0: dog\n  1: big cat\n  2: horse\n`,
            );
            await write(
              path.join(root, "val.txt"),
              PICTURES.map((_, image) => `./${set.images}/${naming.file(image)}\n`).join(""),
            );
          }
          const what = `${
            set.yaml.replaceAll("\n", ", ")
          }, opened ${set.open}, names ${naming.name}, ${scene.joints} joints, ${dims} values`;
          const ap = await apOf(scene, path.join(root, set.open)).catch((error) => {
            throw new Error(`${what}: ${error.message}`);
          });
          assertAp(ap, scene, what);
        }
      }
    }
  });
  assert(count >= 200);
});

Deno.test("openDataset() refuses by name what can't be matched or read, and tells what it did not read", async () => {
  await inTempFolder(async (root) => {
    const scene = cases.find(({ joints }) => joints === 5)!;
    for (const [index, picture] of PICTURES.entries()) {
      await write(path.join(root, "images", plain(index)), picture);
    }
    const file = path.join(root, "person_keypoints.json");
    const other: Naming = { name: "other", file: plain, says: (i) => `q${i}.png` };
    await write(file, cocoOf(scene, IDS[0], other));
    await assertRejects(
      () => openDataset(root),
      HarnessError,
      'the annotations say "q0.png", the folder has "p0.png"',
    );
    await write(file, cocoOf(scene, IDS[0], NAMINGS[0]));
    await write(path.join(root, "labels.json"), "{}");
    await write(path.join(root, "annotations.xml"), "<annotations/>");
    const { warnings, annotations } = await openDataset(root);
    const told = warnings.map(({ message }) => message).join("\n");
    assertStringIncludes(told, "annotations.xml (CVAT's own XML: export as COCO Keypoints)");
    const model = { classCount: 3, keypointCount: 4, names: null };
    assertStringIncludes(
      groundTruthOf(annotations!, model).absent ?? "",
      "have 5 joints (annotation",
    );
    await write(path.join(root, "y", "images", "a.png"), PICTURES[0]);
    await write(path.join(root, "y", "labels", "a.txt"), "0 0.5 0.5 0.1 0.1 0.3\n");
    await write(path.join(root, "y", "data.yaml"), "val: images\nnames: [a]\nkpt_shape: [1, 3]\n");
    await assertRejects(
      () => openDataset(path.join(root, "y")),
      HarnessError,
      "a.txt has 6 values, expected 8",
    );
  });
});
