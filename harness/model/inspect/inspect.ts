/**
 * `deno task inspect`: what ncnn and ONNX files are made of.
 *
 * @module
 */
import * as path from "@std/path";
import { HarnessError } from "../../errors.ts";
import type { NamedGraph } from "./compare_graphs.ts";
import { type Graph, graphOfOnnx, graphOfParam } from "./graph.ts";
import { bytesOnDisk, ofSoundModel, readOnnxFile } from "../onnx/onnx_file.ts";
import { inspectGraph, type Inspection } from "./inspection.ts";
import { loadNcnnFiles, parsedParam } from "../ncnn/loaded_files.ts";
import { namesNcnnFiles, openNcnnFiles } from "../ncnn/ncnn_files.ts";

/** Returns the counts of the file; throws as {@linkcode readGraph} does. */
export async function inspectFile(file: string): Promise<Inspection> {
  return inspectGraph(await readGraph(file));
}

/**
 * Returns the graph of an `.onnx` file, or of ncnn files as `openNcnnFiles` takes them.
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
  if (/\.onnx$/i.test(file)) {
    const onnx = await readOnnxFile(file);
    return {
      graphAt: (inputShape) =>
        ofSoundModel(file, () => graphOfOnnx(onnx.model, inputShape && [1, ...inputShape])),
      fileBytes: bytesOnDisk(onnx),
    };
  }
  if (!await namesNcnnFiles(file)) {
    throw new HarnessError(
      "bad-option",
      `Cannot inspect "${file}": expected an .onnx file, a .param file, or a folder or zip with one`,
    );
  }
  const files = await openNcnnFiles(file);
  const loaded = loadNcnnFiles(files);
  const param = parsedParam(files);
  return {
    graphAt: (inputShape) => graphOfParam(param, inputShape, loaded),
    fileBytes: files.param.length + (files.bin?.length ?? 0),
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

export { formatComparison, formatInspection, formatNotes } from "./inspection_text.ts";
