import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import * as path from "@std/path";
import { ncnnSource } from "../../toolchain/source.ts";
import { HarnessError } from "../../errors.ts";
import { SILENT } from "../../progress.ts";
import { graphOfOnnx, graphOfParam } from "./graph.ts";
import { compareGraphs } from "./compare_graphs.ts";
import { inspectFile, readGraph, readNamedGraphs } from "./inspect.ts";
import { inspectGraph } from "./inspection.ts";
import { formatComparison, formatInspection } from "./inspection_text.ts";
import { encodeOnnx, type OnnxModel, type OnnxValue } from "../onnx/onnx_file.ts";
import { parseParam } from "../ncnn/param_file.ts";
import { readSourceModel } from "../source_model.ts";
import { writeWithExternalWeights } from "../testdata/external_weights.ts";
import { tinyPose } from "../testdata/tiny_pose.ts";
import { inTempFolder } from "../../testdata/temp_folder.ts";

const PLAIN = [
  "7767517",
  "6 7",
  "Input       in0  0 1 in0 0=32 1=16 2=3",
  "Convolution c1   1 1 in0 1 0=8 1=3 3=2 4=1 5=1 6=216",
  "ReLU        r1   1 1 1 2",
  "Split       s    1 2 2 3 4",
  "Convolution c2   1 1 3 5 0=8 1=1 5=0 6=64 9=6",
  "BinaryOp    add  2 1 5 4 out0 0=0",
].join("\n");

Deno.test("inspectGraph() counts layers, blobs, types and fused activations of a .param", () => {
  assertEquals(inspectGraph(graphOfParam(parseParam(PLAIN, "p"))), {
    notes: [],
    ncnn: null,
    layers: 6,
    blobs: 7,
    byType: { Convolution: 2, BinaryOp: 1, Input: 1, ReLU: 1, Split: 1 },
    fusedActivations: 1,
    inputs: ["in0"],
    outputs: ["out0"],
  });
});

Deno.test("graphOfParam() gives shapes, parameters, operations and bytes of each layer", () => {
  const { layers } = graphOfParam(parseParam(PLAIN, "p"));
  const half = [8, 8, 16];
  assertEquals(layers.map((layer) => layer.outputShapes), [
    [[3, 16, 32]],
    [half],
    [half],
    [half, half],
    [half],
    [half],
  ]);
  assertEquals(layers.map((layer) => layer.parameters), [0, 216 + 8, 0, 0, 64, 0]);
  assertEquals(layers.map((layer) => layer.macs), [0, 8 * 16 * 216, 0, 0, 8 * 16 * 64, 0]);
  const blob = 4 * 8 * 8 * 16;
  assertEquals(layers.map((layer) => layer.bytesMoved), [
    0,
    4 * 3 * 16 * 32 + 4 * 224 + blob,
    2 * blob,
    0,
    2 * blob + 4 * 64,
    3 * blob,
  ]);
});

Deno.test("graphOfParam() leaves what it can't tell unknown", () => {
  const text = PLAIN.replace(" 0=32 1=16 2=3", "").replace("ReLU        r1", "Invented    r1");
  const { layers } = graphOfParam(parseParam(text, "p"));
  assertEquals(layers[1].outputShapes, [null]);
  assertEquals([layers[1].parameters, layers[1].macs, layers[1].bytesMoved], [224, null, null]);
  assertEquals([layers[2].parameters, layers[2].macs], [null, null]);
  const given = graphOfParam(parseParam(text, "p"), [3, 64, 64]).layers;
  assertEquals(given[1].outputShapes, [[8, 32, 32]]);
});

Deno.test("inspectFile() counts the nodes of an ONNX file", () =>
  inTempFolder(async (folder) => {
    const model = tinyPose();
    const file = path.join(folder, "m.onnx");
    await Deno.writeFile(file, encodeOnnx(model));
    const inspection = await inspectFile(file);
    assertEquals(inspection.layers, model.nodes.length);
    assertEquals(
      inspection.byType.Conv,
      model.nodes.filter((node) => node.opType === "Conv").length,
    );
    assertEquals([inspection.inputs, inspection.outputs], [["x0"], [model.outputs[0].name]]);
    assertEquals(inspection.fusedActivations, 0);
    const made = new Set(model.nodes.flatMap((node) => node.outputs)).size;
    assertEquals(inspection.blobs, made + 1);
  }));

Deno.test("inspectFile() says of an ONNX graph with a cycle or a node without inputs that it is not sound", () =>
  inTempFolder(async (folder) => {
    const cyclic = tinyPose();
    cyclic.nodes[3].inputs[0] = cyclic.nodes[10].outputs[0];
    const bare = tinyPose();
    bare.nodes.find((node) => node.opType === "Mul")!.inputs = [];
    for (const model of [cyclic, bare]) {
      const file = path.join(folder, "m.onnx");
      await Deno.writeFile(file, encodeOnnx(model));
      for (const read of [inspectFile, readSourceModel]) {
        const error = await assertRejects(() => read(file), HarnessError, "not sound");
        assertEquals(error.code, "bad-model");
      }
    }
  }));

