/**
 * Slurm's words for the state of a job and of a node, from 20.11 to 25.05: pure.
 *
 * One word (`RUNNING`), a word with a sign (`idle*`), several joined (`IDLE+DRAIN`) or a list: a
 * base state and flags, of which the strongest counts.
 *
 * @module
 */
import type { FarmNode, TaskStatus } from "../engine.ts";

/** Returns the words of a state as upper case: of a text, or of a list of texts. */
export function stateWords(state: string | readonly string[]): string[] {
  const texts = typeof state === "string" ? [state] : state;
  return texts.flatMap((text) => text.toUpperCase().split(/[^A-Z_*~#%$@^!-]+/)).filter(Boolean);
}

/** States of a job, the strongest first: a flag stands beside its base state. */
const JOB_STATES: readonly [TaskStatus["state"], RegExp][] = [
  ["held", /^(REQUEUE_HOLD|RESV_DEL_HOLD|SPECIAL_EXIT)$/],
  ["waiting", /^(REQUEUED|REQUEUE_FED|EXPEDITING)$/],
  [
    "running",
    /^(COMPLETING|CONFIGURING|STAGE_OUT|SIGNALING|STOPPED|RESIZING|UPDATE_DB|POWER_UP_NODE)$/,
  ],
  ["cancelled", /^CANCELLED/],
  ["waiting", /^PENDING$/],
  ["running", /^(RUNNING|SUSPENDED)$/],
  ["done", /^COMPLETED$/],
];

/** Returns the state of a shard from Slurm's words for its job and the reason why it waits. */
export function taskState(
  state: string | readonly string[],
  reason: string,
): TaskStatus["state"] {
  const words = stateWords(state);
  const found = JOB_STATES.find(([, word]) => words.some((each) => word.test(each)));
  if (found === undefined) return "failed";
  const isHeld = found[0] === "waiting" && /^Job(Held|Hold)|held/i.test(reason);
  return isHeld ? "held" : found[0];
}

/** States of a node, the strongest first. */
const NODE_STATES: readonly [FarmNode["state"], RegExp][] = [
  ["down", /^(DOWN|FAIL|FAILING|ERROR|INVAL|INVALID_REG|POWERED_DOWN|POWERING_DOWN)/],
  ["drained", /^DRAINED/],
  ["draining", /^DRAINING/],
  ["busy", /^(ALLOCATED|MIXED|COMPLETING|PLANNED|RESERVED|BLOCKED|PERFCTRS|NPC)/],
  ["unknown", /^(UNKNOWN|FUTURE|REBOOT|POWERING_UP|MAINT|NOT_RESPONDING|NO_RESPOND)|[*@^]$/],
  ["idle", /^IDLE/],
];

/**
 * Returns the state of a phone from Slurm's words for its node. A sign at the end of a word says
 * for instance that it does not answer (`*`); `DRAIN` is a flag: with work left it is draining.
 */
export function nodeState(state: string | readonly string[]): FarmNode["state"] {
  const words = stateWords(state);
  const find = () =>
    NODE_STATES.find(([, word]) => words.some((each) => word.test(each)))?.[0] ?? "unknown";
  if (!words.some((word) => /^DRAIN[^A-Z]*$/.test(word))) return find();
  const rest = find();
  return rest === "down" ? "down" : rest === "busy" ? "draining" : "drained";
}
