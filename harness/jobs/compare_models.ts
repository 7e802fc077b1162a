/**
 * The flow of `compare-models`: any models and prepared variants, run interleaved on every device,
 * ranked as far as can be told.
 *
 * @module
 */
import * as path from "@std/path";
import type { VariantOptions } from "../config.ts";
import { EXIT, HarnessError, type Warning } from "../errors.ts";
import { type PreparedVariant, prepareVariants } from "../model/prepare.ts";
import type { AnyLaunch, LaunchRecord } from "../record/records.ts";
import { openCheckedDataset } from "../images/check_pictures.ts";
import { reportExitCode } from "../report/build_report.ts";
import { sortRecords } from "../record/run_records.ts";
import type { ComparisonFile } from "../report/comparison.ts";
import { writeWhole } from "../report/report_file.ts";
import type { Report } from "../report/report_json.ts";
import { requireOwnPage } from "../report/report_file.ts";
import { writeReport } from "../report/write_report.ts";
import {
  type ComparedVariant,
  type ComparisonResult,
  judgeComparison,
} from "../stats/comparison.ts";
import { ratioIntervalOf } from "../stats/turns.ts";
import { openExperiment, type Side } from "../run/experiment.ts";
import { measure } from "../run/measure.ts";
import { roundsAlone } from "../run/schedule.ts";
import { checkKeypoints, type DeviceSession, measureRounds } from "../run/session.ts";
import type { ExperimentContext, ExperimentSettings } from "../run/settings.ts";
import { roundsOf, type RoundsOrDecision } from "../run/until_decided.ts";
import { readRecords, requireNewFolder } from "../record/record_log.ts";
import { comparedVariants } from "./compare_variants.ts";
import { judge } from "./judge_run.ts";
import { openOneSide } from "./sides.ts";
import { ownSides } from "./own_sides.ts";
import type { SideName } from "./side_names.ts";

/** What is compared: a model (file or name), or a variant as `sides.ts` names it. */
export type Compared = { kind: "model"; model: string } | SideName;

/** Options of a comparison, checked. */
export interface CompareOptions extends RoundsOrDecision {
  settings: ExperimentSettings;
  compared: Compared[];
  /** Which variants of each model. Its models are those that ids are looked up in. */
  variants: VariantOptions;
  /**
   * Time for which the load goes on without a pause, seconds; null waits for a cool device before
   * each launch.
   */
  sustainedSeconds: number | null;
  /** Folder of the run. */
  out: string;
}

/** What came of a comparison. */
export interface CompareOutcome {
  report: Report;
  variants: ComparedVariant[];
  result: ComparisonResult;
  exitCode: number;
}

/** Fewest rounds under a sustained load: a burst and an end must be told apart. */
const FEWEST_SUSTAINED_ROUNDS = 10;

/**
 * Runs the comparison and returns its judgements; records, report, page and `comparison.json` are
 * in `options.out`.
 *
 * Throws `HarnessError`: `bad-option` for fewer than two variants, `output-exists`, and what
 * preparing, devices and launches throw. A device that could not go on while others did is a
 * warning of the report.
 */
export async function compareModels(
  options: CompareOptions,
  context: ExperimentContext,
): Promise<CompareOutcome> {
  const { settings, compared, rounds, margin, budgetSeconds, sustainedSeconds, out } = options;
  requireNewFolder(out);
  // before the measuring, not after it
  await requireOwnPage(path.join(out, "report.html"));
  const dataset = await openCheckedDataset(settings);
  const { sides, warnings } = await openCompared(options, context);
  const variants = sides.map(({ variant }) => variant);
  await using experiment = await openExperiment({
    settings,
    kind: "compare-models",
    options: { compared, rounds, margin, budgetSeconds, sustainedSeconds },
    dataset,
    sides,
    base: null,
    builds: ["release"],
    benchncnn: false,
    out,
  }, context);
  const lost = await experiment.onEachDevice(async (session) => {
    const ids = session.variants.map(({ manifest: { id } }) => id);
    const schedule = roundsOf(ids, session.experiment.record.baseVariantId, options);
    if (sustainedSeconds === null) await measureRounds(session, { schedule, benchncnnRounds: 0 });
    else await measureSustained(session, rounds, sustainedSeconds);
    await checkKeypoints(session);
  }, "mend the cause and compare again.");
  const report = await judge(out, {
    dataset,
    variants,
    warnings: [...dataset.warnings, ...warnings, ...lost],
  });
  const records = sortRecords(readRecords(experiment.log.path).records);
  const judged = comparedVariants(report, records, dataset.annotations);
  const result = judgeComparison(judged, records.launches.filter(counts), {
    sustained: sustainedSeconds !== null,
    turns: records.turns.filter(counts),
    intervalOf: ratioIntervalOf(records.run),
  });
  const judgement: ComparisonFile = { runId: report.runId, variants: judged, ...result };
  await writeWhole(
    path.join(out, "comparison.json"),
    JSON.stringify(judgement, null, 2) + "\n",
  );
  await writeReport(out);
  const exitCode = lost.length > 0 ? EXIT.environment : reportExitCode(report);
  return { report, variants: judged, result, exitCode };
}

