/**
 * What the CPU can do at best, by `posemark-runner roofline` (pure).
 *
 * @module
 */
import { HarnessError } from "../errors.ts";
import { type Roofline, RooflineSchema, RunnerHeaderSchema } from "../record/records.ts";
import { parseStrictly } from "../record/strict_json.ts";

/**
 * Returns the roofline in the stdout of `posemark-runner roofline`: a header and one line.
 *
 * Throws `HarnessError`: `bad-device-output` when the lines are not two, `bad-record` when one is
 * not by its schema.
 */
export function parseRoofline(stdout: string): Roofline {
  const lines = stdout.split(/\r?\n/).filter((line) => line.trim() !== "");
  if (lines.length !== 2) {
    throw new HarnessError(
      "bad-device-output",
      `Cannot read the roofline: found ${lines.length} lines, expected the runner's header and one line of figures: run it again`,
    );
  }
  parseStrictly(RunnerHeaderSchema, lines[0], "line 1 of the roofline");
  return parseStrictly(RooflineSchema, lines[1], "line 2 of the roofline");
}
