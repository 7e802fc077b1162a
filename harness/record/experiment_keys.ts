/**
 * Whether two things are the same experiment, more or less strictly (pure).
 *
 * - Two sets of launches are *comparable* when all but the candidate agrees, so that a difference
 *   is the candidate's: {@linkcode assertComparable}.
 * - A run is *gone on with* when every fact that a figure depends on agrees, the candidate too:
 *   {@linkcode requireSameExperiment}.
 * - A farm's run is *asked for again* when the whole request agrees; `farm/same_run.ts` says what
 *   may differ, {@linkcode firstDifference} tells whether more does.
 *
 * @module
 */
import type { DeviceDescription } from "./device.ts";
import { HarnessError } from "../errors.ts";
import { sha256Hex } from "../hash.ts";
import type { AnyLaunch, RunImage, RunRecord, Turns } from "./records.ts";
import type { VariantManifest } from "./variant.ts";

/** One side of a comparison. */
export interface ComparisonSide<L extends AnyLaunch = AnyLaunch> {
  /** How messages name it, for instance `baseline run 20260101-a`. */
  name: string;
  device: DeviceDescription;
  images: readonly RunImage[];
  launches: readonly L[];
}

/** The key that says where the threads ran. */
const CPUS_KEY = "runner.cpus";
/** They ran where the options say, and no CPU was offline. */
const AS_ASKED = "as asked";
/** The runner did not tell. */
const NOT_TOLD = "not told";

/**
 * Returns where the threads of a launch ran: on the CPUs that the options name, or else on which,
 * with those that were offline.
 */
function cpusThatRan(device: DeviceDescription, { runner }: AnyLaunch): string {
  const { cpuMask, offlineCpus, options } = runner;
  if (cpuMask === null || cpuMask === undefined || offlineCpus === undefined) return NOT_TOLD;
  const ran = BigInt(`0x${cpuMask}`);
  const all = device.cores.reduce((mask, { index }) => mask | 1n << BigInt(index), 0n);
  const big = device.bigCoreMask === null ? all : BigInt(`0x${device.bigCoreMask}`);
  const byPowersave = [all, all & ~big, big][options.powersave ?? 0];
  const asked = options.coreMask === null ? byPowersave : BigInt(`0x${options.coreMask}`);
  if (offlineCpus.length === 0 && ran === asked) return AS_ASKED;
  const off = offlineCpus.length === 0 ? "" : `, while CPU ${offlineCpus.join(", ")} was offline`;
  return `mask ${cpuMask}${off}`;
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
    [CPUS_KEY]: cpusThatRan(side.device, first),
    "options.threads": String(options.threads),
    "options.powersave": String(options.powersave),
    "options.coreMask": String(options.coreMask),
    "options.warmup": String(options.warmup),
    "options.iterations": String(options.iterations),
    "options.scoreThreshold": String(options.scoreThreshold),
    "options.nmsIou": String(options.nmsIou),
    "options.maxDetections": String(options.maxDetections),
    "options.traps": options.traps.toSorted().join(" "),
    // times of a shared launch depend on who took part: they are like no others
    ...(first.kind === "turns" ? { "turns": turnsKey(first.turns) } : {}),
    "images": images.map((image) => `${image.id}:${image.sha256}`).join(" "),
    "shape": first.images.map((image) =>
      `${image.imageId}:${image.inputWidthPx}x${image.inputHeightPx}`
    ).toSorted().join(" "),
  };
}

/** Returns the keys that a variant fixes itself: where sides differ in them, it is on purpose. */
export function settingKeys({ settings }: Pick<VariantManifest, "settings">): string[] {
  const own = Object.entries(settings).filter(([, value]) => value !== null);
  const keys = own.map(([name]) => `options.${name}`);
  // a mask takes the place of the mode, and the other way round
  const places = ["options.powersave", "options.coreMask"];
  return keys.some((key) => places.includes(key))
    ? [...new Set([...keys, ...places, CPUS_KEY])]
    : keys;
}

/** What makes a shared launch: who took part, in whatever order, and what a turn was. */
function turnsKey({ contestants, unmeasured }: Turns): string {
  return `${contestants.toSorted().join(" ")} with ${unmeasured} unmeasured`;
}

/**
 * Returns the hash of experiment keys, 16 hexadecimal digits: the history files a series under it,
 * so that it must stay as it is.
 */
