/**
 * The Pareto front: which variants are not beaten in everything by another one.
 *
 * @module
 */

/** A figure with its interval; a figure that is exact (a file size) is its own interval. */
export interface Bounded {
  value: number;
  low: number;
  high: number;
}

/** What a variant costs and gives. */
export interface ParetoCandidate {
  variantId: string;
  /** Costs by name (`timeNs`, `sizeBytes`, `memoryBytes`, …): less is better. Null when unknown. */
  costs: Record<string, Bounded | null>;
  /** Gains by name (`ap`): more is better. Null when unknown. */
  gains: Record<string, Bounded | null>;
}

/** A candidate, judged. */
export interface ParetoPlace {
  variantId: string;
  /** True when no other candidate is at least as good in everything and better in something. */
  onFront: boolean;
  /** Those that dominate it, by their figures. */
  dominatedBy: { variantId: string; certain: boolean }[];
  /**
   * Why it can be neither on the front nor off it: an objective that is not known. Null when it was
   * judged.
   */
  notJudged: string | null;
}

/** Returns an exact figure. */
export function exactly(value: number): Bounded {
  return { value, low: value, high: value };
}

/**
 * Returns the place of each candidate, in order of the input.
 *
 * Dominance is judged by the figures; it is certain when in every objective the intervals agree
 * (they don't overlap, or both are exact). A candidate that lacks an objective which another one
 * has is not judged and dominates nobody. Throws `RangeError` when a figure is not finite.
 */
export function paretoPlaces(candidates: readonly ParetoCandidate[]): ParetoPlace[] {
  const objectives = [
    ...namesOf(candidates, "costs").map((name) => ({ name, side: "costs" as const, sign: 1 })),
    ...namesOf(candidates, "gains").map((name) => ({ name, side: "gains" as const, sign: -1 })),
  ];
  const judged = candidates.map((candidate) => {
    const costs = objectives.map(({ name, side, sign }) => {
      const figure = candidate[side][name] ?? null;
      if (figure === null) return null;
      if (![figure.value, figure.low, figure.high].every(Number.isFinite)) {
        throw new RangeError(
          `Cannot place "${candidate.variantId}": its ${name} is not a finite number`,
        );
      }
      return sign === 1 ? figure : { value: -figure.value, low: -figure.high, high: -figure.low };
    });
    const missing = objectives[costs.indexOf(null)]?.name ?? null;
    return { variantId: candidate.variantId, costs: costs as Bounded[], missing };
  });
  return judged.map((own) => {
    if (own.missing !== null) {
      return {
        variantId: own.variantId,
        onFront: false,
        dominatedBy: [],
        notJudged: `${own.missing} is not known`,
      };
    }
    const dominatedBy = judged.filter((other) =>
      other !== own && other.missing === null && dominates(other.costs, own.costs)
    ).map((other) => ({
      variantId: other.variantId,
      certain: other.costs.every((cost, i) => cost.high <= own.costs[i].low),
    }));
    return {
      variantId: own.variantId,
      onFront: dominatedBy.length === 0,
      dominatedBy,
      notJudged: null,
    };
  });
}

function dominates(a: readonly Bounded[], b: readonly Bounded[]): boolean {
  return a.every((cost, i) => cost.value <= b[i].value) &&
    a.some((cost, i) => cost.value < b[i].value);
}

/** Names that at least one candidate knows. */
function namesOf(candidates: readonly ParetoCandidate[], side: "costs" | "gains"): string[] {
  const names = candidates.flatMap((candidate) =>
    Object.entries(candidate[side]).filter(([, figure]) => figure !== null).map(([name]) => name)
  );
  return [...new Set(names)];
}
