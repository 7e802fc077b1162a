/**
 * The flow of `deno task explain`: the combinations between two variants are measured by turns, and
 * the difference is divided among the changes.
 *
 * @module
 */
import * as path from "@std/path";
import { HarnessError } from "../errors.ts";
import { openCheckedDataset } from "../images/check_pictures.ts";
import { detectionGroups, resultsOfRun } from "../parity/accuracy.ts";
import { apDraws } from "../parity/ap_difference.ts";
import type { CocoAnnotations } from "../pose/coco_annotations.ts";
import { readRecords, requireNewFolder } from "../record/record_log.ts";
import { type RunRecords, sortRecords } from "../record/run_records.ts";
import { variantId, type VariantKey } from "../record/variant.ts";
import { writeWhole } from "../report/report_file.ts";
import { writeReport } from "../report/write_report.ts";
import { openExperiment } from "../run/experiment.ts";
import { openLauncher } from "../run/relative_times.ts";
import { checkKeypoints, type DeviceSession } from "../run/session.ts";
import type { ExperimentContext, ExperimentSettings } from "../run/settings.ts";
import { attribute, attributeDraws, type Attribution } from "../stats/attribution.ts";
import { explainedChanges, type Explanation, factor, speedUpOf } from "../tune/explanation.ts";
import { type Ladder, ladderOf, MOST_CHANGES, stepIds, stepLabel } from "../tune/ladder.ts";
import { judge } from "./judge_run.ts";
import { ownSides } from "./own_sides.ts";
import { prepareKeys, type TunedModel } from "./prepare_keys.ts";
import { parityFailures, yardstickOf } from "./yardstick.ts";

/** Options of an explanation, checked. */
export interface ExplainOptions {
  settings: ExperimentSettings;
  from: VariantKey;
  to: VariantKey;
  model: TunedModel;
  /** Rounds; each has a launch of every group of combinations. */
  rounds: number;
  out: string;
}

/**
 * Returns what each change earned; `out` gets the report of all combinations and `explain.json`.
 *
 * Throws `HarnessError`: `bad-option` when nothing or too much differs, or when no order of the
 * changes passes through variants that can be made; what preparing, devices and launches throw.
 */
export async function explain(
  options: ExplainOptions,
  context: ExperimentContext,
): Promise<Explanation> {
  const { settings, from, to, out, rounds } = options;
  requireNewFolder(out);
  const ladder = checkedLadder(from, to);
  const dataset = await openCheckedDataset(settings);
  const keys = ladder.steps.map(({ key }) => key);
  const { variants, notMade } = await prepareKeys(keys, options, context);
  for (const [id, reason] of notMade) {
    throw new HarnessError("bad-option", `Cannot explain: ${id} can't be made: ${reason}`);
  }
  const measured: ReadonlyMap<string, number>[] = [];
  await using experiment = await openExperiment({
    settings,
    kind: "explain",
    options: { rounds },
    dataset,
    sides: ownSides(variants, settings, context),
    base: variantId(from),
    builds: ["release"],
    benchncnn: false,
    out,
  }, context);
  if (experiment.devices.length !== 1) {
    throw new HarnessError(
      "bad-option",
      `Cannot explain on ${experiment.devices.length} devices at once: name one by --device`,
    );
  }
  await experiment.onEachDevice(async (session) => {
    await checkKeypoints(session);
    measured.push(...await measureRounds(session, ladder, rounds));
  }, "mend the cause and explain again.");
  const records = sortRecords(readRecords(experiment.log.path).records);
  refuseFailures(records);
  const changes = ladder.changes.map(({ name }) => name);
  const time = attribute(changes, ladder.orders, measured);
  const ap = accuracyOf(ladder, records, dataset.annotations);
  const explanation = explanationOf(options, ladder, measured, time, ap);
  await judge(out, { dataset, variants, warnings: dataset.warnings });
  await writeWhole(path.join(out, "explain.json"), JSON.stringify(explanation, null, 2) + "\n");
  await writeReport(out);
  return explanation;
}

