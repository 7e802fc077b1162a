import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import * as path from "@std/path";
import { parseCommandLine } from "../cli.ts";
import { gateCommand } from "../commands/gate.ts";
import { HarnessError } from "../errors.ts";
import { runRecord } from "../run/testdata/records.ts";
import { readRecords } from "../record/record_log.ts";
import { openStore } from "../store/open_store.ts";
import type { FarmStore } from "../store/store.ts";
import { keepRecords } from "./gate_command.ts";
import { farmRun, shardFile } from "./testdata/farm_run.ts";
import { inTempFolder } from "../testdata/temp_folder.ts";

/** A store with a run of one shard that has kept its run record. */
async function storeWithRun(): Promise<FarmStore> {
  const store = await openStore(":memory:");
  await store.putRun("run-1", await farmRun(store));
  await store.addShards("run-1", [{ index: 0, document: shardFile(0) }]);
  const { claim } = (await store.claim("run-1", 0, { device: "d", host: "h" }))!;
  await store.append(claim, [runRecord({ runId: "run-1" })]);
  return store;
}

Deno.test("keepRecords() writes the run's records, and warns where it can't: the verdict stands", async () => {
  await using store = await storeWithRun();
  await inTempFolder(async (dir) => {
    const out = path.join(dir, "out");
    assertEquals(await keepRecords(store, "run-1", out), []);
    const { records } = readRecords(path.join(out, "records.jsonl"));
    assertEquals(records.map(({ kind }) => kind), ["run"]);
    const before = await Deno.readTextFile(path.join(out, "records.jsonl"));
    const [warning] = await keepRecords(store, "run-1", out);
    assertEquals(warning.code, "records-not-written");
    assertStringIncludes(warning.message, out);
    assertStringIncludes(warning.advice, "--run-id run-1");
    assertEquals(await Deno.readTextFile(path.join(out, "records.jsonl")), before);
    const file = path.join(dir, "file");
    await Deno.writeTextFile(file, "");
    assertEquals((await keepRecords(store, "run-1", path.join(file, "out"))).length, 1);
  });
});

Deno.test("gate --farm refuses a folder that holds a run before anything is prepared", async () => {
  await inTempFolder(async (dir) => {
    await Deno.writeTextFile(path.join(dir, "records.jsonl"), "");
    const { command, options, args } = parseCommandLine(
      [gateCommand],
      // No farm is reached: Slurm is asked for nothing.
      ["gate", "--farm", "slurm", "--out", dir].concat(
        ["--baseline", "posemark-n-silu.silu.raw.fp32.160x160.pnnx"],
        ["--store", `sqlite:${path.join(dir, "farm.db")}`],
      ),
      { name: "posemark", description: "", version: "0" },
    );
    const error = await assertRejects(
      () => command!.run(options, args, new AbortController().signal),
      HarnessError,
    );
    assertEquals(error.code, "output-exists", error.message);
    assertStringIncludes(error.message, dir);
  });
});
