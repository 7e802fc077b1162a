/**
 * Rounds until every pair of variants that matters is decided, or the budget ends.
 *
 * @module
 */
import { type PairRules, type PairState, pairStates } from "../stats/turns.ts";
import { fixedRounds, type Schedule, type SeenLaunches } from "./schedule.ts";

/** What a run is to decide. */
export interface DecisionRules extends PairRules {
  /** Device time after which it ends, seconds. */
  budgetSeconds: number;
}

/** A number of rounds, or what is to be decided. */
export interface RoundsOrDecision {
  /** Null: as many as the decision takes. */
  rounds: number | null;
  /** Times that differ by no more than this share count as equal. */
  margin: number;
  budgetSeconds: number;
}

/** Returns the rounds of variants: so many as asked for, or until their order is known. */
export function roundsOf(
  variantIds: readonly string[],
  base: string,
  { rounds, margin, budgetSeconds }: RoundsOrDecision,
): Schedule {
  if (rounds !== null) return fixedRounds(variantIds, rounds);
  return untilDecided(variantIds, base, { margin, budgetSeconds, errorRate: DECISION_ERROR_RATE });
}

/** Error rate of all decisions of a run together, over all looks. */
export const DECISION_ERROR_RATE = 0.05;
/** Launches alone of each variant: they tell the time itself, and need not be as many as turns. */
const LAUNCHES_ALONE = 6;
/** Launches of a variant alone when there is no other to compare it with. */
const LAUNCHES_OF_ONE = 10;
/** Rounds that run whatever the budget: from one launch no spread is known. */
const FEWEST_ROUNDS = 2;
/** Most pairs that progress names. */
const MOST_NAMED = 2;

/**
 * Returns rounds that go on until every pair that matters is told apart or is equal within the
 * margin, or another round would not fit into the budget.
 *
 * Variants all of whose pairs are decided take no more turns; the base always does. Every other
 * round launches the variants alone too, six times at most, for their times and memory.
 * `nowSeconds` is a clock.
 */
export function untilDecided(
  variantIds: readonly string[],
  base: string,
  rules: DecisionRules,
  nowSeconds: () => number = () => performance.now() / 1000,
): Schedule {
  let began: { at: number; before: number; rounds: number } | null = null;
  const elapsed = () => began === null ? 0 : began.before + nowSeconds() - began.at;
  let known: { of: number; pairs: PairState[] } = { of: -1, pairs: [] };
  const startedOf = ({ launches }: SeenLaunches) =>
    variantIds.filter((id) => launches.some(({ variantId }) => variantId === id));
  /** The base, or the first variant that runs where the base does not. */
  const baseOf = (seen: SeenLaunches) => {
    const ids = startedOf(seen);
    return ids.includes(base) ? base : ids[0] ?? base;
  };
  const pairsOf = (seen: SeenLaunches): PairState[] => {
    const of = seen.launches.length + seen.turns.length;
    if (of !== known.of) {
      known = { of, pairs: pairStates(seen, startedOf(seen), baseOf(seen), rules) };
    }
    return known.pairs;
  };
  const isSpent = (round: number) => {
    if (round < FEWEST_ROUNDS) return false;
    const perRound = round > began!.rounds
      ? (nowSeconds() - began!.at) / (round - began!.rounds)
      : 0;
    return elapsed() + perRound > rules.budgetSeconds;
  };
  return {
    title: variantIds.length === 1 ? "measuring" : "measuring until the order is known",
    next(round, seen) {
      began ??= { at: nowSeconds(), before: secondsOf(seen), rounds: roundsSeen(seen) };
      if (variantIds.length === 1) {
        const wanted = round < LAUNCHES_OF_ONE && !isSpent(round);
        return wanted ? { alone: variantIds, together: [] } : null;
      }
      if (round === 0) return { alone: variantIds, together: variantIds };
      if (isSpent(round)) return null;
      const open = pairsOf(seen).filter(({ verdict }) => verdict === "open");
      if (open.length === 0) return null;
      return planRound(round, seen, open);
    },
    progress(done, seen) {
      const share = Math.min(1, elapsed() / rules.budgetSeconds);
      return { share, text: `round ${Math.floor(done) + 1}${openText(pairsOf(seen))}` };
    },
    outcome(seen) {
      const count = roundsSeen(seen);
      const rounds = `${count} ${count === 1 ? "round" : "rounds"}`;
      return `${rounds}${openText(pairsOf(seen))}`;
    },
  };

  function planRound(round: number, seen: SeenLaunches, open: readonly PairState[]) {
    const own = baseOf(seen);
    const wanted = new Set([own, ...open.flatMap(({ one, other }) => [one, other])]);
    const tookTurns = new Set(seen.turns.map(({ variantId }) => variantId));
    // the fastest first: those that are near each other share their launches
    const toBase = new Map(
      pairsOf(seen).filter(({ other }) => other === own).map(({ one, ratio }) => [one, ratio]),
    );
    const together = variantIds.filter((id) => wanted.has(id))
      .toSorted((a, b) => (toBase.get(a) ?? 1) - (toBase.get(b) ?? 1));
    const isAlone = round % 2 === 0 && round < 2 * LAUNCHES_ALONE;
    // who can't take turns is compared by launches alone
    const needed = open.map(({ one, other }) => [one, other])
      .filter((pair) => pair.some((id) => !tookTurns.has(id))).flat();
    return {
      alone: variantIds.filter((id) => isAlone || needed.includes(id)),
      together,
    };
  }
}

/** Device time of the launches on record, seconds; a shared launch is one. */
function secondsOf({ launches, turns }: SeenLaunches): number {
  const shared = new Map(turns.map(({ round, turns, end }) => [`${round} ${turns.launch}`, end]));
  return [...launches.map(({ end }) => end), ...shared.values()]
    .reduce((sum, { elapsedNs }) => sum + elapsedNs / 1e9, 0);
}

function roundsSeen({ launches, turns }: SeenLaunches): number {
  return Math.max(0, ...[...launches, ...turns].map(({ round }) => round + 1));
}

/** Returns the ids without the parts that all have, where they have as many parts. */
export function shortNames(ids: readonly string[]): Map<string, string> {
  const parts = ids.map((id) => id.split("."));
  const isAlike = parts.every(({ length }) => length === parts[0].length);
  const differ = (_: string, place: number) =>
    !isAlike || new Set(parts.map((own) => own[place])).size > 1;
  return new Map(ids.map((id, index) => [id, parts[index].filter(differ).join(".") || id]));
}

/** What is open, and how wide: for progress. */
function openText(pairs: readonly PairState[]): string {
  const open = pairs.filter(({ verdict }) => verdict === "open");
  if (open.length === 0) return pairs.length === 0 ? "" : ", all decided";
  const wide = ({ low, high }: PairState) =>
    low === null || high === null ? Infinity : Math.sqrt(high / low) - 1;
  const names = shortNames([...new Set(pairs.flatMap(({ one, other }) => [one, other]))]);
  const named = open.toSorted((a, b) => wide(b) - wide(a)).slice(0, MOST_NAMED).map((pair) => {
    const width = wide(pair);
    const known = width === Infinity ? "" : ` ± ${(100 * width).toFixed(1)}%`;
    const ratio = pair.ratio === null ? "" : ` ×${pair.ratio.toFixed(3)}${known}`;
    return `${names.get(pair.one)} to ${names.get(pair.other)}${ratio}`;
  });
  return `, ${open.length} of ${pairs.length} pairs open: ${named.join("; ")}`;
}
