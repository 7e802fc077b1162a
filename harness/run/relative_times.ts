/**
 * Times of several contestants over that of one of them, round by round: by turns in shared
 * launches where they can share one, else launched alone.
 *
 * @module
 */
import { isDeviceFailure, isLaunchFailure } from "../errors.ts";
import { failureRecord } from "../record/record_log.ts";
import type { AnyLaunch, LaunchRecord, TurnsRecord } from "../record/records.ts";
import { launchQuantileNs } from "../stats/round.ts";
import { measureOnce } from "./launch.ts";
import { coolSession, type DeviceSession } from "./session.ts";
import { canShare, LARGEST_GROUP, planGroups } from "./turn_groups.ts";
import { arrangeLaunch, contestantAtFault, measureTurns } from "./turns.ts";

/** Log of each contestant's time over the base's, by id. */
export type LogTimes = Map<string, number>;

/** Launches contestants of a session, round by round. */
export interface Launcher {
  /** Launches of one contestant alone, those of an earlier session too. */
  launches: readonly LaunchRecord[];
  /** Why contestants could not run, by id. */
  failed: ReadonlyMap<string, string>;
  /** Launches each alone, in an order that turns round; times are over that of the first. */
  alone(ids: readonly string[], round: number): Promise<LogTimes>;
  /** Launches them in groups in which they take turns, the base in each. */
  byTurns(ids: readonly string[], base: string, round: number): Promise<LogTimes>;
}

/**
 * Returns the means to launch the session's variants. `tell` is told of waits.
 *
 * A contestant whose launch fails twice, or that ncnn refuses, is in `failed` and has no time; a
 * failure of `anchorId` is thrown. Launches on record are not run again.
 */
export async function openLauncher(
  session: DeviceSession,
  anchorId: string,
  tell: (message: string) => void,
): Promise<Launcher> {
  const { setup, variants, launchPlan, experiment: { log, earlier, context } } = session;
  const { serial } = setup.device;
  const cool = await coolSession(session, tell);
  const hooks = { ...cool, signal: context.signal };
  const manifests = new Map(variants.map(({ manifest }) => [manifest.id, manifest]));
  const own = earlier.filter((record) => "device" in record && record.device === serial);
  const launches: LaunchRecord[] = [];
  const failed = new Map<string, string>();
  const peakBytes = new Map<string, number | null>();
  let freeBytes: number | null = cool.atRest.freeMemoryBytes;

  /** Returns what `launch` returns; null when a contestant failed, which then is in `failed`. */
  const trying = async <L>(
    launch: () => Promise<L>,
    ids: readonly string[],
    round: number,
  ): Promise<L | null> => {
    for (let tried = 1;; tried++) {
      context.signal.throwIfAborted();
      try {
        return await launch();
      } catch (error) {
        if (!isDeviceFailure(error)) throw error;
        const fault = ids.length === 1 ? ids[0] : contestantAtFault(error);
        const where = { runId: launchPlan.runId, device: serial, round };
        log.append(failureRecord({ ...where, variantId: fault ?? ids[0] }, error));
        if (!isLaunchFailure(error)) throw error;
        if (tried < 2 && error.code !== "model-refused") continue;
        if (fault === null || fault === anchorId) throw error;
        failed.set(fault, error.message);
        return null;
      }
    }
  };
  const launchAlone = async (variantId: string, round: number, position: number) => {
    const known = own.find((record): record is LaunchRecord =>
      record.kind === "launch" && record.round === round && record.variantId === variantId
    );
    const planned = { variantId, round, position };
    const record = known ?? await trying(
      () => measureOnce(setup, launchPlan, manifests.get(variantId)!, planned, hooks),
      [variantId],
      round,
    );
    if (record === null) return null;
    if (known === undefined) log.append(record);
    launches.push(record);
    peakBytes.set(variantId, record.end.peakRssBytes);
    freeBytes = record.stateAfter?.freeMemoryBytes ?? freeBytes;
    return record;
  };
  const launchShared = async (ids: readonly string[], round: number, group: number) => {
    const arranged = arrangeLaunch(ids, round, launchPlan.turnImages.length);
    const known = own.filter((record): record is TurnsRecord =>
      record.kind === "turns" && record.round === round &&
      record.turns.contestants.toSorted().join() === ids.toSorted().join()
    );
    if (known.length === ids.length) return known;
    const contestants = arranged.contestants.map((id) => ({ manifest: manifests.get(id)! }));
    const planned = { round, group, firstStep: arranged.firstStep, contestants };
    const records = await trying(
      () => measureTurns(setup, launchPlan, planned, hooks),
      ids,
      round,
    );
    for (const record of records ?? []) log.append(record);
    return records;
  };
  const alone = async (ids: readonly string[], round: number): Promise<LogTimes> => {
    const order = round % 2 === 0 ? ids : ids.toReversed();
    const records: AnyLaunch[] = [];
    for (const [position, id] of order.entries()) {
      const record = await launchAlone(id, round, position);
      if (record !== null) records.push(record);
    }
    return overBase(records, ids[0]);
  };
  return {
    launches,
    failed,
    alone,
    async byTurns(ids, base, round) {
      const shared = ids.filter((id) =>
        id !== base && canShare(setup, [manifests.get(base)!, manifests.get(id)!])
      );
      // who is beside whom changes from round to round
      const turned = [...shared.slice(round % Math.max(1, shared.length)), ...shared]
        .slice(0, shared.length);
      const groups = planGroups({
        ...{ ids: turned, base, peakBytes, freeBytes, largest: LARGEST_GROUP },
      });
      const times: LogTimes = new Map([[base, 0]]);
      for (const [index, group] of groups.entries()) {
        const records = await launchShared(group, round, index);
        for (const [id, time] of overBase(records ?? [], base)) times.set(id, time);
      }
      const others = ids.filter((id) => id !== base && !groups.flat().includes(id));
      if (others.length > 0) {
        for (const [id, time] of await alone([base, ...others], round)) times.set(id, time);
      }
      return times;
    },
  };
}

/** Logs of the records' times over that of the base, which is one of them; none without it. */
function overBase(records: readonly AnyLaunch[], base: string): LogTimes {
  const times = records.map((record) =>
    [record.variantId, Math.log(launchQuantileNs(record, "total", 0.5))] as const
  );
  const own = times.find(([id]) => id === base);
  if (own === undefined) return new Map();
  return new Map(times.map(([id, time]) => [id, time - own[1]]));
}
