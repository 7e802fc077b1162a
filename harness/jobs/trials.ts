/**
 * The flow of the gate's trials: gates of one variant against itself, with and without an injected
 * slow-down, counted.
 *
 * @module
 */
import * as path from "@std/path";
import { makeFolder } from "../disk.ts";
import { DEFAULT_GATE_CONFIG } from "../gate/config.ts";
import { planTrials, type Trial, type TrialResult } from "../gate/trials.ts";
import { openCheckedDataset } from "../images/check_pictures.ts";
import { seededRng } from "../stats/rng.ts";
import type { Sql } from "../store/sql.ts";
import type { ExperimentContext, ExperimentSettings } from "../run/settings.ts";
import { requireNewFolder } from "../record/record_log.ts";
import { gatePairs } from "./gate_live.ts";
import { openOneSide, pairSides } from "./sides.ts";
import type { SideName } from "./side_names.ts";
import type { VariantOptions } from "../config.ts";

/** Name of the file with a line a gate. */
const RESULTS = "trials.jsonl";

/** Options of the trials, checked. */
export interface TrialsOptions {
  settings: ExperimentSettings;
  /** What is run; null: the first variant that the options produce. */
  variant: SideName | null;
  variants: VariantOptions;
  /** Thresholds, and slow-downs to be found at them, percent. */
  sizesPercent: readonly number[];
  /** A/A gates in all, and slowed-down gates for each size. */
  counts: { same: number; slow: number };
  /** Device time after which a gate is inconclusive, seconds. */
  budgetSeconds: number;
  seed: number;
  /** Folder that gets `trials.jsonl`, a line a gate, and a folder with the records of each. */
  out: string;
}

/**
 * Runs the trials one after the other and returns what each ended in; each is in `trials.jsonl` as
 * soon as it is over.
 *
 * Throws what {@linkcode gatePairs} throws; what is over is kept.
 */
export async function runTrials(
  options: TrialsOptions,
  history: Sql,
  context: ExperimentContext,
): Promise<TrialResult[]> {
  const { settings, variant, variants, sizesPercent, counts, budgetSeconds, seed, out } = options;
  requireNewFolder(out, RESULTS);
  const dataset = await openCheckedDataset(settings);
  const side = await openOneSide(
    variant,
    { variants, ncnnSource: settings.ncnnSource },
    context,
  );
  const name: SideName = { kind: "variant", id: side.variant.manifest.id };
  const trials = planTrials(sizesPercent, counts, seededRng(seed));
  makeFolder(out);
  const results: TrialResult[] = [];
  const gate = async (trial: Trial, folder: string) => {
    const { result } = await gatePairs(
      pairSides([side], [side]),
      dataset,
      {
        settings,
        baseline: name,
        candidate: name,
        variants,
        config: {
          gate: {
            ...DEFAULT_GATE_CONFIG.gate,
            // one variant against itself: its keypoints need no second check
            maxApDrop: null,
            thresholdsPercent: { "total.p50": trial.thresholdPercent },
            budgetSeconds,
          },
        },
        injectSlowdownPercent: trial.injectPercent,
        out: path.join(out, folder),
      },
      history,
      context,
    );
    // one metric, on the one device
    const [{ verdict, ratio, low, high }] = result.metrics;
    return { ...trial, verdict, ratio, low, high, blocks: result.blocks, seconds: result.seconds };
  };
  for (const [index, trial] of trials.entries()) {
    const folder = String(index + 1).padStart(String(trials.length).length, "0");
    const result = await gate(trial, folder);
    results.push(result);
    await Deno.writeTextFile(path.join(out, RESULTS), JSON.stringify(result) + "\n", {
      append: true,
    });
  }
  return results;
}
