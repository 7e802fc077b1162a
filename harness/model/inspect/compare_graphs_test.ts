import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { compareGraphs, type NamedGraph } from "./compare_graphs.ts";
import { graphOfOnnx, graphOfParam } from "./graph.ts";
import { BOX, layOut } from "./graph_layout.ts";
import type { OnnxModel, OnnxNode } from "../onnx/onnx_file.ts";
import { parseParam } from "../ncnn/param_file.ts";
import { drawGraphs } from "./svg.ts";

function named(name: string, lines: string[]): NamedGraph {
  const blobs = new Set(lines.flatMap((line) => {
    const words = line.split(/\s+/);
    return words.slice(4 + Number(words[2]), 4 + Number(words[2]) + Number(words[3]));
  })).size;
  const text = ["7767517", `${lines.length} ${blobs}`, ...lines].join("\n");
  return { name, graph: graphOfParam(parseParam(text, name)), fileBytes: null };
}

const BEFORE = [
  "Input in0 0 1 in0 0=8 1=8 2=3",
  "Convolution c1 1 1 in0 1 0=4 1=1 6=12",
  "ReLU r1 1 1 1 2",
  "Dropout d 1 1 2 3",
  "Convolution c2 1 1 3 4 0=4 1=1 6=16",
  "Swish s2 1 1 4 out0",
];
const AFTER = [
  "Input in0 0 1 in0 0=8 1=8 2=3",
  "Convolution c1 1 1 in0 3 0=4 1=1 6=12 9=1",
  "Convolution c2 1 1 3 4 0=4 1=1 6=16",
  "Swish s2 1 1 4 5",
  "Noop n 1 1 5 out0",
];

Deno.test("compareGraphs() tells what a step fused from what it removed and added", () => {
  const { steps, stages, byType, layers } = compareGraphs([
    named("a", BEFORE),
    named("b", AFTER),
  ]);
  assertEquals(steps[0].fused, [{ layer: "c1", activation: "r1", kind: "relu" }]);
  assertEquals([steps[0].removed, steps[0].added], [{ Dropout: 1 }, { Noop: 1 }]);
  assertEquals(steps[0].fatesBefore, ["same", "same", "fused", "removed", "same", "same"]);
  assertEquals(steps[0].fatesAfter, ["same", "fused", "same", "same", "added"]);
  const fates = layers.map((stage) => stage.layers.map((layer) => layer.fate));
  assertEquals(fates, [steps[0].fatesBefore, steps[0].fatesAfter]);
  assertEquals(stages.map((stage) => [stage.layers, stage.fusedActivations, stage.parameters]), [
    [6, 0, 28],
    [5, 1, 28],
  ]);
  assertEquals(stages.map((stage) => stage.flops), [2 * 64 * 28, 2 * 64 * 28]);
  assertEquals(byType[0], { type: "Convolution", counts: [2, 2] });
  assertEquals(byType.find((row) => row.type === "ReLU"), { type: "ReLU", counts: [1, 0] });
});

Deno.test("compareGraphs() matches by kind when all names are new, as after pnnx", () => {
  const renamed = AFTER.map((line) => line.replace(/ (in0|c1|c2|s2|n) /, " x_$1 "));
  const { steps } = compareGraphs([named("a", BEFORE), named("b", renamed)]);
  assertEquals(steps[0].fused, [{ layer: "c1", activation: "r1", kind: "relu" }]);
  assertEquals(steps[0].removed, { Dropout: 1 });
});

Deno.test("compareGraphs() tells layers of one name and another type apart", () => {
  const after = BEFORE.map((line) =>
    line.replace("Convolution c1", "ConvolutionDepthWise c1").replace("ReLU r1", "Swish r1")
  );
  const [step] = compareGraphs([named("a", BEFORE), named("b", after)]).steps;
  assertEquals(step.removed, { Convolution: 1, ReLU: 1 });
  assertEquals(step.added, { ConvolutionDepthWise: 1, Swish: 1 });
});

Deno.test("compareGraphs() goes by the order of kinds when serial names mean other layers", () => {
  const lines = (types: string[]) => [
    "Input in0 0 1 0",
    ...types.map((type, i) => `${type} layer_${i} 1 1 ${i} ${i + 1}`),
  ];
  const tail = ["Swish", "Convolution", "ReLU", "Pooling"];
  const [step] = compareGraphs([
    named("a", lines(["Convolution", ...tail])),
    named("b", lines(["Convolution", "Padding", ...tail])),
  ]).steps;
  assertEquals([step.removed, step.added], [{}, { Padding: 1 }]);
});

Deno.test("compareGraphs() calls nothing fused when the activation was fused before", () => {
  const { steps } = compareGraphs([named("a", AFTER), named("b", AFTER)]);
  assertEquals([steps[0].fused, steps[0].removed, steps[0].added], [[], {}, {}]);
});

function node(opType: string, inputs: string[], output: string, group?: number): OnnxNode {
  return {
    name: `onnx ${output}`,
    opType,
    domain: "",
    inputs,
    outputs: [output],
    attributes: new Map(group ? [["group", { type: "int", value: group }]] : []),
  };
}

