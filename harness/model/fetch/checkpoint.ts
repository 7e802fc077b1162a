/**
 * What a PyTorch checkpoint says of itself, read without running its pickle: who saved it, which
 * classes it needs, what it was trained for.
 *
 * @module
 */
import { HarnessError } from "../../errors.ts";
import { type PickleNames, scanPickle } from "./pickle_scan.ts";
import { zipContent, zipEntries } from "./zip_entry.ts";

/** What is known of a checkpoint before it is loaded. */
export interface Checkpoint {
  /** Version of ultralytics that saved it; null when it doesn't say. */
  version: string | null;
  task: "pose" | "detect";
  /** True when its head is one of YOLO26, which ultralytics has since 8.4. */
  isYolo26: boolean;
  /** True when its head has a one-to-one branch beside or in place of the one-to-many one. */
  hasOneToOne: boolean;
}

/** Which task a model of ultralytics is for, by its class in `ultralytics.nn.tasks`. */
const TASKS: Record<string, string> = {
  PoseModel: "pose",
  DetectionModel: "detect",
  YOLOv10DetectionModel: "detect",
  SegmentationModel: "segment (masks)",
  OBBModel: "obb (rotated boxes)",
  ClassificationModel: "classify",
  SemanticSegmentationModel: "semantic (a class for each pixel)",
  DepthModel: "depth",
  RTDETRDetectionModel: "detect by RT-DETR, whose decoder is no head of YOLO",
  WorldModel: "detect by words (YOLO-World)",
  YOLOEModel: "detect by prompts (YOLOE)",
  YOLOESegModel: "segment by prompts (YOLOE)",
};

/** Packages that are there wherever ultralytics runs. */
const KNOWN_PACKAGES = new Set(
  ["torch", "torchvision", "ultralytics", "numpy", "builtins", "__builtin__", "collections"]
    .concat(["pathlib", "copyreg", "copy_reg", "_codecs", "functools", "types", "datetime"])
    .concat(["typing", "math", "operator", "argparse", "enum", "re", "os", "io", "_io", "time"])
    .concat(["random", "logging", "itertools", "threading", "dill", "PIL", "yaml"]),
);

/** The newest ultralytics that was looked into; what newer ones have is not known here. */
export const NEWEST_KNOWN = "8.4.190";

/** The files of ultralytics with layers, of all versions from 8.0 to {@linkcode NEWEST_KNOWN}. */
const LAYER_FILES = new Set(
  ["modules", "tasks", "autobackend", "text_model"]
    .concat(
      ["activation", "block", "conv", "head", "transformer", "utils"].map((name) =>
        `modules.${name}`
      ),
    ),
);

/** How a file starts that torch.save wrote before PyTorch 1.6: a pickled magic number. */
const OLD_FORMAT = [0x80, 0x02, 0x8a, 0x0a, 0x6c, 0xfc, 0x9c, 0x46];

/**
 * Returns what the checkpoint says of itself.
 *
 * Throws `HarnessError` `bad-model`: no checkpoint, one that is cut off, one of a fork with modules
 * of its own, or of another task than pose and detect.
 *
 * @param label The file as the user named it, for errors.
 */
export function readCheckpoint(bytes: Uint8Array, label: string): Checkpoint {
  const names = pickleOf(bytes, label);
  const version = names.following.get("version")?.findLast((text) => /^\d+\.\d+\.\d+/.test(text));
  refuseForeign(names, version ?? NEWEST_KNOWN, label);
  const tasks = [...names.globals].filter((name) => name.startsWith("ultralytics.nn.tasks."))
    .map((name) => name.slice("ultralytics.nn.tasks.".length))
    .flatMap((name) => TASKS[name] ?? []);
  if (tasks.length === 0) {
    throw refused(
      label,
      "it holds no model of ultralytics (weights alone, or a model that another library saved)",
      "a checkpoint as ultralytics saves it, for instance best.pt of a training",
    );
  }
  const task = tasks.find((task) => task === "pose") ?? tasks.find((task) => task === "detect");
  if (task !== "pose" && task !== "detect") {
    throw refused(
      label,
      `its task is ${tasks[0]}`,
      "a model for pose or detect: Posemark measures boxes and joints",
    );
  }
  const hasOneToOne = names.strings.has("one2one_cv2");
  const heads = [...names.globals].filter((name) => name.startsWith("ultralytics.nn.modules."));
  const isYolov10 = heads.some((name) => name.endsWith(".v10Detect"));
  return {
    version: version ?? null,
    task,
    isYolo26: heads.some((name) => name.endsWith("26")) || (hasOneToOne && !isYolov10),
    hasOneToOne,
  };
}

