/**
 * The farm's engine as the gate sees it: it queues shards, gives each a phone of its own, and knows
 * which phones are sick.
 *
 * @module
 */
import { HarnessError } from "../errors.ts";

/** Shards that go to the engine in one call: all need the same features of a phone. */
export interface ShardBatch {
  /** Name that people see in the queue. */
  name: string;
  /** Run that the shards belong to. */
  runId: string;
  /** Indices of the shards within the run. */
  indices: number[];
  /** Features that the phone must have, all of them (see device_features.ts). */
  features: string[];
  /** Command of a shard on the phone's host; the engine adds no argument. */
  command: string[];
  /**
   * Environment of the command; `POSEMARK_SHARD` with the index is added. No secrets: the engine
   * keeps and shows it.
   */
  environment: Record<string, string>;
  /** Longest time for one attempt; null leaves it to the engine. */
  timeLimitMinutes: number | null;
}

/**
 * What became of one shard, as the engine tells it. The store, not the engine, knows what was
 * measured.
 */
export interface TaskStatus {
  /** Id of the batch that {@linkcode FarmEngine.submit} returned. */
  batch: string;
  /** Index of the shard within the run. */
  index: number;
  /** `held`: the engine has given up retrying and waits for a person. */
  state: "waiting" | "running" | "done" | "failed" | "cancelled" | "held";
  /** Node that runs or ran it. */
  node: string | null;
  exitCode: number | null;
  /** Attempts that were begun before this one. */
  restarts: number;
  /** Why it waits or failed, in the engine's words; null when it says nothing. */
  reason: string | null;
}

/** A phone as the engine knows it. */
export interface FarmNode {
  name: string;
  features: string[];
  /** `draining` still runs a shard, `drained` takes no more. */
  state: "idle" | "busy" | "draining" | "drained" | "down" | "unknown";
  /** Why it is drained or down; null when the engine says nothing. */
  reason: string | null;
  /**
   * The engine drained it because it lost its own state (a controller that crashed); nothing is
   * wrong with the phone.
   */
  isMistaken?: boolean;
}

/** The engine refused a batch for its size: a smaller one may go. */
export class BatchRefused extends HarnessError {
  /** True when there is room again by itself, once others' shards have ended. */
  readonly mayPass: boolean;

  constructor(cause: HarnessError, mayPass: boolean) {
    super(cause.code, cause.message, { cause, stderrTail: cause.stderrTail });
    this.mayPass = mayPass;
  }
}

/**
 * An engine that exists (Slurm, or leased phones): reservation, queueing and retries are its
 * business.
 *
 * Every call throws `HarnessError` `farm-failed` when the engine can't be reached or refuses, with
 * the reason that it gave.
 */
export interface FarmEngine extends AsyncDisposable {
  /** Name for messages. */
  readonly name: string;
  /**
   * Returns how many indices a batch may span, from its smallest to its largest; null for any.
   * Absent where there is no such limit.
   */
  mostIndices?(): Promise<number | null>;
  /**
   * Queues the shards; returns the id of the batch. Throws {@linkcode BatchRefused} when it is too
   * large for a limit of the queue.
   */
  submit(batch: ShardBatch): Promise<string>;
  /**
   * Returns what became of the shards of these batches. Batches that the engine has forgotten are
   * left out.
   */
  status(batches: readonly string[]): Promise<TaskStatus[]>;
  /** Takes the shards that are not finished out of the queue and stops those that run. */
  cancel(batches: readonly string[]): Promise<void>;
  /** Returns all phones. */
  nodes(): Promise<FarmNode[]>;
  /** Gives the phone no more shards, with the reason for people. */
  drain(node: string, reason: string): Promise<void>;
  /** Takes the phone back into service. */
  resume(node: string): Promise<void>;
}