/** Times of an emulated phone count for nothing. */
function counts(launch: AnyLaunch): boolean {
  return !launch.marks.includes("emulated");
}

/**
 * Returns the variants of everything that is compared, models first, each under an id of its own.
 */
async function openCompared(
  { compared, variants, settings: { ncnnSource } }: CompareOptions,
  context: ExperimentContext,
): Promise<{ sides: Side[]; warnings: Warning[] }> {
  const models = compared.flatMap((each) => each.kind === "model" ? [each.model] : []);
  const asked = { ...variants, models, ncnnSource: ncnnSource ?? undefined, ...context };
  const { variants: prepared, warnings } = models.length === 0
    ? { variants: [], warnings: [] }
    : await prepareVariants(asked);
  for (const name of compared) {
    if (name.kind === "model") continue;
    prepared.push((await openOneSide(name, { variants, ncnnSource }, context)).variant);
  }
  if (prepared.length < 2) {
    throw new HarnessError(
      "bad-option",
      `Cannot compare: found ${prepared.length} variants, expected at least two. Name two models or prepared folders, or several by --precision, --activation, …`,
    );
  }
  return { sides: ownSides(distinctVariants(prepared), { ncnnSource }, context), warnings };
}

/**
 * Returns the variants with a number behind an id that was there before: two weights of one model
 * have the same.
 */
export function distinctVariants(variants: readonly PreparedVariant[]): PreparedVariant[] {
  const taken = new Set<string>();
  return variants.map(({ manifest, dir }) => {
    let id = manifest.id;
    for (let number = 2; taken.has(id); number++) id = `${manifest.id}.${number}`;
    taken.add(id);
    return { manifest: { ...manifest, id }, dir };
  });
}

/** Runs rounds under a load that goes on for a time without a pause. */
async function measureSustained(
  session: DeviceSession,
  rounds: number | null,
  sustainedSeconds: number,
): Promise<void> {
  const { setup: { device }, variants, launchPlan, experiment: { context, log } } = session;
  const step = context.progress.step(`${device.serial}: sustained load`, sustainedSeconds);
  const launches: LaunchRecord[] = [];
  const hooks = {
    log: {
      append(line: Parameters<typeof log.append>[0]) {
        log.append(line);
        if (line.kind === "launch") launches.push(line);
      },
    },
    earlier: launches,
    signal: context.signal,
    // a sustained load is not to cool down
    beforeLaunch: async () => ({ state: await device.state(), marks: [] }),
  };
  const manifests = variants.map(({ manifest }) => manifest);
  const ids = manifests.map(({ id }) => id);
  const plan = { ...launchPlan, variants: manifests, base: ids[0], benchncnnRounds: 0 };
  const beganMs = performance.now();
  const seconds = () => (performance.now() - beganMs) / 1000;
  const fewest = Math.max(rounds ?? 0, FEWEST_SUSTAINED_ROUNDS);
  for (let round = 0; round < fewest || seconds() < sustainedSeconds; round++) {
    // the burst and the end are told from launches alone
    const schedule = roundsAlone(ids, round + 1);
    const { failed } = await measure(session.setup, { ...plan, schedule }, hooks);
    if (failed > 0 && launches.length === 0) break;
    step.update(Math.min(1, seconds() / sustainedSeconds), `${round + 1} rounds`);
  }
  step.done();
}
