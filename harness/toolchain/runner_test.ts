import { assert, assertAlmostEquals, assertEquals, assertStringIncludes } from "@std/assert";
import * as path from "@std/path";
import { RunnerEndSchema, RunnerHeaderSchema, RunnerImageSchema } from "../record/records.ts";
import { stderrProgress } from "../progress.ts";
import { type BuildKind, buildRunner, runUnitTests } from "./runner.ts";
import { tinyBiases, tinyBin, tinyParam, writeTinyRun } from "./testdata/tiny_graph.ts";
import { inTempFolder } from "../testdata/temp_folder.ts";

const progress = stderrProgress();
const build = (kind: BuildKind) => buildRunner({ target: "host", kind, progress });

async function start(program: string, args: string[]) {
  // a busy machine makes spinning threads wait for each other
  const env = { OMP_WAIT_POLICY: "passive" };
  const output = await new Deno.Command(program, { args, env }).output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { code: output.code, stdout: text(output.stdout), stderr: text(output.stderr) };
}

/** FNV-1a 64 by its definition, in bigints. */
function fnv1a64(text: string): string {
  let hash = 0xcbf29ce484222325n;
  for (const byte of new TextEncoder().encode(text)) {
    hash = ((hash ^ BigInt(byte)) * 0x100000001b3n) & 0xffffffffffffffffn;
  }
  return hash.toString(16).padStart(16, "0");
}

Deno.test("buildRunner() gives unit tests that pass under the sanitizers", async () => {
  const output = await runUnitTests(await build("sanitize"));
  assert(/^[1-9]\d+ checks, 0 failed$/m.test(output), output);
});

Deno.test("buildRunner() takes the cache the second time", async () => {
  const first = await build("release");
  const started = performance.now();
  const second = await build("release");
  assert(performance.now() - started < 5000);
  assertEquals(second.cached, true);
  assertEquals(second.sha256, first.sha256);
});

Deno.test("posemark-runner info prints the header", async () => {
  const { runner, ncnnVersion } = await build("release");
  const { code, stdout } = await start(runner, ["info"]);
  assertEquals(code, 0);
  const header = RunnerHeaderSchema.parse(JSON.parse(stdout));
  assertEquals([header.testBuild, header.debugBuild], [false, false]);
  assertEquals(header.ncnnVersion, ncnnVersion);
});

Deno.test("posemark-runner run gives records by the schema and the detections by hand", async () => {
  const { runner } = await build("release");
  await inTempFolder(async (folder) => {
    const args = await writeTinyRun(folder, tinyBiases(2));
    const { code, stdout, stderr } = await start(runner, ["run", ...args]);
    assertEquals([code, stderr], [0, ""]);
    const lines = stdout.trimEnd().split("\n");
    assertEquals(lines.length, 3);
    const header = RunnerHeaderSchema.parse(JSON.parse(lines[0]));
    assertEquals(header.options.precisionEffective, "fp32");
    const image = RunnerImageSchema.parse(JSON.parse(lines[1]));
    const end = RunnerEndSchema.parse(JSON.parse(lines[2]));
    assertEquals(end.fnv1a64, fnv1a64(`${lines[0]}\n${lines[1]}\n`));
    const { paramNs, binNs, pipelineNs, firstInferenceNs } = end.coldStart!;
    const parts = [paramNs, binNs, pipelineNs, firstInferenceNs!];
    assert(parts.every((ns) => ns > 0), `${parts}`);
    assert(parts.reduce((sum, ns) => sum + ns) < end.elapsedNs, `${parts} of ${end.elapsedNs}`);
    assert(end.loadedRssBytes! > 1e6 && end.loadedRssBytes! <= end.peakRssBytes!);
    assert(end.steadyRssBytes! > 1e6 && end.steadyRssBytes! <= end.peakRssBytes!);

    // 8×8 + 4×4 + 2×2 cells, all with the same score
    assertEquals(image.candidateCount, 84);
    assertEquals(image.firstNs, null);
    assertEquals(image.samplesNs.total.length, 2);
    // uniform bins reach 7.5 cells: (0.5 − 7.5) · 8 clipped, (0.5 + 7.5) · 8 = 64
    const first = image.detections[0];
    assertAlmostEquals(first.score, 1 / (1 + Math.exp(-2)), 1e-6);
    assertEquals(first.boxXyxyPx, [0, 0, 64, 64]);
    assertEquals(first.keypoints.length, 17);
    assertEquals(first.keypoints[16], [0, 0, 0.5]);
  });
});

