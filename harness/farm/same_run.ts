/**
 * Whether a run that is gone on with is the one in the store: pure.
 *
 * @module
 */
import { HarnessError } from "../errors.ts";
import { firstDifference } from "../record/experiment_keys.ts";
import { type FarmRun, FarmRunSchema, type Side } from "./shard_file.ts";
import { parseStrictly } from "../record/strict_json.ts";

/**
 * Throws `HarnessError` `bad-option` that names the first key in which the run asked for is not the
 * one in the store.
 *
 * When, where and by which command line a start was made, and where its model files lay, make no
 * other run.
 *
 * @param stored document of the run in the store
 * @param where the store's address, for messages
 */
export function requireSameRun(stored: unknown, asked: FarmRun, where: string): void {
  const known = parseStrictly(FarmRunSchema, stored, `run "${asked.runId}" of ${where}`);
  // Through JSON, as the stored one went.
  const again = JSON.parse(JSON.stringify(asked));
  const difference = firstDifference(identity(known), identity(again));
  if (difference === null) return;
  const { key, then, now } = difference;
  throw new HarnessError(
    "bad-option",
    `Cannot go on with run "${asked.runId}" of ${where}: its key "${key}" is ${then} there and ${now} now. Ask for the same as then, or leave --run-id out for a run of its own`,
  );
}

/** The run without what may differ between two starts of it. */
function identity(
  { createdAt: _at, command: _command, commits: _commits, sides, ...run }: FarmRun,
) {
  const withoutPath = ({ manifest, ...side }: Side) => {
    const { path: _, ...source } = manifest.source;
    return { ...side, manifest: { ...manifest, source } };
  };
  return {
    ...run,
    sides: Object.fromEntries(
      Object.entries(sides).map(([id, side]) => [id, withoutPath(side)]),
    ),
  };
}
