/**
 * A race: contestants run round after round, and those that are surely slower than another leave.
 * Rounds go in, a standing comes out; nothing is measured here.
 *
 * In each round every contestant that is still in has one value, the logarithm of its time over the
 * time of that round's base. The difference of two contestants' values does not depend on the base,
 * so that the base may change from round to round.
 *
 * A contestant leaves when the evidence that it is slower than one that is still in reaches
 * (n−1)/α, n being the number that started. The fastest one is tested against at most n−1 others,
 * so the chance that it ever leaves is at most α, however often the race is looked at and wherever
 * it is stopped (Ville's inequality and a union bound; see `always_valid.ts`).
 *
 * @module
 */
import { anytimeInterval, type EvidenceOptions, logEvidence } from "./always_valid.ts";
import { FEWEST_ROUNDS } from "./experiment.ts";
import { median } from "./quantile.ts";

/** Settings that are fixed before the first round. */
export interface RaceOptions {
  /** Chance that the fastest one ever leaves. */
  errorRate: number;
  /** Logarithm of the ratio within which two contestants count as equal. */
  margin: number;
}

/** Why a contestant left, or can't be told from the leader. */
export interface Standing {
  id: string;
  /** False when it is surely slower than another. */
  isIn: boolean;
  /** The one that it was found to be slower than; null while it is in. */
  beatenBy: string | null;
  /** Rounds that it ran. */
  rounds: number;
  /** Its time over the leader's, with an interval that holds at every look; null for the leader. */
  ratio: { value: number; low: number | null; high: number | null } | null;
  /** True when it is surely within the margin of the leader. */
  isEqual: boolean;
}

/** What is known after some rounds. */
export interface RaceState {
  readonly options: RaceOptions;
  /** Every contestant in the order of the start. */
  readonly ids: readonly string[];
  /** For each round the log of time over the base's, by contestant. */
  readonly rounds: readonly ReadonlyMap<string, number>[];
  /** Who left, and whom each was found to be slower than. */
  readonly out: ReadonlyMap<string, string>;
}

/** A prior for effects of one standard deviation; otherwise as the gate's experiment has them. */
const EVIDENCE: EvidenceOptions = { priorEffect: 2, smallestSd: 0.0005, clipSds: 2 };

/** Returns a race before its first round; throws `RangeError` for fewer than one contestant. */
export function newRace(ids: readonly string[], options: RaceOptions): RaceState {
  if (ids.length === 0 || new Set(ids).size < ids.length) {
    throw new RangeError("Cannot race: expected at least one contestant, each once");
  }
  return { options, ids, rounds: [], out: new Map() };
}

/** Returns the contestants that are still in, in the order of the start. */
export function stillIn({ ids, out }: RaceState): string[] {
  return ids.filter((id) => !out.has(id));
}

/**
 * Returns the race after one more round: who is surely slower than another leaves. `logTimes` has
 * the log of time over base of those that ran; who is missing has no value in this round.
 *
 * Throws `RangeError` for a value that is not a finite number.
 */
export function withRound(state: RaceState, logTimes: ReadonlyMap<string, number>): RaceState {
  if (![...logTimes.values()].every(Number.isFinite)) {
    throw new RangeError("Cannot take a round: found a time that is not a finite number");
  }
  const next = { ...state, rounds: [...state.rounds, logTimes] };
  const out = new Map(state.out);
  const inside = stillIn(state);
  const needed = bar(state);
  for (const id of inside) {
    const beatenBy = inside.find((other) =>
      other !== id && !out.has(other) && isSlower(next, id, other, needed)
    );
    if (beatenBy !== undefined) out.set(id, beatenBy);
  }
  return { ...next, out };
}

/** Returns the race without a contestant that may not go on, for instance since it can't run. */
export function without(state: RaceState, id: string): RaceState {
  const ids = state.ids.filter((other) => other !== id);
  if (ids.length === 0) throw new RangeError("Cannot race: no contestant is left");
  return { ...state, ids };
}

function bar({ ids, options }: RaceState): number {
  return Math.log(Math.max(1, ids.length - 1)) - Math.log(options.errorRate);
}

/** Logs of the time of one over the other's, for the rounds that both ran. */
function differences({ rounds }: RaceState, id: string, other: string): number[] {
  return rounds.flatMap((round) => {
    const [a, b] = [round.get(id), round.get(other)];
    return a === undefined || b === undefined ? [] : [a - b];
  });
}

function isSlower(state: RaceState, id: string, other: string, needed: number): boolean {
  const values = differences(state, id, other);
  return values.length >= FEWEST_ROUNDS && logEvidence(values, 0, "above", EVIDENCE) >= needed;
}

/**
 * Returns who leads: the one whom no other that is in looks faster than. Before the first round the
 * first contestant.
 */
export function leader(state: RaceState): string {
  const inside = stillIn(state);
  const wins = (id: string) =>
    inside.filter((other) => other !== id && looksSlower(state, other, id)).length;
  return inside.reduce((best, id) => wins(id) > wins(best) ? id : best);
}

function looksSlower(state: RaceState, id: string, other: string): boolean {
  const values = differences(state, id, other);
  return values.length > 0 && median(values) > 0;
}

/** Whether two contestants are surely within the margin of each other. */
function areEqual(state: RaceState, id: string, other: string): boolean {
  const values = differences(state, id, other);
  const { margin } = state.options;
  const needed = bar(state);
  return values.length >= FEWEST_ROUNDS &&
    logEvidence(values, margin, "below", EVIDENCE) >= needed &&
    logEvidence(values, -margin, "above", EVIDENCE) >= needed;
}

/** Returns the standing of everyone: those that are in from fast to slow, then those that left. */
export function standings(state: RaceState): Standing[] {
  const first = leader(state);
  const alpha = Math.exp(-bar(state));
  const rows = state.ids.map((id): Standing => {
    const values = id === first ? [] : differences(state, id, first);
    const interval = values.length === 0 ? null : anytimeInterval(values, alpha, EVIDENCE);
    const exp = (value: number | null) => value === null ? null : Math.exp(value);
    return {
      id,
      isIn: !state.out.has(id),
      beatenBy: state.out.get(id) ?? null,
      rounds: state.rounds.filter((round) => round.has(id)).length,
      ratio: interval && {
        value: Math.exp(interval.estimate),
        low: exp(interval.low),
        high: exp(interval.high),
      },
      isEqual: id === first || areEqual(state, id, first),
    };
  });
  const place = ({ id, isIn, ratio }: Standing) =>
    id === first ? -1 : (isIn ? 0 : 1e6) + (ratio?.value ?? 1e3);
  return rows.sort((a, b) => place(a) - place(b));
}

/** Returns those still in that are not yet known to be within the margin of the leader. */
export function openContestants(state: RaceState): string[] {
  const first = leader(state);
  return stillIn(state).filter((id) => id !== first && !areEqual(state, id, first));
}

/**
 * Returns whether more rounds can change nothing that matters: one is left, or all that are left
 * are surely within the margin of the leader.
 */
export function isDecided(state: RaceState): boolean {
  return openContestants(state).length === 0;
}
