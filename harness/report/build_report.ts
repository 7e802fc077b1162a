/**
 * Records → report JSON: the figures and judgements of every variant on every device (pure).
 *
 * @module
 */
import { EXIT, type Warning } from "../errors.ts";
import type { Accuracy } from "../parity/accuracy.ts";
import { parityDetails } from "../parity/details.ts";
import { type ParitySummary, summarizeParity } from "../parity/summary.ts";
import type {
  BenchncnnRecord,
  FailureRecord,
  LaunchRecord,
  ParityRecord,
} from "../record/records.ts";
import { METRIC_NAMES, metricOf } from "../record/metrics.ts";
import type { RunRecords } from "../record/run_records.ts";
import { DEFAULT_MAX_AP_DROP, NEAR_ZERO_AP } from "../parity/ap_verdict.ts";
import { robustInterval } from "../stats/interval.ts";
import { isUseless, type Ranking, rankVariants } from "../stats/ranking.ts";
import { groupByRound } from "../stats/round.ts";
import { summarizeLaunches, type VariantSummary } from "../stats/summary.ts";
import { ratioIntervalOf } from "../stats/turns.ts";
import type { DeviceDescription } from "../record/device.ts";
import type { VariantManifest } from "../record/variant.ts";
import { type EffectivePrecision, PRECISIONS } from "../record/precision.ts";
import { type Report, REPORT_VERSION, type ReportVariant } from "./report_json.ts";
import { conditionsOf } from "./conditions.ts";
import { qualityOf, variantFacts } from "./variant_facts.ts";

/** Everything that is not in the records. */
export interface ReportExtras {
  /** By `device variantId`; without those of {@linkcode ReportExtras.accuracyAbsent}. */
  accuracy: Map<string, Accuracy>;
  /** Why a variant has none, by `device variantId`. */
  accuracyAbsent: ReadonlyMap<string, string>;
  /** Thumbnails as data URIs by image id, of the images that are shown. */
  thumbnails: Map<string, string>;
  /** What joints are called and how they are joined. */
  skeletons: Report["skeletons"];
  graphs: Report["graphs"];
  layerTimes: Report["layerTimes"];
  /** Drawings of graphs with a layer beyond its tolerance, by `device variantId`. */
  layerDrawings: ReadonlyMap<string, string>;
  warnings: Warning[];
}

/** Pictures in the gallery, at most. */
const GALLERY_SIZE = 48;

/**
 * Returns the report of a run. Where a round was begun, interrupted and run again, the last launch
 * counts, and no other one is in the report.
 *
 * Throws `HarnessError` `bad-record` when launches contradict each other.
 */
export function buildReport(records: RunRecords, extras: ReportExtras): Report {
  const { run } = records;
  const launches = lastLaunches(records.launches);
  const judged = run.devices.map((device) =>
    deviceVariants(device, { ...records, launches }, records.launches, extras)
  );
  const gallery = galleryItems(records);
  const conditions = run.devices.map(({ serial }) =>
    conditionsOf(
      serial,
      launches.filter(({ device }) => device === serial),
      records.turns.filter(({ device }) => device === serial),
    )
  );
  const speeds = new Map(conditions.flatMap(({ speedOf }) => [...speedOf]));
  return {
    schemaVersion: REPORT_VERSION,
    runId: run.runId,
    createdAt: run.createdAt,
    command: run.command,
    options: run.options,
    harness: { ...run.harness, commits: run.commits ?? null },
    devices: run.devices,
    base: run.baseVariantId,
    apBudget: DEFAULT_MAX_AP_DROP,
    conditions: conditions.map(({ speedOf: _, ...told }) => told),
    rankings: judged.flatMap(({ ranking }) => ranking.variants.length === 0 ? [] : [ranking]),
    variants: judged.flatMap(({ variants }) => variants),
    images: run.images.map((image) => ({
      id: image.id,
      file: image.file,
      widthPx: image.widthPx,
      heightPx: image.heightPx,
      thumbnail: extras.thumbnails.get(image.id) ?? null,
    })),
    launches: launches.map((launch) => ({
      device: launch.device,
      variantId: launch.variantId,
      round: launch.round,
      position: launch.position,
      startedAt: launch.startedAt,
      marks: launch.marks,
      speed: speeds.get(launch) ?? null,
      stateBefore: launch.stateBefore,
      stateAfter: launch.stateAfter,
      images: launch.images.map(({ imageId, samplesNs }) => ({ imageId, samplesNs })),
    })),
    failures: records.failures.map(({ device, variantId, round, code, message }) => ({
      device,
      variantId,
      round,
      code,
      message,
    })),
    gallery,
    skeletons: extras.skeletons,
    graphs: extras.graphs,
    layerTimes: extras.layerTimes,
    roofline: records.roofline.map((roof) => ({
      device: roof.device,
      gflops: roof.fp32GflopPerSecond,
      fp16Gflops: roof.fp16GflopPerSecond,
      gbPerSecond: roof.bandwidthGbytePerSecond,
    })),
    layerParity: records.layerParity.map(
      ({ kind: _kind, schemaVersion: _version, runId: _runId, ...layers }) => ({
        ...layers,
        svg: extras.layerDrawings.get(`${layers.device} ${layers.variantId}`) ?? null,
      }),
    ),
    warnings: extras.warnings,
  };
}

