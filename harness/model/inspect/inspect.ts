/**
 * `deno task inspect`: what a `.param` or `.onnx` file is made of.
 *
 * @module
 */
import * as path from "@std/path";
import { HarnessError } from "../../errors.ts";
import type { NamedGraph } from "./compare_graphs.ts";
import { type Graph, graphOfOnnx, graphOfParam } from "./graph.ts";
import { bytesOnDisk, ofSoundModel, readOnnxFile } from "../onnx/onnx_file.ts";
import { inspectGraph, type Inspection } from "./inspection.ts";
import { parseParam } from "../ncnn/param_file.ts";

/** Returns the counts of the file; throws as {@linkcode readGraph} does. */
export async function inspectFile(file: string): Promise<Inspection> {
  return inspectGraph(await readGraph(file));
}

/**
 * Returns the graph of a `.param` or `.onnx` file, told apart by the name's ending.
 *
 * `inputShape` [c, h, w] stands in where the file doesn't state the input's size. Throws
 * `HarnessError`: `bad-param` with the line at fault, `bad-model` for a broken ONNX file,
 * `bad-option` for another kind of file.
 */
export async function readGraph(file: string, inputShape?: number[]): Promise<Graph> {
  return (await readGraphFile(file)).graphAt(inputShape);
}

/** A `.param` or `.onnx` file, read. */
interface GraphFile {
  /** Returns the graph for an input [c, h, w] where the file states none. */
  graphAt(inputShape?: number[]): Graph;
  /** Size on disk with the weights. */
  fileBytes: number;
}

async function readGraphFile(file: string): Promise<GraphFile> {
  const ending = path.extname(file).toLowerCase();
  if (ending === ".onnx") {
    const onnx = await readOnnxFile(file);
    return {
      graphAt: (inputShape) =>
        ofSoundModel(file, () => graphOfOnnx(onnx.model, inputShape && [1, ...inputShape])),
      fileBytes: bytesOnDisk(onnx),
    };
  }
  if (ending !== ".param") {
    throw new HarnessError(
      "bad-option",
      `Cannot inspect "${file}": expected a file that ends in .param (ncnn) or .onnx`,
    );
  }
  let bytes: Uint8Array;
  try {
    bytes = await Deno.readFile(file);
  } catch (cause) {
    const found = cause instanceof Deno.errors.NotFound ? "there is no such file" : String(cause);
    throw new HarnessError("bad-param", `Cannot read ${file}: ${found}: check the path`, { cause });
  }
  const param = parseParam(new TextDecoder().decode(bytes), file);
  return {
    graphAt: (inputShape) => graphOfParam(param, inputShape),
    fileBytes: bytes.length + (await sizeOf(file.replace(/\.param$/i, ".bin")) ?? 0),
  };
}

/**
 * Returns the graphs of the files for `compareGraphs` and `drawGraphs`.
 *
 * The size on disk includes weights in files beside the graph; the first size of an input that a
 * file states stands in where others state none. Throws as {@linkcode readGraph} does, and
 * `bad-option` for fewer than two files.
 */
export async function readNamedGraphs(files: readonly string[]): Promise<NamedGraph[]> {
  if (files.length < 2) {
    throw new HarnessError("bad-option", "Cannot compare fewer than two files: name at least two");
  }
  const names = distinctNames(files);
  const read = await Promise.all(files.map(readGraphFile));
  const inputShape = read.values().map(({ graphAt }) => statedInputShape(graphAt()))
    .find((shape) => shape?.length === 3);
  return read.map(({ graphAt, fileBytes }, i) => ({
    name: names[i],
    graph: graphAt(inputShape),
    fileBytes,
  }));
}

/** Returns the first input's [c, h, w] as its file states it; undefined when it doesn't. */
function statedInputShape(graph: Graph): number[] | undefined {
  return graph.inputShapes[0]?.slice(-3);
}

/** Returns as much of the end of each path as tells it from the others. */
function distinctNames(files: readonly string[]): string[] {
  const parts = files.map((file) => path.resolve(file).split(path.SEPARATOR));
  for (let count = 1;; count++) {
    const names = parts.map((part) => part.slice(-count).join("/"));
    const isLast = parts.every((part) => part.length <= count);
    if (isLast || new Set(names).size === new Set(files).size) return names;
  }
}

/** Returns the size of the file in bytes; null when there is none. */
export async function sizeOf(file: string): Promise<number | null> {
  try {
    return (await Deno.stat(file)).size;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}

export { formatComparison, formatInspection } from "./inspection_text.ts";
