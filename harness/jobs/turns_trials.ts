/**
 * The flow of the proof of turns: ratios by turns beside ratios of launches alone, of the same
 * variants in the same minutes; and a variant against itself by turns.
 *
 * @module
 */
import type { VariantOptions } from "../config.ts";
import { HarnessError } from "../errors.ts";
import { openCheckedDataset } from "../images/check_pictures.ts";
import { type PreparedVariant, prepareVariants } from "../model/prepare.ts";
import { requireNewFolder } from "../record/record_log.ts";
import type { LaunchRecord, TurnsRecord } from "../record/records.ts";
import { settingsText } from "../record/run_settings.ts";
import { shapeName } from "../record/variant.ts";
import { openExperiment } from "../run/experiment.ts";
import { measure } from "../run/measure.ts";
import { fixedRounds, type Schedule } from "../run/schedule.ts";
import { coolSession, type DeviceSession } from "../run/session.ts";
import type { ExperimentContext, ExperimentSettings } from "../run/settings.ts";
import { FEWEST_ROUNDS } from "../stats/experiment.ts";
import { CONFIDENCE_LEVEL, robustInterval } from "../stats/interval.ts";
import { pairLogRatios, pairStates } from "../stats/turns.ts";
import { markdownTable } from "../text/table.ts";
import { distinctVariants } from "./compare_models.ts";
import { ownSides } from "./own_sides.ts";

/** Options of the proof, checked. */
export interface TurnsTrialsOptions {
  settings: ExperimentSettings;
  /** The first of each shape and setting is what the others of it are compared with. */
  variants: VariantOptions;
  /** Launches alone of each variant, and shared launches. */
  rounds: number;
  /** Shared launches of a variant with itself. */
  same: number;
  /** Folder that gets a folder of records for each shape and setting. */
  out: string;
}

/** A ratio with its interval, over launches. */
export interface TrialRatio {
  ratio: number;
  low: number | null;
  high: number | null;
  launches: number;
  /** Device time of the launches, seconds. */
  seconds: number;
}

/** What the two ways say of a pair. */
export interface TurnsRow {
  device: string;
  shape: string;
  settings: string;
  base: string;
  variant: string;
  byTurns: TrialRatio;
  /** Null for a variant against itself. */
  alone: TrialRatio | null;
  /** The first ten rounds of launches alone: what was the default before there were turns. */
  tenAlone: TrialRatio | null;
  /** Device time by turns until the order was decided to ± 1 %, seconds; null: it never was. */
  secondsToOnePercent: number | null;
}

/** Half width, as a factor of the ratio, at which a comparison counts as precise. */
const ONE_PERCENT = 1.01;

/**
 * Runs the proof on each device and returns a row a pair.
 *
 * Throws `HarnessError` `bad-option` when no shape and setting has two variants, and what
 * preparing, devices and launches throw.
 */
export async function runTurnsTrials(
  options: TurnsTrialsOptions,
  context: ExperimentContext,
): Promise<TurnsRow[]> {
  const { settings, out } = options;
  const dataset = await openCheckedDataset(settings);
  const ncnnSource = settings.ncnnSource ?? undefined;
  const { variants } = await prepareVariants({ ...options.variants, ncnnSource, ...context });
  const groups = trialGroups(variants);
  if (groups.every(({ length }) => length < 2)) {
    throw new HarnessError(
      "bad-option",
      "Cannot compare by turns: expected two variants or more of a shape. Name them by --activation, --precision, --model, …",
    );
  }
  const rows: TurnsRow[] = [];
  for (const [index, group] of groups.entries()) {
    // a variant with itself, once
    const twins = index === 0 && options.same > 0 ? distinctVariants([group[0], group[0]]) : [];
    const folder = `${out}/${index}`;
    requireNewFolder(folder);
    await using experiment = await openExperiment({
      settings,
      kind: "compare-models",
      options: { turnsTrials: options.rounds },
      dataset,
      sides: ownSides([...group, ...twins.slice(1)], { ncnnSource: settings.ncnnSource }, context),
      base: null,
      builds: ["release"],
      benchncnn: false,
      out: folder,
    }, context);
    for (const device of experiment.devices) {
      const stay = (name: string, own: readonly PreparedVariant[], schedule: Schedule) => {
        const variantIds = own.map(({ manifest }) => manifest.id);
        return experiment.onDevice(
          device,
          { name, variantIds },
          (session) => measured(session, schedule),
        );
      };
      const ids = group.map(({ manifest }) => manifest.id);
      const seen = await stay("both", group, fixedRounds(ids, options.rounds));
      for (const { manifest } of group.slice(1)) {
        rows.push(turnsRow(device.serial, group[0], manifest.id, seen));
      }
      if (twins.length === 0) continue;
      const same = await stay(
        "same",
        twins,
        sharedRounds(twins.map(({ manifest }) => manifest.id), options.same),
      );
      rows.push(turnsRow(device.serial, twins[0], twins[1].manifest.id, same));
    }
  }
  return rows;
}

/** The variants by shape and setting. */
function trialGroups(variants: readonly PreparedVariant[]): PreparedVariant[][] {
  const groups = Map.groupBy(
    variants,
    ({ manifest }) => `${shapeName(manifest.shape)} ${settingsText(manifest.settings)}`,
  );
  return [...groups.values()];
}

