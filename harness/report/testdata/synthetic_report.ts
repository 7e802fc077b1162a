/**
 * Synthetic reports for tests and examples: seeded, never measured, and marked as synthetic in
 * their run id and warnings.
 *
 * @module
 */
import { KEYPOINT_NAMES } from "../../../fixtures/render/body.ts";
import { testManifest } from "../../parity/testdata/manifest.ts";
import { ABILITIES, type DeviceDescription, type DeviceState } from "../../record/device.ts";
import { DEFAULT_MAX_AP_DROP } from "../../parity/ap_verdict.ts";
import type { LaunchRecord } from "../../record/records.ts";
import { launchFixture } from "../../stats/testdata/launch_fixture.ts";
import { quantile } from "../../stats/quantile.ts";
import { isUseless, type Ranking, rankVariants } from "../../stats/ranking.ts";
import { summarizeLaunches, type VariantSummary } from "../../stats/summary.ts";
import { metricOf } from "../../record/metrics.ts";
import { conditionsOf } from "../conditions.ts";
import { type Rng, seededRng } from "../../stats/rng.ts";
import { NO_SETTINGS } from "../../record/run_settings.ts";
import { type Activation, type Head, variantId, type VariantKey } from "../../record/variant.ts";
import { type EffectivePrecision, type Precision } from "../../record/precision.ts";
import {
  type Report,
  REPORT_VERSION,
  type ReportLaunch,
  type ReportVariant,
} from "../report_json.ts";
import { qualityOf, variantFacts } from "../variant_facts.ts";
import { pairsOf, seenBy, syntheticPeople } from "./synthetic_people.ts";
import { syntheticPicture } from "./synthetic_picture.ts";

/** Size of a synthetic run. */
export interface SyntheticSize {
  seed: number;
  devices: number;
  rounds: number;
  images: number;
  iterations: number;
  /** Pictures in the gallery; 0 for none. */
  pictures: number;
}

/** The example of the README and of `reports/examples/`. */
export const EXAMPLE_SIZE: SyntheticSize = {
  seed: 7,
  devices: 1,
  rounds: 8,
  images: 6,
  iterations: 12,
  pictures: 6,
};
/** More than 1,000,000 samples on 12 devices. */
export const HUGE_SIZE: SyntheticSize = {
  seed: 11,
  devices: 12,
  rounds: 10,
  images: 8,
  iterations: 131,
  pictures: 6,
};

interface Plan {
  activation: Activation;
  swapped: boolean;
  speedOnly: boolean;
  head: Head;
  requested: Precision;
  effective: EffectivePrecision;
  /** Time of the network relative to the base. */
  cost: number;
  postprocessUs: number;
  errorPx: number;
  fails: boolean;
  ap: number;
  fused: number;
  layers: number;
}

const COMMON = {
  swapped: false,
  speedOnly: false,
  head: "raw" as Head,
  fails: false,
  postprocessUs: 90,
  fused: 0,
  layers: 206,
};

const PLANS: Plan[] = [
  {
    ...COMMON,
    activation: "silu",
    requested: "fp32",
    effective: "fp32",
    cost: 1,
    errorPx: 0.0006,
    ap: 0.504,
  },
  {
    ...COMMON,
    activation: "silu",
    head: "decoded",
    requested: "fp32",
    effective: "fp32",
    cost: 1.05,
    postprocessUs: 60,
    errorPx: 0.0009,
    ap: 0.504,
    layers: 231,
  },
  {
    ...COMMON,
    activation: "silu",
    requested: "fp16",
    effective: "fp16-arithmetic",
    cost: 0.68,
    errorPx: 0.09,
    ap: 0.503,
  },
  {
    ...COMMON,
    activation: "relu",
    requested: "fp32",
    effective: "fp32",
    cost: 0.79,
    errorPx: 0.0006,
    ap: 0.388,
    fused: 63,
    layers: 131,
  },
  {
    ...COMMON,
    activation: "relu",
    requested: "fp16",
    effective: "fp16-arithmetic",
    cost: 0.52,
    errorPx: 0.1,
    ap: 0.389,
    fused: 63,
    layers: 131,
  },
  {
    ...COMMON,
    activation: "hardswish",
    swapped: true,
    requested: "fp32",
    effective: "fp32",
    cost: 0.82,
    errorPx: 0.0007,
    ap: 0.396,
    fused: 63,
    layers: 131,
  },
  {
    ...COMMON,
    activation: "silu",
    requested: "bf16",
    effective: "bf16-storage",
    cost: 0.86,
    errorPx: 2.9,
    ap: 0.49,
    fails: true,
  },
  {
    ...COMMON,
    activation: "relu",
    swapped: true,
    speedOnly: true,
    requested: "fp16",
    effective: "fp16-weights",
    cost: 0.74,
    errorPx: 0.05,
    ap: 0,
    fused: 63,
    layers: 131,
  },
];