Deno.test("posemark-runner run writes blobs to the dump folder", async () => {
  const { runner } = await build("release");
  await inTempFolder(async (folder) => {
    const args = await writeTinyRun(folder, tinyBiases(2));
    const dump = ["--dump-blob", "in0,out2", "--dump-dir", folder];
    assertEquals((await start(runner, ["run", ...args, ...dump])).code, 0);
    assertEquals(
      await Deno.readTextFile(path.join(folder, "index.tsv")),
      "grey.in0.f32\t3x64x64\tin0\ngrey.out2.f32\t2x2x116\tout2\n",
    );
    const bytes = await Deno.readFile(path.join(folder, "grey.out2.f32"));
    assertEquals(bytes.length, 4 * 2 * 2 * 116);
    assertAlmostEquals(new DataView(bytes.buffer).getFloat32(0, true), 2, 1e-6);
  });
});

Deno.test("posemark-runner stages feeds every stage the reference's tensors", async () => {
  const { runner } = await build("release");
  await inTempFolder(async (folder) => {
    const args = await writeTinyRun(folder, tinyBiases(2));
    const floats = (name: string, values: Float32Array) =>
      Deno.writeFile(path.join(folder, name), new Uint8Array(values.buffer));
    await floats("grey.input.f32", new Float32Array(3 * 64 * 64));
    for (const [k, side] of [8, 4, 2].entries()) {
      const blob = new Float32Array(side * side * 116).fill(-5);
      if (k === 2) blob[3 * 116] = 1;
      await floats(`grey.out${k}.f32`, blob);
    }
    const row = (x: number, score: number) => [x, 0, x + 10, 10, score, 0, ...Array(51).fill(0)];
    await floats(
      "grey.candidates.f32",
      new Float32Array([...row(0, 0.5), ...row(1, 0.9), ...row(50, 0.7)]),
    );
    const dump = await Deno.makeTempDir({ dir: folder });
    const { code, stdout, stderr } = await start(
      runner,
      ["stages", ...args, "--reference-dir", folder, "--dump-dir", dump],
    );
    assertEquals([code, stderr], [0, ""]);
    const line = JSON.parse(stdout.split("\n")[1]);
    assertEquals(line, {
      kind: "stages",
      imageId: "grey",
      inputWidthPx: 64,
      inputHeightPx: 64,
      preprocess: [3, 64, 64],
      outputs: [[8, 8, 116], [4, 4, 116], [2, 2, 116]],
      decode: [1, 57],
      nms: [2],
    });
    const read = async (name: string) => (await Deno.readFile(path.join(dump, name))).buffer;
    assertAlmostEquals(new Float32Array(await read("grey.preprocess.f32"))[0], 128 / 255, 1e-6);
    assertAlmostEquals(new Float32Array(await read("grey.out0.f32"))[0], 2, 1e-6);
    // cell (1, 1) of stride 32, 7.5 cells to each side; the class logit of every other cell is
    // below the threshold
    assertEquals([...new Float32Array(await read("grey.decode.f32")).subarray(0, 4)], [
      ...[-192, -192, 288, 288],
    ]);
    assertEquals([...new Int32Array(await read("grey.nms.i32"))], [1, 2]);
  });
});

Deno.test("posemark-runner exits 2 with a message when an option is wrong", async () => {
  const { runner } = await build("release");
  for (const args of [[], ["run"], ["run", "--threads", "0"], ["info", "--inject-slowdown", "5"]]) {
    const { code, stdout, stderr } = await start(runner, args);
    assertEquals([code, stdout], [2, ""]);
    assert(/^posemark-runner: Cannot .+\n$/.test(stderr), stderr);
  }
});

