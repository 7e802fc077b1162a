/**
 * The flow of `deno task bench`: prepare, build, deploy, measure, check, judge, report.
 *
 * @module
 */
import * as path from "@std/path";
import type { VariantOptions } from "../config.ts";
import { heatWarning } from "../device/cool_down.ts";
import { threadWarnings } from "../device/cores.ts";
import { EXIT, type Warning } from "../errors.ts";
import { prepareVariants } from "../model/prepare.ts";
import { openCheckedDataset } from "../images/check_pictures.ts";
import { reportExitCode } from "../report/build_report.ts";
import type { Report } from "../report/report_json.ts";
import { requireOwnPage } from "../report/report_file.ts";
import { writeReport } from "../report/write_report.ts";
import { type Experiment, openExperiment } from "../run/experiment.ts";
import { checkLayers } from "../run/layer_parity.ts";
import { profileLayers } from "../run/profile.ts";
import { effectiveOptions } from "../run/runner_command.ts";
import { checkKeypoints, type DeviceSession, measureRounds } from "../run/session.ts";
import type { ExperimentContext, ExperimentSettings } from "../run/settings.ts";
import { roundsOf, type RoundsOrDecision } from "../run/until_decided.ts";
import { requireNewFolder } from "../record/record_log.ts";
import { judge } from "./judge_run.ts";
import { ownSides } from "./own_sides.ts";

/** Options of a run, checked. */
export interface BenchOptions extends RoundsOrDecision {
  settings: ExperimentSettings;
  variants: VariantOptions;
  benchncnnRounds: number;
  /** Measure the layers' times by a profiling build after the rounds. */
  layerTimes: boolean;
  /** Compare every blob on the first image with onnxruntime's tensors, and keep the blobs. */
  compareLayers: boolean;
  /** Id of the variant that ratios are taken against; null: the first. */
  base: string | null;
  /** Folder of the run. */
  out: string;
  resume: boolean;
}

/**
 * Runs the whole flow and returns the report and the exit code; everything is written to
 * `options.out`.
 *
 * Throws `HarnessError` when nothing can be measured; what was finished before stays on record.
 */
export async function bench(
  options: BenchOptions,
  context: ExperimentContext,
): Promise<{ report: Report; exitCode: number }> {
  const { settings, rounds, margin, budgetSeconds } = options;
  const { benchncnnRounds, layerTimes, compareLayers, base, out, resume } = options;
  if (!resume) requireNewFolder(out, undefined, "Go on with it by --resume. ");
  // before the measuring, not after it
  await requireOwnPage(path.join(out, "report.html"));
  const dataset = await openCheckedDataset(settings);
  const ncnnSource = settings.ncnnSource ?? undefined;
  const prepared = await prepareVariants({ ...options.variants, ncnnSource, ...context });
  const { variants } = prepared;
  await using experiment = await openExperiment({
    settings,
    kind: "bench",
    options: { rounds, margin, budgetSeconds, benchncnnRounds, layerTimes, compareLayers, base },
    dataset,
    sides: ownSides(variants, settings, context),
    base,
    builds: layerTimes ? ["release", "profile"] : ["release"],
    benchncnn: benchncnnRounds > 0,
    ...{ out, resume },
  }, context);
  const warnings = [...dataset.warnings, ...prepared.warnings, ...await deviceWarnings(experiment)];
  const lost = await experiment.onEachDevice(
    (session) => benchDevice(session, experiment, options),
    "mend the cause and run again with --resume.",
  );
  const report = await judge(out, {
    dataset,
    variants,
    warnings: [...warnings, ...lost],
  });
  await writeReport(out);
  const exitCode = lost.length > 0 ? EXIT.environment : reportExitCode(report, rounds ?? 1);
  return { report, exitCode };
}

async function benchDevice(
  session: DeviceSession,
  experiment: Experiment,
  options: BenchOptions,
): Promise<void> {
  const ids = session.variants.map(({ manifest: { id } }) => id);
  const schedule = roundsOf(ids, session.experiment.record.baseVariantId, options);
  await measureRounds(session, { schedule, benchncnnRounds: options.benchncnnRounds });
  await checkKeypoints(session);
  if (options.compareLayers) await checkLayers(session, options.out);
  if (!options.layerTimes) return;
  const { device } = session.setup;
  const [{ manifest }] = session.variants;
  await profileLayers(session, experiment.runnerOf(device, manifest.id, "profile"));
}

/** Returns warnings about commits, thread counts and heat. */
async function deviceWarnings({ devices, record, settings }: Experiment): Promise<Warning[]> {
  const warnings: Warning[] = (record.commits?.unknown ?? []).map((words) => ({
    code: "commit-unknown",
    message: `The run is filed without a commit: git said: ${words}`,
    advice: "Do as git says, so that the history can tell which commit got slower.",
  }));
  for (const [index, device] of devices.entries()) {
    const description = record.devices[index];
    const { threads, powersave, coreMask } = effectiveOptions(settings.runner, description);
    const where = coreMask === null ? { powersave: powersave as 0 | 1 | 2 } : { coreMask };
    warnings.push(...threadWarnings(description, threads, where));
    const heat = heatWarning(description, await device.state());
    if (heat) warnings.push(heat);
  }
  return warnings;
}