/** Returns what the pickle in the archive names. */
function pickleOf(bytes: Uint8Array, label: string): PickleNames {
  const size = `${bytes.length} bytes`;
  const again = "a .pt file as ultralytics saves it: copy or download it again";
  if (OLD_FORMAT.every((byte, i) => bytes[i] === byte)) {
    throw refused(
      label,
      "it is in the format of PyTorch before 1.6, which ultralytics never wrote",
      "a .pt file as ultralytics 8.0 or newer saves it",
    );
  }
  if (!new TextDecoder("latin1").decode(bytes.subarray(0, 4)).startsWith("PK\x03\x04")) {
    throw refused(label, `it is not a PyTorch checkpoint (${size}, no zip archive)`, again);
  }
  const entries = zipEntries(bytes);
  if (entries === null) {
    throw refused(label, `it is not a complete PyTorch checkpoint (${size}, cut off)`, again);
  }
  if (entries.some(({ name }) => name.endsWith("/constants.pkl"))) {
    throw refused(
      label,
      "it is a TorchScript archive",
      "the checkpoint that it was exported from, or that one's export to ONNX",
    );
  }
  const entry = entries.find(({ name }) => /^[^/]+\/data\.pkl$/.test(name));
  if (entry === undefined) {
    throw refused(label, "it is a zip archive without data.pkl, no PyTorch checkpoint", again);
  }
  const pickle = zipContent(bytes, entry);
  const names = pickle === null ? null : scanPickle(pickle);
  if (names === null) throw refused(label, `its ${entry.name} can't be read`, again);
  return names;
}

/** Throws when the checkpoint names classes that no ultralytics has. */
function refuseForeign({ globals }: PickleNames, version: string, label: string): void {
  const foreign = [...globals].filter((name) => {
    if (!KNOWN_PACKAGES.has(name.split(".")[0])) return true;
    const layer = /^ultralytics\.nn\.(.+)\.[^.]+$/.exec(name);
    return layer !== null && !LAYER_FILES.has(layer[1]) && !isNewer(version, NEWEST_KNOWN);
  });
  if (foreign.length === 0) return;
  if (foreign.some((name) => /^models\.(yolo|common|experimental)\./.test(name))) {
    throw refused(
      label,
      `it was saved by YOLOv5, YOLOv7 or a fork of these (it needs ${foreign[0]})`,
      "a checkpoint of ultralytics 8.0 or newer",
    );
  }
  throw forkError(label, foreign);
}

/**
 * Returns whether a version comes after another; each is three numbers, and what follows them does
 * not count.
 *
 * @example
 * ```ts
 * isNewer("8.4.9", "8.3.203"); // true
 * ```
 */
export function isNewer(version: string, other: string): boolean {
  const [a, b] = [version, other].map((text) => text.split(".").map((part) => parseInt(part)));
  const i = [0, 1, 2].find((i) => a[i] !== b[i]);
  return i !== undefined && a[i] > b[i];
}

/** Returns the error for a checkpoint that needs classes which ultralytics doesn't have. */
export function forkError(label: string, missing: readonly string[]): HarnessError {
  const shown = missing.slice(0, 5).join(", ") +
    (missing.length > 5 ? ` and ${missing.length - 5} more` : "");
  return refused(
    label,
    `it needs ${shown}, which ultralytics doesn't have: a fork with modules of its own saved it`,
    "modules of ultralytics: export it where it was trained (`yolo export model=FILE.pt format=onnx`) and give the .onnx file to --model",
  );
}

function refused(label: string, found: string, expected: string): HarnessError {
  return new HarnessError(
    "bad-model",
    `Cannot use the model ${label}: ${found}: expected ${expected}`,
  );
}
