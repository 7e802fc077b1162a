/**
 * A synthetic comparison and a synthetic history, seeded, for tests and examples.
 *
 * @module
 */
import { seededRng } from "../../stats/rng.ts";
import { changePoints } from "../../store/change_points.ts";
import type { Comparison } from "../comparison.ts";
import type { History } from "../history.ts";
import { EXAMPLE_SIZE, syntheticReport } from "./synthetic_report.ts";

/**
 * Returns a comparison on two devices, with places that are shared, an order that changes, and a
 * load that throttles.
 */
export function syntheticComparison(): Comparison {
  const report = syntheticReport({ ...EXAMPLE_SIZE, seed: 17, devices: 2, rounds: 6 });
  const rng = seededRng(17);
  const { rankings } = report;
  const [first, second] = report.variants;
  return {
    report,
    rankings,
    orderChanges: [{
      variantId: first.id,
      other: second.id,
      first: report.devices[0].serial,
      second: report.devices[1].serial,
    }],
    pareto: report.devices.map(({ serial }) => ({
      device: serial,
      places: report.variants.filter(({ device }) => device === serial).map((
        { id, variant: { speedOnly } },
        i,
      ) => ({
        variantId: id,
        onFront: i % 3 === 2,
        dominatedBy: i % 3 === 2 || speedOnly
          ? []
          : [{ variantId: second.id, certain: i % 2 === 0 }],
        notJudged: speedOnly ? "its accuracy is not known" : null,
      })),
    })),
    sustained: [first, second].map(({ device, id }, v) => {
      const series = Array.from({ length: 24 }, (_, i) => ({
        atSeconds: 25 * i,
        fps: (v === 0 ? 17 : 16) * (v === 0 && i > 13 ? 0.82 : 1) * (1 + 0.01 * rng.normal()),
      }));
      return {
        device,
        variantId: id,
        load: {
          series,
          burstFps: v === 0 ? 17 : 16,
          sustainedFps: v === 0 ? 13.9 : 16,
          throttledAtSeconds: v === 0 ? 350 : null,
        },
      };
    }),
  };
}

/** Returns a history of two variants on one device; the first got 7% slower at its 26th run. */
export function syntheticHistory(): History {
  const rng = seededRng(23);
  const series = [
    "yolov8n-pose.silu.raw.fp32.640x640.pnnx",
    "yolov8n-pose.relu.raw.fp16.640x640.pnnx",
  ].map(
    (variantId, v) => {
      const points = Array.from({ length: 40 }, (_, i) => {
        const value = (v === 0 ? 59e6 : 31e6) * (v === 0 && i >= 25 ? 1.07 : 1) *
          (1 + 0.006 * rng.normal());
        return {
          runId: `synthetic-run-${i + 1}`,
          createdAt: new Date(Date.UTC(2026, 4, 1 + i, 8)).toISOString(),
          gitCommit: `${(0x9e3779b1 * (i + 1) >>> 0).toString(16).padStart(8, "0")}deadbeef`,
          posemarkCommit: null,
          rounds: 8,
          value,
          low: value * 0.994,
          high: value * 1.006,
          marks: i === 11 ? ["throttled"] : [],
        };
      });
      return {
        device: "SYNTH0001",
        deviceName: "Example Phone 8",
        variantId,
        experiment: "5f1e0b7a9c3d",
        metric: "total.p50" as const,
        unit: "ns" as const,
        points,
        changes: changePoints(points.map(({ value }) => value)),
      };
    },
  );
  return {
    createdAt: "2026-06-10T08:30:00.000Z",
    command: ["deno", "task", "history", "--html", "history.html"],
    series,
    warnings: [{
      code: "synthetic",
      message: "This history is synthetic: no device was measured.",
      advice: "Use it to see what a history looks like.",
    }],
  };
}
