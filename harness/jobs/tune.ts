/**
 * The flow of `deno task tune`: stages of races, from networks to settings at run time, and the
 * folder of the one to ship.
 *
 * @module
 */
import * as path from "@std/path";
import type { VariantOptions } from "../config.ts";
import { makeFolder } from "../disk.ts";
import { EXIT, HarnessError } from "../errors.ts";
import { openCheckedDataset } from "../images/check_pictures.ts";
import { paramFile, type PreparedVariant, prepareVariants } from "../model/prepare.ts";
import { openDevices } from "../device/devices.ts";
import { hasRecords, requireNewFolder } from "../record/record_log.ts";
import { describeImages } from "../images/rgb_files.ts";
import type { DeviceDescription } from "../record/device.ts";
import {
  ACTIVATION_CHOICES,
  CONVERTERS,
  filesOf,
  HEADS,
  variantId,
  type VariantKey,
  type VariantManifest,
} from "../record/variant.ts";
import { PRECISION_NAMES } from "../record/precision.ts";
import { writeWhole } from "../report/report_file.ts";
import { requireOwnPage } from "../report/report_file.ts";
import { writeReport } from "../report/write_report.ts";
import { effectiveOptions, variantOptions } from "../run/runner_command.ts";
import type { ExperimentContext, ExperimentSettings } from "../run/settings.ts";
import { openContestants, standings } from "../stats/race.ts";
import { answerOf, type TuneAnswer } from "../tune/answer.ts";
import { entriesOf, type TuneLimits } from "../tune/judge_stage.ts";
import { appSettings, cppSnippet, type RanWith, snippetTitle } from "../tune/snippet.ts";
import {
  contestantsOf,
  type Entry,
  settingsFor,
  shapesFor,
  STAGE_NAMES,
  type StageName,
  type TuneSpace,
} from "../tune/space.ts";
import { judge } from "./judge_run.ts";
import type { TunedModel } from "./prepare_keys.ts";
import { runStage, type StageOutcome } from "./tune_stage.ts";
import type { Yardstick } from "./yardstick.ts";

/** Options of a tuning, checked. */
export interface TuneOptions {
  settings: ExperimentSettings;
  /** The model, and the images that int8 is calibrated on. */
  model: TunedModel;
  /** Axes that the user gave; the others are searched whole. */
  given: Partial<Omit<TuneSpace, "shapes">> & { shapes?: VariantOptions["shapes"] };
  limits: TuneLimits;
  /** Device time of all races together, seconds. */
  budgetSeconds: number;
  /** Share within which two variants count as equally fast, for instance 0.01. */
  margin: number;
  /** Folder of the run. */
  out: string;
  resume: boolean;
}

/** Share of the time that each stage may take; what one leaves goes to the later ones. */
const TIME_SHARES: Record<StageName, number> = {
  networks: 0.25,
  routes: 0.1,
  sizes: 0.25,
  settings: 0.15,
  final: 0.25,
};
/** Time of the base over its own. */
const ONE = { value: 1, low: 1, high: 1 };
/** Chance that the fastest one leaves in any of the races. */
const ERROR_RATE = 0.05;
/** Rounds of one race at most: an interval over more of them is hardly narrower. */
const MOST_ROUNDS = 200;

/** Rounds of the last race in which each is launched alone, for absolute times. */
const FINAL_ALONE_ROUNDS = 3;

/**
 * Runs the search and returns the answer; `out` gets the report of the last race, `tune.json`,
 * `tuned/` and the records of each stage.
 *
 * Throws `HarnessError`: `bad-option` for several devices or models, and what preparing, devices
 * and launches throw; what was finished stays on record, and `resume` goes on with it.
 */