/** So many rounds of shared launches alone. */
function sharedRounds(ids: readonly string[], rounds: number): Schedule {
  const schedule = fixedRounds(ids, rounds);
  return {
    ...schedule,
    next: (round, seen) => {
      const planned = schedule.next(round, seen);
      return planned && { ...planned, alone: round === 0 ? ids : [] };
    },
  };
}

/** Launches of one stay. */
interface Measured {
  launches: LaunchRecord[];
  turns: TurnsRecord[];
}

async function measured(session: DeviceSession, schedule: Schedule): Promise<Measured> {
  const { setup, variants, launchPlan, experiment: { log, context } } = session;
  const found: Measured = { launches: [], turns: [] };
  const step = context.progress.step(`${setup.device.serial}: ${schedule.title} by both ways`);
  const manifests = variants.map(({ manifest }) => manifest);
  await measure(setup, {
    ...launchPlan,
    variants: manifests,
    base: manifests[0].id,
    schedule,
    benchncnnRounds: 0,
  }, {
    ...await coolSession(session, (message) => step.update(null, message)),
    log: {
      append(record) {
        log.append(record);
        if (record.kind === "launch") found.launches.push(record);
        if (record.kind === "turns") found.turns.push(record);
      },
    },
    earlier: [],
    signal: context.signal,
    onProgress: (share, text) => step.update(share, text),
  });
  step.done();
  return found;
}

/** Returns what both ways say of a variant and the base, from the launches of one device. */
export function turnsRow(
  device: string,
  { manifest }: PreparedVariant,
  variant: string,
  seen: Measured,
): TurnsRow {
  const base = manifest.id;
  const isOf = ({ variantId }: { variantId: string }) =>
    variantId === base || variantId === variant;
  const launches = seen.launches.filter(isOf);
  const turns = seen.turns.filter(isOf);
  const shared = [...new Map(turns.map((record) => [record.turns.launch, record])).values()];
  // of a launch with more contestants both have their share
  const shareOf = ({ end, turns }: TurnsRecord) =>
    end.elapsedNs / 1e9 * 2 / turns.contestants.length;
  const secondsShared = sum(shared.map(shareOf));
  return {
    device,
    shape: shapeName(manifest.shape),
    settings: settingsText(manifest.settings),
    base,
    variant,
    byTurns: {
      ...ratioOf(pairLogRatios({ launches: [], turns }, variant, base, base)),
      seconds: secondsShared,
    },
    alone: ratioAlone(base, variant, launches),
    tenAlone: ratioAlone(base, variant, launches.filter(({ round }) => round < 10)),
    secondsToOnePercent: secondsToOnePercent(base, variant, turns, shareOf),
  };
}

function ratioAlone(
  base: string,
  variant: string,
  launches: readonly LaunchRecord[],
): TrialRatio | null {
  const logs = pairLogRatios({ launches, turns: [] }, variant, base, base);
  if (logs.length < 2) return null;
  return { ...ratioOf(logs), seconds: sum(launches.map(({ end }) => end.elapsedNs / 1e9)) };
}

/** Device time of the launches until the bounds that hold at every look are within 1 %. */
function secondsToOnePercent(
  base: string,
  variant: string,
  turns: readonly TurnsRecord[],
  secondsOf: (record: TurnsRecord) => number,
): number | null {
  const rules = { margin: 0.01, errorRate: 1 - CONFIDENCE_LEVEL };
  const rounds = [...new Set(turns.map(({ round }) => round))].sort((a, b) => a - b);
  for (const last of rounds.slice(FEWEST_ROUNDS - 1)) {
    const own = turns.filter(({ round }) => round <= last);
    const [{ low, high }] = pairStates({ launches: [], turns: own }, [variant, base], base, rules);
    if (low === null || high === null || Math.sqrt(high / low) > ONE_PERCENT) continue;
    return sum(own.filter(({ variantId }) => variantId === base).map(secondsOf));
  }
  return null;
}

function halfWidth({ low, high }: TrialRatio): string {
  if (low === null || high === null) return "";
  return ` to ±${(100 * (Math.sqrt(high / low) - 1)).toFixed(1)}%`;
}

function ratioOf(logs: readonly number[]): Omit<TrialRatio, "seconds"> {
  const { estimate, low, high } = robustInterval(logs);
  return {
    ratio: Math.exp(estimate),
    low: low === null ? null : Math.exp(low),
    high: high === null ? null : Math.exp(high),
    launches: logs.length,
  };
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

/** Returns the rows as a Markdown table. */
export function turnsTable(rows: readonly TurnsRow[]): string {
  const head = [
    ...["variant, over", "input", "settings", "by turns", "launches", "device s"],
    ...["alone", "launches", "device s", "by turns to ±1%: device s", "ten rounds alone: device s"],
  ];
  const cells = (found: TrialRatio | null) =>
    found === null ? ["", "", ""] : [
      `${found.ratio.toFixed(4)}${
        found.low === null || found.high === null
          ? ""
          : ` (${found.low.toFixed(4)} to ${found.high.toFixed(4)})`
      }`,
      String(found.launches),
      found.seconds.toFixed(1),
    ];
  return markdownTable(
    head,
    rows.map((row) => [
      `${row.variant}, ${row.base}`,
      ...[row.shape, row.settings],
      ...cells(row.byTurns),
      ...cells(row.alone),
      row.secondsToOnePercent?.toFixed(1) ?? "not reached",
      row.tenAlone === null ? "" : `${row.tenAlone.seconds.toFixed(1)}${halfWidth(row.tenAlone)}`,
    ]),
  );
}
