/**
 * The live gate's collector: blocks of launches of both sides on one device until every metric is
 * decided or the budget is spent.
 *
 * Pure but for the callbacks: what a block is and how it runs is the caller's.
 *
 * @module
 */
import { HarnessError } from "../errors.ts";
import { FEWEST_ROUNDS, type Judgement } from "../stats/experiment.ts";
import type { MetricName } from "../record/metrics.ts";
import type { GateRules } from "./config.ts";
import { addBlock, type BlockLaunches, type DeviceEvidence } from "./evidence.ts";
import { futileStop } from "./futility.ts";
import { detectableRatios, lookAtBlocks } from "./judge_device.ts";
import type { GateCorrectness } from "./verdict.ts";

/** What a live gate runs on. */
export interface LiveGate {
  /** What is known before the first block. */
  begun: DeviceEvidence;
  rules: GateRules;
  /**
   * Runs one block and returns its launches. `order` is the sides in order, for instance ABBA,
   * `wanted` the metrics that it is asked for.
   */
  runBlock(
    index: number,
    order: readonly ("baseline" | "candidate")[],
    wanted: readonly MetricName[],
  ): Promise<BlockLaunches>;
  /** Returns the device time since the gate began, seconds. */
  elapsedSeconds(): number;
  /** Returns why no further block may run (heat, battery, a stop by the user), or null. */
  stopReason?(): Promise<string | null> | string | null;
  /** Judges the keypoints; called once, after the last block. */
  correctness(): Promise<GateCorrectness> | GateCorrectness;
  /** Hears of every look. */
  onLook?(
    look: {
      block: number;
      seconds: number;
      metrics: { name: MetricName; judgement: Judgement | null }[];
    },
  ): void;
}

/** ABBA: two rounds of both sides, each two launches or a shared one. */
const ROUNDS_PER_BLOCK = 2;

/** Returns the order of a block: ABBA and BAAB by turns, so that drift and place cancel. */
export function blockOrder(index: number): ("baseline" | "candidate")[] {
  return index % 2 === 0
    ? ["baseline", "candidate", "candidate", "baseline"]
    : ["candidate", "baseline", "baseline", "candidate"];
}

/**
 * Returns why the budget lets no further block begin; null when it does. Another block must fit,
 * but as many as any verdict needs always run.
 */
export function budgetStop(
  { budgetSeconds }: Pick<GateRules, "budgetSeconds">,
  blocks: number,
  elapsedSeconds: number,
  secondsPerBlock: number | null,
): string | null {
  const perBlock = blocks === 0 ? secondsPerBlock ?? 0 : elapsedSeconds / blocks;
  return blocks * ROUNDS_PER_BLOCK >= FEWEST_ROUNDS && elapsedSeconds + perBlock > budgetSeconds
    ? `the budget of ${budgetSeconds.toFixed(0)} s is spent`
    : null;
}

/**
 * Returns what a live gate found on one device.
 *
 * A metric that is decided keeps its blocks; blocks run until all are decided, one fails, or the
 * budget (time, or what `stopReason` tells) is spent or will not decide any more. Throws
 * `HarnessError` `bad-config` for thresholds below what the device resolves, `not-comparable` for
 * launches of an emulated device, and whatever the callbacks throw.
 */
export async function collectLive(gate: LiveGate): Promise<DeviceEvidence> {
  const { rules, begun } = gate;
  detectableRatios({ ...begun, rules });
  const evidence: DeviceEvidence = { ...begun, blocks: {} };
  let wanted = rules.thresholds.map(({ name }) => name);
  while (wanted.length > 0) {
    const { blockCount } = evidence;
    evidence.stopped = await gate.stopReason?.() ??
      budgetStop(rules, blockCount, gate.elapsedSeconds(), begun.secondsPerBlock);
    if (evidence.stopped !== null) break;
    const block = await gate.runBlock(blockCount, blockOrder(blockCount), wanted);
    assertReal(begun.device, block);
    evidence.blockCount++;
    addBlock(evidence.blocks, block, wanted);
    const metrics = lookAtBlocks(evidence, rules);
    gate.onLook?.({ block: evidence.blockCount, seconds: gate.elapsedSeconds(), metrics });
    wanted = metrics.filter(({ judgement }) => judgement?.verdict === "undecided")
      .map(({ name }) => name);
    if (metrics.some(({ judgement }) => judgement?.verdict === "fail")) break;
    evidence.stopped = futileStop(evidence, wanted, rules, gate.elapsedSeconds());
    if (evidence.stopped !== null) break;
  }
  evidence.seconds = gate.elapsedSeconds();
  evidence.correctness = await gate.correctness();
  return evidence;
}

function assertReal(device: string, block: BlockLaunches): void {
  const launches = [...block.baseline, ...block.candidate];
  if (!launches.some((launch) => launch.marks.includes("emulated"))) return;
  throw new HarnessError(
    "not-comparable",
    `Cannot gate on "${device}": it is emulated, and emulated times count for nothing. Use a phone or the host`,
  );
}
