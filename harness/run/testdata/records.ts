/**
 * Small valid records for tests.
 *
 * @module
 */
import type { RunnerHeader } from "../../records.ts";

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
