import { assert, assertEquals } from "@std/assert";
import { recordsOfV010, textOfV010 } from "../record/testdata/v0_1_0.ts";
import { sortRecords } from "../record/run_records.ts";
import { migrateReport } from "./migrate.ts";
import { ReportSchema, type ReportVariant } from "./report_json.ts";
import { EXAMPLE_SIZE, syntheticReport } from "./testdata/synthetic_report.ts";

Deno.test("migrateReport() embeds of each manifest what a report of 0.1.0 tells of it, as the run's records have it", async () => {
  const { run } = sortRecords(await recordsOfV010("bench"));
  const report = ReportSchema.parse(JSON.parse(await textOfV010("bench.report.json")));
  assert(report.variants.length > 1);
  for (const { id, variant, timeNs, fps, ranAsAsked, labels, figures } of report.variants) {
    const manifest = run.variants.find((each) => each.id === id)!;
    const told = Object.fromEntries(
      Object.keys(variant).map((name) => [name, manifest[name as keyof typeof manifest]]),
    );
    const { blobs: _, ...param } = manifest.param;
    assertEquals<unknown>(variant, { ...told, param });
    assertEquals([1e9 / timeNs!, ranAsAsked], [fps, true]);
    assertEquals(labels.precision, manifest.precision);
    assert(figures["total.p50"].value > 0 && figures.peakRss.value > 1e6);
  }
});

Deno.test("migrateReport() lifts variants of version 2 from before they held a manifest, and leaves the rest to the schema", () => {
  const report = syntheticReport({ ...EXAMPLE_SIZE, rounds: 2, images: 1, pictures: 0 });
  const flat = (each: ReportVariant) => {
    const { variant, labels: _l, ranAsAsked: _r, timeNs: _t, ...figures } = structuredClone(each);
    const { layers, fusedActivations, blobs: _, ...param } = variant.param;
    const { bin: weights, model, swapped, speedOnly, shape, converter } = variant;
    const { parameterCount, macs } = variant;
    return {
      ...{ ...figures, model, swapped, speedOnly, shape, converter, weights, param, layers },
      ...{ fusedActivations, parameterCount, macs, peakRssBytes: null },
    };
  };
  const before = { ...report, variants: report.variants.map(flat) };
  const after = ReportSchema.parse(before);
  const facts = ({ id, labels, ranAsAsked, timeNs, figures }: ReportVariant) => ({
    ...{ id, labels, ranAsAsked, timeNs, figures },
  });
  assertEquals(after.variants.map(facts), report.variants.map(facts));
  assertEquals(migrateReport(report), report);
  const broken = { ...before, variants: [{ ...before.variants[0], shape: null }, 7] };
  assertEquals(migrateReport(broken), broken);
  assertEquals(ReportSchema.safeParse(broken).success, false);
});