/**
 * Returns the exit code of a report: 1 when a variant fails parity, 3 when one could not be run or
 * lacks one of the rounds that were asked for, 2 when that is so of models that ncnn refuses alone,
 * 4 when parity could not be judged, else 0.
 */
export function reportExitCode(report: Report, askedRounds = 1): number {
  if (report.variants.some((variant) => variant.parity.verdict === "fail")) return EXIT.failure;
  const incomplete = report.variants.filter(({ precision, rounds }) =>
    precision.effective === null || rounds < askedRounds
  );
  if (incomplete.length > 0) {
    const isRefused = ({ id, device }: ReportVariant) => {
      const own = report.failures.filter((failure) =>
        failure.variantId === id && failure.device === device
      );
      return own.length > 0 && own.every(({ code }) => code === "model-refused");
    };
    return incomplete.every(isRefused) ? EXIT.usage : EXIT.environment;
  }
  if (report.variants.some((variant) => variant.parity.verdict === "inconclusive")) {
    return EXIT.inconclusive;
  }
  return EXIT.pass;
}

/**
 * Returns the last launch of each variant and round on each device, in the order of the records.
 */
function lastLaunches(launches: LaunchRecord[]): LaunchRecord[] {
  const byDevice = Map.groupBy(launches, ({ device }) => device);
  const last = new Set(
    byDevice.values().flatMap((own) => groupByRound(own).values()).flatMap((rounds) =>
      rounds.values()
    ),
  );
  return launches.filter((launch) => last.has(launch));
}

/** `begun` are the launches with those that were repeated, of which the summary warns. */
function deviceVariants(
  device: DeviceDescription,
  records: RunRecords,
  begun: LaunchRecord[],
  extras: ReportExtras,
): { variants: ReportVariant[]; ranking: Ranking } {
  const { run } = records;
  const launches = begun.filter((launch) => launch.device === device.serial);
  const turns = records.turns.filter((launch) => launch.device === device.serial);
  const intervalOf = ratioIntervalOf(run);
  const summaries = new Map(
    summarizeLaunches(launches, run.baseVariantId, turns, intervalOf).map((
      summary,
    ) => [summary.variantId, summary]),
  );
  const variants = run.variants.map((manifest) =>
    judgedVariant(device, manifest, summaries.get(manifest.id) ?? null, records, extras)
  );
  const refused = new Map(
    variants.flatMap(({ id, unranked }) => unranked === null ? [] : [[id, unranked.message]]),
  );
  const ranking = rankVariants(device.serial, launches, { unranked: refused, turns, intervalOf });
  for (const { variantId, rank, unranked } of ranking.variants) {
    const variant = variants.find(({ id }) => id === variantId);
    if (variant === undefined || variant.unranked !== null) continue;
    variant.rank = rank;
    if (unranked === null) continue;
    variant.unranked = { code: "noise", message: unranked };
    variant.warnings.push({
      code: "no-rank",
      message: `It has no rank: ${unranked}.`,
      advice: "Run more rounds (--rounds) while nothing else works on the device.",
    });
  }
  return { variants, ranking };
}

/** Why a variant has no rank whatever its time; null when its launches decide. */
function unrankedOf(
  { emulated }: DeviceDescription,
  { verdict, matched, reason }: ParitySummary,
  launches: readonly LaunchRecord[],
): ReportVariant["unranked"] {
  if (launches.length === 0) return { code: "unfinished", message: "it did not run" };
  if (emulated) {
    return { code: "emulated", message: "the device is emulated: its times count for nothing" };
  }
  if (launches.some(({ marks }) => marks.includes("test-build"))) {
    return {
      code: "test-build",
      message: "it was measured by a test build of the runner: its times count for nothing",
    };
  }
  if (verdict === "fail") return { code: "parity", message: `parity failed: ${reason}` };
  return matched > 0 ? null : {
    code: "not-judged",
    message: "not one detection of it was judged against the reference",
  };
}