export async function tune(
  options: TuneOptions,
  context: ExperimentContext,
): Promise<{ answer: TuneAnswer; exitCode: number }> {
  const { settings, out, resume, limits } = options;
  if (!resume) requireNewFolder(out, undefined, "Go on with it by --resume. ");
  // before the measuring, not after it
  await requireOwnPage(path.join(out, "report.html"));
  const [description] = await describeDevices(settings, context);
  const dataset = await openCheckedDataset(settings);
  const base = await baseOf(options, context);
  const space = await spaceOf(options, base, description, dataset.images);
  let entries: Entry[] = [];
  const left: TuneAnswer["left"] = [];
  let yardstick: Yardstick | null = null;
  let last: StageOutcome | null = null;
  const notes: string[] = [];
  let unspent = 0;
  for (const [index, name] of STAGE_NAMES.entries()) {
    const keys = contestantsOf(name, base, space, entries);
    const known = new Set(left.map(({ id }) => id));
    const tried = keys.filter((key, at) => at === 0 || !known.has(variantId(key)));
    const isFinal = name === "final";
    if (!isFinal && tried.length < 2) continue;
    const stageOut = isFinal ? out : path.join(out, "stages", `${index + 1}-${name}`);
    const seconds = TIME_SHARES[name] * options.budgetSeconds + unspent;
    const beganMs = performance.now();
    const anchorId = variantId(tried[0]);
    const network = entries.findLast(({ key }) => variantId(key) === anchorId);
    const outcome = await runStage({
      name,
      settings,
      model: options.model,
      dataset,
      keys: tried,
      base,
      // settings change no result
      known: name === "settings" ? network! : null,
      yardstick,
      limits,
      raceLimits: { seconds, rounds: MOST_ROUNDS, aloneRounds: isFinal ? FINAL_ALONE_ROUNDS : 1 },
      margin: Math.log1p(options.margin),
      errorRate: ERROR_RATE / STAGE_NAMES.length,
      out: stageOut,
      resume: resume && hasRecords(stageOut),
    }, context);
    unspent = Math.max(0, seconds - (performance.now() - beganMs) / 1000);
    ({ yardstick } = outcome);
    for (const [id, reason] of [...outcome.notMade, ...outcome.failed]) left.push({ id, reason });
    const open = openContestants(outcome.race).length;
    if (open > 0) {
      notes.push(
        `The time for the ${name} ended with ${open} still open: a longer --budget would tell them apart.`,
      );
    }
    const anchor = { id: anchorId, time: isFinal ? ONE : network?.time ?? ONE };
    const judged = entriesOf(
      name,
      { ...outcome, standings: standings(outcome.race) },
      anchor,
      limits,
    );
    entries = [...entries, ...judged];
    last = outcome;
  }
  const survivors = standings(last!.race).filter(({ isIn }) => isIn).map(({ id }) => id);
  const report = await judge(out, {
    dataset,
    variants: last!.variants,
    warnings: dataset.warnings,
  });
  const ranWith = (manifest: VariantManifest) =>
    variantOptions(manifest, effectiveOptions(settings.runner, description));
  const answer = answerOf({
    base: variantId(base),
    entries,
    survivors: survivors.filter((id) => id !== variantId(base) || survivors.length === 1),
    winnerMs: (id) => {
      const median = report.variants.find((one) => one.id === id)?.medianTotalNs?.value;
      return median === undefined ? null : median / 1e6;
    },
    isAnnotated: yardstick!.isAnnotated,
    limits,
    left,
    notes,
    snippet: (id) => {
      const own = last!.variants.find(({ manifest }) => manifest.id === id)!.manifest;
      return cppSnippet(appSettings(own, ranWith(own)), snippetTitle(own));
    },
  });
  await writeWhole(path.join(out, "tune.json"), JSON.stringify(answer, null, 2) + "\n");
  await writeReport(out);
  const winner = last!.variants.find(({ manifest }) => manifest.id === answer.winner);
  if (winner !== undefined) {
    await writeTuned(winner, ranWith(winner.manifest), path.join(out, "tuned"));
  }
  return { answer, exitCode: answer.winner === null ? EXIT.inconclusive : EXIT.pass };
}

