/**
 * Converted graphs → the layers that a build of ncnn needs to run them.
 *
 * @module
 */
import { type LayerSet, layerSetFor } from "../../toolchain/layer_types.ts";
import { parseParam } from "./param_file.ts";

/**
 * Returns the smallest set of ncnn's layers that runs every one of the `.param` files.
 *
 * Throws `HarnessError` `bad-param` for a file that is no graph, and what reading throws.
 */
export async function layerSetOf(...paramFiles: string[]): Promise<LayerSet> {
  const types = new Set<string>();
  for (const file of paramFiles) {
    const { layers } = parseParam(await Deno.readTextFile(file), file);
    for (const { type } of layers) types.add(type);
  }
  return layerSetFor(types);
}
