/**
 * What each change from one variant to another earned, in time and in accuracy, as a value and as
 * text. Pure.
 *
 * @module
 */
import { z } from "zod";
import type { Attribution } from "../stats/attribution.ts";
import { formatTable } from "../text/table.ts";

const number = z.number();
/** Schema of a figure with its interval; a factor of 1.26 is 1.26 times as fast. */
const FactorSchema = z.strictObject({
  value: number,
  low: number.nullable(),
  high: number.nullable(),
});
/** A figure with its interval. */
export type Factor = z.infer<typeof FactorSchema>;

const ChangeSchema = z.strictObject({
  name: z.string().describe("Axis that changed."),
  label: z.string().describe("From what to what."),
  speedUp: FactorSchema.describe("What it earned: time before over time after."),
  speedUpInOrders: z.tuple([number, number]).describe(
    "Least and most speed-up over the orders in which it can be made.",
  ),
  ap: FactorSchema.nullable().describe("Change of AP or agreement; null when it is not known."),
});
/** What one change earned. */
export type ExplainedChange = z.infer<typeof ChangeSchema>;

/** Schema of `explain.json`: what each change from one variant to another earned. */
export const ExplanationSchema = z.strictObject({
  from: z.string().describe("Id of the first variant."),
  to: z.string().describe("Id of the second variant."),
  speedUp: FactorSchema.describe("The whole: the product of the changes' speed-ups."),
  ap: FactorSchema.nullable().describe("The whole change of AP or agreement."),
  isAnnotated: z.boolean().describe(
    "True when accuracy is AP by annotations; false when it is agreement with the first variant.",
  ),
  rounds: z.int().describe("Rounds that were measured."),
  changes: z.array(ChangeSchema),
  steps: z.array(z.strictObject({
    id: z.string(),
    label: z.string(),
    timeRatio: number.describe("Time over that of the first variant."),
    ap: number.nullable(),
  })).describe("Every combination that was measured."),
});
/** See {@linkcode ExplanationSchema}. */
export type Explanation = z.infer<typeof ExplanationSchema>;

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