const PHONES: [string, string, string, number][] = [
  ["Example", "Phone 8", "SoC G3", 58],
  ["Example", "Phone 7", "SoC G2", 74],
  ["Sample", "S24", "SoC 8-3", 41],
  ["Sample", "S21", "SoC 888", 69],
  ["Sample", "A54", "SoC 1380", 118],
  ["Specimen", "13", "SoC 8-2", 46],
  ["Specimen", "Note 12", "SoC 685", 171],
  ["Model", "Edge 40", "SoC 8020", 79],
  ["Model", "G Power", "SoC 480", 212],
  ["Probe", "X100", "SoC 9300", 44],
  ["Probe", "V29", "SoC 778", 92],
  ["Probe", "Y27", "SoC 85", 236],
];

/** Returns a synthetic report of the size. The same seed gives the same report on every machine. */
export function syntheticReport(size: SyntheticSize): Report {
  const rng = seededRng(size.seed);
  const devices = PHONES.slice(0, size.devices).map(([manufacturer, model, soc], i) =>
    phone(`SYNTH${String(i + 1).padStart(4, "0")}`, manufacturer, model, soc)
  );
  const images = Array.from({ length: size.images }, (_, i) => ({
    id: `synthetic-${i + 1}`,
    file: `synthetic_${String(i + 1).padStart(3, "0")}.png`,
    widthPx: i % 3 === 1 ? 480 : 640,
    heightPx: i % 3 === 1 ? 640 : 480,
    thumbnail: null as string | null,
  }));
  const people = images.map(({ widthPx, heightPx }, i) =>
    syntheticPeople(rng, widthPx, heightPx, 1 + i % 3)
  );
  for (let i = 0; i < size.pictures; i++) {
    images[i].thumbnail = syntheticPicture(images[i].widthPx, images[i].heightPx, people[i], 0.4);
  }
  const ids = PLANS.map((plan) => variantId(planKey(plan)));
  const gallery: Report["gallery"] = [];
  const launches: ReportLaunch[] = [];
  const variants: ReportVariant[] = [];
  const rankings: Ranking[] = [];
  const conditions: Report["conditions"] = [];
  for (const [d, device] of devices.entries()) {
    const own = deviceLaunches(
      rng,
      size,
      device.serial,
      ids,
      images.map(({ id }) => id),
      PHONES[d][3],
    );
    launches.push(...own);
    const records = own.map(recordOf);
    const { speedOf, ...told } = conditionsOf(device.serial, records);
    conditions.push(told);
    for (const [i, launch] of own.entries()) launch.speed = speedOf.get(records[i]) ?? null;
    const summaries = summarizeLaunches(records, ids[0]);
    for (const [v, plan] of PLANS.entries()) {
      const items = people.map((reference, i) => {
        const candidate = seenBy(rng, reference, plan.errorPx);
        const lost = plan.fails && i === 2;
        if (lost) candidate.pop();
        return {
          imageId: images[i].id,
          device: device.serial,
          variantId: ids[v],
          reference,
          candidate,
          matches: pairsOf(reference, candidate),
          unmatchedReference: lost ? [reference.length - 1] : [],
          unmatchedCandidate: [],
        };
      });
      if (d === 0) gallery.push(...items.slice(0, size.pictures));
      const summary = summaries.find((each) => each.variantId === ids[v])!;
      variants.push(judged(plan, ids[v], ids[0], device.serial, summary, items));
    }
    rankings.push(rankOn(variants, device.serial, records));
  }
  return {
    schemaVersion: REPORT_VERSION,
    skeletons: [],
    runId: `synthetic-seed-${size.seed}`,
    createdAt: "2026-07-01T09:30:00.000Z",
    command: [
      "deno",
      "task",
      "bench",
      "--device",
      devices.map(({ serial }) => serial).join(","),
      "--rounds",
      String(size.rounds),
      "--images",
      "my photos",
    ],
    options: {
      rounds: size.rounds,
      iterations: size.iterations,
      threads: 4,
      scoreThreshold: 0.25,
      nmsIou: 0.7,
    },
    harness: {
      version: "0.1.0",
      gitCommit: null,
      deno: "2.9.6",
      onnxruntime: "1.30.0",
      ncnn: "synthetic",
      runnerSha256: {},
    },
    devices,
    base: ids[0],
    apBudget: DEFAULT_MAX_AP_DROP,
    conditions,
    rankings,
    variants,
    images,
    launches,
    failures: [{
      device: devices[0].serial,
      variantId: ids[6],
      round: 3,
      code: "timeout",
      message: `Cannot finish the launch of "${ids[6]}" on device "${
        devices[0].serial
      }": no end marker within 60 s`,
    }],
    gallery,
    graphs: [graphOf(ids[0], 0), graphOf(ids[3], 63)],
    layerTimes: devices.slice(0, 1).flatMap(({ serial }) => layerTimes(rng, serial, ids[0])),
    roofline: [{ device: devices[0].serial, gflops: 96, fp16Gflops: null, gbPerSecond: 21 }],
    layerParity: [{
      device: devices[0].serial,
      variantId: ids[0],
      imageId: "image0",
      precisionEffective: "fp32",
      compared: 203,
      failed: 1,
      firstBeyond: { ...BEYOND },
      worst: [{ ...BEYOND }],
      svg: graphOf(ids[0], 0).svg,
    }],
    warnings: [{
      code: "synthetic",
      message:
        "This report is synthetic: no device was measured, all figures come from a seeded generator.",
      advice: "Use it to see what a report looks like, not to choose a variant.",
    }],
  };
}

