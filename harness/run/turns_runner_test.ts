import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import * as path from "@std/path";
import { openHost } from "../device/host/host.ts";
import { HarnessError } from "../errors.ts";
import { runFixture } from "../gate/testdata/gate_fixture.ts";
import { writeRgbFile } from "../images/rgb_files.ts";
import { encodeOnnx } from "../model/onnx/onnx_file.ts";
import { prepareVariants } from "../model/prepare.ts";
import { tinyPose } from "../model/testdata/tiny_pose.ts";
import { SILENT } from "../progress.ts";
import type { AnyRecord, RunImage } from "../record/records.ts";
import { inTempFolder } from "../testdata/temp_folder.ts";
import { buildRunner } from "../toolchain/runner.ts";
import { measureOnce } from "./launch.ts";
import { coolSession, onDevice } from "./session.ts";
import { contestantAtFault, measureTurns } from "./turns.ts";
import { runnerOptions } from "./testdata/records.ts";

Deno.test("measureTurns() gives what each contestant finds alone, by turns, and names the one that ncnn refuses", () =>
  inTempFolder(async (folder) => {
    const onnx = path.join(folder, "tiny.onnx");
    await Deno.writeFile(onnx, encodeOnnx(tinyPose({ seed: 5 })));
    const { variants: [variant] } = await prepareVariants({
      ...{ models: [onnx], activations: null, heads: ["raw"], precisions: ["fp32"] },
      ...{ shapes: [{ mode: "own" }], converters: ["pnnx"], progress: SILENT },
    });
    const { runner } = await buildRunner({ target: "host", kind: "test", progress: SILENT });
    // a third with weights that were cut off
    const { manifest, dir } = variant;
    const broken = path.join(folder, "broken");
    await Deno.mkdir(broken);
    await Deno.copyFile(
      path.join(dir, manifest.param.file),
      path.join(broken, manifest.param.file),
    );
    const weights = await Deno.readFile(path.join(dir, manifest.bin.file));
    await Deno.writeFile(path.join(broken, manifest.bin.file), weights.slice(0, -8));
    const named = (id: string, from = dir) => ({ manifest: { ...manifest, id }, dir: from });
    const images = ["x", "y", "z"].map((id): RunImage => ({
      ...{ id, file: `${id}.png`, widthPx: 48, heightPx: 32, sha256: id, cocoImageId: null },
    }));
    const timed = [];
    for (const [index, image] of images.entries()) {
      const rgb = Uint8Array.from({ length: 48 * 32 * 3 }, (_, at) => (at * (index + 3)) & 255);
      timed.push(await writeRgbFile(image, { widthPx: 48, heightPx: 32, rgb }, folder));
    }
    const log: AnyRecord[] = [];
    const device = openHost({ runsDir: path.join(folder, "runs") });
    const experiment = {
      context: { progress: SILENT, signal: new AbortController().signal },
      settings: {
        runner: runnerOptions({ scoreThreshold: 0.01, turnIterations: 2 }),
        bars: { maxPx: 10, minOks: 0.9 },
        ...{ launchTimeoutMs: 60_000, coolDownMs: 0 },
      },
      record: { ...runFixture("turns", 0), devices: [await device.describe()] },
      dataset: { images: [] },
      stageImageIds: new Set<string>(),
      timed,
      log: { path: "", append: (record: AnyRecord) => void log.push(record) },
      earlier: [],
      work: folder,
    };
    const sides = [named("a"), named("b"), named("cut", broken)]
      .map((each) => ({ variant: each, runner, benchncnn: null }));
    await onDevice(experiment, device, sides, async (session) => {
      const { setup, launchPlan, variants } = session;
      const hooks = await coolSession(session);
      const contestants = variants.map(({ manifest }) => ({ manifest }));
      const first = contestants[0].manifest;
      const launch = { variantId: "a", round: 0, position: 0 };
      const alone = await measureOnce(setup, launchPlan, first, launch, hooks);
      const shared = await measureTurns(setup, launchPlan, {
        ...{ round: 0, group: 0, firstStep: 1, contestants: contestants.slice(0, 2) },
      }, hooks);
      assertEquals(shared.map(({ variantId }) => variantId), ["a", "b"]);
      // steps 1 to 3 of ABBA BAAB
      assertEquals(shared.map(({ turns }) => turns.turnOfImage), [[1, 3, 4], [0, 2, 5]]);
      assert(alone.images.some(({ detections }) => detections.length > 0));
      for (const { images, turns, runner, end } of shared) {
        assertEquals(
          images.map(({ detections }) => detections),
          alone.images.map(({ detections }) => detections),
        );
        assert(images.every(({ samplesNs }) => samplesNs.total.length === 2));
        assert(images.slice(1).every(({ firstNs }) => firstNs !== null && firstNs.total > 0));
        assertEquals([turns.unmeasured, runner.options.iterations], [1, 2]);
        assert(turns.peakRssBytes! >= alone.end.peakRssBytes!);
        assertEquals(end.peakRssBytes, null);
      }
      const error = await assertRejects(
        () =>
          measureTurns(
            setup,
            launchPlan,
            { round: 1, group: 0, contestants, firstStep: 0 },
            hooks,
          ),
        HarnessError,
      );
      assertEquals([error.code, contestantAtFault(error)], ["model-refused", "cut"]);
      assertStringIncludes(error.message, 'Contestant "cut": Cannot load the weights');
    });
  }));
