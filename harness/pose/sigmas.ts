/**
 * Standard deviations of joints for OKS: the published sets, and which of them an annotated
 * category gets (pure).
 *
 * @module
 */
import { HarnessError } from "../errors.ts";
import { COCO_SIGMAS, equalSigmas, sigmasFor } from "./oks.ts";

/** A published set of standard deviations. */
export interface SigmaSet {
  /** As `--sigmas` names it. */
  name: string;
  /** As people write it. */
  label: string;
  /** One a joint, relative to the object's scale. */
  values: readonly number[];
  /** Names of the joints in order; null where a set is known by its name alone. */
  jointNames: readonly string[] | null;
}

/** Names of COCO's 17 joints. */
export const HUMAN_JOINTS: readonly string[] = [
  ...["nose", "left_eye", "right_eye", "left_ear", "right_ear", "left_shoulder", "right_shoulder"],
  ...["left_elbow", "right_elbow", "left_wrist", "right_wrist", "left_hip", "right_hip"],
  ...["left_knee", "right_knee", "left_ankle", "right_ankle"],
];

/**
 * Published sets.
 *
 * Sources: COCO: pycocotools `cocoeval.py`, `Params.setKpParams`. COCO-WholeBody:
 * jin-s13/COCO-WholeBody `evaluation/myeval_wholebody.py`. Halpe: Fang-Haoshu/Halpe-FullBody
 * `halpecocotools/cocoeval.py`. AI Challenger: AIChallenger/AI_Challenger_2017
 * `keypoint_eval.py`, half of its deltas. CrowdPose, MPII, PoseTrack18, AP-10K and AnimalPose: the
 * values that open-mmlab/mmpose evaluates with (`configs/_base_/datasets/*.py`), for the papers of
 * the last two give none.
 */
export const SIGMA_SETS: readonly SigmaSet[] = [
  { name: "coco", label: "COCO", values: COCO_SIGMAS, jointNames: HUMAN_JOINTS },
  {
    name: "crowdpose",
    label: "CrowdPose",
    values: [
      ...[0.079, 0.079, 0.072, 0.072, 0.062, 0.062, 0.107, 0.107, 0.087, 0.087, 0.089, 0.089],
      ...[0.079, 0.079],
    ],
    jointNames: [...HUMAN_JOINTS.slice(5), "top_head", "neck"],
  },
  {
    name: "ap10k",
    label: "AP-10K",
    values: [
      ...[0.025, 0.025, 0.026, 0.035, 0.035, 0.079, 0.079, 0.072, 0.072, 0.062, 0.062, 0.107],
      ...[0.107, 0.087, 0.087, 0.089, 0.089],
    ],
    jointNames: [
      ...["L_Eye", "R_Eye", "Nose", "Neck", "Root of tail", "L_Shoulder", "L_Elbow", "L_F_Paw"],
      ...["R_Shoulder", "R_Elbow", "R_F_Paw", "L_Hip", "L_Knee", "L_B_Paw", "R_Hip", "R_Knee"],
      "R_B_Paw",
    ],
  },
  {
    name: "animalpose",
    label: "AnimalPose",
    values: [
      ...[0.025, 0.025, 0.026, 0.035, 0.035, 0.1, 0.1, 0.1, 0.107, 0.107, 0.107, 0.107],
      ...[0.087, 0.087, 0.087, 0.087, 0.089, 0.089, 0.089, 0.089],
    ],
    jointNames: [
      ...["L_Eye", "R_Eye", "L_EarBase", "R_EarBase", "Nose", "Throat", "TailBase", "Withers"],
      ...["L_F_Elbow", "R_F_Elbow", "L_B_Elbow", "R_B_Elbow", "L_F_Knee", "R_F_Knee"],
      ...["L_B_Knee", "R_B_Knee", "L_F_Paw", "R_F_Paw", "L_B_Paw", "R_B_Paw"],
    ],
  },
  {
    name: "halpe26",
    label: "Halpe, 26 joints",
    values: [
      ...COCO_SIGMAS,
      ...[0.026, 0.026, 0.066, 0.079, 0.079, 0.079, 0.079, 0.079, 0.079],
    ],
    jointNames: [
      ...HUMAN_JOINTS,
      ...["head", "neck", "hip", "left_big_toe", "right_big_toe", "left_small_toe"],
      ...["right_small_toe", "left_heel", "right_heel"],
    ],
  },
  {
    name: "mpii",
    label: "MPII",
    values: [
      ...[0.089, 0.083, 0.107, 0.107, 0.083, 0.089, 0.026, 0.026, 0.026, 0.026, 0.062, 0.072],
      ...[0.179, 0.179, 0.072, 0.062],
    ],
    jointNames: [
      ...["right_ankle", "right_knee", "right_hip", "left_hip", "left_knee", "left_ankle"],
      ...["pelvis", "thorax", "upper_neck", "head_top", "right_wrist", "right_elbow"],
      ...["right_shoulder", "left_shoulder", "left_elbow", "left_wrist"],
    ],
  },
  {
    name: "posetrack18",
    label: "PoseTrack18",
    values: COCO_SIGMAS,
    jointNames: ["nose", "head_bottom", "head_top", ...HUMAN_JOINTS.slice(3)],
  },
  {
    name: "aic",
    label: "AI Challenger",
    values: [
      ...[0.01388152, 0.01515228, 0.01057665, 0.01417709, 0.01497891, 0.01402144, 0.03909642],
      ...[0.03686941, 0.01981803, 0.03843971, 0.03412318, 0.02415081, 0.01291456, 0.01236173],
    ],
    jointNames: [
      ...["right_shoulder", "right_elbow", "right_wrist", "left_shoulder", "left_elbow"],
      ...["left_wrist", "right_hip", "right_knee", "right_ankle", "left_hip", "left_knee"],
      ...["left_ankle", "head_top", "neck"],
    ],
  },
  {
    name: "wholebody",
    label: "COCO-WholeBody",
    values: [
      ...COCO_SIGMAS,
      ...[0.068, 0.066, 0.066, 0.092, 0.094, 0.094, 0.042, 0.043, 0.044, 0.043, 0.04, 0.035, 0.031],
      ...[0.025, 0.02, 0.023, 0.029, 0.032, 0.037, 0.038, 0.043, 0.041, 0.045, 0.013, 0.012],
      ...[0.011, 0.011, 0.012, 0.012, 0.011, 0.011, 0.013, 0.015, 0.009, 0.007, 0.007, 0.007],
      ...[0.012, 0.009, 0.008, 0.016, 0.01, 0.017, 0.011, 0.009, 0.011, 0.009, 0.007, 0.013, 0.008],
      ...[0.011, 0.012, 0.01, 0.034, 0.008, 0.008, 0.009, 0.008, 0.008, 0.007, 0.01, 0.008, 0.009],
      ...[0.009, 0.009, 0.007, 0.007, 0.008, 0.011, 0.008, 0.008, 0.008, 0.01, 0.008],
      ...Array.from({ length: 2 }, () => [
        ...[0.029, 0.022, 0.035, 0.037, 0.047, 0.026, 0.025, 0.024, 0.035, 0.018, 0.024, 0.022],
        ...[0.026, 0.017, 0.021, 0.021, 0.032, 0.02, 0.019, 0.022, 0.031],
      ]).flat(),
    ],
    jointNames: null,
  },
];

