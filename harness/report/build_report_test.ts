import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import { recompute } from "../../reports/template/reproduce_section.js";
import { SAMPLE_STAGES } from "../../reports/template/samples.js";
import { launchFigures } from "../gate/formats/figures.ts";
import { deviceFixture } from "../gate/testdata/gate_fixture.ts";
import { judgeImage } from "../parity/judge.ts";
import { cleanEvidence } from "../parity/testdata/evidence.ts";
import { testManifest } from "../parity/testdata/manifest.ts";
import { unknownState } from "../record/device.ts";
import type { AnyRecord, LaunchRecord, TurnsRecord } from "../record/records.ts";
import { failureRecord, runRecord } from "../run/testdata/records.ts";
import { launchFixture } from "../stats/testdata/launch_fixture.ts";
import { turnsFixture } from "../stats/testdata/turns_fixture.ts";
import type { VariantManifest } from "../record/variant.ts";
import { buildReport, reportExitCode } from "./build_report.ts";
import { sortRecords } from "../record/run_records.ts";
import type { Report, ReportVariant } from "./report_json.ts";
import { contradictionsIn } from "./testdata/contradictions.ts";
import { EXAMPLE_SIZE, syntheticReport } from "./testdata/synthetic_report.ts";

/**
 * Returns the report of launches of the variants on this machine; the first variant is the base.
 */
function reportOf(
  variants: VariantManifest[],
  launches: LaunchRecord[],
  others: AnyRecord[] = [],
  turns: TurnsRecord[] = [],
): Report {
  const run = runRecord({
    devices: [deviceFixture("host")],
    variants,
    baseVariantId: variants[0].id,
  });
  const report = buildReport(sortRecords([run, ...launches, ...turns, ...others]), {
    accuracy: new Map(),
    accuracyAbsent: new Map(),
    skeletons: [],
    thumbnails: new Map(),
    graphs: [],
    layerTimes: [],
    layerDrawings: new Map(),
    warnings: [],
  });
  assertEquals(contradictionsIn(report), []);
  // what the formats of CI systems say is what the page says
  for (
    const { variantId, metric, value } of launchFigures([...launches, ...turns], variants[0].id)
  ) {
    const { timeNs } = report.variants.find(({ id }) => id === variantId)!;
    if (metric === "total.p50") assertEquals(value, Math.round(timeNs!));
    if (metric === "fps") assertAlmostEquals(value, 1e9 / timeNs!, 1e-9);
  }
  return report;
}

Deno.test("buildReport() takes median, FPS and rank of a rect variant from the rounds when its inputs have two sizes", () => {
  const variants = [
    testManifest({ id: "square" }),
    testManifest({ id: "rect", shape: { mode: "rect", widthPx: 640, heightPx: 640 } }),
  ];
  const launches = [0, 1, 2, 3, 4, 5].flatMap((round) => {
    const around = (ms: number) => [-1, 0, 1].map((i) => (ms + 0.1 * i + 0.01 * round) * 1e6);
    return [
      launchFixture({ variantId: "square", round, totalNs: around(33) }),
      // two photographs of five are upright: the median of all samples lies within the times of the
      // other three
      launchFixture({
        variantId: "rect",
        round,
        inputWidthPx: [384, 384, 640, 640, 640],
        totalNs: [20, 20, 34, 34, 34].map(around),
      }),
    ];
  });
  const judged = variants.map((variant) => judgeImage(cleanEvidence({ variant, seed: 3 })));
  const [square, rect] = reportOf(variants, launches, judged).variants;
  const { value, low, high } = rect.medianTotalNs!;
  assertAlmostEquals(value / 1e6, (20 ** 2 * 34 ** 3) ** (1 / 5), 0.1);
  assert(low! <= value && value <= high!);
  assertEquals(rect.timeNs, value);
  assertEquals(rect.fps, 1e9 / value);
  assertAlmostEquals(rect.latencyNs!.total.p50 / 1e6, 34, 0.1);
  assert(rect.ratio!.low! > 1);
  assertEquals([rect.rank, square.rank], [{ best: 1, worst: 1 }, { best: 2, worst: 2 }]);
  assertEquals(square.timeNs, square.medianTotalNs!.value);
  assertEquals(square.timeNs, square.figures["total.p50"].value);
  assertEquals(square.fps, 1e9 / square.timeNs!);
});

