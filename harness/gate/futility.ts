/**
 * Whether a gate's budget can still decide it (pure).
 *
 * @module
 */
import type { MetricName } from "../record/metrics.ts";
import { blocksThatWouldDo, isFutile } from "../stats/experiment.ts";
import type { GateRules } from "./config.ts";
import type { DeviceEvidence } from "./evidence.ts";
import { metricState } from "./judge_device.ts";

/**
 * Returns why the blocks to come will not decide any of the metrics that are still open, with the
 * budget that would; null when one may be decided, or none is open.
 *
 * The other metrics don't count: what is decided stays decided, and a failure ends the gate.
 */
export function futileStop(
  evidence: Pick<DeviceEvidence, "blocks" | "noise" | "blockCount">,
  open: readonly MetricName[],
  rules: GateRules,
  elapsedSeconds: number,
): string | null {
  const { blockCount } = evidence;
  if (blockCount === 0 || open.length === 0) return null;
  const secondsPerBlock = elapsedSeconds / blockCount;
  const remaining = Math.floor((rules.budgetSeconds - elapsedSeconds) / secondsPerBlock);
  // what is spent is told as such
  if (remaining < 1) return null;
  const states = rules.thresholds.filter(({ name }) => open.includes(name))
    .map(({ name, ratio }) => metricState(evidence, name, ratio, rules));
  if (!states.every((state) => isFutile(state, remaining))) return null;
  const wanted = states.map(blocksThatWouldDo);
  const advice = wanted.some((blocks) => blocks === null)
    ? "no budget within reach would do: raise the threshold, or quieten the device"
    : `${Math.ceil(Math.max(...wanted as number[]) * secondsPerBlock)} s would do`;
  return `the budget of ${rules.budgetSeconds.toFixed(0)} s will not decide it; ${advice}`;
}
