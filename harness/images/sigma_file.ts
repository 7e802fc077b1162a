/**
 * `--sigmas`: the name of a published set or a file → standard deviations of joints.
 *
 * @module
 */
import * as path from "@std/path";
import { parse as parseYaml } from "@std/yaml";
import { HarnessError } from "../errors.ts";
import { type AskedSigmas, SIGMA_SETS, sigmaSet } from "../pose/sigmas.ts";

const EXPECTED = `one of ${
  SIGMA_SETS.map(({ name }) => name).join(", ")
}, or a file with a positive number a joint: a JSON or YAML list, an object by joint, "sigmas" or "kpt_oks_sigmas" in one, or numbers between commas`;

/**
 * Returns the standard deviations that a text names; throws `HarnessError` `bad-option` for a name
 * that is neither a set nor a file, and for a file without them.
 */
export async function readSigmas(named: string): Promise<AskedSigmas> {
  const set = sigmaSet(named);
  if (set !== undefined) {
    const { label, values, jointNames } = set;
    return { label: `${label}'s, as asked for`, values, jointNames };
  }
  const fail = (found: string, cause?: unknown): never => {
    throw new HarnessError(
      "bad-option",
      `Cannot use --sigmas ${named}: ${found}, expected ${EXPECTED}`,
      { cause },
    );
  };
  let text: string;
  try {
    text = await Deno.readTextFile(named);
  } catch (cause) {
    const isMissing = cause instanceof Deno.errors.NotFound;
    return fail(isMissing ? "no set and no file has this name" : (cause as Error).message, cause);
  }
  const label = `those of ${path.basename(named)}`;
  let value: unknown;
  try {
    value = parseYaml(text); // JSON is YAML too
  } catch (cause) {
    return fail(`it is no JSON and no YAML (${(cause as Error).message})`, cause);
  }
  if (typeof value === "string" && /^[\d\s.,eE+-]+$/.test(value)) {
    value = value.split(/[\s,]+/).filter((word) => word !== "").map(Number);
  }
  if (typeof value === "object" && value !== null && !Array.isArray(value)) {
    const inner = ["sigmas", "kpt_oks_sigmas"].map((key) => (value as Record<string, unknown>)[key])
      .find((each) => each !== undefined);
    value = inner ?? value;
  }
  const isSigma = (each: unknown): each is number =>
    typeof each === "number" && Number.isFinite(each) && each > 0;
  if (Array.isArray(value) && value.length > 0 && value.every(isSigma)) {
    return { label, values: value, jointNames: null };
  }
  if (typeof value === "object" && value !== null && !Array.isArray(value)) {
    const entries = Object.entries(value);
    if (entries.length > 0 && entries.every(([, each]) => isSigma(each))) {
      return {
        label,
        values: entries.map(([, each]) => each),
        jointNames: entries.map(([name]) => name),
      };
    }
  }
  return fail("it has no list of positive numbers");
}
