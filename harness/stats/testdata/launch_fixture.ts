/**
 * Launch records made to measure, for tests of what is computed from records.
 *
 * @module
 */
import { type LaunchRecord, RECORD_VERSION, type RunnerImage } from "../../record/records.ts";
import { runnerHeader } from "../../run/testdata/records.ts";

/** What a made launch is to look like; everything else is plain. */
export interface LaunchFixture {
  variantId: string;
  round: number;
  /** Samples of the total, nanoseconds, per image; the stages are 10%, 80% and 10% of it. */
  totalNs: number[] | number[][];
  device?: string;
  runId?: string;
  position?: number;
  marks?: string[];
  /** Width of the network's input per image, pixels. */
  inputWidthPx?: number[];
  peakRssBytes?: number | null;
  /** Parsing, reading, laying out and the first inference, nanoseconds; absent: not on record. */
  coldStart?: LaunchRecord["end"]["coldStart"];
  loadedRssBytes?: number | null;
  steadyRssBytes?: number | null;
  threads?: number;
  testBuild?: boolean;
  startedAt?: string;
}

/** Returns a launch record that the strict reader takes, with the samples given. */
export function launchFixture(fixture: LaunchFixture): LaunchRecord {
  const perImage =
    (typeof fixture.totalNs[0] === "object" ? fixture.totalNs : [fixture.totalNs]) as number[][];
  const images: RunnerImage[] = perImage.map((samples, index) => {
    const total = samples.map(Math.round);
    const tenth = total.map((ns) => Math.round(ns / 10));
    return {
      kind: "image",
      imageId: `image${index}`,
      inputWidthPx: fixture.inputWidthPx?.[index] ?? 640,
      inputHeightPx: 640,
      firstNs: {
        preprocess: tenth[0] ?? 0,
        inference: tenth[0] ?? 0,
        postprocess: tenth[0] ?? 0,
        total: total[0] ?? 0,
      },
      samplesNs: {
        preprocess: tenth,
        inference: total.map((ns) => Math.round(0.8 * ns)),
        postprocess: tenth,
        total,
      },
      candidateCount: 0,
      detections: [],
    };
  });
  const header = runnerHeader();
  return {
    kind: "launch",
    schemaVersion: RECORD_VERSION,
    runId: fixture.runId ?? "run1",
    device: fixture.device ?? "host",
    variantId: fixture.variantId,
    round: fixture.round,
    position: fixture.position ?? 0,
    startedAt: fixture.startedAt ??
      new Date(Date.UTC(2026, 0, 1) + fixture.round * 2000 + (fixture.position ?? 0) * 1000)
        .toISOString(),
    runner: {
      ...header,
      testBuild: fixture.testBuild ?? false,
      options: {
        ...header.options,
        threads: fixture.threads ?? 2,
        iterations: Math.max(1, images[0]?.samplesNs.total.length ?? 1),
      },
    },
    images,
    end: {
      kind: "end",
      imageCount: images.length,
      ...Object.fromEntries(
        (["coldStart", "loadedRssBytes", "steadyRssBytes"] as const).flatMap((key) =>
          fixture[key] === undefined ? [] : [[key, fixture[key]]]
        ),
      ),
      peakRssBytes: fixture.peakRssBytes === undefined ? 50_000_000 : fixture.peakRssBytes,
      elapsedNs: 1_000_000_000,
      fnv1a64: "0123456789abcdef",
    },
    stateBefore: null,
    stateAfter: null,
    marks: fixture.marks ?? [],
  };
}
