/**
 * The rounds: variants launched alone and by turns, records appended as they come.
 *
 * @module
 */
import { type HarnessError, isDeviceFailure, isLaunchFailure } from "../errors.ts";
import type { AnyRecord, LaunchRecord, TurnsRecord } from "../record/records.ts";
import { failureRecord, type RecordLog } from "../record/record_log.ts";
import type { VariantManifest } from "../record/variant.ts";
import type { DeviceSetup } from "./deploy.ts";
import { type LaunchHooks, type LaunchPlan, measureOnce } from "./launch.ts";
import { launchesAlone, type PlannedLaunch, type Schedule } from "./schedule.ts";
import { secondOpinion } from "./second_opinion.ts";
import { canShare, LARGEST_GROUP, planGroups } from "./turn_groups.ts";
import { arrangeLaunch, contestantAtFault, measureTurns } from "./turns.ts";

/** What a run measures on one device. */
export interface MeasurePlan extends LaunchPlan {
  variants: VariantManifest[];
  /** Id of the variant that every shared launch has. */
  base: string;
  schedule: Schedule;
  /** Rounds in which benchncnn runs as well, from the first on. */
  benchncnnRounds: number;
}

/** Effects of the rounds on the world outside of the device. */
export interface MeasureHooks extends LaunchHooks {
  log: Pick<RecordLog, "append">;
  /** Finished records of an earlier session of the same run. */
  earlier: readonly AnyRecord[];
  onProgress?(share: number, text: string): void;
}

/** Launches of one variant that may fail before the rest of its rounds is given up. */
const MAX_FAILURES = 2;

/**
 * Runs all launches of the schedule that are not on record yet, and returns the number of failed
 * ones and what came of the schedule.
 *
 * A launch that fails is recorded as a failure and tried once more in its round; a variant that
 * fails {@linkcode MAX_FAILURES} launches in a row is given up, the others go on. A variant in
 * whose turn a shared launch breaks takes no more turns; the others do. Throws `HarnessError` when
 * the device or the disk can't go on; everything finished is on record.
 */
export async function measure(
  setup: DeviceSetup,
  plan: MeasurePlan,
  hooks: MeasureHooks,
): Promise<{ failed: number; outcome: string }> {
  const rounds = openRounds(setup, plan, hooks);
  const { schedule } = plan;
  for (let round = 0;; round++) {
    const planned = schedule.next(round, rounds.seen);
    if (planned === null) break;
    const before = rounds.count();
    const alone = launchesAlone(planned.alone, round);
    const groups = () => rounds.groupsOf(planned.together, round);
    const steps = alone.length + (planned.together.length > 1 ? groups().length : 0);
    let done = 0;
    const tell = () => {
      const { share, text } = schedule.progress(round + done++ / steps, rounds.seen);
      hooks.onProgress?.(share, text);
    };
    for (const launch of alone) {
      tell();
      await rounds.launchAlone(launch);
    }
    // only now is it known how much memory each takes
    for (const group of groups()) {
      tell();
      await rounds.launchShared(group, round);
    }
    // everything is given up
    if (round > rounds.resumedAt && rounds.count() === before) break;
  }
  hooks.onProgress?.(1, "done");
  return { failed: rounds.failed(), outcome: schedule.outcome(rounds.seen) };
}

