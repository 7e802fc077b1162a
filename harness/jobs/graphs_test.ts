import { assertEquals, assertStringIncludes } from "@std/assert";
import * as path from "@std/path";
import { encodeOnnx } from "../model/onnx/onnx_file.ts";
import type { PreparedVariant } from "../model/prepare.ts";
import { tinyPose } from "../model/testdata/tiny_pose.ts";
import { testManifest } from "../parity/testdata/manifest.ts";
import { ReportGraphSchema } from "../report/report_json.ts";
import type { Precision } from "../record/precision.ts";
import { reportGraphs } from "./graphs.ts";
import { inTempFolder } from "../testdata/temp_folder.ts";

const FIRST_CONVOLUTION = "6=162";
const CONVERTED = [
  "7767517",
  "3 3",
  "Input in0 0 1 in0",
  `Convolution c1 1 1 in0 1 0=6 1=3 3=2 4=1 5=1 ${FIRST_CONVOLUTION}`,
  "ReLU r1 1 1 1 out0",
].join("\n");
const FUSED = [
  "7767517",
  "2 2",
  "Input in0 0 1 in0",
  `Convolution c1 1 1 in0 out0 0=6 1=3 3=2 4=1 5=1 ${FIRST_CONVOLUTION} 9=1`,
].join("\n");

/**
 * Writes a variant of one convolution and its activation; int8 has the graph before ncnn2int8 too.
 */
async function variantIn(folder: string, precision: Precision): Promise<PreparedVariant> {
  const dir = path.join(folder, precision);
  await Deno.mkdir(dir);
  const model = tinyPose({ activation: "relu", widthPx: 96, heightPx: 64 });
  const nodes = model.nodes.slice(0, 2);
  const outputs = [{ name: nodes[1].outputs[0], dataType: 1, dims: null }];
  await Deno.writeFile(path.join(dir, "graph.onnx"), encodeOnnx({ ...model, nodes, outputs }));
  await Deno.writeTextFile(path.join(dir, "converted.param"), CONVERTED);
  if (precision === "int8") await Deno.writeTextFile(path.join(dir, "float.param"), FUSED);
  await Deno.writeTextFile(path.join(dir, "model.param"), FUSED);
  const manifest = testManifest();
  return {
    manifest: {
      ...manifest,
      id: `variant.${precision}`,
      precision,
      shape: { mode: "fixed", widthPx: 96, heightPx: 64 },
      param: { ...manifest.param, file: "model.param", bytes: 100 },
      bin: { ...manifest.bin, bytes: 5000 },
    },
    dir,
  };
}

Deno.test("reportGraphs() gives the graph of variants that differ in a float precision once, and that of int8 too", () =>
  inTempFolder(async (folder) => {
    const variants = [
      await variantIn(folder, "fp32"),
      await variantIn(folder, "fp16"),
      await variantIn(folder, "int8"),
    ];
    const graphs = await reportGraphs(variants);
    assertEquals(graphs.map(({ variantId }) => variantId), ["variant.fp32", "variant.int8"]);
    assertEquals(graphs.map(({ stages }) => stages.map(({ name }) => name)), [
      ["ONNX", "ncnn", "ncnn optimised"],
      ["ONNX", "ncnn", "ncnn float", "ncnn int8"],
    ]);
  }));

Deno.test("reportGraphs() tells what each stage costs and what each step did", () =>
  inTempFolder(async (folder) => {
    const [graph] = await reportGraphs([await variantIn(folder, "fp16")]);
    assertEquals(ReportGraphSchema.parse(JSON.parse(JSON.stringify(graph))), graph);
    const [onnx, ncnn, optimised] = graph.stages;
    const parameters = 6 * 3 * 9 + 6;
    const flops = 2 * 48 * 32 * 6 * 3 * 9;
    assertEquals(graph.stages.map((stage) => [stage.parameters, stage.flops]), [
      [parameters, flops],
      [parameters, flops],
      [parameters, flops],
    ]);
    const [input, output] = [3 * 96 * 64, 6 * 48 * 32];
    assertEquals(ncnn.bytesMoved, 4 * (input + parameters + 3 * output));
    assertEquals(optimised.bytesMoved, 4 * (input + parameters + output));
    assertEquals(optimised.leftOut, { parameters: 0, flops: 0, bytesMoved: 0 });
    const onnxBytes = (await Deno.stat(path.join(folder, "fp16", "graph.onnx"))).size;
    assertEquals([onnx.fileBytes, ncnn.fileBytes, optimised.fileBytes], [onnxBytes, null, 5100]);
    assertEquals(graph.steps.map(({ removed, added }) => [removed, added]), [
      [{}, { Input: 1 }],
      [{}, {}],
    ]);
    assertEquals(graph.steps[1].fused, [{ layer: "c1", activation: "r1", kind: "relu" }]);
    assertEquals(optimised.layerCosts[1], {
      name: "c1",
      type: "Convolution",
      fusedActivation: "relu",
      fate: "fused",
      parameters,
      flops,
      bytesMoved: optimised.bytesMoved!,
    });
    assertEquals(ncnn.layerCosts.map(({ fate }) => fate), ["added", "same", "fused"]);
    assertStringIncludes(graph.svg!, "Convolution + relu");
  }));