Deno.test("buildReport() says that a variant ran in another precision than asked, and labels it by what ran", () => {
  const variants = [testManifest({ id: "a" }), testManifest({ id: "b", precision: "fp16" })];
  const launches = variants.map(({ id }) =>
    launchFixture({ variantId: id, round: 0, totalNs: [1e7] })
  );
  const ran = "fp16-weights" as const;
  launches[1].runner.options.precisionEffective = ran;
  const report = reportOf(variants, launches);
  const [a, b] = report.variants;
  const told = ({ warnings }: ReportVariant) =>
    warnings.some(({ code }) => code === "precision-not-run");
  assertEquals([a.ranAsAsked, a.labels.precision, told(a)], [true, "fp32", false]);
  assertEquals([b.ranAsAsked, b.labels.precision, told(b)], [false, "fp16 weights", true]);
  assertEquals([a.variant, b.variant], variants);
  assertEquals(reportOf(variants, []).variants[1].ranAsAsked, null);
  assertEquals(a.labels, {
    ...{
      activation: "SiLU",
      head: "raw",
      branch: "o2m",
      precision: "fp32",
      shape: "160×96",
      converter: "pnnx",
      settings: "–",
    },
  });
});

Deno.test("buildReport() holds the last launch alone when a round was run again, so that its percentiles are found again", () => {
  const launches = [10, 11, 12, 99].map((ms, i) =>
    launchFixture({ variantId: "a", round: i % 3, totalNs: [ms * 1e6, ms * 1e6] })
  );
  const report = reportOf([testManifest({ id: "a" })], launches);
  assertEquals(report.launches.map(({ round }) => round), [1, 2, 0]);
  assertEquals(report.launches[2].images[0].samplesNs.total, [99e6, 99e6]);
  const [variant] = report.variants;
  assertEquals(variant.warnings.filter(({ code }) => code === "repeated-launch").length, 1);
  assertEquals(recompute(report.variants, report, SAMPLE_STAGES), { agree: 12, differ: [] });
});

Deno.test("reportExitCode() says environment when a variant finished no round, though its keypoints are right", () => {
  const whole = syntheticReport({ ...EXAMPLE_SIZE, rounds: 2, images: 2, pictures: 0 });
  const [first, ...rest] = whole.variants.map((variant): ReportVariant => ({
    ...variant,
    rounds: 2,
    precision: { ...variant.precision, effective: "fp32" },
    parity: { ...variant.parity, verdict: "pass" },
  }));
  const codeOf = (change: Partial<ReportVariant>) => {
    const report: Report = { ...whole, variants: [{ ...first, ...change }, ...rest] };
    return reportExitCode(report);
  };
  assertEquals(codeOf({}), 0);
  assertEquals(codeOf({ rounds: 0 }), 3);
  assertEquals(codeOf({ precision: { ...first.precision, effective: null } }), 3);
  assertEquals(codeOf({ parity: { ...first.parity, verdict: "inconclusive" } }), 4);
  assertEquals(reportExitCode({ ...whole, variants: [first, ...rest] }, 3), 3);
  assertEquals(codeOf({ rounds: 0, parity: { ...first.parity, verdict: "fail" } }), 1);
});

Deno.test("buildReport() gives no rank and says so when nothing of a variant was judged", () => {
  const variants = ["empty", "found"].map((id) => testManifest({ id }));
  const launches = variants.map(({ id }) =>
    launchFixture({ variantId: id, round: 0, totalNs: [1e6, 1e6] })
  );
  const [empty, found] = variants.map((variant, index) =>
    judgeImage(cleanEvidence({ variant, seed: 3, people: 3 * index }))
  );
  const report = reportOf(variants, launches, [empty, found]);
  assertEquals(report.variants.map(({ rank }) => rank), [null, { best: 1, worst: 1 }]);
  assertEquals(report.variants.map(({ unranked }) => unranked?.code ?? null), ["not-judged", null]);
  assertEquals(report.variants.map(({ quality }) => quality.converted), [
    "not-judged",
    "not-judged", // the run has more images than this one
  ]);
  const codes = report.variants.map(({ warnings }) => warnings.map(({ code }) => code));
  assertEquals(codes.map((own) => own.includes("no-rank")), [true, false]);
});

Deno.test("a variant that ncnn refuses carries the runner's reason, and the report ends with 2 unless the environment failed too", () => {
  const refused = { ...failureRecord(0), variantId: "a", code: "model-refused", message: "no Foo" };
  const variants = [testManifest({ id: "a" })];
  const report = reportOf(variants, [], [refused]);
  assertEquals(report.variants[0].parity.reason, "did not run: no Foo");
  assertEquals(reportExitCode(report), 2);
  const lost = { ...failureRecord(1), variantId: "a", code: "device-lost" };
  assertEquals(reportExitCode(reportOf(variants, [], [refused, lost])), 3);
});

