import { assert, assertEquals, assertThrows } from "@std/assert";
import * as path from "@std/path";
import { HarnessError } from "../errors.ts";
import { recordsOfV010, textOfV010 } from "./testdata/v0_1_0.ts";
import { migrate, migrateManifest, migrateRecord } from "./migrate.ts";
import { parseRecord, RECORD_VERSION } from "./records.ts";
import { sortRecords } from "./run_records.ts";
import { parseStrictly } from "./strict_json.ts";
import { MANIFEST_VERSION, VariantManifestSchema } from "./variant.ts";

Deno.test("migrate() takes every step from the value's version on, and none for the newest", () => {
  const steps = {
    1: (value: Record<string, unknown>) => ({ ...value, second: true }),
    2: (value: Record<string, unknown>) => value.drop ? null : { ...value, third: true },
  };
  assertEquals(migrate({ schemaVersion: 1 }, steps), {
    schemaVersion: 3,
    second: true,
    third: true,
  });
  assertEquals(migrate({ schemaVersion: 2 }, steps), { schemaVersion: 3, third: true });
  assertEquals(migrate({ schemaVersion: 1, drop: true }, steps), null);
  for (const strange of [{ schemaVersion: 3 }, { schemaVersion: "new" }, {}, [], null, 7]) {
    assertEquals(migrate(strange, steps), strange);
  }
});

Deno.test("migrateRecord() drops the detections of version 1, which the parity record holds, and counts the others up", () => {
  assertEquals(migrateRecord({ kind: "detections", schemaVersion: 1, detections: [] }), null);
  for (const kind of ["run", "launch", "failure", "benchncnn", "parity", "layer-times"]) {
    assertEquals(migrateRecord({ kind, schemaVersion: 1 }), {
      kind,
      schemaVersion: RECORD_VERSION,
    });
  }
});

Deno.test("migrateRecord() gives a run of version 1 the runner's options that it ran with, without a name for them", () => {
  const run = (runner: unknown) =>
    migrateRecord({ kind: "run", schemaVersion: 1, options: { runner } });
  const known = { maxDetections: 300, winograd: true, sgemm: true, packing: true };
  assertEquals(run({ threads: 2, traps: [] }), {
    kind: "run",
    schemaVersion: RECORD_VERSION,
    options: { runner: { threads: 2, ...known } },
  });
  assertEquals((run({ traps: ["swap-rb"] }) as { options: unknown }).options, {
    runner: { ...known, traps: ["swap-rb"] },
  });
  assertEquals((run(undefined) as { options: unknown }).options, { runner: undefined });
});

Deno.test("readRecords() reads every record of a run of version 0.1.0", async () => {
  const bench = sortRecords(await recordsOfV010("bench"));
  assertEquals(bench.run.harness.version, "0.1.0");
  assertEquals(bench.run.variants.map(({ schemaVersion }) => schemaVersion), [2, 2]);
  assertEquals(bench.launches.length, 6);
  assertEquals([bench.benchncnn.length, bench.layerTimes.length, bench.roofline.length], [2, 2, 1]);
  assertEquals(bench.parity.length, 4);
  assert(bench.parity.some(({ candidate }) => candidate.length > 0));
  const gate = sortRecords(await recordsOfV010("gate"));
  assert(gate.launches.some(({ variantId }) => variantId.endsWith(".baseline")));
});

Deno.test("a parity record of version 0.1.0 holds the detections that the dropped record of its image held", async () => {
  const lines = (await textOfV010("bench.records.jsonl")).trimEnd().split("\n");
  const old = lines.map((line) => JSON.parse(line));
  const dropped = old.filter(({ kind }) => kind === "detections");
  assertEquals(dropped.length, 4);
  for (const { variantId, imageId, detections, reference } of dropped) {
    const kept = old.find((each) =>
      each.kind === "parity" && each.variantId === variantId && each.imageId === imageId
    );
    assertEquals([kept.candidate, kept.reference], [detections, reference]);
  }
  assertEquals(
    lines.map((line) => parseRecord(line, "it")).filter((each) => each === null).length,
    dropped.length,
  );
});

Deno.test("parseRecord() refuses a line of a later version, and one that is null", () => {
  for (const line of ['{"kind":"failure","schemaVersion":3}', "null"]) {
    const error = assertThrows(() => parseRecord(line, "line 7"), HarnessError, "line 7");
    assertEquals(error.code, "bad-record");
  }
});

Deno.test("VariantManifestSchema reads a manifest of version 0.1.0 as one of the newest version", async () => {
  const text = await textOfV010("manifest.json");
  const manifest = parseStrictly(VariantManifestSchema, text, "it");
  assertEquals(manifest.schemaVersion, MANIFEST_VERSION);
  assertEquals(manifest.id, `${path.parse(manifest.source.path).name}.relu.raw.fp32.160x160.pnnx`);
  assertEquals(migrateManifest(manifest), manifest);
});