function judgedVariant(
  device: DeviceDescription,
  manifest: VariantManifest,
  summary: VariantSummary | null,
  records: RunRecords,
  extras: ReportExtras,
): ReportVariant {
  const own = <T extends { device: string; variantId: string }>(list: T[]) =>
    list.filter((item) => item.device === device.serial && item.variantId === manifest.id);
  const launches = own(records.launches);
  const checked = own(records.parity);
  const effective = launches[0]?.runner.options.precisionEffective ??
    checked[0]?.precisionEffective ?? null;
  const failures = own(records.failures);
  const parity = summarizeParity(checked, {
    speedOnly: manifest.speedOnly,
    expectedImages: records.run.images.length,
  });
  if (effective === null && failures.length > 0) {
    parity.reason = `did not run: ${failures.at(-1)!.message}`;
  }
  // No speed without correctness; times of an emulated phone are not a device's; nor those of a
  // test build.
  const claim = parity.verdict !== "fail" && !device.emulated &&
    !launches.some((launch) => launch.marks.includes("test-build"));
  const latencyNs = summary && {
    preprocess: percentilesOf(summary.latencyNs.preprocess),
    inference: percentilesOf(summary.latencyNs.inference),
    postprocess: percentilesOf(summary.latencyNs.postprocess),
    total: percentilesOf(summary.latencyNs.total),
  };
  const medianTotalNs = summary && summary.timeNs;
  const facts = variantFacts({ variant: manifest, effective, medianTotalNs });
  const isBase = manifest.id === records.run.baseVariantId;
  const ratio = summary?.ratio ??
    (isBase && summary !== null ? { value: 1, low: 1, high: 1, base: manifest.id } : null);
  const judgedAccuracy = accuracyOf(`${device.serial} ${manifest.id}`, manifest, extras);
  const { accuracy } = judgedAccuracy;
  const { speedOnly } = manifest;
  return {
    id: manifest.id,
    device: device.serial,
    activation: manifest.activation,
    head: manifest.head,
    precision: { requested: manifest.precision, effective },
    variant: manifest,
    ...facts,
    latencyNs,
    medianTotalNs,
    fps: claim && facts.timeNs !== null ? 1e9 / facts.timeNs : null,
    ratio: claim && ratio !== null ? { ...ratio, useless: isUseless(ratio) } : null,
    rank: null,
    unranked: unrankedOf(device, parity, launches),
    quality: qualityOf({ isBase, speedOnly, parity, accuracy }, DEFAULT_MAX_AP_DROP),
    rounds: summary?.roundCount ?? 0,
    figures: Object.fromEntries(METRIC_NAMES.flatMap((name) => {
      const figure = summary?.figures[name] ?? null;
      return figure === null ? [] : [[name, { unit: metricOf(name).unit, ...figure }]];
    })),
    parity: {
      ...parity,
      joints: namedJoints(parity.joints, extras.skeletons),
      details: parityDetails(checked),
    },
    ...judgedAccuracy,
    benchncnn: secondOpinion(
      manifest,
      summary?.figures["inference.p50"]?.value ?? null,
      own(records.benchncnn),
    ),
    warnings: [
      ...manifest.warnings,
      ...(summary?.warnings ?? []),
      ...(facts.ranAsAsked === false ? [precisionWarning(manifest, effective!)] : []),
      ...runWarnings(launches, failures),
      ...rankWarnings(parity, latencyNs !== null),
      ...accuracyWarnings(accuracy),
    ],
  };
}

/** The joints under the names that the data set or the model gives them. */
function namedJoints(
  joints: ReportVariant["parity"]["joints"],
  skeletons: Report["skeletons"],
): ReportVariant["parity"]["joints"] {
  const names = skeletons.find(({ keypointCount }) => keypointCount === joints.length)
    ?.jointNames ?? null;
  const plain = (name: string) => name.toLowerCase().replace(/[\s_-]+/g, " ");
  return joints.map((joint, index) => {
    const name = names?.[index] ?? joint.name;
    return plain(name) === joint.name ? joint : { ...joint, name };
  });
}

/** The accuracy of a variant with what makes it hard to believe, or the reason why it has none. */
function accuracyOf(
  key: string,
  { speedOnly, origin }: VariantManifest,
  { accuracy, accuracyAbsent }: ReportExtras,
): Pick<ReportVariant, "accuracy" | "accuracyAbsent"> {
  const found = speedOnly ? undefined : accuracy.get(key);
  if (found !== undefined) return { accuracy: found, accuracyAbsent: null };
  const reason = speedOnly
    ? origin === "given"
      ? "it has no reference: its speed alone is measured"
      : "its activation was swapped without retraining: it is for speed only"
    : accuracyAbsent.get(key) ?? "it was not evaluated";
  return { accuracy: null, accuracyAbsent: reason };
}