Deno.test("buildReport() gives no rank and no headline ratio when the launches say nothing, and says why", () => {
  const variants = ["a", "b"].map((id) => testManifest({ id }));
  const judged = variants.map((variant) => judgeImage(cleanEvidence({ variant, seed: 3 })));
  const launchesOf = (ms: number[]) =>
    ms.flatMap((each, round) =>
      variants.map(({ id }, v) =>
        launchFixture({ variantId: id, round, totalNs: [(v === 0 ? 20 : each) * 1e6] })
      )
    );
  const wild = reportOf(variants, launchesOf([11, 37, 14, 41, 12, 33]), judged);
  assertEquals(wild.variants.map(({ rank }) => rank), [null, null]);
  assertEquals(wild.variants.map(({ unranked }) => unranked?.code), ["noise", "noise"]);
  assertEquals(wild.variants[1].ratio!.useless, true);
  assert(wild.variants[1].warnings.some(({ code }) => code === "no-rank"));
  const calm = reportOf(variants, launchesOf([15, 15.1, 15, 15.2, 15, 15.1]), judged);
  assertEquals(calm.variants.map(({ rank }) => rank?.best), [2, 1]);
  assertEquals(calm.variants[1].ratio!.useless, false);
  assertEquals(reportExitCode(wild), reportExitCode(calm));
});

Deno.test("buildReport() tells what ran, the machine's two speeds and its stolen time, and marks the launches", () => {
  const variants = [testManifest({ id: "a" })];
  const state = (seconds: number, stealSeconds: number) => ({
    ...unknownState("2026-01-01T00:00:00.000Z"),
    frequenciesKHz: [null, null],
    uptimeSeconds: seconds,
    stealSeconds,
  });
  const launches = Array.from({ length: 12 }, (_, round) => ({
    ...launchFixture({
      variantId: "a",
      round,
      totalNs: [(round % 3 === 0 ? 40 : 27 + round / 20) * 1e6],
    }),
    stateBefore: state(100 + 10 * round, 5),
    stateAfter: state(105 + 10 * round, 6),
  }));
  const report = reportOf(variants, launches);
  const [told] = report.conditions;
  assertEquals([told.threads, told.launches, told.heat.verdict], [[2], 12, "unknown"]);
  assertEquals([told.speeds!.slowLaunches, told.speeds!.fastLaunches], [4, 8]);
  assertEquals(
    report.launches.map(({ speed }) => speed),
    launches.map(({ round }) => round % 3 === 0 ? "slow" : "fast"),
  );
  // a launch that two variants shared counts once
  const shared = turnsFixture(0, { a: 27e6, b: 30e6 });
  const two = [...variants, testManifest({ id: "b" })];
  assertEquals(reportOf(two, launches, [], shared).conditions[0].launches, 13);
  // one second of two CPUs in five
  assertAlmostEquals(told.steal!.meanShare, 0.1, 1e-9);
  assertEquals(told.stealKnown, 12);
});

Deno.test("buildReport() takes ratios from launches that variants shared, and times that agree with them", () => {
  const variants = ["a", "b"].map((id) => testManifest({ id }));
  const judged = variants.map((variant) => judgeImage(cleanEvidence({ variant, seed: 3 })));
  // alone b was unlucky: by turns it is faster by 8 %
  const alone = [0, 1, 2].flatMap((round) => [
    launchFixture({ variantId: "a", round, totalNs: [27e6] }),
    launchFixture({ variantId: "b", round, totalNs: [38e6] }),
  ]);
  const shared = Array.from(
    { length: 8 },
    (_, round) =>
      turnsFixture(round, { a: (27 + round) * 1e6, b: (27 + round + round / 50) / 1.08 * 1e6 }),
  )
    .flat();
  const [a, b] = reportOf(variants, alone, judged, shared).variants;
  assertAlmostEquals(b.ratio!.value, 1.08, 0.005);
  assertAlmostEquals(a.timeNs! / b.timeNs!, b.ratio!.value, 1e-9);
  assertAlmostEquals(Math.sqrt(a.timeNs! * b.timeNs!), Math.sqrt(27e6 * 38e6), 1);
  assertEquals([a.rank, b.rank], [{ best: 2, worst: 2 }, { best: 1, worst: 1 }]);
});