export async function experimentHash(keys: Record<string, string>): Promise<string> {
  const sorted = Object.entries(keys)
    // series of before know nothing of it
    .filter(([key, value]) => key !== CPUS_KEY || ![AS_ASKED, NOT_TOLD].includes(value))
    .sort(([a], [b]) => a < b ? -1 : 1);
  return (await sha256Hex(JSON.stringify(sorted))).slice(0, 16);
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
  const tells = [expected, found].every((keys) => keys[CPUS_KEY] !== NOT_TOLD);
  const left = tells ? ignore : [...ignore, CPUS_KEY];
  const difference = firstDifference(without(expected, left), without(found, left));
  if (difference === null) return;
  const { key, then, now } = difference;
  throw new HarnessError("not-comparable", message(key, then, now));
}

/** Returns the keys but those that differ on purpose. */
export function without(
  keys: Record<string, string>,
  ignore: readonly string[],
): Record<string, string> {
  return Object.fromEntries(Object.entries(keys).filter(([key]) => !ignore.includes(key)));
}

/**
 * Returns what must not change when a run is gone on with, by key: options, files, the build of
 * each device and its runner.
 *
 * More rounds may be asked for than before, and more time be given to a launch: no figure depends
 * on them.
 */
function resumableKeys(run: RunRecord): Record<string, unknown> {
  // images are told apart by their content, below
  const { rounds: _rounds, launchTimeoutMs: _limit, images: _folder, ...options } = run.options;
  return Object.fromEntries([
    ...Object.entries(options).map(([name, value]) => [`option ${name}`, value]),
    ...run.variants.flatMap(({ id, bin, param }) => [
      [`weights of variant ${id}`, bin.sha256],
      [`graph of variant ${id}`, param.sha256],
    ]),
    ...run.devices.flatMap(({ serial, buildFingerprint }) => [
      [`build of device ${serial}`, buildFingerprint],
      [`runner on device ${serial}`, run.harness.runnerSha256[serial]],
    ]),
    ...run.images.map(({ id, sha256 }) => [`image ${id}`, sha256]),
    ["base variant", run.baseVariantId],
  ]);
}

/**
 * Throws `not-comparable` that names what differs between a resumed run and the one on record, as
 * `threads 1 → 2`.
 */
export function requireSameExperiment(recorded: RunRecord, asked: RunRecord, out: string): void {
  const [then, now] = [resumableKeys(recorded), resumableKeys(asked)];
  const differences = allDifferences(then, now);
  if (differences.length === 0) return;
  const shown = differences.slice(0, MOST_SHOWN).map(({ key, then, now }) =>
    `${key.replace(/^option (runner\.)?/, "")} ${then} → ${now}`
  );
  const more = differences.length - shown.length;
  const begunBy = recorded.harness.version;
  throw new HarnessError(
    "not-comparable",
    `Cannot resume the run in ${out}, it was begun otherwise: ${shown.join(", ")}${
      more === 0 ? "" : ` and ${more} more`
    }. ${
      begunBy === asked.harness.version
        ? "Give the same options and files as before"
        : `Go on with it by Posemark ${begunBy}, which began it`
    }, or start a new run with another --out`,
  );
}

/** Differences that a message shows. */
const MOST_SHOWN = 6;

/** Returns where the values differ, once for each that is no object. */
function allDifferences(then: unknown, now: unknown, key = ""): Difference[] {
  if (!isPlain(then) || !isPlain(now)) {
    const found = firstDifference(then, now, key);
    // a list is told as a whole
    return found === null ? [] : [{ key, then: short(then), now: short(now) }];
  }
  const names = new Set([...Object.keys(then), ...Object.keys(now)]);
  return [...names].flatMap((name) =>
    allDifferences(then[name], now[name], key === "" ? name : `${key}.${name}`)
  );
}

function isPlain(value: unknown): value is Record<string, unknown> {
  return isObject(value) && !Array.isArray(value);
}

/** Where two values differ first. */
export interface Difference {
  /** Names of the keys on the way there, joined by dots. */
  key: string;
  /** The value of each as short JSON text, or `absent`. */
  then: string;
  now: string;
}

/**
 * Returns where two JSON values differ first, in the order of the earlier one's keys; null when
 * they are equal. A key without a value is none.
 */
export function firstDifference(then: unknown, now: unknown, key = ""): Difference | null {
  if (!isObject(then) || !isObject(now)) {
    return then === now ? null : { key, then: short(then), now: short(now) };
  }
  for (const name of new Set([...Object.keys(then), ...Object.keys(now)])) {
    const found = firstDifference(then[name], now[name], key === "" ? name : `${key}.${name}`);
    if (found !== null) return found;
  }
  return null;
}

/** Arrays count: their keys are indices. */
function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}

function short(value: unknown): string {
  const text = JSON.stringify(value) ?? "absent";
  return text.length <= 120 ? text : `${text.slice(0, 119)}…`;
}