/** Damage to the files of a good run, and what the message must name. */
const DAMAGES: [
  name: string,
  damage: (folder: string) => Promise<void>,
  message: string,
  exitCode: 3 | 4,
][] = [
  [
    "weights that are cut off",
    (folder) => Deno.truncate(path.join(folder, "tiny.bin"), 5000),
    "the file ends after 5000 bytes",
    4,
  ],
  [
    "weights of another graph",
    (folder) => Deno.writeFile(path.join(folder, "tiny.bin"), new Uint8Array(9), { append: true }),
    "the file has more",
    4,
  ],
  [
    "a graph that is cut off",
    (folder) => Deno.truncate(path.join(folder, "tiny.param"), tinyParam().length - 40),
    "Cannot read the graph",
    4,
  ],
  [
    "a graph with an unknown layer",
    (folder) =>
      Deno.writeTextFile(
        path.join(folder, "tiny.param"),
        tinyParam().replace("Permute permute0", "GridSample permute0"),
      ),
    "a layer type may be missing",
    4,
  ],
  [
    "a graph with another head",
    (folder) =>
      Deno.writeTextFile(path.join(folder, "tiny.param"), tinyParam().replaceAll("0=3\n", "0=0\n")),
    "found the shape [116,8,8], expected [8,8,116]",
    4,
  ],
  [
    // a pooling of stride 0 divides by it
    "a graph on which ncnn crashes",
    (folder) =>
      Deno.writeTextFile(
        path.join(folder, "tiny.param"),
        tinyParam().replace(/Permute permute0 (.*) 0=3/, "Pooling permute0 $1 1=3 2=0"),
      ),
    `posemark-runner: ncnn crashed (SIGFPE) when it ran "`,
    4,
  ],
  [
    "an image of another size",
    (folder) => Deno.truncate(path.join(folder, "grey.rgb"), 100),
    "found 100 bytes, expected 12288",
    3,
  ],
  [
    "a missing image",
    (folder) => Deno.remove(path.join(folder, "grey.rgb")),
    "No such file",
    3,
  ],
];

for (const [name, damage, message, exitCode] of DAMAGES) {
  Deno.test(`posemark-runner run exits ${exitCode} with a message when it meets ${name}`, async () => {
    const { runner } = await build("release");
    await inTempFolder(async (folder) => {
      const args = await writeTinyRun(folder, tinyBiases(2));
      await damage(folder);
      const { code, stdout, stderr } = await start(runner, ["run", ...args]);
      assertEquals(code, exitCode);
      assertStringIncludes(stderr, message);
      assert(!stdout.includes('"kind":"end"'), "an end line stands for a finished run");
    });
  });
}

Deno.test("posemark-runner run counts values that are NaN or infinite, and leaves such detections out", async () => {
  const { runner } = await build("release");
  await inTempFolder(async (folder) => {
    const args = await writeTinyRun(folder, tinyBiases(2));
    await Deno.writeFile(path.join(folder, "tiny.bin"), tinyBin(tinyBiases(NaN)));
    const { code, stdout } = await start(runner, ["run", ...args]);
    assertEquals(code, 0);
    const image = RunnerImageSchema.parse(JSON.parse(stdout.split("\n")[1]));
    assert(image.notFinite! > 0);
    assertEquals(image.detections, []);
  });
});

Deno.test("posemark-runner defects lists at least 25 defects in a test build", async () => {
  const { runner } = await build("test");
  const { code, stdout } = await start(runner, ["defects"]);
  assertEquals(code, 0);
  const defects = stdout.trimEnd().split("\n").map((line) => JSON.parse(line));
  assert(defects.length >= 25);
  assertEquals(new Set(defects.map(({ name }) => name)).size, defects.length);
  const stages = new Set(defects.map(({ stage }) => stage));
  assertEquals([...stages], ["preprocess", "network", "decode", "nms", "end-to-end"]);
});

Deno.test("posemark-runner run takes longer by the injected share in a test build", async () => {
  const { runner } = await build("test");
  await inTempFolder(async (folder) => {
    const args = await writeTinyRun(folder, tinyBiases(2));
    /** Fastest inference, which other processes disturb least. */
    const fastestNs = async (percent: number) => {
      const { code, stdout } = await start(
        runner,
        ["run", ...args, "--inject-slowdown", String(percent)],
      );
      assertEquals(code, 0);
      const [header, image] = stdout.split("\n").map((line) => line && JSON.parse(line));
      const { testBuild, options } = RunnerHeaderSchema.parse(header);
      assertEquals([testBuild, options.injectSlowdownPercent], [true, percent]);
      return Math.min(...RunnerImageSchema.parse(image).samplesNs.inference);
    };
    const cleanNs = await fastestNs(0);
    const slowedNs = await fastestNs(1000);
    assert(slowedNs > 3 * cleanNs, `${slowedNs} ns against ${cleanNs} ns`);
  });
});
