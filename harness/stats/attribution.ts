/**
 * A change of several things at once → what each of them earned: Shapley values over the orders in
 * which they can be changed one at a time. Pure.
 *
 * The share of a change is the mean, over all orders that are possible, of what it adds when it is
 * made. The shares add up to the whole in every round, hence in their means too. Where a change
 * earns more in one order than in another, it interacts with the others: the range over the orders
 * says by how much.
 *
 * Source: Shapley, "A Value for n-Person Games" (1953). Orders in which an impossible combination
 * would stand are left out, as in values with precedence constraints (Faigle and Kern, 1992).
 *
 * @module
 */
import { CONFIDENCE_LEVEL, studentInterval } from "./interval.ts";

/** A set of changes that are made, by their names. */
export type Changes = readonly string[];

/** Returns the name of a combination; the order in which the changes are named does not matter. */
export function combinationName(changes: Changes): string {
  return changes.toSorted().join(" + ");
}

/**
 * Returns the orders in which the changes can be made one at a time so that each combination on the
 * way is possible.
 */
export function possibleOrders(
  changes: Changes,
  isPossible: (made: Changes) => boolean,
): string[][] {
  const orders: string[][] = [];
  const extend = (order: string[]) => {
    if (order.length === changes.length) orders.push(order);
    for (const change of changes) {
      if (order.includes(change)) continue;
      const next = [...order, change];
      if (isPossible(next)) extend(next);
    }
  };
  extend([]);
  return orders;
}

/** Returns the combinations on the way of the orders, each once, nothing changed first. */
export function combinationsOf(orders: readonly Changes[]): string[][] {
  const found = new Map<string, string[]>();
  const longest = orders[0]?.length ?? 0;
  for (let count = 0; count <= longest; count++) {
    for (const order of orders) {
      const made = order.slice(0, count);
      found.set(combinationName(made), made);
    }
  }
  return [...found.values()];
}

/** What one change earned. */
export interface Share {
  change: string;
  /** In the unit of the values; a difference of logarithms of times is a ratio. */
  value: number;
  /** Bounds of the 95% interval; null when there are too few rounds for one. */
  low: number | null;
  high: number | null;
  /** Least and most that it adds in any order: equal for a change that does not interact. */
  leastInOrders: number;
  mostInOrders: number;
}

/** A whole with its parts. */
export interface Attribution {
  whole: { value: number; low: number | null; high: number | null };
  /** In the order in which the changes were given. */
  shares: Share[];
}

/**
 * Returns the shares from rounds that each have a value of every combination, by
 * {@linkcode combinationName}.
 *
 * The interval is Student's over rounds. Throws `RangeError` without an order or a round, or when a
 * round lacks a combination.
 */
export function attribute(
  changes: Changes,
  orders: readonly Changes[],
  rounds: readonly ReadonlyMap<string, number>[],
): Attribution {
  if (orders.length === 0 || rounds.length === 0) {
    throw new RangeError("Cannot attribute: there is no order of changes, or no round");
  }
  const at = (round: ReadonlyMap<string, number>, made: Changes) => {
    const value = round.get(combinationName(made));
    if (value !== undefined) return value;
    throw new RangeError(`Cannot attribute: a round lacks "${combinationName(made)}"`);
  };
  const added = (round: ReadonlyMap<string, number>, order: Changes, change: string) => {
    const place = order.indexOf(change);
    return at(round, order.slice(0, place + 1)) - at(round, order.slice(0, place));
  };
  const mean = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length;
  const interval = (values: readonly number[]) => {
    const { estimate, low, high } = studentInterval(values, CONFIDENCE_LEVEL);
    return { value: estimate, low, high };
  };
  return {
    whole: interval(
      rounds.map((round) => at(round, changes) - at(round, [])),
    ),
    shares: changes.map((change) => {
      const inOrders = orders.map((order) =>
        mean(rounds.map((round) => added(round, order, change)))
      );
      return {
        change,
        ...interval(
          rounds.map((round) => mean(orders.map((order) => added(round, order, change)))),
        ),
        leastInOrders: Math.min(...inOrders),
        mostInOrders: Math.max(...inOrders),
      };
    }),
  };
}

/**
 * Returns the shares from draws of a bootstrap, each with a value of every combination; the first
 * draw is the sample itself. The interval is the middle 95% of the draws.
 */
export function attributeDraws(
  changes: Changes,
  orders: readonly Changes[],
  draws: readonly ReadonlyMap<string, number>[],
): Attribution {
  const [sample, ...drawn] = draws;
  const own = attribute(changes, orders, [sample]);
  const each = drawn.map((draw) => attribute(changes, orders, [draw]));
  const bounds = (values: number[]) => {
    if (values.length === 0) return { low: null, high: null };
    const sorted = values.toSorted((a, b) => a - b);
    const at = (share: number) =>
      sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))];
    const tail = (1 - CONFIDENCE_LEVEL) / 2;
    return { low: at(tail), high: at(1 - tail) };
  };
  return {
    whole: { value: own.whole.value, ...bounds(each.map(({ whole }) => whole.value)) },
    shares: own.shares.map((share, i) => ({
      ...share,
      ...bounds(each.map(({ shares }) => shares[i].value)),
    })),
  };
}
