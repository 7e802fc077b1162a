import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import * as path from "@std/path";
import { testManifest } from "../parity/testdata/manifest.ts";
import type { Report } from "../report/report_json.ts";
import type { Converter } from "../record/variant.ts";
import sharp from "sharp";
import type { Device } from "../device/device.ts";
import { prepareVariants } from "../model/prepare.ts";
import { SILENT } from "../progress.ts";
import { openDataset } from "../images/dataset.ts";
import { check, referenceGroups } from "./check.ts";
import { deploy } from "./deploy.ts";
import { readRecords, RecordLog } from "../record/record_log.ts";
import { describeImages } from "../images/rgb_files.ts";
import { oneFixture, ROOT, runTask } from "./testdata/command.ts";
import { fakeDevice, killed } from "./testdata/fake_device.ts";
import { runnerOptions, runRecord } from "./testdata/records.ts";

Deno.test("referenceGroups() parts converters that round weights to fp16 in different ways, and joins those that don't", () => {
  const variant = (converter: Converter) => ({
    dir: "x",
    manifest: testManifest({ id: converter, converter }),
  });
  const groups = referenceGroups(
    (["pnnx", "onnx2ncnn", "pnnx-optimized", "pnnx"] as const).map(variant),
  );
  assertEquals(
    groups.map((group) => group.map(({ manifest }) => manifest.id)),
    [["pnnx", "pnnx"], ["onnx2ncnn", "pnnx-optimized"]],
  );
});

Deno.test("check() leaves a small set's images on the device for the next run, and takes a large one's away", async () => {
  const { variants: [variant] } = await prepareVariants({
    models: [path.join(ROOT, "models", "posemark-n-silu.onnx")],
    ...{ activations: ["silu"], heads: ["raw"], precisions: ["fp32"], converters: ["pnnx"] },
    shapes: [{ mode: "fixed", widthPx: 64, heightPx: 64 }],
    progress: SILENT,
  });
  const folder = await Deno.makeTempDir();
  try {
    const dropped = async (count: number): Promise<[number, number]> => {
      const dir = path.join(folder, String(count));
      await Deno.mkdir(dir);
      for (let i = 0; i < count; i++) {
        const pixels = new Uint8Array(3 * 8 * 8).fill(i);
        const raw = { width: 8, height: 8, channels: 3 } as const;
        await sharp(pixels, { raw }).png().toFile(path.join(dir, `${i}.png`));
      }
      const { images } = await openDataset(dir);
      const fake = fakeDevice({
        totalNs: () => {
          throw killed();
        },
      });
      const pushed = new Set<string>();
      const gone = new Set<string>();
      const device: Device = {
        ...fake.device,
        push: (file) => {
          pushed.add(file);
          return Promise.resolve(file);
        },
        drop: (files) => {
          for (const file of files) gone.add(file);
          return Promise.resolve();
        },
      };
      const { description } = fake;
      const side = { variant, runner: "runner", benchncnn: null };
      const setup = await deploy(device, description, [side], {
        runId: "r",
        options: runnerOptions(),
      });
      pushed.clear();
      using log = RecordLog.create(path.join(dir, "records.jsonl"));
      await check(setup, {
        run: runRecord({ images: await describeImages(images) }),
        images: new Map(images.map((image) => [image.id, image])),
        variants: [variant],
        stageImageIds: new Set(),
        bars: { maxPx: 10, minOks: 0.9 },
        launchTimeoutMs: 1000,
        work: folder,
      }, { log, earlier: [] });
      assertEquals([...gone].every((file) => pushed.has(file)), true);
      return [pushed.size, gone.size];
    };
    assertEquals(await dropped(3), [3, 0]);
    // the runner is killed on the first chunk, and the variant given up
    assertEquals(await dropped(70), [8, 8]);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("bench --sigmoid fast passes parity, with what the fast exponential moves allowed and said", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const images = await oneFixture(folder);
    const out = path.join(folder, "run");
    const { stdout, stderr } = await runTask("bench", [
      ...["--model", path.join(ROOT, "models", "posemark-n-silu.onnx"), "--images", images],
      ...["--sigmoid", "fast", "--precision", "fp32", "--head", "raw", "--threads", "1"],
      ...["--rounds", "1", "--iterations", "1", "--warmup", "0", "--benchncnn-rounds", "0"],
      ...["--json", "--out", out],
    ]);
    assert(stdout !== "", stderr);
    const report: Report = JSON.parse(stdout);
    assertEquals(report.variants.map(({ parity }) => parity.verdict), ["pass"]);
    const [parity] = readRecords(path.join(out, "records.jsonl")).records
      .filter((record) => record.kind === "parity");
    assert(parity.matches.length > 0, "nobody was found: the exponential was not judged");
    for (const stage of ["decode", "end-to-end"]) {
      const judged = parity.stages.find((each) => each.stage === stage)!;
      assertEquals([stage, judged.verdict], [stage, "pass"], judged.reason);
      assertStringIncludes(judged.reason, "the seed's fast exponential");
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
