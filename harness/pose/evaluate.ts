/**
 * `deno task evaluate`: annotation file and results file → COCO's numbers.
 *
 * @module
 */
import { HarnessError } from "../errors.ts";
import { parseAnnotations } from "./read_annotations.ts";
import {
  type BoxMetrics,
  evaluateBoxes,
  evaluateKeypoints,
  type KeypointMetrics,
} from "./coco_eval.ts";
import { parseCocoResults } from "./results.ts";

/** COCO's keypoint and box numbers; -1 where there is nothing to evaluate. */
export interface Evaluation {
  keypoints: KeypointMetrics;
  boxes: BoxMetrics;
}

async function readText(
  file: string,
  code: "bad-annotations" | "bad-detections",
): Promise<string> {
  try {
    return await Deno.readTextFile(file);
  } catch (cause) {
    const what = code === "bad-annotations" ? "annotations" : "detections";
    const found = cause instanceof Deno.errors.NotFound
      ? "there is no such file"
      : (cause as Error).message;
    throw new HarnessError(
      code,
      `Cannot read the ${what} ${file}: ${found}: check the path after --${what}`,
      { cause },
    );
  }
}

/**
 * Returns COCO's keypoint and box numbers of a results file.
 *
 * Throws `HarnessError` `bad-annotations` or `bad-detections` that names the file and what is wrong
 * in it.
 */
export async function evaluateFiles(
  annotationsFile: string,
  detectionsFile: string,
): Promise<Evaluation> {
  const annotations = parseAnnotations(
    await readText(annotationsFile, "bad-annotations"),
    annotationsFile,
  );
  const results = parseCocoResults(
    await readText(detectionsFile, "bad-detections"),
    detectionsFile,
    new Set(annotations.images.map(({ id }) => id)),
  );
  try {
    return {
      keypoints: evaluateKeypoints(annotations, results),
      boxes: evaluateBoxes(annotations, results),
    };
  } catch (cause) {
    if (!(cause instanceof RangeError)) throw cause;
    throw new HarnessError(
      "bad-detections",
      `Cannot evaluate the detections ${detectionsFile}: ${cause.message}`,
      { cause },
    );
  }
}

/** Returns the numbers as a table for the terminal, one line per kind. */
export function formatEvaluation(evaluation: Evaluation): string {
  return Object.entries(evaluation).map(([kind, metrics]) =>
    `${kind.padEnd(9)}  ` +
    Object.entries(metrics as Record<string, number>)
      .map(([name, value]) => `${name} ${value < 0 ? "-" : value.toFixed(3)}`).join("  ")
  ).join("\n");
}
