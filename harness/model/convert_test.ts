import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import * as path from "@std/path";
import { HarnessError } from "../errors.ts";
import {
  convertByOnnx2ncnn,
  fusedPairs,
  optimizeNcnn,
  spellForOnnx2ncnn,
} from "./convert/onnx2ncnn.ts";
import { convertByPnnx } from "./convert/pnnx.ts";
import { encodeOnnx, intsOf, intTensor } from "./onnx/onnx_file.ts";
import { pruned } from "./onnx/onnx_graph.ts";
import { tinyPose } from "./testdata/tiny_pose.ts";
import { runTool } from "./convert/tool.ts";
import { inTempFolder } from "../testdata/temp_folder.ts";

/** Writes a program that does what the shell text says and returns its path. */
async function fakeTool(folder: string, name: string, script: string): Promise<string> {
  const file = path.join(folder, name);
  await Deno.writeTextFile(file, `#!/bin/sh\n${script}\n`);
  await Deno.chmod(file, 0o755);
  return file;
}

const PLAIN = "7767517\n3 3\nInput in0 0 1 in0\nConvolution c 1 1 in0 1 0=4\nReLU r 1 1 1 out0\n";
const FUSED = "7767517\n2 2\nInput in0 0 1 in0\nConvolution c 1 1 in0 out0 0=4 9=1\n";

Deno.test("fusedPairs() lists the pairs of every kind of layer in the log", () => {
  const log = [
    "fuse_convolution_activation /model.0/conv/Conv /model.0/act/Relu",
    "fuse_convolutiondepthwise_activation dw relu6",
    "fuse_convolution_batchnorm c bn",
    "Input layer images without shape info, shape_inference skipped",
    "fuse_innerproduct_activation fc hs",
  ].join("\n");
  assertEquals(fusedPairs(log), [
    "/model.0/conv/Conv /model.0/act/Relu",
    "dw relu6",
    "fc hs",
  ]);
  assertEquals(fusedPairs(""), []);
});

Deno.test("runTool() keeps what the tool printed and shows the end of it when it fails", () =>
  inTempFolder(async (folder) => {
    const good = await fakeTool(folder, "good", "echo out; echo err >&2");
    const run = { name: "t", args: [], cwd: folder };
    assertEquals(await runTool({ ...run, command: good }), "out\nerr\n");
    const bad = await fakeTool(folder, "bad", "echo reason >&2; exit 3");
    const failed = await assertRejects(() => runTool({ ...run, command: bad }), HarnessError);
    assertEquals([failed.code, failed.stderrTail], ["convert-failed", ["reason"]]);
    assertStringIncludes(failed.message, "exited 3");
    const missing = await assertRejects(
      () => runTool({ ...run, command: path.join(folder, "none") }),
      HarnessError,
    );
    assertEquals(missing.code, "missing-tool");
    const unknown = await assertRejects(
      () => runTool({ ...run, command: "posemark-no-such-tool" }),
      HarnessError,
    );
    assertEquals(unknown.code, "missing-tool");
    const killed = await fakeTool(folder, "killed", "kill -ILL $$");
    const ended = await assertRejects(() => runTool({ ...run, command: killed }), HarnessError);
    assertEquals(ended.code, "convert-failed");
    const slow = await fakeTool(folder, "slow", "exec sleep 20");
    const stopped = await assertRejects(
      () => runTool({ ...run, command: slow, signal: AbortSignal.timeout(100) }),
      HarnessError,
    );
    assertEquals(stopped.code, "interrupted");
  }));

Deno.test("convertByPnnx() fails when pnnx leaves nothing, other blobs or no weights", () =>
  inTempFolder(async (folder) => {
    const convert = async (script: string) => {
      const program = await fakeTool(folder, "pnnx", script);
      return convertByPnnx({
        program,
        folder,
        onnx: "model.onnx",
        widthPx: 64,
        heightPx: 32,
        outputCount: 1,
        fp16Weights: true,
      });
    };
    await assertRejects(() => convert("exit 0"), HarnessError, "it left no model.ncnn.param");
    await assertRejects(
      () =>
        convert(
          `printf '${PLAIN.replace("out0", "out9")}' > model.ncnn.param; echo w > model.ncnn.bin`,
        ),
      HarnessError,
      "from in0 to out9, expected from in0 to out0",
    );
    await assertRejects(
      () => convert(`printf '${PLAIN}' > model.ncnn.param; : > model.ncnn.bin`),
      HarnessError,
      "no weights",
    );
    const result = await convert(
      `echo "$@"; printf '${PLAIN}' > model.ncnn.param; echo w > model.ncnn.bin`,
    );
    assertEquals(result.logs, [{
      file: "pnnx.log",
      text: "model.onnx inputshape=[1,3,32,64] fp16=1\n",
    }]);
  }));