function planKey(plan: Plan): VariantKey {
  return {
    branch: "o2m",
    model: "yolov8n-pose",
    activation: plan.activation,
    speedOnly: plan.speedOnly,
    head: plan.head,
    precision: plan.requested,
    shape: { mode: "fixed", widthPx: 640, heightPx: 640 },
    converter: "pnnx",
    settings: NO_SETTINGS,
  };
}

function phone(
  serial: string,
  manufacturer: string,
  model: string,
  soc: string,
): DeviceDescription {
  return {
    serial,
    kind: "adb",
    ...ABILITIES.adb,
    emulated: false,
    model,
    manufacturer,
    soc,
    os: "Android 14",
    buildFingerprint: `synthetic/${model}/user`,
    kernel: "5.15-synthetic",
    abi: "arm64-v8a",
    cores: Array.from({ length: 8 }, (_, index) => ({
      index,
      maxFrequencyKHz: index < 4 ? 1_704_000 : 2_367_000,
      minFrequencyKHz: 324_000,
      governor: "schedutil",
      part: index < 4 ? "0xd46" : "0xd4d",
    })),
    bigCoreMask: "f0",
    memoryBytes: 8_000_000_000,
    cpuFeatures: ["asimdhp", "asimddp", "i8mm", "bf16"],
    rooted: false,
  };
}