function percentilesOf(from: { p50: number; p90: number; p99: number }) {
  return { p50: from.p50, p90: from.p90, p99: from.p99 };
}

function precisionWarning({ precision }: VariantManifest, effective: EffectivePrecision): Warning {
  return {
    code: "precision-not-run",
    message: `${precision} was asked for, but this CPU executed ${effective}.`,
    advice: `Read its figures as those of ${effective}; ${precision} needs a CPU ${
      PRECISIONS[precision].needs ?? "that runs it"
    } (see cpuFeatures of the device).`,
  };
}

function rankWarnings({ verdict, matched }: ParitySummary, isTimed: boolean): Warning[] {
  if (!isTimed || verdict === "fail" || matched > 0) return [];
  return [{
    code: "no-rank",
    message: "It has no rank: not one detection of it was judged against the reference.",
    advice: "Give images in which the reference finds something, or lower --score-threshold.",
  }];
}

function runWarnings(launches: LaunchRecord[], failures: FailureRecord[]): Warning[] {
  const warnings: Warning[] = [];
  if (launches.some((launch) => launch.runner.debugBuild)) {
    warnings.push({
      code: "debug-build",
      message: "The runner is a debug build.",
      advice: "Build it without debugging to measure times.",
    });
  }
  const options = launches[0]?.runner.options;
  if (options && options.traps.length > 0) {
    warnings.push({
      code: "traps",
      message: `Known defects were switched on: ${options.traps.join(", ")}.`,
      advice: "Measure again: this version has no such switch, so that its pipeline is clean.",
    });
  }
  if (failures.length > 0) {
    warnings.push({
      code: "failed-launches",
      message: `${failures.length} launches failed; the first: ${failures[0].message}`,
      advice: failures.every(({ code }) => code === "model-refused")
        ? "ncnn can't run this model: mend it, or leave the variant out."
        : "Read the messages under failures; run again with --resume to fill the gaps.",
    });
  }
  return warnings;
}

function accuracyWarnings(accuracy: Accuracy | null): Warning[] {
  if (accuracy === null || accuracy.referenceAp >= NEAR_ZERO_AP) return [];
  return [{
    code: "reference-finds-nothing",
    message: `The model itself finds next to nothing on these images: the AP of its reference is ${
      accuracy.referenceAp.toFixed(3)
    }.`,
    advice:
      "Look whether annotations, classes and keypoints are those of the model, and whether its decode is right: agreement with such a reference proves little.",
  }];
}

/** benchncnn's average beside our time of the network at the same input size. */
function secondOpinion(
  manifest: VariantManifest,
  inferenceNs: number | null,
  records: BenchncnnRecord[],
): ReportVariant["benchncnn"] {
  if (records.length === 0 || inferenceNs === null) return null;
  const avgMs = Math.exp(robustInterval(records.map((record) => Math.log(record.avgMs))).estimate);
  return {
    minMs: Math.min(...records.map((record) => record.minMs)),
    avgMs,
    ratio: inferenceNs / 1e6 / avgMs,
    rounds: records.length,
    note:
      `benchncnn runs all-zero weights on a constant input at the same threads, cores and ${manifest.precision} options; its figure is an average, ours a median.`,
  };
}

/** Returns the ids of the images that the report shows, each once. */
export function shownImageIds(records: RunRecords): Set<string> {
  return new Set(galleryItems(records).map(({ imageId }) => imageId));
}

/**
 * The worst pictures first: unmatched detections, then the largest distance; every variant has a
 * share.
 */
function galleryItems({ run, parity }: RunRecords): Report["gallery"] {
  const worst = (record: ParityRecord) =>
    Math.max(0, ...record.matches.flatMap((match) => match.distancesPx));
  const missing = (record: ParityRecord) =>
    record.unmatchedReference.length + record.unmatchedCandidate.length;
  const pairs = run.devices.length * run.variants.length;
  const share = Math.max(1, Math.floor(GALLERY_SIZE / Math.max(1, pairs)));
  return run.devices.flatMap((device) =>
    run.variants.flatMap((manifest) =>
      parity
        .filter((record) => record.device === device.serial && record.variantId === manifest.id)
        .filter((record) => record.reference.length + record.candidate.length > 0)
        .toSorted((a, b) => missing(b) - missing(a) || worst(b) - worst(a))
        .slice(0, share)
        .map((record) => ({
          imageId: record.imageId,
          device: record.device,
          variantId: record.variantId,
          reference: record.reference,
          candidate: record.candidate,
          matches: record.matches,
          unmatchedReference: record.unmatchedReference,
          unmatchedCandidate: record.unmatchedCandidate,
        }))
    )
  );
}
