/**
 * Everything that a device needs before a round can start: binaries, variants, images.
 *
 * @module
 */
import * as path from "@std/path";
import type { Device } from "../device/device.ts";
import type { DeviceDescription } from "../record/device.ts";
import type { PreparedVariant } from "../model/prepare.ts";
import type { RunnerOptions } from "./runner_options.ts";
import type { RgbFile } from "../images/rgb_files.ts";
import { type DevicePaths, type EffectiveOptions, effectiveOptions } from "./runner_command.ts";

/** A variant that is to be run, with the programs on this machine that run it. */
export interface DeployedSide {
  variant: PreparedVariant;
  /** Local path of the runner. */
  runner: string;
  /** Local path of benchncnn; null when no second opinion is asked for. */
  benchncnn: string | null;
}

/** What a launch of one variant names on the device. */
export interface DeployedModel {
  runner: string;
  /** Null when no second opinion is asked for. */
  benchncnn: string | null;
  param: string;
  bin: string;
}

/** A device with everything in place. */
export interface DeviceSetup {
  device: Device;
  description: DeviceDescription;
  options: EffectiveOptions;
  /** Folder of the run on the device. */
  runDir: string;
  /**
   * Highest frequency per core that is to be expected, where it was pinned; null: the cores'
   * maxima.
   */
  frequencyCapsKHz: readonly (number | null)[] | null;
  /** Paths on the device by variant id: each variant is launched by its own side's runner. */
  models: ReadonlyMap<string, DeployedModel>;
}

/**
 * Returns the device with the variants and their programs pushed; files that it already has are not
 * pushed again.
 */
export async function deploy(
  device: Device,
  description: DeviceDescription,
  sides: readonly DeployedSide[],
  context: { runId: string; options: RunnerOptions; signal?: AbortSignal },
): Promise<DeviceSetup> {
  const { signal } = context;
  const programs = new Map<string, string>();
  const pushProgram = async (file: string) => {
    const known = programs.get(file) ?? await device.push(file, { executable: true, signal });
    programs.set(file, known);
    return known;
  };
  const models = new Map<string, DeployedModel>();
  for (const { variant: { manifest, dir }, runner, benchncnn } of sides) {
    models.set(manifest.id, {
      param: await device.push(path.join(dir, manifest.param.file), { signal }),
      bin: await device.push(path.join(dir, manifest.bin.file), { signal }),
      runner: await pushProgram(runner),
      benchncnn: benchncnn === null ? null : await pushProgram(benchncnn),
    });
  }
  return {
    device,
    description,
    options: effectiveOptions(context.options, description),
    runDir: await device.runDir(context.runId),
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
  files: readonly RgbFile[],
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
  const { runner, param, bin } = setup.models.get(variantId)!;
  return { runner, param, bin, imageList };
}
