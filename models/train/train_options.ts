import * as path from "@std/path";
import { parseArgs } from "node:util";
import { HarnessError } from "../../harness/errors.ts";
import { type Activation, ACTIVATIONS } from "./manifest.ts";
import { limitedStages, SHIPPED_EXPORT_SIDE_PX, SHIPPED_STAGES, type Stage } from "./schedule.ts";

/** What a training is asked to do. */
export type TrainOptions = {
  activation: Activation;
  /** Where the ONNX file and its manifest go. */
  out: string;
  /** Where the virtual environment, the rendered pictures and the checkpoints go. */
  cache: string;
  stages: readonly Stage[];
  seed: number;
  /** Threads of torch: another number may give slightly other weights. */
  threads: number;
  exportSidePx: number;
};

const OPTION_NAMES = [
  ...[
    "activation",
    "out",
    "cache",
    "pictures",
    "batches",
    "seed",
    "threads",
    "export-imgsz",
  ] as const,
];

/**
 * Returns the options that the arguments ask for; what they leave out is as for the shipped models.
 *
 * `--pictures` and `--batches` limit every stage, for a quick try.
 *
 * @param environment reads a variable: `XDG_CACHE_HOME`, `HOME` or `USERPROFILE`.
 * @throws {HarnessError} `bad-option` for an unknown option or activation, or a number out of
 * range.
 */
export function trainOptionsOf(
  args: string[],
  environment: (name: string) => string | undefined = Deno.env.get,
): TrainOptions {
  const given = parsedOptions(args);
  const activation = ACTIVATIONS.find((known) => known === given.activation);
  if (activation === undefined) {
    throw new HarnessError(
      "bad-option",
      `Cannot train: --activation is ${given.activation || "missing"}: expected ${
        ACTIVATIONS.join(" or ")
      }`,
    );
  }
  const limits = {
    pictures: wholeNumber(given, "pictures", 1, 1),
    batches: wholeNumber(given, "batches", 1, 1),
  };
  const cache = given.cache ?? cacheFolder(environment);
  return {
    activation,
    out: given.out ?? path.join(cache, "train", "models"),
    cache,
    stages: limitedStages(SHIPPED_STAGES, limits),
    seed: wholeNumber(given, "seed", 0, 1) ?? 0,
    threads: wholeNumber(given, "threads", 1, 1) ?? 1,
    exportSidePx: wholeNumber(given, "export-imgsz", 32, 32) ?? SHIPPED_EXPORT_SIDE_PX,
  };
}

type GivenOptions = Partial<Record<typeof OPTION_NAMES[number], string>>;

function parsedOptions(args: string[]): GivenOptions {
  const options = Object.fromEntries(
    OPTION_NAMES.map((name) => [name, { type: "string" as const }]),
  );
  try {
    return parseArgs({ args, options, strict: true, allowPositionals: false }).values;
  } catch (cause) {
    throw new HarnessError(
      "bad-option",
      `Cannot train: ${(cause as Error).message}: expected ${
        OPTION_NAMES.map((name) => `--${name}`).join(", ")
      }`,
      { cause },
    );
  }
}

function wholeNumber(
  given: GivenOptions,
  name: typeof OPTION_NAMES[number],
  least: number,
  step: number,
): number | null {
  const text = given[name];
  if (text === undefined) return null;
  const value = text === "" ? NaN : Number(text);
  if (!Number.isSafeInteger(value) || value < least || value % step !== 0) {
    throw new HarnessError(
      "bad-option",
      `Cannot train: --${name} is "${text}": expected a whole number from ${least} on` +
        (step > 1 ? `, a multiple of ${step}` : ""),
    );
  }
  return value;
}

function cacheFolder(environment: (name: string) => string | undefined): string {
  const home = environment("HOME") ?? environment("USERPROFILE") ?? ".";
  return path.join(environment("XDG_CACHE_HOME") ?? path.join(home, ".cache"), "posemark");
}
