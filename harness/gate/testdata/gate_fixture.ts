/**
 * Devices and launches made to measure, for tests of the gate.
 *
 * @module
 */
import { ABILITIES, type DeviceDescription } from "../../record/device.ts";
import {
  type LaunchRecord,
  type ParityRecord,
  RECORD_VERSION,
  type RunImage,
  type RunRecord,
} from "../../record/records.ts";
import { launchFixture } from "../../stats/testdata/launch_fixture.ts";
import { type NoiseModel, simulatedDevice } from "../../simulate/noise_model.ts";
import type { Rng } from "../../stats/rng.ts";
import type { ComparisonSide } from "../../record/experiment_keys.ts";
import type { GateRules } from "../config.ts";
import { type BlockLaunches, noEvidence } from "../evidence.ts";
import { judgeGate } from "../judge_gate.ts";
import { collectLive, type LiveGate } from "../live.ts";
import type { GateCorrectness, MergedResult } from "../verdict.ts";

/** Correctness that passes. */
export const RIGHT: GateCorrectness = {
  parity: { verdict: "pass", reason: "all joints within 0.1 px" },
  baselineParity: null,
  apDifference: null,
};

/** Sides of a pair. */
export const SIDES = {
  baseline: { id: "base", name: "base" },
  candidate: { id: "cand", name: "cand" },
};

/** A live gate on the host, with what is known of its noise. */
export type LiveRun =
  & Omit<LiveGate, "begun">
  & Pick<LiveGate["begun"], "noise" | "secondsPerBlock">
  & { rules: GateRules };

/** Returns the result of a live gate on the host. */
export async function runLiveGate(
  { noise, secondsPerBlock, ...gate }: LiveRun,
): Promise<MergedResult> {
  const begun = { ...noEvidence("host", "", SIDES), noise, secondsPerBlock };
  return judgeGate([await collectLive({ ...gate, begun })], () => gate.rules);
}

/** Returns the description of a device with this serial. */
export function deviceFixture(serial = "host"): DeviceDescription {
  return {
    serial,
    kind: "host",
    ...ABILITIES.host,
    emulated: false,
    model: null,
    manufacturer: null,
    soc: null,
    os: null,
    buildFingerprint: "6.1.0",
    kernel: "6.1.0",
    abi: "x86_64",
    cores: [],
    bigCoreMask: null,
    memoryBytes: null,
    cpuFeatures: ["avx2", "fma"],
    rooted: null,
  };
}

/** Returns a phone of which little is known. */
export function phoneFixture(
  serial: string,
  change: Partial<DeviceDescription> = {},
): DeviceDescription {
  return {
    ...deviceFixture(serial),
    kind: "adb",
    ...ABILITIES.adb,
    model: "m",
    soc: "s",
    os: "Android 14",
    buildFingerprint: null,
    kernel: null,
    abi: "arm64-v8a",
    cpuFeatures: [],
    ...change,
  };
}

/** Returns a run record, `day` days after the first of January 2026. */
export function runFixture(runId: string, day: number, change: Partial<RunRecord> = {}): RunRecord {
  return {
    kind: "run",
    schemaVersion: RECORD_VERSION,
    runId,
    createdAt: new Date(Date.UTC(2026, 0, 1 + day)).toISOString(),
    command: ["bench"],
    options: {},
    devices: [deviceFixture()],
    variants: [],
    baseVariantId: "a",
    images: IMAGES,
    commits: { models: [{ commit: `commit${day}`, dirty: false }], caller: null, unknown: [] },
    harness: {
      version: "0.1.0",
      gitCommit: null,
      deno: "2.9.6",
      onnxruntime: "1.30.0",
      ncnn: "1.0",
      runnerSha256: {},
    },
    ...change,
  };
}

/** Images of a run. */
export const IMAGES: RunImage[] = [
  { id: "image0", file: "a.jpg", widthPx: 640, heightPx: 480, sha256: "aa", cocoImageId: null },
];

/** Returns the parity record of the first image, all stages with this verdict. */
export function parityFixture(
  runId: string,
  device: string,
  variantId: string,
  verdict: ParityRecord["stages"][number]["verdict"],
  change: Partial<ParityRecord> = {},
): ParityRecord {
  return {
    kind: "parity",
    schemaVersion: RECORD_VERSION,
    runId,
    device,
    variantId,
    imageId: IMAGES[0].id,
    precisionEffective: "fp32",
    stages: (["preprocess", "network", "decode", "nms", "end-to-end"] as const).map((stage) => ({
      stage,
      verdict,
      maxAbsDiff: 0.1,
      tolerance: 1,
      unit: "px",
      reason: "made up",
    })),
    firstFailedStage: verdict === "fail" ? "preprocess" : null,
    reference: [],
    candidate: [],
    matches: [{
      referenceIndex: 0,
      candidateIndex: 0,
      oks: 1,
      distancesPx: [0.1],
      scoreDiff: 0,
      visibilityFlips: 0,
    }],
    unmatchedReference: [],
    unmatchedCandidate: [],
    explainedUnmatched: 0,
    ...change,
  };
}

/** Returns one side of a comparison with one launch per value, milliseconds. */
export function sideFixture(name: string, medianMs: number[]): ComparisonSide<LaunchRecord> {
  return {
    name,
    device: deviceFixture(),
    images: IMAGES,
    launches: medianMs.map((ms, round) =>
      launchFixture({ variantId: "a", round, totalNs: [ms * 1e6, ms * 1e6, ms * 1e6] })
    ),
  };
}

/** Blocks of a simulated device whose candidate takes `factor` times as long. */
export interface SimulatedBlocks {
  runBlock(
    index: number,
    order: readonly ("baseline" | "candidate")[],
  ): Promise<BlockLaunches>;
  elapsedSeconds(): number;
}

/** Returns the blocks of a simulated device. */
export function simulatedBlocks(model: NoiseModel, rng: Rng, factor: number): SimulatedBlocks {
  const device = simulatedDevice(model, rng);
  return {
    runBlock(index, order) {
      const block = { baseline: [], candidate: [] } as {
        baseline: BlockLaunches["baseline"][number][];
        candidate: BlockLaunches["candidate"][number][];
      };
      for (const side of order) {
        const seconds = device.launch(10, side === "candidate" ? factor : 1);
        block[side].push(
          launchFixture({
            variantId: side,
            round: 2 * index + block[side].length,
            totalNs: seconds.map((s) => s * 1e9),
          }),
        );
      }
      return Promise.resolve(block);
    },
    elapsedSeconds: () => device.clockSeconds,
  };
}
