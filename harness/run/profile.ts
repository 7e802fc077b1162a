/**
 * The profiling pass: the time of every layer of every variant, and what the CPU could do at best.
 *
 * It runs after the rounds, by a build of its own: its times never enter the headline figures.
 *
 * @module
 */
import { isLaunchFailure } from "../errors.ts";
import { parseLayerTimes, summarizeLayerTimes } from "../toolchain/layer_times.ts";
import { parseRoofline } from "../toolchain/roofline.ts";
import type { BuiltRunner } from "../toolchain/runner.ts";
import { type AnyRecord, type LayerTimesRecord, RECORD_VERSION } from "../record/records.ts";
import type { VariantManifest } from "../record/variant.ts";
import { deployImages, devicePaths } from "./deploy.ts";
import type { DeviceSession } from "./session.ts";
import { failureRecord } from "../record/record_log.ts";
import { rooflineCommand, runCommand } from "./runner_command.ts";
import { parseRunnerOutput } from "../record/runner_lines.ts";

/** Iterations whose times are summarized, at least. */
const FEWEST_ITERATIONS = 20;

/**
 * Appends the layer times of every variant and the roofline of the device that are not on record
 * yet.
 *
 * An emulated device is left out: its times do not count. A launch that fails is recorded as a
 * failure and costs nothing else. Throws `HarnessError` when the device or the disk can't go on.
 */
export async function profileLayers(
  { experiment, setup }: DeviceSession,
  profiler: BuiltRunner,
): Promise<void> {
  if (setup.description.emulated) return;
  const { device } = setup;
  const { record, log, earlier, settings: { launchTimeoutMs }, context } = experiment;
  const { progress, signal } = context;
  const own = earlier.filter((each) => "device" in each && each.device === device.serial);
  const step = progress.step(`${device.serial}: times of the layers`);
  const runner = await device.push(profiler.runner, { executable: true, signal });
  // one image is enough: layers take the same time on all
  const image = experiment.timed.slice(0, 1);
  const { list } = await deployImages(setup, image, "profile", experiment.work, signal);
  const limits = { timeoutMs: launchTimeoutMs, signal };
  const iterations = Math.max(FEWEST_ITERATIONS, setup.options.iterations);
  const about = { runId: record.runId, device: device.serial };
  const launch = async (name: string, variantId: string, make: () => Promise<AnyRecord>) => {
    try {
      log.append(await make());
    } catch (error) {
      if (!isLaunchFailure(error)) throw error;
      log.append(failureRecord({ ...about, variantId, round: 0 }, error, `${name}: `));
    }
  };
  for (const [index, manifest] of record.variants.entries()) {
    step.update(index / (record.variants.length + 1), manifest.id);
    if (own.some((each) => each.kind === "layer-times" && each.variantId === manifest.id)) continue;
    await launch("layer times", manifest.id, async () => {
      const paths = { ...devicePaths(setup, manifest.id, list), runner };
      const result = await device.launch({
        command: runCommand(manifest, paths, { ...setup.options, iterations }),
        name: `profile-${manifest.id}`,
        runDir: setup.runDir,
      }, limits);
      const output = parseRunnerOutput(result.stdout, {
        imageIds: image.map(({ image: { id } }) => id),
        iterations,
        where: `${manifest.id} profiled on ${device.serial}`,
      });
      return { ...about, ...layerTimes(manifest, output, result.stderr) };
    });
  }
  if (!own.some((each) => each.kind === "roofline")) {
    await launch("roofline", record.baseVariantId, async () => {
      const command = rooflineCommand(runner, setup.options);
      const result = await device.launch(
        { command, name: "roofline", runDir: setup.runDir },
        limits,
      );
      return { ...parseRoofline(result.stdout), ...about, schemaVersion: RECORD_VERSION };
    });
  }
  step.done();
}

function layerTimes(
  manifest: VariantManifest,
  { header, images: [image] }: ReturnType<typeof parseRunnerOutput>,
  stderr: string,
): Omit<LayerTimesRecord, "runId" | "device"> {
  const layers = summarizeLayerTimes(parseLayerTimes(stderr));
  return {
    kind: "layer-times",
    schemaVersion: RECORD_VERSION,
    variantId: manifest.id,
    precisionEffective: header.options.precisionEffective,
    threads: header.options.threads,
    inputWidthPx: image.inputWidthPx,
    inputHeightPx: image.inputHeightPx,
    iterations: layers[0].samplesNs.length,
    layers: layers.map(({ type, name, medianNs }) => ({ type, name, medianNs })),
  };
}
