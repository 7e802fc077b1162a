/**
 * `deno task inspect`: what a `.param` or `.onnx` file is made of.
 *
 * @module
 */
import * as path from "@std/path";
import { HarnessError } from "../errors.ts";
import { type Graph, graphOfOnnx, graphOfParam } from "./graph.ts";
import { readOnnxFile } from "./onnx_file.ts";
import { inspectGraph, type Inspection } from "./inspection.ts";
import { parseParam } from "./param_file.ts";

/** Returns the counts of the file; throws as {@linkcode readGraph} does. */
export async function inspectFile(file: string): Promise<Inspection> {
  return inspectGraph(await readGraph(file));
}

/**
 * Returns the graph of a `.param` or `.onnx` file, told apart by the name's ending.
 *
 * `inputShape` [c, h, w] stands in where the file doesn't state the input's size. Throws `HarnessError`: `bad-param` with the
 * line at fault, `bad-model` for a broken ONNX file, `bad-option` for another kind of file.
 */
export async function readGraph(file: string, inputShape?: number[]): Promise<Graph> {
  const ending = path.extname(file).toLowerCase();
  if (ending === ".onnx") {
    const { model } = await readOnnxFile(file);
    return graphOfOnnx(model, inputShape ? [1, ...inputShape] : undefined);
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
  return graphOfParam(parseParam(new TextDecoder().decode(bytes), file), inputShape);
}
