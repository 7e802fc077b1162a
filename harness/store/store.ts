/**
 * The store of a farm: what shards are to do, what they did, and the files that they need.
 *
 * One implementation (`sql_store.ts`) over two databases: SQLite for one machine, PostgreSQL for a
 * team. Everything may be repeated: a shard that runs again, or an upload sent
 * twice, changes nothing.
 *
 * @module
 */
import { HarnessError } from "../errors.ts";
import type { AnyRecord } from "../record/records.ts";
import type { Sql } from "./sql.ts";

/** A shard as it stands in the store. */
export interface StoredShard {
  index: number;
  /** The shard file, as JSON. */
  document: unknown;
  /** `returned`: an attempt gave it back to the engine (too hot, unreachable). */
  state: "waiting" | "running" | "returned" | "done" | "failed";
  /** Device of the newest attempt; null before the first. */
  device: string | null;
  /** Attempts that were begun. */
  attempts: number;
}

/** One attempt at a shard. */
export interface StoredAttempt {
  index: number;
  /** Counts from 1. */
  attempt: number;
  device: string;
  /** Host that ran it. */
  host: string;
  startedAt: string;
  /** Null while it runs, and for ever when its host died. */
  endedAt: string | null;
  /** Error code that it ended with; null when it ended well or has not ended. */
  code: string | null;
  message: string | null;
}

/** The right to write a shard's records: a newer claim takes it away. */
export interface ShardClaim {
  runId: string;
  index: number;
  /** Counts from 1. */
  attempt: number;
  /**
   * Changes when another device takes the shard over: records of an earlier device are not mixed
   * with those of the new one.
   */
  epoch: number;
  device: string;
}

/** How an attempt ended. */
export interface ShardOutcome {
  state: "done" | "failed" | "returned";
  /** Error code; null for `done`. */
  code: string | null;
  message: string | null;
}

/** Records of a shard, in their order. */
export interface ShardRecords {
  shard: StoredShard;
  records: AnyRecord[];
}

/** Where artefacts (runner, param, bin, images) are kept by their hash. */
export interface ArtefactStore {
  /** Returns whether the file is there, by the SHA-256 of its bytes in hexadecimal. */
  hasArtefact(sha256: string): Promise<boolean>;
  /**
   * Keeps the file; does nothing when it is there already. Throws `hash-mismatch` when the bytes
   * have another hash.
   */
  putArtefact(sha256: string, bytes: Uint8Array): Promise<void>;
  /** Returns the bytes, not verified; null when the file is not there. */
  artefact(sha256: string): Promise<Uint8Array | null>;
}

/**
 * The store of a farm. Every call throws `HarnessError` `store-failed` when the store can't be
 * reached or refuses.
 */
export interface FarmStore extends ArtefactStore, AsyncDisposable {
  /** Address without a password. */
  readonly address: string;
  /** The database that it lies in: calibrations and history are kept there too. */
  readonly database: Sql;
  /**
   * Keeps what all shards of a run share. Repeating it with the same document changes nothing;
   * throws `store-failed` when the run is there with another one.
   */
  putRun(runId: string, document: unknown): Promise<void>;
  /** Returns what all shards of a run share; null when there is no such run. */
  run(runId: string): Promise<unknown>;
  /**
   * Adds shards to a run; those that are there already stay as they are. Throws `store-failed` when
   * one is there with another document.
   */
  addShards(runId: string, shards: readonly { index: number; document: unknown }[]): Promise<void>;
  /** Returns a shard; null when the run has none of this index. */
  shard(runId: string, index: number): Promise<StoredShard | null>;
  /** Returns all shards of a run without their documents, by index. */
  progress(runId: string): Promise<Omit<StoredShard, "document">[]>;
  /**
   * Returns the right to write the shard's records and those that are there from earlier attempts
   * on the same device; null when the shard is done. Ends the right of every earlier claim.
   */
  claim(
    runId: string,
    index: number,
    who: { device: string; host: string },
  ): Promise<{ claim: ShardClaim; earlier: AnyRecord[] } | null>;
  /**
   * Keeps records, each once: a repeated one is dropped. Returns how many were new.
   *
   * Throws `store-failed` when a newer attempt has claimed the shard, or the shard is done.
   */
  append(claim: ShardClaim, records: readonly AnyRecord[]): Promise<number>;
  /** Ends the attempt. Throws `store-failed` when a newer attempt has claimed the shard. */
  finish(claim: ShardClaim, outcome: ShardOutcome): Promise<void>;
  /** Returns all attempts at a run's shards, by shard and attempt. */
  attempts(runId: string): Promise<StoredAttempt[]>;
  /**
   * Yields the records of a run shard by shard, in order of the index; of a shard that changed
   * phones only those of the last.
   */
  shardRecords(runId: string): AsyncIterable<ShardRecords>;
}

/** Returns whether a call ended because the store could not be reached, or refused. */
export function isStoreFailure(error: unknown): error is HarnessError {
  return error instanceof HarnessError && error.code === "store-failed";
}

/** Cause of the error of a store that did not let the user in. */
export interface StoreRefusal {
  /** The database's code for it. */
  refusalCode: string;
}

/** Returns whether the store refused the user or the password: the same will be refused again. */
export function isStoreRefusal(error: unknown): boolean {
  return isStoreFailure(error) && typeof error.cause === "object" && error.cause !== null &&
    "refusalCode" in error.cause;
}

/**
 * Returns the key that a record has within its shard: two records with the same key are the same
 * measurement.
 */
export function recordKey(record: AnyRecord): string {
  switch (record.kind) {
    case "run":
      return "run";
    case "launch":
    case "benchncnn":
      return `${record.kind}/${record.variantId}/${record.round}`;
    case "turns":
      return `turns/${record.variantId}/${record.turns.launch}`;
    case "failure":
      return `failure/${record.variantId}/${record.round}/${record.at}`;
    case "parity":
      return `${record.kind}/${record.variantId}/${record.imageId}`;
    case "layer-times":
    case "layer-parity":
      return `${record.kind}/${record.variantId}`;
    case "roofline":
      return "roofline";
  }
}