/** Times with AR(1) noise within a launch, a slow drift with heat, and a few slow frames. */
function deviceLaunches(
  rng: Rng,
  size: SyntheticSize,
  device: string,
  ids: string[],
  imageIds: string[],
  baseMs: number,
): ReportLaunch[] {
  const launches: ReportLaunch[] = [];
  let clockMs = Date.UTC(2026, 6, 1, 9, 30);
  let heatC = 31;
  for (let round = 0; round < size.rounds; round++) {
    const order = ids.map((_, i) => i);
    if (round % 2 === 1) order.reverse();
    for (const [position, v] of order.entries()) {
      const plan = PLANS[v];
      const startedMs = clockMs;
      const before = state(startedMs, heatC);
      const throttle = heatC > 43 ? 1.09 : 1;
      const level = (1 + 0.012 * rng.normal()) * (1 + 0.0012 * (heatC - 31)) * throttle;
      let drift = 0;
      const images = imageIds.map((imageId) => {
        const samplesNs: ReportLaunch["images"][number]["samplesNs"] = {
          preprocess: [],
          inference: [],
          postprocess: [],
          total: [],
        };
        for (let i = 0; i < size.iterations; i++) {
          drift = 0.6 * drift + 0.008 * rng.normal();
          const slow = rng.uniform() < 0.012 ? 1 + 0.25 * rng.exponential() : 1;
          const inference = baseMs * 1e6 * plan.cost * level * Math.exp(drift) * slow;
          const preprocess = 640_000 * (1 + 0.05 * Math.abs(rng.normal()));
          const postprocess = plan.postprocessUs * 1000 * (1 + 0.1 * Math.abs(rng.normal()));
          const stages = [preprocess, inference, postprocess].map(Math.round);
          samplesNs.preprocess.push(stages[0]);
          samplesNs.inference.push(stages[1]);
          samplesNs.postprocess.push(stages[2]);
          const total = stages[0] + stages[1] + stages[2] + 900 + rng.integer(300);
          samplesNs.total.push(total);
          clockMs += total / 1e6;
        }
        return { imageId, samplesNs };
      });
      heatC = Math.min(46, heatC + 0.24 + 0.1 * rng.normal());
      clockMs += 400;
      launches.push({
        device,
        variantId: ids[v],
        round,
        position,
        startedAt: new Date(startedMs).toISOString(),
        marks: throttle > 1 ? ["throttled"] : [],
        speed: null,
        stateBefore: before,
        stateAfter: state(clockMs, heatC),
        images,
      });
      clockMs += 1500;
    }
    heatC -= 1.1;
    clockMs += 5000;
  }
  return launches;
}

function state(atMs: number, heatC: number): DeviceState {
  const hot = heatC > 43;
  return {
    at: new Date(atMs).toISOString(),
    frequenciesKHz: Array.from(
      { length: 8 },
      (_, i) => (i < 4 ? 1_704_000 : hot ? 1_990_000 : 2_367_000),
    ),
    governors: new Array(8).fill("schedutil"),
    temperatures: [{ zone: "cpu-big", tempC: Math.round(heatC * 10) / 10 }, {
      zone: "skin",
      tempC: Math.round((heatC - 3) * 10) / 10,
    }],
    thermalStatus: hot ? 1 : 0,
    thermalHeadroom: null,
    batteryPercent: 81,
    batteryTempC: Math.round((heatC - 2.4) * 10) / 10,
    charging: true,
    screenOn: false,
    topProcesses: null,
    freeMemoryBytes: 3_100_000_000,
    load1: 1.2,
    uptimeSeconds: 86_400 + (atMs - Date.UTC(2026, 6, 1, 9, 30)) / 1000,
  };
}

/** The record of a launch, as far as statistics ask for it. */
function recordOf(launch: ReportLaunch): LaunchRecord {
  const { device, variantId, round, position, startedAt, marks, stateBefore, stateAfter } = launch;
  const record = launchFixture({
    ...{ device, variantId, round, position, startedAt, marks, threads: 4 },
    totalNs: launch.images.map(({ samplesNs }) => samplesNs.total),
    coldStart: {
      ...{ paramNs: 1_900_000, binNs: 5_200_000, pipelineNs: 31_000_000 },
      firstInferenceNs: 1.6 * launch.images[0].samplesNs.inference[0],
    },
    loadedRssBytes: 39_000_000,
    steadyRssBytes: 47_000_000,
  });
  return {
    ...record,
    ...{ stateBefore, stateAfter },
    images: record.images.map((image, i) => ({ ...image, ...launch.images[i] })),
  };
}

