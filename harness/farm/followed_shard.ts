/**
 * What is known of one shard while its run is followed, and what to do about it.
 *
 * @module
 */
import { EXIT } from "../errors.ts";
import type { FarmNode, TaskStatus } from "./engine.ts";

/**
 * Looks in which the engine must not know a shard before it is submitted again: a restarting
 * controller needs a moment.
 */
const FORGOTTEN_LOOKS = 3;

/** What is known of one shard. */
export interface FollowedShard {
  features: string[];
  submissions: number;
  batch: string | null;
  /** Looks in a row in which the engine did not know it. */
  unknownLooks: number;
  /** When all of its phones were first seen away; null while one is there. */
  awaySince: number | null;
}

/**
 * Returns what to do about a shard that is not done, by what the engine says; keeps in the shard
 * what it has seen.
 */
export function nextStep(
  shard: FollowedShard,
  task: TaskStatus | undefined,
  nodes: readonly FarmNode[],
  awayMs: number,
): { kind: "wait" | "again" | "give-up"; reason: string } {
  if (task === undefined) {
    shard.unknownLooks++;
    const forgotten = shard.unknownLooks >= FORGOTTEN_LOOKS;
    return { kind: forgotten ? "again" : "wait", reason: "the engine lost it" };
  }
  shard.unknownLooks = 0;
  switch (task.state) {
    case "running":
      shard.awaySince = null;
      return { kind: "wait", reason: "it runs" };
    case "waiting": {
      const phones = nodes.filter((node) => shard.features.every((f) => node.features.includes(f)));
      const away = phones.filter((node) => node.state === "drained" || node.state === "down");
      if (away.length < phones.length) {
        shard.awaySince = null;
        return { kind: "wait", reason: "it waits" };
      }
      shard.awaySince ??= performance.now();
      const why = away.map((node) =>
        `${node.name} is ${node.state}: ${node.reason ?? "no reason given"}`
      );
      const over = performance.now() - shard.awaySince > awayMs;
      return {
        kind: over ? "give-up" : "wait",
        reason: why.join("; ") || "the farm has no such phone",
      };
    }
    case "held":
      return { kind: "give-up", reason: `held by the engine after ${task.restarts} more attempts` };
    case "cancelled":
      return { kind: "give-up", reason: "cancelled by someone on the farm" };
    case "done":
    case "failed": {
      // The store knows first when a shard is done: one that the engine ended without that goes
      // again.
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

/** Returns why a shard was not done in time, by what the engine says. */
export function waitReason(shard: FollowedShard, task: TaskStatus | undefined): string {
  if (shard.submissions === 0) return "it was never submitted: the queue had no room";
  if (task === undefined) return "the engine does not tell";
  return task.reason === null ? task.state : `${task.state}: ${task.reason}`;
}
