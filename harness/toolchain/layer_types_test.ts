import { assertEquals } from "@std/assert";
import * as path from "@std/path";
import { CORE_LAYER_TYPES, layerSetFor, NCNN_LAYER_TYPES } from "./layer_types.ts";
import { knownLayers } from "./ncnn.ts";
import { ncnnSource } from "./source.ts";
import { SILENT } from "../progress.ts";

Deno.test("NCNN_LAYER_TYPES has the layers of the pinned source", async () => {
  const { folder } = await ncnnSource({ progress: SILENT });
  const text = await Deno.readTextFile(path.join(folder, "src", "CMakeLists.txt"));
  assertEquals([...NCNN_LAYER_TYPES], knownLayers(text));
});

Deno.test("CORE_LAYER_TYPES are layers of ncnn", () => {
  assertEquals([...CORE_LAYER_TYPES].filter((type) => !NCNN_LAYER_TYPES.has(type)), []);
});

Deno.test("layerSetFor() asks for all layers when one is beyond the core", () => {
  assertEquals(layerSetFor(["Input", "Convolution", "Swish"]), "core");
  assertEquals(layerSetFor(["Input", "InnerProduct"]), "all");
  assertEquals(layerSetFor([]), "core");
});