/** What the rounds of a device work on, and how a launch of each kind is done. */
function openRounds(setup: DeviceSetup, plan: MeasurePlan, hooks: MeasureHooks) {
  const { serial } = setup.device;
  const byId = new Map(plan.variants.map((manifest) => [manifest.id, manifest]));
  const of = <K extends "launch" | "turns">(kind: K) =>
    hooks.earlier.filter((record): record is Extract<AnyRecord, { kind: K }> =>
      record.kind === kind && record.device === serial
    );
  const seen = { launches: of("launch") as LaunchRecord[], turns: of("turns") as TurnsRecord[] };
  const earlierTurns = [...seen.turns];
  const lastTurns = Math.max(-1, ...earlierTurns.map(({ round }) => round));
  const resumedAt = Math.max(lastTurns, ...seen.launches.map(({ round }) => round));
  const known = new Set(seen.launches.map((record) => `${record.round} ${record.variantId}`));
  const failures = new Map<string, number>();
  /** Variants that take no more turns. */
  const apart = new Set<string>();
  let freeBytes: number | null = null;
  let failed = 0;
  const watching = {
    ...hooks,
    beforeLaunch: async () => {
      const before = await hooks.beforeLaunch();
      freeBytes = before.state.freeMemoryBytes;
      return before;
    },
  };
  const isGivenUp = (id: string) => (failures.get(id) ?? 0) >= MAX_FAILURES;
  /** Whom every shared launch has: the base, or the first that is left of the variants. */
  const baseNow = () => {
    const isThere = (id: string) => byId.has(id) && !apart.has(id) && !isGivenUp(id);
    return isThere(plan.base) ? plan.base : [...byId.keys()].find(isThere) ?? null;
  };
  const fail = (error: HarnessError, variantId: string, round: number, before = "") => {
    failed++;
    const where = { runId: plan.runId, device: serial, variantId, round };
    hooks.log.append(failureRecord(where, error, before));
    if (!isLaunchFailure(error)) throw error;
  };

  const launchAlone = async (launch: PlannedLaunch) => {
    hooks.signal?.throwIfAborted();
    const { variantId, round } = launch;
    if (known.has(`${round} ${variantId}`) || isGivenUp(variantId)) return;
    const manifest = byId.get(variantId)!;
    while (!isGivenUp(variantId)) {
      try {
        const record = await measureOnce(setup, plan, manifest, launch, watching);
        hooks.log.append(record);
        seen.launches.push(record);
        failures.set(variantId, 0);
        break;
      } catch (error) {
        if (!isDeviceFailure(error)) throw error;
        // a model that ncnn refuses is refused again
        const isFinal = error.code === "model-refused";
        const before = failures.get(variantId) ?? 0;
        failures.set(variantId, isFinal ? MAX_FAILURES : before + 1);
        fail(error, variantId, round);
      }
    }
    if (round < plan.benchncnnRounds && manifest.shape.mode === "fixed") {
      await secondOpinion(setup, plan, manifest, launch, hooks);
    }
  };

  const launchShared = async (group: readonly string[], round: number) => {
    let members = group.filter((id) => !apart.has(id));
    const base = baseNow();
    while (members.length > 1 && base !== null && members.includes(base)) {
      hooks.signal?.throwIfAborted();
      const contestants = members.map((id) => ({ manifest: byId.get(id)! }));
      const own = seen.turns.filter((record) => record.round === round);
      const launch = {
        round,
        group: new Set(own.map(({ turns }) => turns.launch)).size,
        ...arrangeLaunch(contestants, round, plan.turnImages.length),
      };
      try {
        const records = await measureTurns(setup, plan, launch, watching);
        for (const record of records) hooks.log.append(record);
        seen.turns.push(...records);
        return;
      } catch (error) {
        if (!isDeviceFailure(error)) throw error;
        const culprit = contestantAtFault(error);
        // without a name it may be any of them: they go on alone
        const gone = culprit === null ? members : [culprit];
        for (const id of gone) apart.add(id);
        fail(error, culprit ?? base, round, `by turns with ${members.length - 1} others: `);
        members = members.filter((id) => !apart.has(id));
      }
    }
  };

  const groupsOf = (together: readonly string[], round: number): string[][] => {
    const base = baseNow();
    if (base === null || round < lastTurns) return [];
    const manifest = byId.get(base)!;
    const ids = together.filter((id) =>
      !apart.has(id) && !isGivenUp(id) && canShare(setup, [manifest, byId.get(id)!])
    );
    if (!ids.includes(base)) return [];
    const peakBytes = new Map(
      seen.launches.map(({ variantId, end }) => [variantId, end.peakRssBytes]),
    );
    const groups = planGroups({
      ...{ ids, base, peakBytes, freeBytes, largest: LARGEST_GROUP },
    });
    const has = (id: string) =>
      earlierTurns.some((record) => record.round === round && record.variantId === id);
    return groups.filter((group) => !group.every(has));
  };

  return {
    seen,
    /** Last round that is on record of an earlier session; -1 without one. */
    resumedAt,
    launchAlone,
    launchShared,
    groupsOf,
    failed: () => failed,
    /** Launches so far, those that failed among them. */
    count: () => seen.launches.length + seen.turns.length + failed,
  };
}