function judged(
  plan: Plan,
  id: string,
  base: string,
  device: string,
  summary: VariantSummary,
  items: Report["gallery"],
): ReportVariant {
  const figures = (stage: "preprocess" | "inference" | "postprocess" | "total") => {
    const { p50, p90, p99 } = summary.latencyNs[stage];
    return { p50, p90, p99 };
  };
  const latencyNs = {
    preprocess: figures("preprocess"),
    inference: figures("inference"),
    postprocess: figures("postprocess"),
    total: figures("total"),
  };
  const matches = items.flatMap((item) => item.matches);
  const distances = matches.flatMap(({ distancesPx }) => distancesPx);
  const tolerancePx = plan.effective === "fp32" ? 0.01 : 0.5;
  const maxPx = Math.max(...distances);
  const fails = plan.fails;
  const stage = (
    name: ReportVariant["parity"]["stages"][number]["stage"],
    maxAbsDiff: number,
    tolerance: number,
    unit: string,
    reason: string,
  ) => ({
    stage: name,
    verdict: maxAbsDiff > tolerance ? "fail" as const : "pass" as const,
    maxAbsDiff,
    tolerance,
    unit,
    reason,
  });
  const stages = [
    stage(
      "preprocess",
      0.41,
      1,
      "level/255",
      "bilinear weights are rounded to 11 bits on the device",
    ),
    stage(
      "network",
      plan.errorPx * 0.03,
      tolerancePx * 0.06,
      "logit",
      `spacing of ${plan.effective} values at the largest logit, over the depth of the graph`,
    ),
    stage("decode", 2e-5, 1e-3, "px", "exponentials in single precision"),
    stage("nms", 0, 0, "boxes", "the same boxes must be kept"),
    stage(
      "end-to-end",
      maxPx,
      tolerancePx,
      "px",
      "sum of the stages' tolerances, in pixels of the photograph",
    ),
  ];
  const medianTotalNs = summary.timeNs;
  const inferenceMs = summary.figures["inference.p50"]!.value / 1e6;
  const referenceAp = plan.activation === "silu"
    ? 0.504
    : plan.activation === "relu"
    ? 0.388
    : 0.396;
  const apChange = plan.ap - PLANS[0].ap;
  const accuracy = plan.speedOnly ? null : {
    kind: "keypoints" as const,
    sigmas: "COCO's",
    doubts: [],
    jointErrors: null,
    ap: plan.ap,
    ap50: plan.ap + 0.211,
    ap75: plan.ap + 0.03,
    referenceAp,
    difference: { value: plan.ap - referenceAp, low: -0.004, high: 0.003 },
    againstBase: id === base
      ? null
      : { value: apChange, low: apChange - 0.006, high: apChange + 0.005 },
  };
  const variant = testManifest({
    ...planKey(plan),
    id,
    swapped: plan.swapped,
    bin: {
      file: "model.ncnn.bin",
      bytes: plan.requested === "fp32" ? 13_200_000 : 6_610_000,
      sha256: "0123456789abcdef".repeat(4),
    },
    param: {
      file: "model.ncnn.param",
      bytes: 24_000,
      sha256: "fedcba9876543210".repeat(4),
      layers: plan.layers,
      blobs: plan.layers + 40,
      fusedActivations: plan.fused,
    },
    parameterCount: 3_295_470,
    macs: 4_600_000_000,
    passes: plan.activation === "silu" ? [{ name: "join-gate", count: 6 }] : [],
  });
  const peakRssBytes = plan.requested === "fp32" ? 71_000_000 : 48_000_000;
  return {
    id,
    device,
    activation: plan.activation,
    head: plan.head,
    precision: { requested: plan.requested, effective: plan.effective },
    variant,
    ...variantFacts({ variant, effective: plan.effective, medianTotalNs }),
    latencyNs,
    medianTotalNs,
    fps: fails ? null : summary.fps,
    ratio: fails || summary.ratio === null
      ? null
      : { ...summary.ratio, useless: isUseless(summary.ratio) },
    rank: null,
    unranked: fails ? { code: "parity", message: "parity failed" } : null,
    quality: qualityOf({
      isBase: id === base,
      speedOnly: plan.speedOnly,
      parity: { verdict: fails ? "fail" : "pass", matched: matches.length },
      accuracy,
    }, DEFAULT_MAX_AP_DROP),
    rounds: summary.roundCount,
    figures: Object.fromEntries(
      Object.entries({
        ...summary.figures,
        peakRss: { value: peakRssBytes, low: null, high: null },
      }).flatMap(([name, figure]) =>
        figure === null
          ? []
          : [[name, { unit: metricOf(name as keyof typeof summary.figures).unit, ...figure }]]
      ),
    ),
    parity: {
      verdict: fails ? "fail" : "pass",
      maxPx,
      p99Px: quantile(distances, 0.99),
      minOks: Math.min(...matches.map(({ oks }) => oks)),
      unmatched: items.reduce((sum, item) => sum + item.unmatchedReference.length, 0),
      matched: matches.length,
      explainedUnmatched: 0,
      firstFailedStage: fails ? "network" : null,
      tolerancePx,
      reason: fails
        ? `Keypoints are up to ${
          maxPx.toFixed(1)
        } px from the reference and one person is missing; ${plan.effective} explains ${tolerancePx} px.`
        : `Every detection has a partner; the largest distance, ${
          maxPx.toPrecision(2)
        } px, is within the ${tolerancePx} px that ${plan.effective} explains.`,
      stages,
      joints: KEYPOINT_NAMES.map((name, j) => {
        const own = matches.map(({ distancesPx }) => distancesPx[j]);
        return { name, p99Px: quantile(own, 0.99), maxPx: Math.max(...own) };
      }),
      details: {
        sizes: [{
          size: "large",
          people: matches.length,
          meanPx: distances.reduce((sum, px) => sum + px, 0) / distances.length,
          maxPx,
          minOks: Math.min(...matches.map(({ oks }) => oks)),
        }],
        visibilityFlips: fails ? 3 : 0,
        joints: distances.length,
        scoreShift: { mean: -0.0004, maxAbs: 0.002 },
        vanished: items.reduce((sum, item) => sum + item.unmatchedReference.length, 0),
        appeared: 0,
      },
    },
    accuracyAbsent: plan.speedOnly ? "it is for speed only" : null,
    accuracy,
    benchncnn: plan.requested === "fp32" && plan.head === "raw"
      ? {
        minMs: inferenceMs * 0.972,
        avgMs: inferenceMs * 0.991,
        ratio: 1 / 0.991,
        rounds: summary.roundCount,
        note: "4 threads, powersave 2, the same param",
      }
      : null,
    warnings: plan.speedOnly
      ? [{
        code: "speed-only",
        message: "SiLU was swapped for ReLU without retraining.",
        advice: "Retrain before using it: only its time is meant.",
      }]
      : [],
  };
}

