/**
 * A race on a device: rounds of those that are still in, until it is decided or the time ends.
 *
 * @module
 */
import { isDeviceFailure, isLaunchFailure } from "../errors.ts";
import { failureRecord } from "../record/record_log.ts";
import type { LaunchRecord } from "../record/records.ts";
import {
  isDecided,
  leader,
  openContestants,
  type RaceState,
  stillIn,
  without,
  withRound,
} from "../stats/race.ts";
import { launchQuantileNs } from "../stats/round.ts";
import { measureOnce } from "./measure.ts";
import { coolSession, type DeviceSession } from "./session.ts";

/** How long a race may go on. */
export interface RaceLimits {
  /** Time without waits for a cool device, seconds; at least one round is run. */
  seconds: number;
  /** Rounds at most. */
  rounds: number;
}

/** Rounds in which the anchor runs although it is no longer in. */
const ANCHOR_ROUNDS = 8;

/** What came of a race. */
export interface RaceOutcome {
  race: RaceState;
  launches: LaunchRecord[];
  /** Why contestants could not run, by id. */
  failed: ReadonlyMap<string, string>;
}

/**
 * Returns the race after rounds of one launch of every contestant that is still in, in an order
 * that turns round from round to round. Launches of an earlier session of the run are taken into
 * account and not run again.
 *
 * A contestant whose launch fails twice leaves with the reason; the race needs its anchor, so a
 * failure of `anchorId` is thrown. Throws what the device throws.
 */
export async function raceOnDevice(
  session: DeviceSession,
  start: RaceState,
  anchorId: string,
  limits: RaceLimits,
): Promise<RaceOutcome> {
  const { setup, variants, launchPlan, experiment: { log, earlier, context } } = session;
  const { serial } = setup.device;
  const step = context.progress.step(`${serial}: race of ${start.ids.length}`);
  const cool = await coolSession(session, (message) => step.update(null, message));
  const done = new Map(
    earlier.filter((record) => record.kind === "launch" && record.device === serial)
      .map((record) => {
        const launch = record as LaunchRecord;
        return [`${launch.round} ${launch.variantId}`, launch];
      }),
  );
  const manifests = new Map(variants.map(({ manifest }) => [manifest.id, manifest]));
  const launches: LaunchRecord[] = [];
  const failed = new Map<string, string>();
  const launch = async (variantId: string, round: number, position: number) => {
    const known = done.get(`${round} ${variantId}`);
    if (known !== undefined) return known;
    const manifest = manifests.get(variantId)!;
    for (let tried = 1;; tried++) {
      context.signal.throwIfAborted();
      try {
        const planned = { variantId, round, position };
        const record = await measureOnce(setup, launchPlan, manifest, planned, {
          ...cool,
          signal: context.signal,
        });
        log.append(record);
        return record;
      } catch (error) {
        if (!isDeviceFailure(error)) throw error;
        log.append(
          failureRecord({ runId: launchPlan.runId, device: serial, variantId, round }, error),
        );
        if (!isLaunchFailure(error)) throw error;
        if (tried === 2 || error.code === "model-refused") {
          if (variantId === anchorId) throw error;
          failed.set(variantId, error.message);
          return null;
        }
      }
    }
  };
  let race = start;
  const beganMs = performance.now();
  const seconds = () => (performance.now() - beganMs) / 1000;
  for (let round = 0; round < limits.rounds; round++) {
    if (round > 0 && (isDecided(race) || seconds() >= limits.seconds)) break;
    // the anchor's own ratio is needed, and then costs too much if it is a slow one
    const anchors = round < ANCHOR_ROUNDS ? [anchorId] : [];
    const running = [...new Set([...anchors, ...stillIn(race)])];
    const order = round % 2 === 0 ? running : running.toReversed();
    const times = new Map<string, number>();
    for (const [position, id] of order.entries()) {
      const record = await launch(id, round, position);
      if (record === null) {
        race = without(race, id);
        continue;
      }
      launches.push(record);
      times.set(id, Math.log(launchQuantileNs(record, "total", 0.5)));
    }
    const [base] = times.values();
    race = withRound(race, new Map([...times].map(([id, time]) => [id, time - base])));
    const open = openContestants(race).length;
    step.update(
      Math.min(1, seconds() / limits.seconds),
      `round ${round + 1}, ${stillIn(race).length} still in, ${open} open, ${leader(race)} leads`,
    );
  }
  step.done(`${stillIn(race).length} of ${start.ids.length} can't be told from the fastest`);
  return { race, launches, failed };
}
