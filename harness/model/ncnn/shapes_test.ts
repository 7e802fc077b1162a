import { assertEquals } from "@std/assert";
import * as path from "@std/path";
import { ncnnSource } from "../../toolchain/source.ts";
import { SILENT } from "../../progress.ts";
import { graphOfParam } from "../inspect/graph.ts";
import { readGraph } from "../inspect/inspect.ts";
import { inferNcnnShapes } from "./shapes.ts";
import { parseParam } from "./param_file.ts";

/** Returns the graph of the lines, each a layer. */
function graphOf(lines: string[]) {
  return graphOfParam(parseParam(["7767517", `${lines.length} 99`, ...lines].join("\n"), "p"));
}

/** Returns the shape of the layer's first blob, of an input [c, h, w] (or fewer axes). */
function shapeAfter(input: number[], layer: string): number[] | undefined {
  const sizes = [...input].reverse().map((dim, i) => `${i}=${dim}`).join(" ");
  const [type, params] = [layer.split(" ")[0], layer.split(" ").slice(1).join(" ")];
  const text = `7767517\n2 2\nInput in 0 1 in ${sizes}\n${type} l 1 1 in out ${params}\n`;
  return inferNcnnShapes(parseParam(text, "p").layers).get("out");
}

/** What pnnx makes of YOLO11's attention with two heads over 8×8 cells. */
const ATTENTION = [
  "Input in0 0 1 in0 0=8 1=8 2=8",
  "Convolution qkv 1 1 in0 1 0=16 1=1 5=1 6=128",
  "Reshape heads 1 1 1 2 0=64 1=8 2=2",
  "Slice split 1 3 2 3 4 5 -23300=3,2,2,4 1=1",
  "Split copy 1 2 5 6 7",
  "Permute t 1 1 3 8 0=1",
  "MatMul qk 2 1 8 4 9",
  "Softmax soft 1 1 9 11 0=2 1=1",
  "MatMul v 2 1 7 11 12 0=1",
  "Reshape flat 1 1 12 13 0=8 1=8 2=8",
  "Convolution out 1 1 13 out0 0=8 1=3 4=1 5=1 6=576",
];

Deno.test("graphOfParam() knows every cost in and after attention", () => {
  const { layers } = graphOf(ATTENTION);
  const of = (name: string) => layers.find((layer) => layer.name === name)!;
  // per head 64×2 by 2×64, then 4×64 by the transposed 64×64
  assertEquals([of("qk").outputShapes, of("qk").macs], [[[2, 64, 64]], 2 * 64 * 64 * 2]);
  assertEquals([of("v").outputShapes, of("v").macs], [[[2, 4, 64]], 2 * 4 * 64 * 64]);
  assertEquals([of("out").outputShapes, of("out").macs], [[[8, 8, 8]], 64 * 576]);
  assertEquals(layers.filter((layer) => layer.bytesMoved === null), []);
});

Deno.test("inferNcnnShapes() takes sizes that a Reshape states in full after a layer that it doesn't know", () => {
  const lines = ["Input in 0 1 in", "Invented i 1 1 in a", "Reshape r 1 1 a b 0=6 1=4"];
  assertEquals(graphOf(lines).layers.map((layer) => layer.outputShapes), [[null], [null], [[
    4,
    6,
  ]]]);
  const open = [...lines.slice(0, 2), "Reshape r 1 1 a b 0=6 1=-1"];
  assertEquals(graphOf(open).layers[2].outputShapes, [null]);
});

Deno.test("inferNcnnShapes() gives the shapes of reductions, squeezed and expanded axes", () => {
  const input = [4, 1, 6];
  assertEquals(shapeAfter(input, "Reduction 1=0 -23303=2,-1,1 4=1 5=1"), [4, 1, 1]);
  assertEquals(shapeAfter(input, "Reduction 1=0 -23303=1,0 5=1"), [1, 6]);
  assertEquals(shapeAfter(input, "Reduction 0=3"), [1]);
  assertEquals(shapeAfter(input, "Squeeze -23303=1,1"), [4, 6]);
  assertEquals(shapeAfter(input, "Squeeze 0=1 1=1 2=1"), [4, 6]);
  assertEquals(shapeAfter([4, 6], "ExpandDims -23303=1,-1"), [4, 6, 1]);
});

Deno.test("inferNcnnShapes() takes a Deconvolution's SAME for a way to cut to the stated size, not for a pad", () => {
  const grown = "Deconvolution 0=4 1=4 3=2";
  assertEquals(shapeAfter([4, 8, 8], `${grown} 4=-233`), [4, 18, 18]);
  assertEquals(shapeAfter([4, 8, 8], `${grown} 4=-234 20=16 21=15`), [4, 15, 16]);
  assertEquals(shapeAfter([4, 8, 8], `${grown} 4=1`), [4, 16, 16]);
});

Deno.test("inferNcnnShapes() halves the axis of a GLU", () => {
  assertEquals(shapeAfter([6, 4, 8], "GLU 0=0"), [3, 4, 8]);
  assertEquals(shapeAfter([6, 4, 8], "GLU 0=-1"), [6, 4, 4]);
  assertEquals(shapeAfter([8], "GLU 0=2"), [4]);
});

Deno.test("graphOfParam() counts a Gemm's and an attention's products and weights", () => {
  const { layers } = graphOf([
    "Input x 0 1 x 0=12 1=5",
    "Gemm fc 1 1 x y 3=1 5=1 6=1 8=8 9=12 10=4",
    "MultiHeadAttention mha 1 1 y z 0=8 1=2 2=64",
    "Reshape h 1 1 z q 0=4 1=5 2=2",
    "Split s 1 3 q q1 q2 q3",
    "SDPA sdpa 3 1 q1 q2 q3 o",
  ]);
  const rows = layers.filter((layer) => !["Input", "Reshape", "Split"].includes(layer.type));
  assertEquals(rows.map(({ outputShapes, parameters, macs }) => [outputShapes, parameters, macs]), [
    [[[5, 8]], 8 * 12 + 8, 5 * 8 * 12],
    [[[5, 8]], 4 * (8 * 8 + 8), 4 * 5 * 8 * 8 + 2 * 5 * 5 * 8],
    [[[2, 5, 4]], 0, 2 * 5 * 5 * (4 + 4)],
  ]);
});

Deno.test("readGraph() gives the operations and parameters of a vision transformer by its paper's sizes", async () => {
  const { folder } = await ncnnSource({ progress: SILENT });
  const file = path.join(folder, "benchmark", "models", "vision_transformer.param");
  const { layers } = await readGraph(file, [3, 384, 384]);
  const [depth, width, inner, patches, classes] = [12, 768, 3072, 144, 1000];
  const tokens = patches + 1;
  const embedding = 3 * 32 * 32 * width;
  const attention = 4 * tokens * width ** 2 + 2 * tokens ** 2 * width;
  const macs = patches * embedding + depth * (attention + 2 * tokens * width * inner) +
    width * classes;
  const perBlock = 4 * (width ** 2 + width) + 2 * width * inner + width + inner + 4 * width;
  const parameters = embedding + width + width + tokens * width + depth * perBlock + 2 * width +
    (width + 1) * classes;
  const sum = (values: (number | null)[]) => values.reduce<number>((a, b) => a + (b ?? NaN), 0);
  assertEquals(sum(layers.map((layer) => layer.macs)), macs);
  assertEquals(sum(layers.map((layer) => layer.parameters)), parameters);
  assertEquals(layers.filter((layer) => layer.bytesMoved === null), []);
});
