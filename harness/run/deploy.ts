/**
 * Everything that a device needs before a round can start: binaries, variants, images.
 *
 * @module
 */
import * as path from "@std/path";
import type { Device } from "../device/device.ts";
import type { DeviceDescription } from "../record/device.ts";
import type { PreparedVariant } from "../model/prepare.ts";
import type { RunnerOptions } from "../config.ts";
import type { RgbFile } from "../images/rgb_files.ts";
import { type DevicePaths, type EffectiveOptions, effectiveOptions } from "./runner_command.ts";

/** A device with everything in place. */
export interface DeviceSetup {
  device: Device;
  description: DeviceDescription;
  options: EffectiveOptions;
  /** Folder of the run on the device. */
  runDir: string;
  runner: string;
  /** Null when no second opinion is asked for. */
  benchncnn: string | null;
  /**
   * Highest frequency per core that is to be expected, where it was pinned; null: the cores'
   * maxima.
   */
  frequencyCapsKHz: readonly (number | null)[] | null;
  /** Param and bin on the device, by variant id. */
  models: Map<string, { param: string; bin: string }>;
}

/**
 * Returns the device with binaries and variants pushed; files that it already has are not pushed
 * again.
 */
export async function deploy(
  device: Device,
  description: DeviceDescription,
  binaries: { runner: string; benchncnn: string | null },
  variants: PreparedVariant[],
  context: { runId: string; options: RunnerOptions; signal?: AbortSignal },
): Promise<DeviceSetup> {
  const { signal } = context;
  const models = new Map<string, { param: string; bin: string }>();
  for (const { manifest, dir } of variants) {
    models.set(manifest.id, {
      param: await device.push(path.join(dir, manifest.param.file), { signal }),
      bin: await device.push(path.join(dir, manifest.bin.file), { signal }),
    });
  }
  return {
    device,
    description,
    options: effectiveOptions(context.options, description),
    runDir: await device.runDir(context.runId),
    runner: await device.push(binaries.runner, { executable: true, signal }),
    benchncnn: binaries.benchncnn === null
      ? null
      : await device.push(binaries.benchncnn, { executable: true, signal }),
    frequencyCapsKHz: device.frequencyCapsKHz(),
    models,
  };
}

/** Images on a device. */
export interface DeployedImages {
  /** Path on the device of the list in the runner's format. */
  list: string;
  /** Paths on the device of the pushed images. */
  pushed: string[];
}

/**
 * Puts images and their list on the device.
 *
 * `name` is unique within the run; the local list is written to `localFolder`.
 */
export async function deployImages(
  setup: DeviceSetup,
  files: RgbFile[],
  name: string,
  localFolder: string,
  signal?: AbortSignal,
): Promise<DeployedImages> {
  const lines: string[] = [];
  const pushed: string[] = [];
  for (const { image, path: file } of files) {
    const onDevice = await setup.device.push(file, { signal });
    pushed.push(onDevice);
    lines.push([image.id, image.widthPx, image.heightPx, onDevice].join("\t") + "\n");
  }
  const local = path.join(localFolder, `${name}.${setup.device.serial.replace(/\W+/g, "_")}.tsv`);
  await Deno.writeTextFile(local, lines.join(""));
  const list = `${setup.runDir}/${name}.tsv`;
  await setup.device.pushTo(local, list, { signal });
  return { list, pushed };
}

/** Returns the paths that a launch of the variant names. */
export function devicePaths(setup: DeviceSetup, variantId: string, imageList: string): DevicePaths {
  return { runner: setup.runner, imageList, ...setup.models.get(variantId)! };
}
