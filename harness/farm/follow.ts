/**
 * A run on a farm from the first submission to the last shard: what is in the store counts, what
 * the engine says explains.
 *
 * @module
 */
import { HarnessError, type Warning } from "../errors.ts";
import {
  type FarmStore,
  isStoreFailure,
  isStoreRefusal,
  type StoredShard,
} from "../store/store.ts";
import type { FarmEngine, FarmNode, ShardBatch, TaskStatus } from "./engine.ts";
import { type FollowedShard, nextStep, waitReason } from "./followed_shard.ts";
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
  /** Most shards in the engine's queue at once. */
  maxQueued: number;
  pollMs: number;
  /** The run ends after so long, with what is there. */
  deadlineMs: number;
  /** A shard whose phones are all drained or down for so long is given up. */
  awayMs: number;
  signal: AbortSignal;
  onProgress?(progress: FarmProgress): void;
}

/** Defaults of a run. */
export const DEFAULT_FOLLOW = {
  maxQueued: 5000,
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
  /** Shards that were given up. */
  missing: number;
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

/**
 * Submits the shards of the plan that are not done, follows them to their end, and returns what is
 * missing.
 *
 * When it is interrupted, or anything throws, the shards that are left are taken out of the queue.
 * An engine or a store that can't be reached for a while (a controller or a database that restarts)
 * is waited for until the deadline. A phone that the engine drained by mistake is taken back into
 * service. A shard that failed in an earlier run of this gets another try.
 */
export async function followRun(
  engine: FarmEngine,
  store: FarmStore,
  plan: Plan,
  options: FollowOptions,
): Promise<FarmOutcome> {
  const startedAt = performance.now();
  const shards = new Map<number, FollowedShard>();
  for (const { index, features } of planShards(plan)) {
    shards.set(index, { features, submissions: 0, batch: null, unknownLooks: 0, awaySince: null });
  }
  const missing = new Map<number, string>();
  const warnings: Warning[] = [];
  const batches = new Set<string>();
  let resubmitted = 0;
  const before = await store.progress(options.runId);
  const done = new Set(before.filter(isDone).map(({ index }) => index));
  /** Attempts of shards that an earlier run of this left failed. */
  const failedBefore = new Map(
    before.filter(({ state }) => state === "failed").map((
      { index, attempts },
    ) => [index, attempts]),
  );
  const isOver = (shard: ShardProgress | undefined): boolean =>
    shard !== undefined &&
    (isDone(shard) ||
      shard.state === "failed" && shard.attempts !== failedBefore.get(shard.index));
  let stored: ReadonlyMap<number, ShardProgress> = new Map(before.map((s) => [s.index, s]));
  const pending = planBatches(plan, options.maxQueued, (index) => done.has(index));
  let next = pending.next();

  /**
   * Returns false when the engine did not take the shards: they are tried again at the next look.
   */
  const submit = async (indices: number[], features: string[]): Promise<boolean> => {
    const batch: ShardBatch = { ...options, indices, features };
    let id: string;
    try {
      id = await engine.submit(batch);
    } catch (error) {
      // The very first refusal is about what was asked; later ones are about room in the queue or a
      // controller that restarts.
      if (batches.size === 0 || !(error instanceof HarnessError)) throw error;
      return false;
    }
    batches.add(id);
    for (const index of indices) {
      const shard = shards.get(index)!;
      shard.submissions++;
      shard.batch = id;
      shard.unknownLooks = 0;
    }
    return true;
  };
  const cancelRest = async () => {
    try {
      await engine.cancel([...batches]);
    } catch (error) {
      warnings.push({
        code: "farm-not-cancelled",
        message: `Shards could not be taken out of the queue: ${(error as Error).message}`,
        advice: "They change nothing when they run. Cancel them by the engine's own tools.",
      });
    }
  };

  try {
    for (;;) {
      options.signal.throwIfAborted();
      // The engine first: a shard that it calls ended has then told the store already.
      const look = await lookAt(engine, [...batches]);
      const told = await storedShards(store, options.runId);
      if (told !== null) stored = told;
      // Without both of them nothing can be said of a shard that is not done.
      const sees = look !== null && told !== null;
      const tasks = new Map(look?.tasks.map((task) => [task.index, task]));
      const nodes = look?.nodes ?? [];
      const ofRun = (node: FarmNode) =>
        shards.values().some(({ features }) => features.every((f) => node.features.includes(f)));
      for (const node of nodes.filter(isDrainedByMistake).filter(ofRun)) {
        const warning = await takeBack(engine, node);
        if (warnings.every(({ message }) => message !== warning.message)) warnings.push(warning);
      }
      const again: number[] = [];
      let queued = 0;
      let open = 0;
      for (const [index, shard] of shards) {
        if (isOver(stored.get(index)) || missing.has(index)) continue;
        open++;
        if (shard.submissions === 0 || !sees) continue;
        const step = nextStep(shard, tasks.get(index), nodes, options.awayMs);
        if (step.kind === "wait") queued++;
        else if (step.kind === "again" && shard.submissions < MOST_SUBMISSIONS) again.push(index);
        else {
          missing.set(index, step.reason);
          open--;
        }
      }
      options.onProgress?.(progressOf(shards, stored, tasks, missing, nodes));
      if (open === 0) break;
      if (performance.now() - startedAt > options.deadlineMs) {
        const away = [look === null ? "the farm's engine" : "", told === null ? "the store" : ""]
          .filter((name) => name !== "").join(" and ");
        const silent = away === "" ? "" : `, and ${away} could not be reached any more`;
        for (const [index, shard] of shards) {
          if (isOver(stored.get(index)) || missing.has(index)) continue;
          missing.set(
            index,
            `not done within the time of the run${silent} (${waitReason(shard, tasks.get(index))})`,
          );
        }
        break;
      }
      if (sees) {
        let taken = true;
        const groups = Map.groupBy(again, (index) => shards.get(index)!.features.join());
        for (const indices of groups.values()) {
          taken &&= await submit(indices, shards.get(indices[0])!.features);
          if (!taken) break;
          resubmitted += indices.length;
          queued += indices.length;
        }
        const fits = (count: number) => queued === 0 || queued + count <= options.maxQueued;
        while (taken && !next.done && fits(next.value.indices.length)) {
          taken = await submit(next.value.indices, next.value.features);
          if (!taken) break;
          queued += next.value.indices.length;
          next = pending.next();
        }
      }
      await pause(options.pollMs, options.signal);
    }
  } catch (error) {
    await cancelRest();
    throw error;
  }
  if (missing.size > 0) await cancelRest();
  const attempts = await store.attempts(options.runId);
  const lastAttempts = new Map(attempts.map((attempt) => [attempt.index, attempt]));
  for (const { index, state } of await store.progress(options.runId)) {
    if (state === "done") missing.delete(index);
    const last = lastAttempts.get(index);
    if (state === "failed") {
      missing.set(
        index,
        `failed: ${last?.code ?? "unknown"} (${last?.message ?? "no reason on record"})`,
      );
    } else if (missing.has(index) && last?.code) {
      missing.set(
        index,
        `${
          missing.get(index)
        }; attempt ${last.attempt} on "${last.device}" ended by ${last.code} (${last.message})`,
      );
    }
  }
  return { missing, warnings, seconds: (performance.now() - startedAt) / 1000, resubmitted };
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

function isDrainedByMistake({ isMistaken, state }: FarmNode): boolean {
  return isMistaken === true && (state === "drained" || state === "draining");
}

/** Takes the phone back into service, and returns what people should know of it. */
async function takeBack(engine: FarmEngine, node: FarmNode): Promise<Warning> {
  const why =
    `${engine.name} lost its state and drained ${node.name} by mistake ("${node.reason}")`;
  try {
    await engine.resume(node.name);
    return {
      code: "farm-phone-resumed",
      message: `${why}; it was taken back into service`,
      advice: "Nothing is wrong with the phone. Find out why the farm's controller ended.",
    };
  } catch (error) {
    if (!(error instanceof HarnessError)) throw error;
    return {
      code: "farm-phone-not-resumed",
      message: `${why}, and it could not be taken back into service: ${error.message}`,
      advice: `Have it taken back by someone who may: deno task farm resume ${node.name}`,
    };
  }
}

/**
 * What the store says of the run's shards by index; null when it can't be reached. Throws when it
 * refuses who asks.
 */
async function storedShards(
  store: FarmStore,
  runId: string,
): Promise<Map<number, ShardProgress> | null> {
  try {
    return new Map((await store.progress(runId)).map((shard) => [shard.index, shard]));
  } catch (error) {
    if (isStoreFailure(error) && !isStoreRefusal(error)) return null;
    throw error;
  }
}

type ShardProgress = Omit<StoredShard, "document">;

function isDone(shard: Pick<StoredShard, "state">): boolean {
  return shard.state === "done";
}

function progressOf(
  shards: ReadonlyMap<number, FollowedShard>,
  stored: ReadonlyMap<number, ShardProgress>,
  tasks: ReadonlyMap<number, TaskStatus>,
  missing: ReadonlyMap<number, string>,
  nodes: readonly FarmNode[],
): FarmProgress {
  const progress = {
    total: shards.size,
    done: 0,
    failed: 0,
    running: 0,
    waiting: 0,
    missing: missing.size,
  };
  const wanted = new Set<string>();
  for (const [index, shard] of shards) {
    shard.features.forEach((feature) => wanted.add(feature));
    const state = stored.get(index)?.state;
    if (state === "done") progress.done++;
    else if (state === "failed") progress.failed++;
    else if (missing.has(index)) continue;
    else if (tasks.get(index)?.state === "running") progress.running++;
    else progress.waiting++;
  }
  const sick = nodes.filter(({ state, features }) =>
    (state === "drained" || state === "draining" || state === "down") &&
    features.some((f) => wanted.has(f))
  ).map(({ name, reason }) => ({ name, reason }));
  return { ...progress, sick };
}
