import { assert, assertEquals } from "@std/assert";
import * as path from "@std/path";
import { textOfV010 } from "./testdata/v0_1_0.ts";
import { parseRecord, parseStrictly } from "./records.ts";
import { sortRecords } from "./run_records.ts";
import { VariantManifestSchema } from "./variant.ts";

/** Returns the records of a run of version 0.1.0. */
async function recordsOf(run: string) {
  const lines = (await textOfV010(`${run}.records.jsonl`)).trimEnd().split("\n");
  return lines.map((line, index) => parseRecord(line, `${run}, line ${index + 1}`));
}

Deno.test("parseRecord() reads every record of a run of version 0.1.0", async () => {
  const bench = sortRecords(await recordsOf("bench"));
  assertEquals(bench.launches.length, 6);
  assertEquals(bench.parity.length, 4);
  assertEquals([bench.benchncnn.length, bench.layerTimes.length, bench.roofline.length], [2, 2, 1]);
  assertEquals(sortRecords(await recordsOf("bench2")).run.harness.version, "0.1.0");
  const gate = sortRecords(await recordsOf("gate"));
  assert(gate.launches.some((launch) => launch.variantId.endsWith(".baseline")));
});

Deno.test("VariantManifestSchema reads a manifest of version 0.1.0", async () => {
  const manifest = parseStrictly(VariantManifestSchema, await textOfV010("manifest.json"), "it");
  assertEquals(manifest.id, `${path.parse(manifest.source.path).name}.relu.raw.fp32.160x160.pnnx`);
});
