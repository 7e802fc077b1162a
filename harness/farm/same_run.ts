/**
 * Whether a run that is gone on with is the one in the store: pure.
 *
 * @module
 */
import { HarnessError } from "../errors.ts";
import { type FarmRun, FarmRunSchema, type Side } from "./shard_file.ts";
import { parseStrictly } from "../record/strict_json.ts";

/**
 * Throws `HarnessError` `bad-option` that names the first key in which the run asked for is not the
 * one in the store.
 *
 * When and by which command line a start was made, and where its model files lay, make no other
 * run.
 *
 * @param stored document of the run in the store
 * @param where the store's address, for messages
 */
export function requireSameRun(stored: unknown, asked: FarmRun, where: string): void {
  const known = parseStrictly(FarmRunSchema, stored, `run "${asked.runId}" of ${where}`);
  // Through JSON, as the stored one went.
  const difference = firstDifference(
    identity(known),
    identity(JSON.parse(JSON.stringify(asked))),
    "",
  );
  if (difference === null) return;
  throw new HarnessError(
    "bad-option",
    `Cannot go on with run "${asked.runId}" of ${where}: ${difference}. Ask for the same as then, or leave --run-id out for a run of its own`,
  );
}

/** The run without what may differ between two starts of it. */
function identity({ createdAt: _at, command: _command, sides, ...run }: FarmRun) {
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

/** Says at which key two JSON values differ first, and how; null when they don't. */
function firstDifference(then: unknown, now: unknown, key: string): string | null {
  if (isObject(then) && isObject(now)) {
    for (const name of new Set([...Object.keys(then), ...Object.keys(now)])) {
      const found = firstDifference(then[name], now[name], key === "" ? name : `${key}.${name}`);
      if (found !== null) return found;
    }
    return null;
  }
  if (then === now) return null;
  return `its key "${key}" is ${shown(then)} there and ${shown(now)} now`;
}

/** Arrays count: their keys are indices. */
function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}

function shown(value: unknown): string {
  return value === undefined ? "absent" : JSON.stringify(value).slice(0, 120);
}
