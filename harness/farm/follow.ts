/**
 * A run on a farm from the first submission to the last shard: what is in the store counts, what
 * the engine says explains.
 *
 * @module
 */
import { EXIT, HarnessError, type Warning } from "../errors.ts";
import {
  type FarmStore,
  isStoreFailure,
  isStoreRefusal,
  type StoredShard,
} from "../store/store.ts";
import { BatchRefused, type FarmEngine, type FarmNode, type TaskStatus } from "./engine.ts";
import { type Plan, planBatches, planShards } from "./plan.ts";
import { pause } from "../pause.ts";

/** How a run is followed. */
export interface FollowOptions {
  runId: string;
  /** Name that people see in the queue. */
  name: string;
  /** Command of a shard on a phone's host, see {@linkcode ShardBatch}. */
  command: string[];
  environment: Record<string, string>;
  /** Longest time for one attempt at a shard; null leaves it to the engine. */
  timeLimitMinutes: number | null;
  pollMs: number;
  /** The run ends after so long, with what is there. */
  deadlineMs: number;
  /**
   * Shards are given up when all that are left wait so long for phones that are drained or down.
   */
  awayMs: number;
  signal: AbortSignal;
  onProgress?(progress: FarmProgress): void;
}

/** Defaults of a run. */
export const DEFAULT_FOLLOW = {
  pollMs: 2000,
  deadlineMs: 2 * 3600_000,
  awayMs: 5 * 60_000,
} as const;

/** Where a run stands. */
export interface FarmProgress {
  total: number;
  done: number;
  failed: number;
  running: number;
  waiting: number;
  /** Phones of the run that are drained or down, with the reason. */
  sick: { name: string; reason: string | null }[];
}

/** What came of a run. */
export interface FarmOutcome {
  /** Why shards are not done, by index. */
  missing: Map<number, string>;
  warnings: Warning[];
  seconds: number;
  /** Shards that were submitted again because the engine lost them or ended without them. */
  resubmitted: number;
}

/** Times that a shard goes to the engine, the engine's own retries not counted. */
const MOST_SUBMISSIONS = 3;
/**
 * Looks in a row without a shard that runs or waits, after which what is left is submitted again: a
 * restarting controller needs a moment.
 */
const QUIET_LOOKS = 3;
/** Shards that are put into the store in one call. */
const STORE_CHUNK = 5000;

/**
 * Puts the shards of the plan into the store; those that are there stay as they are.
 *
 * Throws `store-failed` when the run is there with other shards: planned with other phones or
 * pairs.
 */
export async function storeShards(
  store: FarmStore,
  plan: Plan,
  runId: string,
  document: (
    shard: { index: number; features: string[]; base: string; candidate: string },
  ) => unknown,
): Promise<void> {
  let chunk: { index: number; document: unknown }[] = [];
  let count = 0;
  for (const shard of planShards(plan)) {
    count++;
    chunk.push({ index: shard.index, document: document(shard) });
    if (chunk.length < STORE_CHUNK) continue;
    await store.addShards(runId, chunk);
    chunk = [];
  }
  await store.addShards(runId, chunk);
  const stored = (await store.progress(runId)).length;
  if (stored === count) return;
  throw new HarnessError(
    "store-failed",
    `Cannot go on with run "${runId}" in ${store.address}: it has ${stored} shards there and ${count} now, so it was planned with other ` +
      `phones or variants. Ask for the same as then, or start a run of its own`,
  );
}

type ShardProgress = Omit<StoredShard, "document">;

/** Where a shard that is not done stands, by what the engine says. */
interface Step {
  /** `away`: it waits for a phone that is drained or down. */
  kind: "moving" | "away" | "again" | "over";
  reason: string;
}

/**
 * Submits the shards of the plan that are not done, waits for their end, and returns what is
 * missing.
 *
 * The engine queues, requeues and holds. When nothing of the run moves there any more, shards that
 * it lost or ended without a result are submitted again. An engine or a store that can't be reached
 * for a while (a controller or a database that restarts) is waited for until the deadline. A phone
 * that the engine drained by mistake is taken back into service. A shard that failed in an earlier
 * run of this gets another try. When the run is interrupted, or anything throws, the shards that
 * are left are taken out of the queue.
 */
