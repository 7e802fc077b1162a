import { assertEquals } from "@std/assert";
import { knownLayers } from "./ncnn.ts";

Deno.test("knownLayers() reads the layers in their order, with and without a default", () => {
  const text =
    "# ncnn_add_layer(Comment)\nncnn_add_layer(AbsVal)\n  ncnn_add_layer(ArgMax OFF)\nncnn_add_layer(Convolution1D)\n";
  assertEquals(knownLayers(text), ["AbsVal", "ArgMax", "Convolution1D"]);
  assertEquals(knownLayers("project(x)"), []);
});