function checkedLadder(from: VariantKey, to: VariantKey): Ladder {
  const fixed = [from, to].find(({ head }) => head === "decoded") ?? from;
  const ladder = ladderOf(from, to, fixed.shape);
  const count = ladder.changes.length;
  if (count === 0 || count > MOST_CHANGES) {
    throw new HarnessError(
      "bad-option",
      `Cannot explain the difference of ${variantId(from)} and ${
        variantId(to)
      }: ${count} things differ, expected 1 to ${MOST_CHANGES}`,
    );
  }
  if (ladder.orders.length === 0) {
    throw new HarnessError(
      "bad-option",
      `Cannot explain the difference of ${variantId(from)} and ${
        variantId(to)
      }: every order of the changes passes through a variant that no converter makes. Name two variants that are nearer`,
    );
  }
  return ladder;
}

/** Returns logs of time over the first variant's, by the combinations' names, for each round. */
async function measureRounds(
  session: DeviceSession,
  ladder: Ladder,
  rounds: number,
): Promise<Map<string, number>[]> {
  const { experiment: { context }, setup } = session;
  const ids = stepIds(ladder);
  const [first] = ids.values();
  const step = context.progress.step(`${setup.device.serial}: ${rounds} rounds of ${ids.size}`);
  const launcher = await openLauncher(session, first, (message) => step.update(null, message));
  const measured: Map<string, number>[] = [];
  // one launch each alone, for absolute times and memory
  await launcher.alone([...ids.values()], 0);
  for (let round = 1; round <= rounds; round++) {
    const times = await launcher.byTurns([...ids.values()], first, round);
    const failed = launcher.failed.entries().next().value;
    if (failed !== undefined) {
      throw new HarnessError("runner-failed", `Cannot explain: ${failed[0]}: ${failed[1]}`);
    }
    measured.push(new Map(ids.entries().map(([name, id]) => [name, times.get(id)!])));
    step.update(round / rounds, `round ${round} of ${rounds}`);
  }
  step.done();
  return measured;
}

/** A fast variant that computes something else explains nothing. */
function refuseFailures(records: RunRecords): void {
  for (const [id, reason] of parityFailures(records)) {
    throw new HarnessError(
      "convert-failed",
      `Cannot explain: ${id} fails parity: ${reason}. Run bench on it to see why`,
    );
  }
}

/** What the changes did to accuracy, with the AP of each combination by its name. */
interface ExplainedAccuracy {
  attribution: Attribution;
  ap: ReadonlyMap<string, number>;
  isAnnotated: boolean;
}

function accuracyOf(
  ladder: Ladder,
  records: RunRecords,
  annotations: CocoAnnotations | null,
): ExplainedAccuracy | null {
  const ids = stepIds(ladder);
  const [first] = ids.values();
  const { truth, isAnnotated } = yardstickOf(records, first, annotations);
  const groups = new Map(
    detectionGroups(records).values().map((group) => [group[0].variantId, group]),
  );
  const results = ids.values().toArray().map((id) =>
    resultsOfRun(records.run, groups.get(id) ?? [], truth.classes, ({ candidate }) => candidate)
  );
  const draws = apDraws(truth.annotations, results, truth.kind);
  if (draws === null) return null;
  const named = draws.map((values) => new Map([...ids.keys()].map((name, i) => [name, values[i]])));
  const changes = ladder.changes.map(({ name }) => name);
  return {
    attribution: attributeDraws(changes, ladder.orders, named),
    ap: named[0],
    isAnnotated,
  };
}

function explanationOf(
  { from, to }: ExplainOptions,
  ladder: Ladder,
  measured: readonly ReadonlyMap<string, number>[],
  time: Attribution,
  accuracy: ExplainedAccuracy | null,
): Explanation {
  const mean = (name: string) =>
    measured.reduce((sum, round) => sum + round.get(name)!, 0) / measured.length;
  return {
    from: variantId(from),
    to: variantId(to),
    speedUp: speedUpOf(time.whole),
    ap: accuracy && factor(accuracy.attribution.whole),
    isAnnotated: accuracy?.isAnnotated ?? false,
    rounds: measured.length,
    changes: explainedChanges(
      new Map(ladder.changes.map(({ name, label }) => [name, label])),
      time,
      accuracy?.attribution ?? null,
    ),
    steps: ladder.steps.map(({ name, key, made }) => ({
      id: variantId(key),
      label: stepLabel(ladder, made),
      timeRatio: Math.exp(mean(name)),
      ap: accuracy?.ap.get(name) ?? null,
    })),
  };
}
