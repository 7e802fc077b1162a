/**
 * Changes what a reader reads, and counts how it takes it (fast-check).
 *
 * @module
 */
import fc from "fast-check";
import { isTold, type Reader } from "./readers.ts";

/** What came of a target, of either side. */
export interface CampaignRow {
  target: string;
  executions: number;
  seconds: number;
  /** What was reached: readings that were accepted, or edges of the runner's code. */
  reached: string;
  findings: number;
}

/** What came of fuzzing one reader. */
export interface FuzzOutcome {
  name: string;
  executions: number;
  /** How many were read; the others were refused with an error that a user can act on. */
  accepted: number;
  longestMs: number;
  /** Input and error of what neither was read nor refused as it should; null when nothing was. */
  finding: { input: string; error: string } | null;
}

/** A text that a reader may take a wrong turn at. */
const TOKENS = [
  ..."\0\n\r\t\"'{}[]=,:;|()-+.",
  "-1",
  "0",
  "1e999",
  "NaN",
  "null",
  "true",
  "2147483648",
  ...["18446744073709551616", "-23310=", "__proto__", "constructor", "\ud800", "\u202e"],
  ...["@@posemark ", "[a]: [", "A".repeat(300), "[".repeat(200), '{"a":'.repeat(50)],
].map((text) => new TextEncoder().encode(text));

/** One change of bytes; places are shares of the length. */
type Change =
  | { kind: "set"; at: number; value: number }
  | { kind: "cut"; at: number; share: number }
  | { kind: "repeat"; at: number; share: number }
  | { kind: "token"; at: number; token: number }
  | { kind: "end"; at: number };

const at = fc.double({ min: 0, max: 1, noNaN: true });
const CHANGE: fc.Arbitrary<Change> = fc.oneof(
  fc.record({ kind: fc.constant("set" as const), at, value: fc.integer({ min: 0, max: 255 }) }),
  fc.record({ kind: fc.constant("cut" as const), at, share: at }),
  fc.record({ kind: fc.constant("repeat" as const), at, share: at }),
  fc.record({
    kind: fc.constant("token" as const),
    at,
    token: fc.integer({ min: 0, max: TOKENS.length - 1 }),
  }),
  fc.record({ kind: fc.constant("end" as const), at }),
);

/** Longest input, bytes: what is repeated often enough would only take time. */
const MOST_BYTES = 1 << 20;

function changed(bytes: Uint8Array, change: Change): Uint8Array {
  const place = Math.floor(change.at * bytes.length);
  const join = (...parts: Uint8Array[]) => {
    const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
    let offset = 0;
    for (const part of parts) {
      all.set(part, offset);
      offset += part.length;
    }
    return all.subarray(0, MOST_BYTES);
  };
  const [before, after] = [bytes.subarray(0, place), bytes.subarray(place)];
  switch (change.kind) {
    case "set":
      return join(before, Uint8Array.of(change.value), after.subarray(1));
    case "cut":
      return join(before, after.subarray(Math.ceil(change.share * Math.min(64, after.length))));
    case "repeat":
      return join(before, after.subarray(0, Math.ceil(change.share * 64)), after);
    case "token":
      return join(before, TOKENS[change.token], after);
    case "end":
      return before;
  }
}

/**
 * Makes a reader read so many changed inputs, from a seed, and returns how it took them. It ends at
 * the first finding, made as small as fast-check can.
 *
 * @param slowMs longest time that one reading may take
 */
export async function fuzzReader(
  reader: Reader,
  executions: number,
  seed: number,
  slowMs = 5000,
): Promise<FuzzOutcome> {
  const seeds = await reader.seeds();
  const outcome = { name: reader.name, executions: 0, accepted: 0, longestMs: 0 };
  const input = fc.record({
    from: fc.integer({ min: 0, max: seeds.length - 1 }),
    changes: fc.array(CHANGE, { minLength: 0, maxLength: 6 }),
  });
  const property = fc.asyncProperty(input, async ({ from, changes }) => {
    const bytes = changes.reduce(changed, seeds[from]);
    const began = performance.now();
    outcome.executions++;
    try {
      await reader.read(bytes);
      outcome.accepted++;
    } catch (error) {
      if (!isTold(error)) throw error;
    }
    const tookMs = performance.now() - began;
    outcome.longestMs = Math.max(outcome.longestMs, tookMs);
    if (tookMs > slowMs) throw new Error(`it took ${Math.round(tookMs)} ms`);
  });
  const run = await fc.check(property, { numRuns: executions, seed, endOnFailure: false });
  if (!run.failed) return { ...outcome, finding: null };
  const [{ from, changes }] = run.counterexample!;
  const error = run.errorInstance;
  return {
    ...outcome,
    finding: {
      input: new TextDecoder().decode(changes.reduce(changed, seeds[from])).slice(0, 500),
      error: error instanceof Error ? error.stack ?? error.message : String(error),
    },
  };
}