/** What a user asks for by `--sigmas`: a published set, or values of a file. */
export interface AskedSigmas {
  /** As it is printed. */
  label: string;
  /** One a joint, in order. */
  values: readonly number[];
  /** Names of the joints; null where the values count in order. */
  jointNames: readonly string[] | null;
}

/** Standard deviations of a category, and where they are from. */
export interface Sigmas {
  values: readonly number[];
  /** For the reader of an AP, for instance `COCO's`. */
  source: string;
  /** What a reader must know, a sentence that goes on behind "OKS of …"; null when it is usual. */
  warning: string | null;
}

/** What is known of a category's joints. */
export interface KnownJoints {
  /** How a message names the category. */
  category: string;
  count: number;
  names: readonly string[] | null;
  /** Values that the data set gives, with the place where they stand. */
  own: { values: readonly number[]; place: string } | null;
}

/** Returns a joint's name as names are compared: `left_eye` for `Left Eye`, `L-Eye`, `leftEye`. */
export function plainJointName(name: string): string {
  const words = name.trim().replace(/([a-z0-9])([A-Z])/g, "$1_$2").toLowerCase()
    .replace(/[\s._-]+/g, "_").split("_").filter((word) => word !== "");
  const sides: Record<string, string> = { l: "left", r: "right" };
  return words.map((word) => sides[word] ?? word).join("_");
}

/** True when the two lists name the same joints in the same order. */
export function sameJoints(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length &&
    a.every((name, joint) => plainJointName(name) === plainJointName(b[joint]));
}

/** Returns the published set of that name; undefined for another text. */
export function sigmaSet(name: string): SigmaSet | undefined {
  const plain = name.trim().toLowerCase().replace(/[-_ ]/g, "");
  return SIGMA_SETS.find((set) => set.name === plain);
}

/**
 * Returns the standard deviations of a category: those asked for, else the data set's own, else the
 * published ones of joints with these names, else COCO's for 17 joints without names, else 1/K for
 * each of K joints as ultralytics has it.
 *
 * Throws `HarnessError` `bad-option` when those asked for are for another number of joints.
 */
export function resolveSigmas(known: KnownJoints, asked: AskedSigmas | null): Sigmas {
  const { count, names, own } = known;
  if (asked !== null) return askedSigmas(known, asked);
  if (own !== null) return { values: own.values, source: own.place, warning: null };
  if (names !== null) {
    const set = SIGMA_SETS.find(({ jointNames }) =>
      jointNames !== null && sameJoints(jointNames, names)
    );
    if (set !== undefined) {
      const warning = set.name === "coco"
        ? null
        : `has the sigmas of ${set.label}, whose joints have these names.`;
      return { values: set.values, source: `${set.label}'s`, warning };
    }
  }
  const values = names === null ? sigmasFor(count) : equalSigmas(count);
  if (values === COCO_SIGMAS) {
    return { values, source: "COCO's, for 17 joints without names", warning: null };
  }
  const what = count === COCO_SIGMAS.length
    ? `its ${count} joints have other names than COCO's (${
      names!.slice(0, 3).join(", ")
    }, …), so that COCO's sigmas don't fit`
    : `no sigmas are known for its ${count} joints`;
  return {
    values,
    source: `1/${count} each`,
    warning:
      `has the same sigma for each joint, 1/${count}: ${what}. This AP compares with no AP of other sigmas.`,
  };
}

function askedSigmas({ category, count, names }: KnownJoints, asked: AskedSigmas): Sigmas {
  const { label, values, jointNames } = asked;
  if (names !== null && jointNames !== null) {
    const byName = new Map(jointNames.map((name, joint) => [plainJointName(name), values[joint]]));
    const found = names.map((name) => byName.get(plainJointName(name)));
    if (found.every((value) => value !== undefined)) {
      return { values: found, source: label, warning: null };
    }
  }
  if (values.length === count) return { values, source: label, warning: null };
  throw new HarnessError(
    "bad-option",
    `Cannot use --sigmas ${label}: it has ${values.length} values, the objects of ${category} have ${count} joints: name a set or a file with ${count} values`,
  );
}
