/**
 * The command `explain`: why one variant is faster than another.
 *
 * @module
 */
import * as path from "@std/path";
import { command } from "../cli.ts";
import { HarnessError } from "../errors.ts";
import { flag, integer, option } from "../options.ts";
import { stderrProgress } from "../progress.ts";
import { parseVariantId, type VariantKey } from "../record/variant.ts";
import { printResult, tell } from "../terminal.ts";
import { EXPERIMENT_OPTIONS, readExperimentSettings, runFolder } from "./experiment_options.ts";
import { SHIPPED_MODELS, VARIANT_OPTIONS } from "./variant_options.ts";

/** `explain`: what each change between two variants earned. */
export const explainCommand = command({
  name: "explain",
  description:
    "divides the speed-up, and the loss of AP, from one variant to another among what changed: activation, head, precision, size, converter, settings",
  arguments: [{
    name: "<variants...>",
    description: "two: ids of variants, or folders of prepared ones",
  }],
  options: {
    model: {
      ...VARIANT_OPTIONS.model,
      description: "models that ids are looked up in. Default: the shipped ones",
    },
    branch: VARIANT_OPTIONS.branch,
    calibrationImages: VARIANT_OPTIONS.calibrationImages,
    ...EXPERIMENT_OPTIONS,
    rounds: option("--rounds <n>", "rounds of every combination", integer(2, 100_000), "12"),
    out: option("--out <dir>", "folder of the run. Default: reports/<time>-explain"),
    json: flag("--json", "print explain.json instead of the text"),
  },
  async run(options, args, signal) {
    if (args.length !== 2) {
      throw new HarnessError(
        "bad-option",
        `Cannot explain: found ${args.length} variants, expected two: explain A B`,
      );
    }
    const settings = readExperimentSettings(options);
    const named = await Promise.all(args.map(readKey));
    const { explain } = await import("../jobs/explain.ts");
    const { explanationText } = await import("../tune/explanation.ts");
    const out = runFolder(options.out, "explain");
    const files = named.flatMap(({ modelFile }) => modelFile === null ? [] : [modelFile]);
    const explanation = await explain({
      settings,
      from: named[0].key,
      to: named[1].key,
      model: {
        models: options.model ?? (files.length > 0 ? [...new Set(files)] : SHIPPED_MODELS),
        branches: options.branch ?? undefined,
        calibrationImages: options.calibrationImages ?? undefined,
      },
      rounds: options.rounds,
      out,
    }, { progress: stderrProgress(), signal });
    printResult(options.json, explanation, explanationText);
    tell(`\nReport: ${path.join(out, "report.html")}`);
    return 0;
  },
});

/** Returns the key of a variant's id or of a prepared folder, whose model file is known too. */
async function readKey(text: string): Promise<{ key: VariantKey; modelFile: string | null }> {
  const key = parseVariantId(text);
  if (key !== null) return { key, modelFile: null };
  const { readSideName } = await import("../jobs/side_names.ts");
  const { readPreparedFolder } = await import("../jobs/own_sides.ts");
  const name = await readSideName("the argument", text);
  if (name.kind !== "folder") {
    throw new HarnessError(
      "bad-option",
      `Cannot explain "${text}": expected a variant's id or the folder of a prepared variant`,
    );
  }
  const { manifest } = await readPreparedFolder(name.dir);
  return { key: manifest, modelFile: manifest.source.path };
}
