/**
 * One stage of the tuner on a device: prepare, check, race, judge.
 *
 * @module
 */
import { HarnessError } from "../errors.ts";
import type { ImageDataset } from "../images/dataset.ts";
import type { PreparedVariant } from "../model/prepare.ts";
import { type ApDifference, apDifference } from "../parity/ap_difference.ts";
import { detectionGroups, resultsOfRun } from "../parity/accuracy.ts";
import { readRecords } from "../record/record_log.ts";
import { type RunRecords, sortRecords } from "../record/run_records.ts";
import { variantId, type VariantKey } from "../record/variant.ts";
import { openExperiment } from "../run/experiment.ts";
import { type RaceLimits, raceOnDevice, type RaceOutcome } from "../run/race.ts";
import { checkKeypoints } from "../run/session.ts";
import type { ExperimentContext, ExperimentSettings } from "../run/settings.ts";
import { newRace } from "../stats/race.ts";
import { type Found, refusalOf, type TuneLimits } from "../tune/judge_stage.ts";
import { ownSides } from "./own_sides.ts";
import { prepareKeys, type TunedModel } from "./prepare_keys.ts";
import { apOf, parityFailures, type Yardstick, yardstickOf } from "./yardstick.ts";

/** What a stage is run with. */
export interface StageRequest {
  name: string;
  settings: ExperimentSettings;
  model: TunedModel;
  dataset: ImageDataset;
  /** The first is the anchor. */
  keys: readonly VariantKey[];
  /** Of everything; in the first stage the anchor. */
  base: VariantKey;
  /**
   * What is known of the variants' accuracy without a check; null: keypoints and accuracy are
   * checked.
   */
  known: { ap: number | null; apDifference: ApDifference | null; refusal: string | null } | null;
  /** Null in the first stage, whose base gives it. */
  yardstick: Yardstick | null;
  limits: TuneLimits;
  raceLimits: Omit<RaceLimits, "aloneOnly">;
  margin: number;
  errorRate: number;
  /** Folder with the records. */
  out: string;
  /** True when the folder has records of this stage to go on with. */
  resume: boolean;
}

/** What came of a stage. */
export interface StageOutcome extends RaceOutcome {
  variants: PreparedVariant[];
  records: RunRecords;
  /** What was found of each variant besides its times, by id. */
  found: ReadonlyMap<string, Found>;
  yardstick: Yardstick;
  /** Contestants that could not be made, with the reason. */
  notMade: ReadonlyMap<string, string>;
}

/**
 * Returns the outcome of a stage on its one device. Variants that fail parity are not launched;
 * those that the limits refuse are launched alone, for their time, and do not race.
 *
 * Throws what preparing the anchor, devices and launches throw.
 */
export async function runStage(
  request: StageRequest,
  context: ExperimentContext,
): Promise<StageOutcome> {
  const { settings, keys, out } = request;
  const { variants, notMade } = await prepareKeys(keys, request, context);
  const anchorId = variantId(keys[0]);
  const baseId = variantId(request.base);
  const readLog = (file: string) => sortRecords(readRecords(file).records);
  await using experiment = await openExperiment({
    settings,
    kind: "tune",
    options: { stage: request.name },
    dataset: request.dataset,
    sides: ownSides(variants, settings, context),
    base: variants.some(({ manifest }) => manifest.id === baseId) ? baseId : anchorId,
    builds: ["release"],
    benchncnn: false,
    out,
    resume: request.resume,
  }, context);
  let outcome: (RaceOutcome & Pick<StageOutcome, "found" | "yardstick">) | null = null;
  await experiment.onEachDevice(async (session) => {
    if (request.known === null) await checkKeypoints(session);
    const records = readLog(experiment.log.path);
    const yardstick = request.yardstick ??
      yardstickOf(records, baseId, request.dataset.annotations);
    const found = foundIn(records, variants, yardstick, request);
    const failures = parityFailures(records);
    const failure = failures.get(baseId);
    if (failure !== undefined) throw failedBase(baseId, failure);
    const ids = variants.map(({ manifest }) => manifest.id)
      .filter((id) => id === anchorId || !failures.has(id));
    const aloneOnly = ids.filter((id) =>
      id !== anchorId && refusalOf(found.get(id)!, request.limits) !== null
    );
    const { errorRate, margin } = request;
    const raced = await raceOnDevice(session, newRace(ids, { errorRate, margin }), anchorId, {
      ...request.raceLimits,
      aloneOnly: new Set(aloneOnly),
    });
    for (const [id, reason] of raced.failed) {
      found.set(id, { ...found.get(id)!, refusal: reason });
    }
    outcome = { ...raced, found, yardstick };
  }, "mend the cause and run again with --resume.");
  return { ...outcome!, variants, records: readLog(experiment.log.path), notMade };
}

function failedBase(id: string, reason: string): HarnessError {
  return new HarnessError(
    "convert-failed",
    `Cannot tune: ${id}, which everything is compared with, fails parity: ${reason}. Run bench on it to see why`,
  );
}

/** Returns what the records say of each contestant besides its times. */
function foundIn(
  records: RunRecords,
  variants: readonly PreparedVariant[],
  { truth, baseResults }: Yardstick,
  { known }: StageRequest,
): Map<string, Found> {
  if (known !== null) {
    return new Map(variants.map(({ manifest }) => [manifest.id, { manifest, ...known }]));
  }
  const failures = parityFailures(records);
  const groups = new Map(
    detectionGroups(records).values().map((group) => [group[0].variantId, group]),
  );
  return new Map(variants.map(({ manifest }): [string, Found] => {
    const group = groups.get(manifest.id);
    const isWhole = group !== undefined && group.length >= records.run.images.length;
    const results = isWhole
      ? resultsOfRun(records.run, group, truth.classes, ({ candidate }) => candidate)
      : null;
    return [manifest.id, {
      manifest,
      ap: results && apOf(truth, results),
      apDifference: results && apDifference(truth.annotations, results, baseResults, truth.kind),
      refusal: failures.get(manifest.id) ?? null,
    }];
  }));
}
