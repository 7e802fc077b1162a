/**
 * STF and DeviceHub as an engine: they lend phones and run nothing, so the shards of a lent phone
 * run from here, one after the other.
 *
 * @module
 */
import { HarnessError } from "../errors.ts";
import type { FarmEngine, FarmNode, ShardBatch, TaskStatus } from "./engine.ts";
import { featureValue, socFeatures } from "../record/device_features.ts";
import { EXIT_TRY_AGAIN, MAX_REQUEUES } from "./nodes.ts";
import type { StfClient, StfPhone } from "../device/stf/client.ts";
import { pause } from "../pause.ts";

/** How shards of lent phones run. */
export interface StfEngineOptions {
  client: StfClient;
  /**
   * Runs one shard on the phone under a lease of its own and returns its exit code, as `runShard()`
   * does.
   */
  runShard(batch: ShardBatch, index: number, serial: string, signal: AbortSignal): Promise<number>;
  /** Pause before a shard that was given back is tried again. */
  retryPauseMs: number;
}

/** Returns the features of a phone by what the farm says of it. */
export function stfFeatures(phone: StfPhone): string[] {
  const features = [`phone.${featureValue(phone.serial)}`];
  if (phone.soc !== null) features.push(...socFeatures(phone.soc));
  if (phone.model !== null) features.push(`model.${featureValue(phone.model)}`);
  if (phone.android !== null) features.push(`android.${featureValue(phone.android)}`);
  if (phone.abi !== null) features.push(`abi.${featureValue(phone.abi)}`);
  return features;
}

/**
 * Returns the engine. A shard that exits 75 is tried again, on another phone with its features
 * where there is one, at most five times; then it is held. Disposing of it ends what runs.
 */
export function stfEngine(options: StfEngineOptions): FarmEngine {
  const { client } = options;
  const tasks = new Map<string, TaskStatus[]>();
  const stops = new Map<string, AbortController>();
  const running: Promise<void>[] = [];
  /** The last shard of each phone: the next waits for it. */
  const tails = new Map<string, Promise<unknown>>();

  const nodes = async (): Promise<FarmNode[]> =>
    (await client.phones()).map((phone) => ({
      name: phone.serial,
      features: stfFeatures(phone),
      state: phone.state === "away" ? "down" : phone.state === "free" ? "idle" : "busy",
      reason: phone.state === "away"
        ? "not plugged in or not ready"
        : phone.state === "taken"
        ? `${phone.owner ?? "someone"} has it`
        : null,
    }));

  /** Runs after everything that is to run on the phone before it. */
  const onPhone = <T>(serial: string, work: () => Promise<T>): Promise<T> => {
    const before = tails.get(serial) ?? Promise.resolve();
    const next = before.then(work, work);
    tails.set(serial, next.catch(() => {}));
    return next;
  };

  const runTask = async (batch: ShardBatch, task: TaskStatus, signal: AbortSignal) => {
    const tried = new Set<string>();
    for (;;) {
      const suited = (await nodes()).filter((node) =>
        batch.features.every((f) => node.features.includes(f))
      );
      const there = suited.filter((node) => node.state !== "down");
      const phone = there.find((node) => !tried.has(node.name)) ?? there[0];
      let exitCode = EXIT_TRY_AGAIN;
      if (phone !== undefined) {
        tried.add(phone.name);
        task.node = phone.name;
        exitCode = await onPhone(phone.name, () => {
          signal.throwIfAborted();
          task.state = "running";
          return options.runShard(batch, task.index, phone.name, signal);
        });
      } else task.reason = "no phone with its features is plugged in";
      if (exitCode !== EXIT_TRY_AGAIN) {
        task.exitCode = exitCode;
        task.state = exitCode === 0 ? "done" : "failed";
        return;
      }
      if (task.restarts >= MAX_REQUEUES) {
        task.state = "held";
        return;
      }
      task.state = "waiting";
      task.restarts++;
      await pause(options.retryPauseMs, signal);
    }
  };

  return {
    name: `STF at ${client.address}`,
    submit(batch) {
      const id = `stf${tasks.size + 1}`;
      const stop = new AbortController();
      stops.set(id, stop);
      const own = batch.indices.map((index): TaskStatus => ({
        batch: id,
        index,
        state: "waiting",
        node: null,
        exitCode: null,
        restarts: 0,
        reason: null,
      }));
      tasks.set(id, own);
      running.push((async () => {
        for (const task of own) {
          try {
            stop.signal.throwIfAborted();
            await runTask(batch, task, stop.signal);
          } catch (error) {
            task.state = stop.signal.aborted ? "cancelled" : "failed";
            task.reason = error instanceof Error ? error.message : String(error);
          }
        }
      })());
      return Promise.resolve(id);
    },
    status: (batches) =>
      Promise.resolve(batches.flatMap((id) => (tasks.get(id) ?? []).map((task) => ({ ...task })))),
    async cancel(batches) {
      for (const id of batches) stops.get(id)?.abort(new HarnessError("interrupted", "cancelled"));
      await Promise.all(running);
    },
    nodes,
    drain: (node) => Promise.reject(noService(node)),
    resume: (node) => Promise.reject(noService(node)),
    async [Symbol.asyncDispose]() {
      for (const stop of stops.values()) {
        stop.abort(new HarnessError("interrupted", "the run has ended"));
      }
      await Promise.all(running);
    },
  };
}

function noService(node: string): HarnessError {
  return new HarnessError(
    "farm-failed",
    `Cannot take phone "${node}" out of service or back: STF has no call for that. Unplug it, or put it into a group of its own in STF's settings`,
  );
}
