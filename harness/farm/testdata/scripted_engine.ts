/**
 * An engine for tests that does with each shard what a script says.
 *
 * @module
 */
import type { FarmStore } from "../../store/store.ts";
import type { FarmEngine, FarmNode, ShardBatch, TaskStatus } from "../engine.ts";

/** What a scripted engine does with a shard each time it gets it. */
export type Script = (index: number, submission: number) => TaskStatus["state"] | "forgets";

/** An engine that tells what it was asked. */
export interface ScriptedEngine extends FarmEngine {
  batches: ShardBatch[];
  cancelled: string[];
  resumed: string[];
  known: FarmNode[];
}

/**
 * Returns an engine whose shards end at once, as the script says; `done` is told to the store as a
 * shard does.
 */
export function scriptedEngine(
  store: FarmStore,
  known: FarmNode[],
  script: Script,
): ScriptedEngine {
  const counts = new Map<number, number>();
  const tasks: TaskStatus[] = [];
  const engine: ScriptedEngine = {
    name: "scripted",
    batches: [],
    cancelled: [],
    resumed: [],
    known,
    async submit(batch) {
      engine.batches.push(batch);
      const id = `b${engine.batches.length}`;
      for (const index of batch.indices) {
        const count = (counts.get(index) ?? 0) + 1;
        counts.set(index, count);
        const state = script(index, count);
        if (state === "forgets") continue;
        if (state === "done" || state === "failed") {
          const { claim } = (await store.claim(batch.runId, index, { device: "d", host: "h" }))!;
          if (state === "done") await store.finish(claim, { state, code: null, message: null });
          else await store.finish(claim, { state, code: "bad-param", message: "no such layer" });
        }
        tasks.push({
          batch: id,
          index,
          state,
          node: null,
          exitCode: null,
          restarts: 0,
          reason: null,
        });
      }
      return id;
    },
    status: (batches) => Promise.resolve(tasks.filter((task) => batches.includes(task.batch))),
    cancel: (batches) => Promise.resolve(void engine.cancelled.push(...batches)),
    nodes: () => Promise.resolve(engine.known),
    drain: () => Promise.resolve(),
    resume: (node) => Promise.resolve(void engine.resumed.push(node)),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
  return engine;
}
