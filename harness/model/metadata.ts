/**
 * What a file says of itself beside its graph: names of classes and keypoints, and sizes that the
 * graph must agree with.
 *
 * @module
 */
import type { Warning } from "../errors.ts";
import type { PoseHead } from "./head.ts";
import { parsePythonLiteral, type PythonLiteral } from "./onnx/python_literal.ts";

/** What a file's metadata tell of its classes and keypoints. */
export interface ModelNames {
  /** Name of each class; null where the metadata don't tell as many as the graph has. */
  names: string[] | null;
  /** Name of each keypoint; null where the metadata don't tell as many as the graph has. */
  keypointNames: string[] | null;
  /** Where the metadata contradict the graph, which is followed. */
  warnings: Warning[];
}

/**
 * Returns the names that ultralytics' metadata give (`names`, `kpt_names`), and what of
 * `names`, `kpt_names`, `kpt_shape`, `stride` and `imgsz` contradicts the graph.
 *
 * The graph is what runs: metadata that contradict it are told and not used. Keys that are missing
 * are no contradiction.
 */
export function readModelNames(metadata: ReadonlyMap<string, string>, head: PoseHead): ModelNames {
  const { classCount, keypointCount, keypointDims, levels } = head;
  const warnings: Warning[] = [];
  const tell = (key: string, sentence: string) =>
    warnings.push({
      code: "metadata-contradict",
      message: `The metadata "${key}" of the file ${sentence}`,
      advice: "Export the model again, or correct its metadata, if other tools read them.",
    });
  const contradicted = (key: string, said: string, found: string) =>
    tell(key, `say ${said}, its graph has ${found}: the graph is followed`);
  const read = (key: string) => parsePythonLiteral(metadata.get(key) ?? "");
  const listOf = (key: string, value: PythonLiteral | undefined, count: number, what: string) => {
    const list = value === undefined ? null : namesIn(value);
    if (list?.length === count) return list;
    if (list === null) tell(key, "are no list of names: they are not used");
    else contradicted(key, `${list.length} ${what}`, `${count}`);
    return null;
  };

  const names = metadata.has("names")
    ? listOf("names", read("names"), classCount, "classes")
    : null;
  let keypointNames: string[] | null = null;
  if (keypointCount > 0 && metadata.has("kpt_names")) {
    const lists = classByClass(read("kpt_names"));
    if (new Set(lists.map((list) => JSON.stringify(list))).size > 1) {
      tell("kpt_names", "differ by class: they are not used");
    } else keypointNames = listOf("kpt_names", lists[0], keypointCount, "keypoints");
  }
  const integers = (key: string) => {
    const value = read(key);
    const list = Array.isArray(value) ? value : [value];
    return list.every((each) => Number.isInteger(each)) ? list as number[] : [];
  };
  const [count, dims = keypointDims] = integers("kpt_shape");
  if (count !== undefined && (count !== keypointCount || dims !== keypointDims)) {
    contradicted(
      "kpt_shape",
      `${count} keypoints of ${dims} values`,
      keypointCount === 0 ? "no keypoints" : `${keypointCount} of ${keypointDims}`,
    );
  }
  const strides = levels.map(({ stride }) => stride);
  const coarsest = Math.max(...strides);
  const stride = integers("stride").at(-1);
  // some versions write 32 at least, also of a head whose coarsest level is finer
  const fits = stride === coarsest || stride === Math.max(32, coarsest);
  if (stride !== undefined && !fits) contradicted("stride", `${stride}`, strides.join(", "));
  const [heightPx, widthPx = heightPx] = integers("imgsz");
  const { inputHeightPx, inputWidthPx } = head;
  if (heightPx !== undefined && (heightPx !== inputHeightPx || widthPx !== inputWidthPx)) {
    contradicted(
      "imgsz",
      `${widthPx}x${heightPx}`,
      `an input of ${inputWidthPx}x${inputHeightPx}`,
    );
  }
  return { names, keypointNames, warnings };
}

/**
 * Returns the names that a list, or a dict whose keys count from 0, holds in their order; null for
 * anything else.
 */
function namesIn(value: PythonLiteral): string[] | null {
  if (typeof value !== "object" || value === null) return null;
  const list = Array.isArray(value)
    ? value
    : Object.keys(value).map((_, index) => value[String(index)]);
  const isName = (each: PythonLiteral | undefined) =>
    typeof each === "string" || typeof each === "number";
  return list.every(isName) ? list.map(String) : null;
}

/** Returns the lists of names that are given class by class; a bare list as the only one. */
function classByClass(value: PythonLiteral | undefined): (PythonLiteral | undefined)[] {
  if (typeof value !== "object" || value === null) return [value];
  const lists = Object.values(value);
  return lists.length > 0 && lists.every((list) => Array.isArray(list)) ? lists : [value];
}
