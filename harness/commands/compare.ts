/**
 * The command `compare-models`.
 *
 * @module
 */
import * as path from "@std/path";
import { command } from "../cli.ts";
import { flag, option } from "../options.ts";
import { HarnessError } from "../errors.ts";
import { stderrProgress } from "../progress.ts";
import type { Compared } from "../jobs/compare_models.ts";
import { DECISION_OPTIONS, parseDuration, readDecision } from "./decision_options.ts";
import { print, printJson, tell } from "../terminal.ts";
import { printableValues } from "../text/printable.ts";
import { EXPERIMENT_OPTIONS, readExperimentSettings, runFolder } from "./experiment_options.ts";
import { readVariantOptions, VARIANT_OPTIONS } from "./variant_options.ts";

/** `compare-models`: which one to choose. */
export const compareModelsCommand = command({
  name: "compare-models",
  description:
    "ranks models and prepared variants on each device: speed, accuracy, size, memory, Pareto front, burst against sustained load",
  arguments: [{
    name: "<models...>",
    description: "ONNX files, names of models, folders of prepared variants, or variants' ids",
  }],
  options: {
    ...VARIANT_OPTIONS,
    model: {
      ...VARIANT_OPTIONS.model,
      description: "models that ids are looked up in. Default: the shipped ones",
    },
    ...EXPERIMENT_OPTIONS,
    ...DECISION_OPTIONS,
    sustained: option(
      "--sustained <time>",
      "go on without a pause for so long (90s, 10m, 1h), and compare the burst with the end",
      parseDuration,
    ),
    out: option("--out <dir>", "folder of the run. Default: reports/<time>-compare-models"),
    json: flag("--json", "print the judgements as JSON"),
  },
  async run(options, args, signal) {
    const settings = readExperimentSettings(options);
    const out = runFolder(options.out, "compare-models");
    const { compareModels } = await import("../jobs/compare_models.ts");
    const { comparisonText } = await import("../jobs/compare_variants.ts");
    const { report, variants, result, exitCode } = await compareModels({
      settings,
      compared: await readCompared(args),
      variants: readVariantOptions(options),
      ...readDecision(options),
      sustainedSeconds: options.sustained,
      out,
    }, { progress: stderrProgress(), signal });
    if (options.json) {
      printJson({ runId: report.runId, variants, ...result });
    } else {
      const { summaryText } = await import("../report/summary_text.ts");
      const { terminalColumns } = await import("../text/lines.ts");
      const columns = terminalColumns();
      const shown = printableValues({ report, variants, result });
      print(comparisonText(shown.variants, shown.result, shown.report, columns));
      print(summaryText(shown.report, columns));
    }
    tell(`\nReport: ${path.join(out, "report.html")}`);
    return exitCode;
  },
});

/** Returns what the arguments name: a prepared folder, a variant's id, else a model. */
async function readCompared(args: readonly string[]): Promise<Compared[]> {
  const { readSideName } = await import("../jobs/side_names.ts");
  const compared: Compared[] = [];
  for (const text of args) {
    if (/\.(onnx|pt)$/i.test(text) || /^[\w@:-]+$/.test(text) && !await isFolder(text)) {
      compared.push({ kind: "model", model: text });
      continue;
    }
    const name = await readSideName("the argument", text);
    if (name.kind !== "folder" && name.kind !== "variant") {
      throw new HarnessError(
        "bad-option",
        `Cannot compare "${text}": expected an ONNX file, the name of a model, the folder of a prepared variant or a variant's id`,
      );
    }
    compared.push(name);
  }
  return compared;
}

async function isFolder(file: string): Promise<boolean> {
  try {
    return (await Deno.stat(file)).isDirectory;
  } catch (cause) {
    if (cause instanceof Deno.errors.NotFound) return false;
    throw cause;
  }
}
