/**
 * Small valid records for tests.
 *
 * @module
 */
import type { RunnerOptions } from "../runner_options.ts";
import {
  type FailureRecord,
  RECORD_VERSION,
  type RunnerHeader,
  type RunRecord,
} from "../../record/records.ts";

/** Returns a runner's header as a release build on x86 prints it. */
export function runnerHeader(): RunnerHeader {
  return {
    kind: "runner",
    schemaVersion: 1,
    runnerVersion: "0.1.0",
    ncnnVersion: "1.0",
    compiler: "g++ 12",
    debugBuild: false,
    testBuild: false,
    abi: "x86_64",
    cpuFeatures: ["avx2"],
    cpuCount: 2,
    bigCpuCount: 2,
    options: {
      threads: 2,
      powersave: 0,
      coreMask: null,
      precisionRequested: "fp32",
      precisionEffective: "fp32",
      fp16Packed: false,
      fp16Storage: false,
      fp16Arithmetic: false,
      bf16Storage: false,
      int8Inference: false,
      winograd: true,
      sgemm: true,
      packing: true,
      warmup: 1,
      iterations: 2,
      scoreThreshold: 0.25,
      nmsIou: 0.7,
      maxDetections: 300,
      sigmoid: "exact",
      traps: [],
      injectSlowdownPercent: 0,
    },
  };
}

/** Returns options of the runner for a test: one thread, everything else as usual. */
export function runnerOptions(change: Partial<RunnerOptions> = {}): RunnerOptions {
  return {
    threads: 1,
    powersave: null,
    coreMask: null,
    scoreThreshold: 0.25,
    nmsIou: 0.7,
    sigmoid: "exact",
    maxDetections: 300,
    winograd: true,
    sgemm: true,
    packing: true,
    warmup: 1,
    iterations: 2,
    turnWarmup: 1,
    turnIterations: 1,
    ...change,
  };
}

/** Returns a run record without devices, variants and images. */
export function runRecord(change: Partial<RunRecord> = {}): RunRecord {
  return {
    kind: "run",
    schemaVersion: RECORD_VERSION,
    runId: "test-run",
    createdAt: "2026-11-24T00:00:00.000Z",
    command: ["bench"],
    options: {},
    devices: [],
    variants: [],
    baseVariantId: "m.silu.raw.fp32.64x64.pnnx",
    images: [],
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

/** Returns a failure record of a round. */
export function failureRecord(round: number): FailureRecord {
  return {
    kind: "failure",
    schemaVersion: RECORD_VERSION,
    runId: "test-run",
    device: "host",
    variantId: "m.silu.raw.fp32.64x64.pnnx",
    round,
    at: "2026-11-24T00:00:00.000Z",
    code: "runner-failed",
    message: "killed",
    stderrTail: [],
  };
}
