/**
 * A prepared variant → its graphs at the stages of its conversion, for comparing and drawing.
 *
 * @module
 */
import * as path from "@std/path";
import type { VariantManifest } from "../../record/variant.ts";
import type { NamedGraph } from "./compare_graphs.ts";
import { readGraph } from "./inspect.ts";

/**
 * Files of a variant's folder by stage, in the order of the conversion; not every variant has all.
 */
const STAGE_FILES = [
  { name: "ONNX", file: "graph.onnx" },
  { name: "ncnn", file: "converted.param" },
  { name: "ncnn float", file: "float.param" },
] as const;

/**
 * Returns the graphs of a variant from ONNX to what runs, with shapes at the variant's size.
 *
 * `dir` is the variant's folder. The last stage is the variant's own `.param` with the size of its
 * weights. Throws as `readGraph` does.
 */
export async function readVariantStages(
  manifest: VariantManifest,
  dir: string,
): Promise<NamedGraph[]> {
  const inputShape = [3, manifest.shape.heightPx, manifest.shape.widthPx];
  const stages: NamedGraph[] = [];
  for (const { name, file } of STAGE_FILES) {
    const fileBytes = await sizeOf(path.join(dir, file));
    if (fileBytes === null) continue;
    stages.push({
      name,
      graph: await readGraph(path.join(dir, file), inputShape),
      fileBytes: name === "ONNX" ? fileBytes : null,
    });
  }
  const last = await readGraph(path.join(dir, manifest.param.file), inputShape);
  const isOptimized = stages.some((stage) => stage.name === "ncnn");
  stages.push({
    name: manifest.precision === "int8" ? "ncnn int8" : isOptimized ? "ncnn optimised" : "ncnn",
    graph: last,
    fileBytes: manifest.param.bytes + manifest.bin.bytes,
  });
  return stages;
}

/** Returns the size of the file in bytes; null when there is none. */
async function sizeOf(file: string): Promise<number | null> {
  try {
    return (await Deno.stat(file)).size;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}
