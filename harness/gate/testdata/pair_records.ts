/**
 * Records of a pair of variants on one device, made to measure: times, keypoints and annotations,
 * for tests of every collector of the gate.
 *
 * @module
 */
import { testManifest } from "../../parity/testdata/manifest.ts";
import type { CocoAnnotations } from "../../pose/coco_annotations.ts";
import { parseAnnotations } from "../../pose/read_annotations.ts";
import type { DeviceDescription } from "../../record/device.ts";
import type { AnyRecord, Detection, RunImage } from "../../record/records.ts";
import { seededRng } from "../../stats/rng.ts";
import { launchFixture } from "../../stats/testdata/launch_fixture.ts";
import { deviceFixture, IMAGES, parityFixture, runFixture } from "./gate_fixture.ts";

/** Ids of the annotated images. */
export const COCO_IDS = [1, 2, 3, 4, 5, 6];

/** The annotated images of a run. */
export const COCO_IMAGES: RunImage[] = COCO_IDS.map((id) => ({
  ...IMAGES[0],
  id: `image${id}`,
  cocoImageId: id,
}));

/** One person of 100 by 100 pixels in each image. */
export const PERSON: Detection = {
  score: 0.9,
  classIndex: 0,
  boxXyxyPx: [10, 10, 110, 110],
  keypoints: Array.from({ length: 17 }, (_, joint) => [20 + 5 * joint, 30 + 4 * joint, 1]),
};

/** Returns the annotations of {@linkcode COCO_IMAGES}, a {@linkcode PERSON} in each. */
export function annotationsFixture(categoryId = 1, keypointCount = 17): CocoAnnotations {
  return parseAnnotations(
    JSON.stringify({
      images: COCO_IDS.map((id) => ({ id, file_name: `${id}.jpg`, width: 640, height: 480 })),
      categories: [{ id: categoryId, name: "person" }],
      annotations: COCO_IDS.map((id) => ({
        id,
        image_id: id,
        category_id: categoryId,
        iscrowd: 0,
        area: 10_000,
        bbox: [10, 10, 100, 100],
        num_keypoints: keypointCount,
        keypoints: PERSON.keypoints.slice(0, keypointCount).flatMap(([x, y]) => [x, y, 2]),
      })),
    }),
    "made-up.json",
  );
}

/** What a pair does; by default nothing changed and all is right. */
export interface PairChange {
  device?: DeviceDescription;
  /** Time of the candidate over that of the base. */
  factor?: number;
  /** Standard deviation of the log of a launch's time. */
  noise?: number;
  /** Images on which the candidate finds its person; default all. */
  found?: number;
  parity?: { base?: "pass" | "fail"; candidate?: "pass" | "fail" };
  /** Images without a record of the candidate's keypoints. */
  unchecked?: number;
  speedOnly?: boolean;
  /** True: launches of both sides by a debug build; `candidate`: of the candidate alone. */
  debugBuild?: boolean | "candidate";
  rounds?: number;
}

/** Ids of the variants of {@linkcode pairRecords}. */
export const PAIR = { base: "base", candidate: "candidate" };

/** Returns the records of a shard of the pair: run, launches in rounds, keypoints of both sides. */
export function pairRecords(change: PairChange = {}): AnyRecord[] {
  const device = change.device ?? deviceFixture();
  const { factor = 1, noise = 0.002, found = COCO_IDS.length, unchecked = 0 } = change;
  const rng = seededRng(1 + device.serial.length);
  const launch = (variantId: string, round: number) => {
    const scale = variantId === PAIR.candidate ? factor : 1;
    const ns = 30e6 * scale * Math.exp(noise * rng.normal());
    const record = launchFixture({
      device: device.serial,
      variantId,
      round,
      totalNs: [ns, ns, ns],
      marks: device.emulated ? ["emulated"] : [],
    });
    record.runner.debugBuild = change.debugBuild === true ||
      (change.debugBuild === "candidate" && variantId === PAIR.candidate);
    return record;
  };
  const keypoints = (side: "base" | "candidate", found: number, images: RunImage[]) =>
    images.map(({ id: imageId }, index) =>
      parityFixture("run1", device.serial, PAIR[side], change.parity?.[side] ?? "pass", {
        imageId,
        candidate: index < found ? [PERSON] : [],
      })
    );
  return [
    runFixture("run1", 0, {
      devices: [device],
      images: COCO_IMAGES,
      variants: [
        testManifest({ id: PAIR.base }),
        testManifest({ id: PAIR.candidate, speedOnly: change.speedOnly ?? false }),
      ],
    }),
    ...Array.from({ length: change.rounds ?? 20 }, (_, round) => [
      launch(PAIR.base, round),
      launch(PAIR.candidate, round),
    ]).flat(),
    ...keypoints("base", COCO_IDS.length, COCO_IMAGES),
    ...keypoints("candidate", found, COCO_IMAGES.slice(unchecked)),
  ];
}
