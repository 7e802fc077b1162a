import { parseArgs } from "node:util";
import * as path from "@std/path";
import { HarnessError } from "../../harness/errors.ts";
import { type Activation, ACTIVATIONS } from "./manifest.ts";

/** What a training is asked to do. */
export type TrainOptions = {
  activation: Activation;
  /** Where the ONNX file and its manifest go. */
  out: string;
  /** Where the virtual environment, the rendered set and the checkpoints go. */
  cache: string;
  pictures: number;
  /** How many batches the training has, and how many pictures a batch. */
  batches: number;
  batch: number;
  seed: number;
  threads: number;
  trainSidePx: number;
  exportSidePx: number;
};

/** How the shipped models were trained. */
export const SHIPPED_SCHEDULE = {
  pictures: 8000,
  batches: 4500,
  batch: 8,
  seed: 0,
  threads: 1,
  trainSidePx: 160,
  exportSidePx: 160,
} as const;

/** The options that are numbers: their name, the field, the least value and the step. */
const NUMBERS = [
  { name: "pictures", field: "pictures", least: 1, step: 1 },
  { name: "batches", field: "batches", least: 1, step: 1 },
  { name: "batch", field: "batch", least: 1, step: 1 },
  { name: "seed", field: "seed", least: 0, step: 1 },
  { name: "threads", field: "threads", least: 1, step: 1 },
  { name: "imgsz", field: "trainSidePx", least: 32, step: 32 },
  { name: "export-imgsz", field: "exportSidePx", least: 32, step: 32 },
] as const;

/**
 * Returns the options that the arguments ask for; what they leave out is as for the shipped models.
 *
 * @param environment reads a variable: `XDG_CACHE_HOME`, `HOME` or `USERPROFILE`.
 * @throws {HarnessError} `bad-option` for an unknown option or activation, or a number out of range.
 */
export function trainOptionsOf(
  args: string[],
  environment: (name: string) => string | undefined = Deno.env.get,
): TrainOptions {
  const names = ["activation", "out", "cache", ...NUMBERS.map(({ name }) => name)];
  const parsed = parsedOptions(args, names);
  const activation = ACTIVATIONS.find((known) => known === parsed.activation);
  if (activation === undefined) {
    throw new HarnessError(
      "bad-option",
      `Cannot train: --activation is ${parsed.activation || "missing"}: expected ${
        ACTIVATIONS.join(" or ")
      }`,
    );
  }
  const numbers: Record<string, number> = { ...SHIPPED_SCHEDULE };
  for (const { name, field, least, step } of NUMBERS) {
    const text = parsed[name];
    if (text === undefined) continue;
    const value = text === "" ? NaN : Number(text);
    if (!Number.isSafeInteger(value) || value < least || value % step !== 0) {
      throw new HarnessError(
        "bad-option",
        `Cannot train: --${name} is "${text}": expected a whole number from ${least} on` +
          (step > 1 ? `, a multiple of ${step}` : ""),
      );
    }
    numbers[field] = value;
  }
  const cache = typeof parsed.cache === "string" ? parsed.cache : cacheFolder(environment);
  const out = typeof parsed.out === "string" ? parsed.out : path.join(cache, "train", "models");
  return { ...numbers, activation, cache, out } as TrainOptions;
}

function parsedOptions(args: string[], names: string[]): Record<string, unknown> {
  const options = Object.fromEntries(names.map((name) => [name, { type: "string" as const }]));
  try {
    return parseArgs({ args, options, strict: true, allowPositionals: false }).values;
  } catch (cause) {
    throw new HarnessError(
      "bad-option",
      `Cannot train: ${(cause as Error).message}: expected ${
        names.map((n) => `--${n}`).join(", ")
      }`,
      { cause },
    );
  }
}

function cacheFolder(environment: (name: string) => string | undefined): string {
  const home = environment("HOME") ?? environment("USERPROFILE") ?? ".";
  return path.join(environment("XDG_CACHE_HOME") ?? path.join(home, ".cache"), "posemark");
}