function namedOnnx(nodes: OnnxNode[]): NamedGraph {
  const model: OnnxModel = {
    irVersion: 6,
    producer: "",
    opset: 11,
    otherOpsets: new Map(),
    metadata: new Map(),
    graphName: "",
    nodes,
    initializers: new Map(),
    inputs: [{ name: "x", dataType: 1, dims: [1, 3, 8, 8] }],
    outputs: [{ name: nodes.at(-1)!.outputs[0], dataType: 1, dims: null }],
  };
  return { name: "onnx", graph: graphOfOnnx(model), fileBytes: 1 };
}

Deno.test("compareGraphs() knows each ONNX operation again in the ncnn layer that it becomes", () => {
  const operations = [
    ["Pad", "Padding"],
    ["ReduceMean", "Reduction"],
    ["Unsqueeze", "ExpandDims"],
    ["DepthToSpace", "PixelShuffle"],
    ["PRelu", "PReLU"],
    ["LayerNormalization", "LayerNorm"],
    ["Sqrt", "UnaryOp"],
  ];
  const onnx = namedOnnx(operations.map(([type], i) => node(type, [i ? `${i}` : "x"], `${i + 1}`)));
  const ncnn = named("ncnn", [
    "Input in0 0 1 0",
    ...operations.map(([, type], i) => `${type} l${i} 1 1 ${i} ${i + 1}`),
  ]);
  const [step] = compareGraphs([onnx, ncnn]).steps;
  assertEquals([step.removed, step.added], [{}, { Input: 1 }]);
});

Deno.test("compareGraphs() tells a depthwise convolution from a plain one across formats", () => {
  const onnx = namedOnnx([
    node("Conv", ["x"], "a", 8),
    node("Relu", ["a"], "b"),
    node("Conv", ["b"], "c"),
    node("Relu", ["c"], "d"),
  ]);
  const ncnn = named("ncnn", [
    "Input in0 0 1 in0",
    "ConvolutionDepthWise convdwrelu_0 1 1 in0 1 0=8 1=3 6=72 7=8 9=1",
    "Convolution convrelu_0 1 1 1 out0 0=8 1=1 6=64 9=1",
  ]);
  const [step] = compareGraphs([onnx, ncnn]).steps;
  assertEquals([step.removed, step.added, step.fused.length], [{}, { Input: 1 }, 2]);
});

Deno.test("compareGraphs() takes a product with a sigmoid in ONNX for ncnn's Swish", () => {
  const onnx = namedOnnx([
    node("Relu", ["x"], "a"),
    node("Sigmoid", ["a"], "gate"),
    node("Mul", ["a", "gate"], "b"),
    node("Add", ["a", "b"], "y"),
  ]);
  const ncnn = named("ncnn", [
    "Input in0 0 1 in0",
    "ReLU r 1 1 in0 1",
    "Split s 1 2 1 2 3",
    "Swish w 1 1 2 4",
    "BinaryOp add 2 1 3 4 out0",
  ]);
  const { steps } = compareGraphs([onnx, ncnn]);
  assertEquals([steps[0].removed, steps[0].added], [{ Sigmoid: 1 }, { Input: 1, Split: 1 }]);
});

Deno.test("compareGraphs() needs two graphs", () => {
  assertThrows(() => compareGraphs([named("a", BEFORE)]), RangeError);
});

Deno.test("layOut() puts a layer below all that it reads and boxes of a row apart", () => {
  const { graph } = named("g", [
    "Input in0 0 1 in0",
    "Split s 1 3 in0 1 2 3",
    "ReLU a 1 1 1 4",
    "ReLU b 1 1 2 5",
    "ReLU c 1 1 5 6",
    "Concat cat 3 1 4 6 3 out0",
  ]);
  const layout = layOut(graph);
  const row = (index: number) => layout.layers[index].y / (BOX.height + BOX.gapY);
  assertEquals(layout.layers.map((_, i) => row(i)), [0, 1, 2, 2, 3, 4]);
  for (const { from, to } of layout.edges) assert(row(from) < row(to));
  assertEquals(layout.edges.length, 7);
  const [a, b] = [layout.layers[2], layout.layers[3]];
  assert(Math.abs(a.x - b.x) >= BOX.width);
  for (const { x } of layout.layers) {
    assert(x >= BOX.width / 2 && x <= layout.width - BOX.width / 2);
  }
  assertEquals(layOut({ ...graph, layers: [] }), { width: 0, height: 0, layers: [], edges: [] });
});

Deno.test("drawGraphs() draws every layer once with its fate, and escapes names", () => {
  const wild = BEFORE.map((line) => line.replace(" r1 ", ' <img/src="x"onerror=1>&r1 '));
  const graphs = [named("<b>a", wild), named("b", AFTER)];
  const svg = drawGraphs(graphs, compareGraphs(graphs));
  const boxes = [...svg.matchAll(/<g class="layer (\w+)">/g)].map((match) => match[1]);
  assertEquals(boxes, [
    ...["same", "same", "fused", "removed", "same", "same"],
    ...["same", "fused", "same", "same", "added"],
  ]);
  assert(!svg.includes("<img") && !svg.includes("<b>"), "a name is not escaped");
  assertStringIncludes(svg, "&lt;b&gt;a");
  assertStringIncludes(svg, "Convolution + relu");
  assertEquals(svg.match(/<g\b/g)!.length, svg.match(/<\/g>/g)!.length);
});