export async function followRun(
  engine: FarmEngine,
  store: FarmStore,
  plan: Plan,
  options: FollowOptions,
): Promise<FarmOutcome> {
  const startedAt = performance.now();
  const before = new Map((await store.progress(options.runId)).map((s) => [s.index, s]));
  /** Features by index of the shards that are not done. */
  const open = new Map<number, string[]>();
  for (const { index, features } of planShards(plan)) {
    if (before.get(index)?.state !== "done") open.set(index, features);
  }
  const isOver = (shard: ShardProgress): boolean =>
    shard.state === "done" ||
    shard.state === "failed" && shard.attempts !== (before.get(shard.index)?.attempts ?? 0);
  let steps = new Map<number, Step>();
  const warnings = new Map<string, Warning>();
  const batches: string[] = [];
  // A controller that can't be reached is waited for below.
  const most = await engine.mostIndices?.().catch(() => null) ?? Infinity;
  const pending = [...planBatches(plan, (index) => !open.has(index), most)];
  let [submissions, resubmitted, quietLooks, movedAt] = [1, 0, 0, startedAt];
  let silent = "";

  try {
    for (;;) {
      options.signal.throwIfAborted();
      // The engine first: a shard that it calls ended has then told the store already.
      const look = await lookAt(engine, batches);
      const stored = await storedShards(store, options.runId);
      silent = [look === null ? "the farm's engine" : "", stored === null ? "the store" : ""]
        .filter((name) => name !== "").join(" and ");
      for (const shard of stored ?? []) if (isOver(shard)) open.delete(shard.index);
      const nodes = look?.nodes ?? [];
      const ofRun = nodes.filter((node) => plan.phones.some(({ name }) => name === node.name));
      for (const node of ofRun.filter(isDrainedByMistake)) {
        const warning = await takeBack(engine, node);
        warnings.set(warning.message, warning);
      }
      // Of a shard that was submitted again the newest batch tells.
      const newestLast = look?.tasks.toSorted((a, b) =>
        batches.indexOf(a.batch) - batches.indexOf(b.batch)
      );
      const tasks = new Map(newestLast?.map((task) => [task.index, task]));
      options.onProgress?.(progressOf(before.size, open, stored ?? [], tasks, ofRun));
      if (open.size === 0) break;
      if (performance.now() - startedAt > options.deadlineMs) break;
      // Without both of them nothing can be said of a shard that is not done.
      if (silent === "") {
        steps = new Map(
          open.entries().map(([index, features]) => [
            index,
            stepOf(features, tasks.get(index), nodes),
          ]),
        );
        const kinds = new Set(steps.values().map(({ kind }) => kind));
        const moves = kinds.has("moving") || pending.length > 0;
        if (moves) movedAt = performance.now();
        quietLooks = moves ? 0 : quietLooks + 1;
        if (quietLooks >= QUIET_LOOKS && kinds.has("again") && submissions < MOST_SUBMISSIONS) {
          const isAgain = (index: number) => steps.get(index)?.kind === "again";
          pending.push(...planBatches(plan, (index) => !isAgain(index), most));
          resubmitted += pending.reduce((sum, { indices }) => sum + indices.length, 0);
          submissions++;
          quietLooks = 0;
        } else if (
          quietLooks >= QUIET_LOOKS &&
          (!kinds.has("away") || performance.now() - movedAt > options.awayMs)
        ) break;
        while (pending.length > 0) {
          try {
            batches.push(await engine.submit({ ...options, ...pending[0] }));
          } catch (error) {
            const { indices, features } = pending[0];
            if (error instanceof BatchRefused && indices.length > 1) {
              const half = indices.length >> 1;
              const parts = [indices.slice(0, half), indices.slice(half)];
              pending.splice(0, 1, ...parts.map((indices) => ({ indices, features })));
              continue;
            }
            // Others' jobs fill the queue: there will be room.
            if (error instanceof BatchRefused && error.mayPass) break;
            // The very first refusal is about what was asked; later ones are about room in the
            // queue or a controller that restarts.
            if (batches.length === 0 || !(error instanceof HarnessError)) throw error;
            break;
          }
          pending.shift();
        }
      }
      await pause(options.pollMs, options.signal);
    }
  } catch (error) {
    await engine.cancel(batches).catch(() => {});
    throw error;
  }
  if (open.size > 0) await cancelRest(engine, batches, warnings);
  const late = performance.now() - startedAt > options.deadlineMs;
  const missing = await missingShards(store, options.runId, open.keys(), (index) => {
    const reason = steps.get(index)?.reason ?? "it was never submitted";
    if (!late) return reason;
    const away = silent === "" ? "" : `, and ${silent} could not be reached any more`;
    return `not done within the time of the run${away} (${reason})`;
  });
  const seconds = (performance.now() - startedAt) / 1000;
  return { missing, warnings: [...warnings.values()], seconds, resubmitted };
}