Deno.test("convertByOnnx2ncnn() and optimizeNcnn() fail when a tool skips an operation or its log and graph disagree", () =>
  inTempFolder(async (folder) => {
    const onnx2ncnn = await fakeTool(
      folder,
      "onnx2ncnn",
      `[ -e skip ] && echo "GridSample not supported yet!" >&2; printf '${PLAIN}' > $2; echo w > $3`,
    );
    const ncnnoptimize = await fakeTool(
      folder,
      "ncnnoptimize",
      `echo "flag $5"; [ -e lie ] || echo "fuse_convolution_activation c r" >&2; printf '${FUSED}' > $3; echo w > $4`,
    );
    const request = {
      onnx2ncnn,
      ncnnoptimize,
      folder,
      onnx: "model.onnx",
      inputName: "in0",
      outputNames: ["out0"],
      fp16Weights: true,
    };
    const result = await optimizeNcnn(await convertByOnnx2ncnn(request), request);
    assertEquals(result.param, "optimized.param");
    assertEquals(result.logs.map((log) => log.text), [
      "",
      "flag 1\nfuse_convolution_activation c r\n",
    ]);
    await Deno.writeTextFile(path.join(folder, "lie"), "");
    const lied = await assertRejects(
      () =>
        optimizeNcnn({ ...result, param: "model.onnx2ncnn.param" }, {
          ...request,
          fp16Weights: false,
        }),
      HarnessError,
    );
    assertStringIncludes(lied.message, "log has 0 fused activations");
    await Deno.writeTextFile(path.join(folder, "skip"), "");
    await assertRejects(
      () => convertByOnnx2ncnn(request),
      HarnessError,
      "GridSample not supported",
    );
  }));

Deno.test("spellForOnnx2ncnn() gives a Split its sizes as an attribute", () => {
  const model = tinyPose();
  const split = model.nodes.find((node) => node.opType === "Split")!;
  const expected = encodeOnnx(pruned(model));
  split.attributes = new Map([...split.attributes].filter(([name]) => name !== "split"));
  split.inputs.push("sizes");
  model.initializers.set("sizes", intTensor("sizes", [2], [64, 3]));
  assertEquals(encodeOnnx(spellForOnnx2ncnn(model)), expected);
});

Deno.test("spellForOnnx2ncnn() gives a Constant its value as a tensor", () => {
  const model = tinyPose();
  const reshape = model.nodes.find((node) => node.opType === "Reshape")!;
  const target = intsOf(model.initializers.get(reshape.inputs[1])!);
  model.nodes.unshift({
    name: "target",
    opType: "Constant",
    domain: "",
    inputs: [],
    outputs: ["target"],
    attributes: new Map([["value_ints", { type: "ints", value: target }]]),
  });
  reshape.inputs[1] = "target";
  const spelled = spellForOnnx2ncnn(model).nodes.find((node) => node.opType === "Constant")!;
  assertEquals([...spelled.attributes], [
    ["value", { type: "tensor", value: intTensor("target", [target.length], target) }],
  ]);
});

/**
 * Returns how a conversion fails in which onnx2ncnn writes this graph; `param` is in the words of
 * printf.
 */
async function failureWith(folder: string, param: string): Promise<HarnessError> {
  const onnx2ncnn = await fakeTool(folder, "onnx2ncnn", `printf '${param}' > $2; echo w > $3`);
  return await assertRejects(() =>
    convertByOnnx2ncnn({
      onnx2ncnn,
      folder,
      onnx: "model.onnx",
      inputName: "in0",
      outputNames: ["out0"],
    }), HarnessError);
}

Deno.test("convertByOnnx2ncnn() fails when a constant became a blob of a layer that has no such input", () =>
  inTempFolder(async (folder) => {
    const wrong = "7767517\\n4 5\\nInput in0 0 1 in0\\nMemoryData m 0 1 m 0=2\\n" +
      "Slice s 2 2 in0 m a b -23300=0 1=0\\nBinaryOp add 2 1 a b out0\\n";
    const error = await failureWith(folder, wrong);
    assertEquals(error.code, "convert-failed");
    assertStringIncludes(error.message, 'input of the Slice "s"');
  }));

Deno.test("convertByOnnx2ncnn() fails when attention became a Gemm of two blobs", () =>
  inTempFolder(async (folder) => {
    const attention = "7767517\\n4 5\\nInput in0 0 1 in0\\n" +
      "Slice s 1 2 in0 q k -23300=2,4,4 1=1\\nPermute p 1 1 q t 0=1\\nGemm mm1 2 1 t k out0\\n";
    const error = await failureWith(folder, attention);
    assertEquals(error.code, "convert-failed");
    assertStringIncludes(error.message, 'a Gemm of the product "mm1"');
    assertStringIncludes(error.message, "try --converter pnnx");
  }));