Deno.test("graphOfOnnx() counts operations as the definition of a convolution does", () => {
  const model = tinyPose({ classes: 1, keypoints: 1 });
  const first = graphOfOnnx(model).layers.find((layer) => layer.type === "Conv")!;
  // 3×3 over 3 channels to 6, stride 2 of 96×64
  assertEquals(first.macs, 48 * 32 * 6 * 3 * 9);
  assertEquals(first.parameters, 6 * 3 * 9 + 6);
  assertEquals(first.outputShapes, [[1, 6, 32, 48]]);
});

Deno.test("inspectFile() names the line of a broken .param, and what else it can't read", () =>
  inTempFolder(async (folder) => {
    const file = path.join(folder, "b.param");
    await Deno.writeTextFile(file, PLAIN.replace("1 1 1 2", "1 1 9 2"));
    const broken = await assertRejects(() => inspectFile(file), HarnessError);
    assertEquals([broken.code, broken.exitCode], ["bad-param", 2]);
    assertStringIncludes(broken.message, `${file} line 5: `);
    await assertRejects(
      () => inspectFile(path.join(folder, "no.param")),
      HarnessError,
      "no such file",
    );
    await assertRejects(() => inspectFile(path.join(folder, "m.tflite")), HarnessError, ".param");
    await Deno.writeTextFile(path.join(folder, "b.onnx"), "no");
    await assertRejects(() => inspectFile(path.join(folder, "b.onnx")), HarnessError, "not");
  }));

/** Counts a `.param` by awk-like means that share nothing with the parser. */
function independentCounts(text: string) {
  const [, counts, ...lines] = text.trim().split(/\r?\n/);
  const [promised] = counts.trim().split(/\s+/).map(Number);
  const rows = lines.filter((line) => line.trim()).slice(0, promised).map((line) =>
    line.trim().split(/\s+/)
  );
  const byType: Record<string, number> = {};
  for (const [type] of rows) byType[type] = (byType[type] ?? 0) + 1;
  const tops = rows.flatMap((row) =>
    row.slice(4 + Number(row[2]), 4 + Number(row[2]) + Number(row[3]))
  );
  const bottoms = new Set(rows.flatMap((row) => row.slice(4, 4 + Number(row[2]))));
  const fused =
    lines.slice(0, promised).filter((line) =>
      /^(Convolution|Deconvolution|InnerProduct)/.test(line) && / 9=[1-6](\s|$)/.test(line)
    ).length;
  return {
    layers: rows.length,
    blobs: new Set(tops).size,
    byType,
    fusedActivations: fused,
    inputs: rows.filter(([type]) => type === "Input").flatMap((row) => row.slice(4)).filter((
      word,
    ) => !word.includes("=")),
    outputs: tops.filter((blob) => !bottoms.has(blob)),
  };
}

Deno.test("inspectFile() agrees with an independent count on every .param of ncnn's benchmark folder", async () => {
  const { folder } = await ncnnSource({ progress: SILENT });
  const models = path.join(folder, "benchmark", "models");
  const files = [...Deno.readDirSync(models)].map((entry) => entry.name)
    .filter((name) => name.endsWith(".param"));
  assert(files.length >= 10, `only ${files.length} files in ${models}`);
  for (const name of files) {
    const file = path.join(models, name);
    const { byType, notes, ncnn, ...rest } = await inspectFile(file);
    assert(ncnn?.isLoaded);
    // one of them has a line more than it counts
    assertEquals(notes.filter((note) => !note.startsWith("line 182: 1 line follows")), [], name);
    const expected = independentCounts(await Deno.readTextFile(file));
    assertEquals({ ...rest, byType: { ...byType } }, expected, name);
  }
});

/** Multiply-accumulates in millions as the papers of these networks give them. */
const PUBLISHED_MEGA_MACS = {
  "resnet18.param": 1820,
  "resnet50.param": 3860,
  "vgg16.param": 15470,
  "mobilenet.param": 569,
  "mobilenet_v2.param": 300,
  "googlenet.param": 1550,
};

Deno.test("readGraph() gives the published operations of well-known networks", async () => {
  const { folder } = await ncnnSource({ progress: SILENT });
  for (const [name, expected] of Object.entries(PUBLISHED_MEGA_MACS)) {
    const graph = await readGraph(path.join(folder, "benchmark", "models", name), [3, 224, 224]);
    const mega = graph.layers.reduce((sum, layer) => sum + (layer.macs ?? NaN), 0) / 1e6;
    assert(Math.abs(mega / expected - 1) < 0.06, `${name}: ${mega}`);
  }
});