/** Returns where a shard that is not done stands. */
function stepOf(
  features: readonly string[],
  task: TaskStatus | undefined,
  nodes: readonly FarmNode[],
): Step {
  switch (task?.state) {
    case undefined:
      return { kind: "again", reason: "the engine lost it" };
    case "running":
      return { kind: "moving", reason: "it runs" };
    case "waiting": {
      const phones = nodes.filter((node) => features.every((f) => node.features.includes(f)));
      if (phones.some(({ state }) => state !== "drained" && state !== "down")) {
        return { kind: "moving", reason: `it waits: ${task.reason ?? "no reason given"}` };
      }
      const why = phones.map(({ name, state, reason }) =>
        `${name} is ${state}: ${reason ?? "no reason given"}`
      );
      return { kind: "away", reason: why.join("; ") || "the farm has no such phone" };
    }
    case "held":
      return { kind: "over", reason: `held by the engine after ${task.restarts} more attempts` };
    case "cancelled":
      return { kind: "over", reason: "cancelled by someone on the farm" };
    case "done":
    case "failed": {
      const how = task.exitCode === null ? "" : ` with exit code ${task.exitCode}`;
      // A shard that had the store would have told it why.
      const advice = task.exitCode === EXIT.usage
        ? `: its host is not set up right (the store's password, the table of nodes), posemark-shard started there by hand says what`
        : "";
      return {
        kind: "again",
        reason: `it ended${how} without a result (${task.reason ?? task.state})${advice}`,
      };
    }
  }
}

/** What the engine says; null when it can't be reached. */
async function lookAt(
  engine: FarmEngine,
  batches: string[],
): Promise<{ tasks: TaskStatus[]; nodes: FarmNode[] } | null> {
  try {
    return { tasks: await engine.status(batches), nodes: await engine.nodes() };
  } catch (error) {
    if (error instanceof HarnessError && error.code === "farm-failed") return null;
    throw error;
  }
}

/**
 * What the store says of the run's shards; null when it can't be reached. Throws when it
 * refuses who asks.
 */
async function storedShards(
  store: FarmStore,
  runId: string,
): Promise<ShardProgress[] | null> {
  try {
    return await store.progress(runId);
  } catch (error) {
    if (isStoreFailure(error) && !isStoreRefusal(error)) return null;
    throw error;
  }
}

function isDrainedByMistake({ isMistaken, state }: FarmNode): boolean {
  return isMistaken === true && (state === "drained" || state === "draining");
}

/** Takes the phone back into service, and returns what people should know of it. */
async function takeBack(engine: FarmEngine, node: FarmNode): Promise<Warning> {
  const why =
    `${engine.name} lost its state and drained ${node.name} by mistake ("${node.reason}")`;
  const refusal = await engine.resume(node.name).then(() => null, (error) => {
    if (error instanceof HarnessError) return error.message;
    throw error;
  });
  return refusal === null
    ? {
      code: "farm-phone-resumed",
      message: `${why}; it was taken back into service`,
      advice: "Nothing is wrong with the phone. Find out why the farm's controller ended.",
    }
    : {
      code: "farm-phone-not-resumed",
      message: `${why}, and it could not be taken back into service: ${refusal}`,
      advice: `Have it taken back by someone who may: deno task farm resume ${node.name}`,
    };
}

async function cancelRest(
  engine: FarmEngine,
  batches: readonly string[],
  warnings: Map<string, Warning>,
): Promise<void> {
  try {
    await engine.cancel(batches);
  } catch (error) {
    warnings.set("farm-not-cancelled", {
      code: "farm-not-cancelled",
      message: `Shards could not be taken out of the queue: ${(error as Error).message}`,
      advice: "They change nothing when they run. Cancel them by the engine's own tools.",
    });
  }
}

/** Returns why shards are not done: the store's word counts, what the engine said explains. */
async function missingShards(
  store: FarmStore,
  runId: string,
  open: Iterable<number>,
  engineSays: (index: number) => string,
): Promise<Map<number, string>> {
  const attempts = new Map((await store.attempts(runId)).map((each) => [each.index, each]));
  const left = new Set(open);
  const missing = new Map<number, string>();
  for (const { index, state } of await store.progress(runId)) {
    const last = attempts.get(index);
    const isTold = last?.code !== null && last?.code !== undefined;
    if (state === "failed") {
      const why = isTold ? `${last.code} (${last.message})` : "unknown (no reason on record)";
      missing.set(index, `failed: ${why}`);
    } else if (state !== "done" && left.has(index)) {
      const how = isTold
        ? `; attempt ${last.attempt} on "${last.device}" ended by ${last.code} (${last.message})`
        : "";
      missing.set(index, engineSays(index) + how);
    }
  }
  return missing;
}

function progressOf(
  total: number,
  open: ReadonlyMap<number, string[]>,
  stored: readonly ShardProgress[],
  tasks: ReadonlyMap<number, TaskStatus>,
  nodes: readonly FarmNode[],
): FarmProgress {
  const failed = stored.filter(({ index, state }) => state === "failed" && !open.has(index)).length;
  const running = open.keys().filter((index) => tasks.get(index)?.state === "running").toArray();
  const sick = nodes.filter(({ state }) => ["drained", "draining", "down"].includes(state));
  return {
    total,
    done: total - open.size - failed,
    failed,
    running: running.length,
    waiting: open.size - running.length,
    sick: sick.map(({ name, reason }) => ({ name, reason })),
  };
}
