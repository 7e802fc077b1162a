/**
 * A stage's race, parity and accuracy → what is known of each contestant: pure.
 *
 * @module
 */
import type { ApDifference } from "../parity/ap_difference.ts";
import { median } from "../stats/quantile.ts";
import type { Standing } from "../stats/race.ts";
import type { VariantManifest } from "../record/variant.ts";
import { type Entry, idOf, type StageName } from "./space.ts";

/** What a variant may cost, as the user asked for it. */
export interface TuneLimits {
  /** Largest loss of AP (or of agreement) against the base. */
  maxApDrop: number;
  /** Largest size of the weights, megabytes of 10⁶ bytes; null: any. */
  maxMb: number | null;
  /** Fewest frames per second; null: any. It is judged in the answer, not in a race. */
  minFps: number | null;
}

/** What a stage found of one contestant besides its times. */
export interface Found {
  manifest: VariantManifest;
  /** Null when it could not be run or judged. */
  ap: number | null;
  apDifference: ApDifference | null;
  /** Why it may not be chosen, whatever its time: parity, a launch that failed; else null. */
  refusal: string | null;
}

/** Returns why the contestant may not be chosen; null when it may. */
export function refusalOf(
  { manifest, apDifference, refusal }: Found,
  limits: TuneLimits,
): string | null {
  if (refusal !== null) return refusal;
  const { maxApDrop, maxMb } = limits;
  const megabytes = manifest.bin.bytes / 1e6;
  if (maxMb !== null && megabytes > maxMb) {
    return `its weights have ${megabytes.toFixed(1)} MB, ${maxMb} MB are allowed`;
  }
  if (apDifference === null) return "its accuracy is not known";
  const { value, high } = apDifference;
  if (value >= -maxApDrop) return null;
  const loss = `it loses ${(-value).toFixed(3)} AP, ${maxApDrop} is allowed`;
  return high !== null && high < -maxApDrop
    ? loss
    : `${loss}; these images are too few to be sure of it`;
}

/**
 * Returns the entries of a stage in the order of the standings.
 *
 * `anchorTime` is the time over the base's of the stage's anchor, by which the stage's ratios
 * become ratios to the base; the anchor itself keeps its own. Intervals are multiplied end by end,
 * which is never too narrow. `aloneTimes` are the logs of the ratios to the anchor of those that
 * did not race: they have a time without an interval. Who has neither has no time.
 */
export function entriesOf(
  stage: StageName,
  { standings, aloneTimes, found }: {
    standings: readonly Standing[];
    aloneTimes: ReadonlyMap<string, readonly number[]>;
    found: ReadonlyMap<string, Found>;
  },
  anchor: { id: string; time: Time },
  limits: TuneLimits,
): Entry[] {
  const places = new Map(standings.map((standing, place) => [standing.id, { standing, place }]));
  const anchorRatio = places.get(anchor.id)?.standing.ratio ?? ONE;
  const timeOf = (id: string): Time | null => {
    if (id === anchor.id) return anchor.time;
    const alone = aloneTimes.get(id);
    if (alone !== undefined) {
      return times(anchor.time, { value: Math.exp(median(alone)), low: null, high: null });
    }
    const standing = places.get(id)?.standing;
    if (standing === undefined || standing.rounds === 0) return null;
    return times(anchor.time, over(standing.ratio ?? ONE, anchorRatio));
  };
  return found.entries().map(([id, own]): Entry => ({
    key: own.manifest,
    stage,
    time: timeOf(id),
    ap: own.ap,
    apDifference: own.apDifference,
    sizeBytes: own.manifest.bin.bytes,
    refusal: refusalOf(own, limits),
    beatenBy: places.get(id)?.standing.beatenBy ?? null,
  })).toArray().toSorted((a, b) =>
    (places.get(idOf(a))?.place ?? Infinity) - (places.get(idOf(b))?.place ?? Infinity) || 0
  );
}

/** A time over that of the base. */
type Time = NonNullable<Entry["time"]>;
const ONE: Time = { value: 1, low: 1, high: 1 };

function times(a: Time, b: Time): Time {
  const bound = (x: number | null, y: number | null) => x === null || y === null ? null : x * y;
  return { value: a.value * b.value, low: bound(a.low, b.low), high: bound(a.high, b.high) };
}

function over(a: Time, b: Time): Time {
  const bound = (x: number | null, y: number | null) => x === null || y === null ? null : x / y;
  return { value: a.value / b.value, low: bound(a.low, b.high), high: bound(a.high, b.low) };
}
