/**
 * Whether two sets of launches are the same experiment: what must agree so that a difference is the
 * candidate's.
 *
 * @module
 */
import type { DeviceDescription } from "./device.ts";
import { HarnessError } from "../errors.ts";
import type { LaunchRecord, RunImage } from "./records.ts";

/** One side of a comparison. */
export interface ComparisonSide {
  /** How messages name it, for instance `baseline run 20260101-a`. */
  name: string;
  device: DeviceDescription;
  images: readonly RunImage[];
  launches: readonly LaunchRecord[];
}

/**
 * Returns what makes the side's experiment, by key: two sides are comparable when all of them are
 * equal.
 */
export function experimentKeys(side: ComparisonSide): Record<string, string> {
  const first = side.launches[0];
  if (first === undefined) {
    throw new HarnessError(
      "not-comparable",
      `Cannot compare ${side.name}: found no finished launch on "${side.device.serial}". Run it again`,
    );
  }
  const { options } = first.runner;
  const images = side.images.toSorted((a, b) => a.id < b.id ? -1 : 1);
  return {
    "device.serial": side.device.serial,
    "device.buildFingerprint": String(side.device.buildFingerprint),
    "device.abi": side.device.abi,
    "device.cpuFeatures": side.device.cpuFeatures.toSorted().join(" "),
    "runner.debugBuild": String(first.runner.debugBuild),
    "options.threads": String(options.threads),
    "options.powersave": String(options.powersave),
    "options.coreMask": String(options.coreMask),
    "options.warmup": String(options.warmup),
    "options.iterations": String(options.iterations),
    "options.scoreThreshold": String(options.scoreThreshold),
    "options.nmsIou": String(options.nmsIou),
    "options.maxDetections": String(options.maxDetections),
    "options.traps": options.traps.toSorted().join(" "),
    "images": images.map((image) => `${image.id}:${image.sha256}`).join(" "),
    "shape": first.images.map((image) =>
      `${image.imageId}:${image.inputWidthPx}x${image.inputHeightPx}`
    ).toSorted().join(" "),
  };
}

/**
 * Throws `HarnessError` `not-comparable` that names the key and both values when the sides are not
 * the same experiment, when a side's launches differ among themselves, or when a launch counts for
 * nothing (emulated).
 *
 * `ignore` names keys that differ on purpose, for instance `shape` when two input sizes are
 * compared.
 */
export function assertComparable(
  baseline: ComparisonSide,
  candidate: ComparisonSide,
  ignore: readonly string[] = [],
): void {
  for (const side of [baseline, candidate]) {
    const keys = experimentKeys(side);
    if (side.device.emulated || side.launches.some((l) => l.marks.includes("emulated"))) {
      throw new HarnessError(
        "not-comparable",
        `Cannot gate on ${side.name}: device "${side.device.serial}" is emulated, and emulated times count for nothing. Use a phone or the host`,
      );
    }
    for (const launch of side.launches) {
      const own = experimentKeys({ ...side, launches: [launch] });
      throwOnDifference(
        keys,
        own,
        ignore,
        (key, expected, found) =>
          `Cannot gate on ${side.name}: its launches differ in ${key}: found ${found} in round ${launch.round}, expected ${expected} as in its first launch`,
      );
    }
  }
  throwOnDifference(
    experimentKeys(baseline),
    experimentKeys(candidate),
    ignore,
    (key, expected, found) =>
      `Cannot compare ${candidate.name} with ${baseline.name}: they are not the same experiment, ${key} differs: found ${found}, expected ${expected} as in the baseline. Run both with the same settings on the same device`,
  );
}

function throwOnDifference(
  expected: Record<string, string>,
  found: Record<string, string>,
  ignore: readonly string[],
  message: (key: string, expected: string, found: string) => string,
): void {
  for (const [key, value] of Object.entries(expected)) {
    if (found[key] === value || ignore.includes(key)) continue;
    throw new HarnessError("not-comparable", message(key, short(value), short(found[key])));
  }
}

function short(value: string): string {
  return value.length <= 120 ? `"${value}"` : `"${value.slice(0, 117)}…"`;
}