Deno.test("readNamedGraphs() counts the weights beside a graph and names files so that they differ", () =>
  inTempFolder(async (folder) => {
    for (const [name, text] of [["a", PLAIN], ["b", PLAIN.replace(" 9=6", "")]]) {
      await Deno.mkdir(path.join(folder, name));
      await Deno.writeTextFile(path.join(folder, name, "m.param"), text);
    }
    await Deno.writeFile(path.join(folder, "a", "m.bin"), new Uint8Array(1000));
    const files = ["a", "b"].map((name) => path.join(folder, name, "m.param"));
    const { stages, steps } = compareGraphs(await readNamedGraphs(files));
    assertEquals(stages.map((stage) => stage.name), ["a/m.param", "b/m.param"]);
    assertEquals(stages.map((stage) => stage.fileBytes), [PLAIN.length + 1000, PLAIN.length - 4]);
    assertEquals(stages.map((stage) => stage.fusedActivations), [1, 0]);
    assertEquals([steps[0].removed, steps[0].added], [{}, {}]);
    await assertRejects(() => readNamedGraphs(files.slice(1)), HarnessError, "at least two");
    const onnx = await writeWithExternalWeights(tinyPose(), folder, "parted.onnx");
    const expected = Deno.statSync(onnx).size + Deno.statSync(`${onnx}.data`).size;
    assertEquals((await readNamedGraphs([files[0], onnx]))[1].fileBytes, expected);
  }));

/** Returns the model with a first convolution alone. */
function oneConvolution(dims: OnnxValue["dims"]): OnnxModel {
  const model = tinyPose();
  const first = model.nodes[0];
  return {
    ...model,
    nodes: [first],
    inputs: [{ ...model.inputs[0], dims }],
    outputs: [{ name: first.outputs[0], dataType: 1, dims: null }],
  };
}

Deno.test("readNamedGraphs() leaves each file its own input size and lends it to those without", () =>
  inTempFolder(async (folder) => {
    const small = oneConvolution([1, 3, 64, 64]);
    const large = oneConvolution([1, 3, 128, 128]);
    const open = oneConvolution(["batch", 3, "height", "width"]);
    const files = await Promise.all([small, large, open].map(async (model, i) => {
      const file = path.join(folder, `${i}.onnx`);
      await Deno.writeFile(file, encodeOnnx(model));
      return file;
    }));
    const inputsOf = async (order: number[]) =>
      (await readNamedGraphs(order.map((i) => files[i]))).map(({ graph }) => graph.inputShapes[0]);
    const sizes = [[1, 3, 64, 64], [1, 3, 128, 128]];
    assertEquals(await inputsOf([0, 1, 2]), [...sizes, sizes[0]]);
    assertEquals(await inputsOf([2, 1]), [sizes[1], sizes[1]]);
    const odd = graphOfOnnx(oneConvolution(["batch", 3, "length"]), [1, 3, 64, 64]);
    assertEquals(odd.inputShapes, [null]);
  }));

Deno.test("formatInspection() and formatComparison() say the counts in words", () =>
  inTempFolder(async (folder) => {
    const file = path.join(folder, "a.param");
    await Deno.writeTextFile(file, PLAIN);
    const text = formatInspection(await inspectFile(file));
    assertStringIncludes(text, "layers             6");
    assertStringIncludes(text, "Convolution      2");
    const other = path.join(folder, "b.param");
    await Deno.writeTextFile(other, FUSED);
    const comparison = formatComparison(compareGraphs(await readNamedGraphs([file, other])));
    assertStringIncludes(comparison, "fused    1 activations\n    c1 r1");
    assertStringIncludes(comparison, "a.param → b.param");
  }));

Deno.test("formatComparison() says unknown where nothing is known and gives a lower bound where a part is", () => {
  const open = PLAIN.replace(" 0=32 1=16 2=3", "");
  const lost = PLAIN.replace("Convolution c2   1 1 3 5 0=8", "Invented c2 1 1 3 5 0=8");
  const graphs = [open, lost].map((text, i) => ({
    name: `${i}`,
    graph: graphOfParam(parseParam(text, "p")),
    fileBytes: null,
  }));
  const comparison = compareGraphs(graphs);
  const [first, second] = comparison.stages;
  assertEquals([first.parameters, first.flops, first.bytesMoved], [288, null, null]);
  assertEquals([second.parameters, second.flops], [224, 2 * 8 * 16 * 216]);
  assertEquals(second.leftOut, { parameters: 1, flops: 1, bytesMoved: 2 });
  const row = (name: string) =>
    formatComparison(comparison).split("\n").find((line) => line.startsWith(name))!
      .slice("bytes moved (as fp32)".length).trim().split(/ {2,}/);
  assertEquals(row("operations"), ["unknown", "≥ 0.06 MFLOP"]);
  assertEquals(row("parameters"), ["0.00 M", "≥ 0.00 M"]);
});

const FUSED = PLAIN.split("\n").filter((line) => !line.startsWith("ReLU")).join("\n")
  .replace("6 7", "5 6").replace("in0 1 0=8", "in0 2 0=8").replace("6=216", "6=216 9=1");
