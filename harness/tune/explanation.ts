/**
 * What each change from one variant to another earned, in time and in accuracy, as a value and as
 * text. Pure.
 *
 * @module
 */
import type { Attribution } from "../stats/attribution.ts";
import { formatTable } from "../text/table.ts";

/** A factor with its interval: 1.26 is 1.26 times as fast. */
export interface Factor {
  value: number;
  low: number | null;
  high: number | null;
}

/** What one change earned. */
export interface ExplainedChange {
  name: string;
  label: string;
  speedUp: Factor;
  /** Least and most speed-up over the orders in which it can be made. */
  speedUpInOrders: [least: number, most: number];
  /** Change of AP (or of agreement); null when accuracy is not known. */
  ap: Factor | null;
}

/** An explanation; `explain.json` holds it. */
export interface Explanation {
  from: string;
  to: string;
  speedUp: Factor;
  ap: Factor | null;
  /** True when accuracy is AP by annotations; false when it is agreement with the first variant. */
  isAnnotated: boolean;
  rounds: number;
  changes: ExplainedChange[];
  /** Every measured combination: its time over the first variant's. */
  steps: { id: string; label: string; timeRatio: number; ap: number | null }[];
}

/** Returns the changes from logs of time and from AP. */
export function explainedChanges(
  labels: ReadonlyMap<string, string>,
  time: Attribution,
  ap: Attribution | null,
): ExplainedChange[] {
  return time.shares.map((share, index) => ({
    name: share.change,
    label: labels.get(share.change)!,
    speedUp: speedUpOf(share),
    speedUpInOrders: [Math.exp(-share.mostInOrders), Math.exp(-share.leastInOrders)],
    ap: ap && factor(ap.shares[index]),
  }));
}

/** Returns the speed-up that a difference of logarithms of times is. */
export function speedUpOf({ value, low, high }: Factor): Factor {
  const exp = (log: number | null) => log === null ? null : Math.exp(-log);
  return { value: Math.exp(-value), low: exp(high), high: exp(low) };
}

/** Returns the value with its bounds, and nothing else. */
export function factor({ value, low, high }: Factor): Factor {
  return { value, low, high };
}

/** Returns the explanation as text for a terminal, the whole last. */
export function explanationText(explanation: Explanation): string {
  const { changes, speedUp, ap, isAnnotated, from, to, rounds } = explanation;
  const accuracy = isAnnotated ? "AP" : "agreement";
  const rows = changes.map((change) => [
    change.name,
    change.label,
    `${times(change.speedUp.value)}${interval(change.speedUp, times)}`,
    change.speedUpInOrders.map(times).join(" to "),
    change.ap === null ? "–" : `${signed(change.ap.value)}${interval(change.ap, signed)}`,
  ]);
  const whole = `From ${from} to ${to}: ${times(speedUp.value)}${interval(speedUp, times)} as fast`;
  return [
    formatTable(["change", "", "speed-up", "in other orders", accuracy], rows),
    `The product of the speed-ups is the whole. ${rounds} rounds, 95 % intervals.\n`,
    `${whole}${ap === null ? "" : `, ${accuracy} ${signed(ap.value)}${interval(ap, signed)}`}.\n`,
  ].join("");
}

function times(value: number): string {
  return `${value.toFixed(3)}×`;
}

function signed(value: number): string {
  return value < 0 ? `−${(-value).toFixed(3)}` : `+${value.toFixed(3)}`;
}

function interval({ low, high }: Factor, write: (value: number) => string): string {
  return low === null || high === null ? "" : ` (${write(low)} to ${write(high)})`;
}