function rankOn(
  variants: ReportVariant[],
  device: string,
  launches: readonly LaunchRecord[],
): Ranking {
  const here = variants.filter((variant) => variant.device === device);
  const ranking = rankVariants(device, launches, {
    unranked: new Map(
      here.flatMap(({ id, unranked }) => unranked === null ? [] : [[id, unranked.message]]),
    ),
  });
  for (const { variantId, rank, unranked } of ranking.variants) {
    const variant = here.find(({ id }) => id === variantId)!;
    variant.rank = rank;
    variant.unranked ??= unranked === null ? null : { code: "noise", message: unranked };
  }
  return ranking;
}

/** A layer that is beyond its tolerance. */
const BEYOND: Report["layerParity"][number]["worst"][number] = {
  index: 41,
  layer: "conv_41",
  type: "Convolution",
  blob: "118",
  tensor: "/model.9/cv2/conv/Conv_output_0",
  maxAbs: 0.031,
  rms: 0.0021,
  maxAllowed: 0.0024,
  rmsAllowed: 0.0004,
  verdict: "fail",
};

function graphOf(id: string, fused: number): Report["graphs"][number] {
  const types = {
    Convolution: 72,
    Swish: fused > 0 ? 0 : 57,
    Concat: 17,
    Split: 15,
    Pooling: 3,
    Permute: 3,
  };
  const isFused = fused > 0;
  const costs = { parameters: 3_295_470, flops: 9_176_650_000, bytesMoved: 383_460_000 };
  const known = { parameters: 0, flops: 0, bytesMoved: 0 };
  const convolution = { fusedActivation: null, parameters: 464, flops: 88_473_600 };
  const activation = { fusedActivation: null, parameters: 0, flops: 0 };
  return {
    variantId: id,
    stages: [
      {
        name: "ONNX",
        layers: 269,
        fusedActivations: 0,
        byType: { Conv: 72, Sigmoid: 63, Mul: 63, Concat: 17 },
        ...costs,
        bytesMoved: null,
        leftOut: { parameters: 0, flops: 0, bytesMoved: 269 },
        fileBytes: 13_200_000,
        layerCosts: [
          {
            name: "/model.0/conv/Conv",
            type: "Conv",
            fate: "same",
            ...convolution,
            bytesMoved: null,
          },
        ],
      },
      {
        name: "ncnn",
        layers: isFused ? 194 : 206,
        fusedActivations: 0,
        byType: { ...types, ReLU: fused },
        ...costs,
        flops: 9_000_000_000,
        leftOut: { ...known, flops: 1 },
        fileBytes: null,
        layerCosts: [
          {
            name: "/model.0/conv/Conv",
            type: "Convolution",
            fate: isFused ? "fused" : "same",
            ...convolution,
            bytesMoved: 11_471_000,
          },
          {
            name: "/model.0/act/Relu",
            type: "ReLU",
            fate: isFused ? "fused" : "same",
            ...activation,
            bytesMoved: 13_107_200,
          },
        ],
      },
      {
        name: "ncnn optimised",
        layers: isFused ? 131 : 206,
        fusedActivations: fused,
        byType: types,
        ...costs,
        bytesMoved: isFused ? 267_650_000 : costs.bytesMoved,
        leftOut: known,
        fileBytes: 6_590_000,
        layerCosts: [
          {
            name: "/model.0/conv/Conv",
            type: "Convolution",
            fate: isFused ? "fused" : "same",
            ...convolution,
            fusedActivation: isFused ? "relu" : null,
            bytesMoved: 11_471_000,
          },
        ],
      },
    ],
    steps: [
      {
        from: "ONNX",
        to: "ncnn",
        removed: { Constant: 2, Sigmoid: 57 },
        added: { Split: 15, Input: 1 },
        fused: [],
      },
      {
        from: "ncnn",
        to: "ncnn optimised",
        removed: {},
        added: {},
        fused: Array.from({ length: fused }, (_, i) => ({
          layer: `/model.${i}/conv/Conv`,
          activation: `/model.${i}/act/Relu`,
          kind: "relu",
        })),
      },
    ],
    svg:
      `<svg xmlns="http://www.w3.org/2000/svg" width="620" height="90" font-family="sans-serif" font-size="13">` +
      ["input", "Convolution", fused > 0 ? "ReLU fused" : "Swish", "Convolution", "output"].map((
        name,
        i,
      ) =>
        `<rect x="${
          8 + i * 122
        }" y="28" width="106" height="34" rx="6" fill="#e8eef4" stroke="#0072b2"/>` +
        `<text x="${61 + i * 122}" y="50" text-anchor="middle">${name}</text>`
      ).join("") + `</svg>`,
  };
}

function layerTimes(rng: Rng, device: string, id: string): Report["layerTimes"] {
  return Array.from({ length: 60 }, (_, i) => {
    const convolution = i % 3 !== 2;
    const macs = convolution
      ? Math.round(1e6 * (8 + 150 * rng.uniform()))
      : Math.round(2e5 * (1 + rng.uniform()));
    const bytes = convolution ? Math.round(macs / (6 + 40 * rng.uniform())) : macs * 8;
    return {
      device,
      variantId: id,
      layer: `${convolution ? "conv" : "silu"}_${i}`,
      type: convolution ? "Convolution" : "Swish",
      timeNs: Math.max(2 * macs / (60 + 25 * rng.uniform()), bytes / (12 + 5 * rng.uniform())),
      macs,
      bytes,
    };
  });
}