/** Returns what the devices are; throws `bad-option` unless there is one. */
async function describeDevices(
  { devices: names }: ExperimentSettings,
  { progress }: ExperimentContext,
): Promise<DeviceDescription[]> {
  const devices = await openDevices(names, {
    pin: null,
    tell: (message) => progress.step(message).done(),
  });
  try {
    if (devices.length !== 1) {
      throw new HarnessError(
        "bad-option",
        `Cannot tune on ${devices.length} devices at once: each has its own best variant. Name one by --device, and tune again for the next`,
      );
    }
    return [await devices[0].describe()];
  } finally {
    for (const device of devices) await device[Symbol.asyncDispose]();
  }
}

/**
 * Returns the variant that everything is compared with: the model as it was exported, decoded in
 * the graph where that can be, in fp32.
 */
async function baseOf(
  { model, settings }: TuneOptions,
  context: ExperimentContext,
): Promise<VariantKey> {
  const asked = {
    ...model,
    activations: null,
    precisions: ["fp32" as const],
    shapes: [{ mode: "own" as const }],
    converters: ["pnnx" as const],
    ncnnSource: settings.ncnnSource ?? undefined,
    ...context,
  };
  for (const head of ["decoded", "raw"] as const) {
    try {
      const { variants: prepared } = await prepareVariants({ ...asked, heads: [head] });
      if (prepared.length > 1) {
        throw new HarnessError(
          "bad-option",
          `Cannot tune ${prepared.length} models at once: name one by --model, and its branch by --branch`,
        );
      }
      return prepared[0].manifest;
    } catch (error) {
      const isOwn = error instanceof HarnessError &&
        (error.code === "convert-failed" || /--head decoded/.test(error.message));
      if (head === "raw" || !isOwn) throw error;
    }
  }
  throw new TypeError("the loop returns or throws");
}

async function spaceOf(
  { given, settings }: TuneOptions,
  base: VariantKey,
  device: DeviceDescription,
  images: Parameters<typeof describeImages>[0],
): Promise<TuneSpace> {
  const { threads } = effectiveOptions(settings.runner, device);
  const mask = device.bigCoreMask;
  const coreCount = Math.max(1, device.cores.length);
  const sizes = await describeImages(images);
  const aspects = sizes.map(({ widthPx, heightPx }) => widthPx / heightPx);
  const swaps = ACTIVATION_CHOICES.filter((one) =>
    one === "hardswish" && base.activation === "silu"
  );
  const shapes = given.shapes?.flatMap((shape) =>
    shape.mode === "own" ? [base.shape] : "widthPx" in shape ? [shape] : [{
      mode: "rect" as const,
      widthPx: shape.longSidePx ?? base.shape.widthPx,
      heightPx: shape.longSidePx ?? base.shape.heightPx,
    }]
  );
  return {
    activations: given.activations ?? [base.activation, ...swaps],
    precisions: given.precisions ?? [...PRECISION_NAMES],
    heads: given.heads ?? [...HEADS],
    converters: given.converters ?? [...CONVERTERS],
    shapes: shapes ?? shapesFor(base.shape, aspects),
    settings: given.settings ?? settingsFor({
      coreCount,
      bigCoreCount: mask === null
        ? coreCount
        : [...BigInt(`0x${mask}`).toString(2)].filter((bit) => bit === "1").length,
      threads,
    }),
  };
}

/** Writes param, bin, manifest, reference, and what to type. */
async function writeTuned(
  variant: PreparedVariant,
  ran: RanWith,
  folder: string,
): Promise<void> {
  const { manifest } = variant;
  makeFolder(folder);
  const from = path.dirname(paramFile(variant));
  for (const { file } of filesOf(manifest)) {
    await Deno.copyFile(path.join(from, file), path.join(folder, file));
  }
  const app = appSettings(manifest, ran);
  const write = (name: string, text: string) => writeWhole(path.join(folder, name), text);
  await write("manifest.json", `${JSON.stringify(manifest, null, 2)}\n`);
  await write("settings.json", `${JSON.stringify(app, null, 2)}\n`);
  await write("ncnn_settings.h", cppSnippet(app, snippetTitle(manifest)));
}
