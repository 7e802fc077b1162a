import { assert, assertEquals, assertRejects } from "@std/assert";
import * as path from "@std/path";
import { HarnessError } from "../errors.ts";
import { stderrProgress } from "../progress.ts";
import { toolVersion } from "./toolchain.ts";
import { buildTools } from "./tools.ts";

const progress = stderrProgress();

async function run(program: string, args: string[], cwd: string) {
  const output = await new Deno.Command(program, { args, cwd }).output();
  return { code: output.code, stderr: new TextDecoder().decode(output.stderr) };
}

const RELU_PARAM = `7767517
3 3
Input in0 0 1 in0
Convolution conv 1 1 in0 a 0=4 1=1 5=1 6=12
ReLU relu 1 1 a out0
`;

Deno.test("buildTools() gives an ncnnoptimize that fuses a ReLU into its convolution", async () => {
  const { paths } = await buildTools({ names: ["ncnnoptimize"], progress });
  const folder = await Deno.makeTempDir();
  try {
    await Deno.writeTextFile(path.join(folder, "a.param"), RELU_PARAM);
    await Deno.writeFile(path.join(folder, "a.bin"), new Uint8Array(4 + 4 * 12 + 4 * 4));
    const args = ["a.param", "a.bin", "b.param", "b.bin", "0"];
    const { code, stderr } = await run(paths.ncnnoptimize, args, folder);
    assertEquals(code, 0);
    assert(stderr.includes("fuse_convolution_activation conv relu"), stderr);
    const optimized = await Deno.readTextFile(path.join(folder, "b.param"));
    assert(/^Convolution\s+conv\s+1 1 in0 out0 .*9=1/m.test(optimized), optimized);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("buildTools() gives the quantisation tools", async () => {
  const { paths } = await buildTools({ names: ["ncnn2table", "ncnn2int8"], progress });
  const folder = await Deno.makeTempDir();
  try {
    for (const program of [paths.ncnn2table, paths.ncnn2int8]) {
      const { stderr } = await run(program, [], folder);
      assert(/usage/i.test(stderr), stderr);
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("buildTools() gives onnx2ncnn, or says how to get protobuf when there is none", async () => {
  const build = () => buildTools({ names: ["onnx2ncnn"], progress });
  if (await toolVersion("protoc") === null) {
    const error = await assertRejects(build, HarnessError, "protobuf-compiler");
    assertEquals(error.code, "missing-tool");
    return;
  }
  const { paths, ncnnVersion } = await build();
  assert(ncnnVersion.startsWith("1.0."));
  const { code, stderr } = await run(paths.onnx2ncnn, ["/nonexistent.onnx"], "/");
  assert(code !== 0 || /failed/.test(stderr), stderr);
});
