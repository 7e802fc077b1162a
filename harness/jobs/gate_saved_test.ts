import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import * as path from "@std/path";
import { HarnessError } from "../errors.ts";
import { DEFAULT_GATE_CONFIG, type GateConfig } from "../gate/config.ts";
import { deviceFixture, parityFixture, runFixture } from "../gate/testdata/gate_fixture.ts";
import { testManifest } from "../parity/testdata/manifest.ts";
import type { AnyRecord, ParityRecord, RunRecord } from "../record/records.ts";
import { launchFixture } from "../stats/testdata/launch_fixture.ts";
import { importRun } from "../store/history.ts";
import { openDatabase } from "../store/open_store.ts";
import { type GateOutcome } from "./gate_live.ts";
import { gateSaved, type SavedGateOptions } from "./gate_saved.ts";
import { failureRecord } from "../run/testdata/records.ts";

const FIXED = { mode: "fixed" as const, widthPx: 640, heightPx: 640 };

interface RunChange {
  variants?: string[];
  device?: string;
  threads?: number;
  /** Side of the network's input, pixels. */
  widthPx?: number;
  parity?: ParityRecord["stages"][number]["verdict"] | null;
}

/** Records of a run with one launch per value, milliseconds, of each variant. */
function recordsOf(runId: string, day: number, ms: number[], change: RunChange = {}): AnyRecord[] {
  const { variants = ["a"], device = "host", widthPx = 640 } = change;
  const parity = change.parity === undefined ? "pass" : change.parity;
  return [
    runFixture(runId, day, {
      devices: [deviceFixture(device)],
      variants: variants.map((id) => testManifest({ id, shape: { ...FIXED, widthPx } })),
    }),
    ...variants.flatMap((variantId) =>
      ms.map((each, round) =>
        launchFixture({
          runId,
          device,
          variantId,
          round,
          totalNs: [each * 1e6, each * 1e6],
          threads: change.threads,
          inputWidthPx: [widthPx],
        })
      )
    ),
    ...(parity === null ? [] : variants.map((id) => parityFixture(runId, device, id, parity))),
  ];
}

Deno.test("gateSaved() refuses latest when its folder was written over by the candidate", async () => {
  const folder = await Deno.makeTempDir();
  try {
    await using history = await openDatabase(":memory:", "--history");
    const write = async (records: AnyRecord[]) => {
      const lines = records.map((record) => JSON.stringify(record) + "\n");
      await Deno.writeTextFile(path.join(folder, "records.jsonl"), lines.join(""));
      return records;
    };
    await importRun(history, await write(recordsOf("old", 1, BASE)), folder);
    await write(recordsOf("now", 8, BASE.map((ms) => 2 * ms)));
    const error = await assertRejects(
      () =>
        gateSaved({
          baseline: { kind: "latest" },
          candidateDir: folder,
          devices: null,
          config: DEFAULT_GATE_CONFIG,
          dataset: { images: null },
        }, history),
      HarnessError,
    );
    assertEquals(error.code, "not-comparable");
    assertStringIncludes(error.message, "now holds run now");
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

/** Two runs in folders, and the gate over them. */
async function gateOf(
  baseline: AnyRecord[] | "latest",
  candidate: AnyRecord[],
  change: Partial<SavedGateOptions> = {},
  earlier: AnyRecord[][] = [],
): Promise<GateOutcome> {
  const folder = await Deno.makeTempDir();
  try {
    await using history = await openDatabase(":memory:", "--history");
    const write = async (name: string, records: AnyRecord[]) => {
      const dir = path.join(folder, name);
      await Deno.mkdir(dir);
      const lines = records.map((record) => JSON.stringify(record) + "\n");
      await Deno.writeTextFile(path.join(dir, "records.jsonl"), lines.join(""));
      return dir;
    };
    for (const [index, records] of earlier.entries()) {
      await importRun(history, records, await write(`earlier${index}`, records));
    }
    return await gateSaved({
      baseline: baseline === "latest"
        ? { kind: "latest" }
        : { kind: "run", dir: await write("baseline", baseline) },
      candidateDir: await write("candidate", candidate),
      devices: null,
      config: DEFAULT_GATE_CONFIG,
      dataset: { images: null },
      ...change,
    }, history);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

const BASE = [30, 30.2, 29.9, 30.1, 30];
const TENTH: GateConfig = { gate: { thresholdsPercent: { "total.p50": 12 } } };

Deno.test("gateSaved() passes the same times, fails a third more, and stays open in between", async () => {
  const verdictOf = async (ms: number[], config = TENTH) =>
    (await gateOf(recordsOf("r1", 0, BASE), recordsOf("r2", 1, ms), { config })).result.verdict;
  assertEquals(await verdictOf([30.1, 30, 29.9, 30.2, 30]), "pass");
  assertEquals(await verdictOf([40, 40.2, 39.9, 40.1, 40]), "fail");
  assertEquals(
    await verdictOf([31, 31.1, 30.9, 31, 31], DEFAULT_GATE_CONFIG),
    "inconclusive",
  );
});

Deno.test("gateSaved() says that nothing is paired, and carries the candidate's figures", async () => {
  const { result, runId, figures } = await gateOf(
    recordsOf("r1", 0, BASE),
    recordsOf("r2", 1, BASE),
  );
  assertEquals([result.paired, result.blocks, runId], [false, 0, "r2"]);
  assertStringIncludes(result.reasons.join(), "can't be paired");
  const median = figures.find(({ metric }) => metric === "total.p50")!;
  assertEquals([median.device, median.variantId], ["host", "a"]);
  assert(Math.abs(median.value / 30e6 - 1) < 0.01, `${median.value} ns`);
  assert(median.low! <= median.value && median.value <= median.high!);
});

Deno.test("gateSaved() refuses what is not the same experiment and names the key", async () => {
  const cases: [RunChange, string][] = [
    [{ device: "other" }, "device.serial"],
    [{ threads: 1 }, "options.threads"],
    [{ widthPx: 320, variants: ["a.other-shape"] }, "shape"],
  ];
  for (const [change, key] of cases) {
    const error = await assertRejects(
      () => gateOf(recordsOf("r1", 0, BASE), recordsOf("r2", 1, BASE, change)),
      HarnessError,
    );
    assertEquals(error.code, "not-comparable", key);
    assertStringIncludes(error.message, key);
  }
});

Deno.test("gateSaved() fails wrong keypoints whatever the speed, and is inconclusive when they were not judged", async () => {
  const faster = BASE.map((ms) => ms / 2);
  const outcome = async (parity: RunChange["parity"]) =>
    (await gateOf(recordsOf("r1", 0, BASE), recordsOf("r2", 1, faster, { parity }))).result;
  const wrong = await outcome("fail");
  assertEquals([wrong.verdict, wrong.metrics[0].verdict], ["fail", "pass"]);
  assertEquals((await outcome(null)).verdict, "inconclusive");
});

Deno.test("gateSaved() widens the lower bound when more variants share the false alarms", async () => {
  const lowOf = async (variants: string[]) =>
    (await gateOf(recordsOf("r1", 0, BASE, { variants }), recordsOf("r2", 1, BASE, { variants })))
      .result.metrics[0].low!;
  assert(await lowOf(["a", "b"]) < await lowOf(["a"]) - 0.005);
});

Deno.test("gateSaved() is inconclusive when the candidate's run lacks a variant of the baseline", async () => {
  const { result } = await gateOf(
    recordsOf("r1", 0, BASE, { variants: ["a", "b"] }),
    recordsOf("r2", 1, BASE),
    { config: TENTH },
  );
  assertEquals([result.verdict, result.metrics.length], ["inconclusive", 1]);
  assertStringIncludes(result.reasons[0], "lacks b on host");
});

/**
 * Records of a run of one variant on the host and on another device, which has a failure record
 * alone when it crashed.
 */
function twoDevices(runId: string, day: number, crashed: boolean): AnyRecord[] {
  const [run, ...here] = recordsOf(runId, day, BASE);
  const there = recordsOf(runId, day, BASE, { device: "B" }).slice(1);
  return [
    { ...run, devices: [deviceFixture(), deviceFixture("B")] } as RunRecord,
    ...here,
    ...(crashed ? [{ ...failureRecord(0), runId, device: "B", variantId: "a" }] : there),
  ];
}

Deno.test("gateSaved() is inconclusive and names the device when the candidate has no launch on it", async () => {
  const gone = recordsOf("r2", 1, BASE);
  for (const candidate of [twoDevices("r2", 1, true), gone]) {
    const { result } = await gateOf(twoDevices("r1", 0, false), candidate, { config: TENTH });
    assertEquals([result.verdict, result.metrics.length], ["inconclusive", 1]);
    assertStringIncludes(result.reasons[0], "lacks a on B");
  }
  const narrowed = { config: TENTH, devices: ["host"] };
  const { result } = await gateOf(twoDevices("r1", 0, false), gone, narrowed);
  assertEquals(result.verdict, "pass", "one device was asked for");
});

Deno.test("gateSaved() is inconclusive about latest when a variant crashed, or is gone", async () => {
  const both = { variants: ["a", "b"] };
  const crashed = recordsOf("now", 8, BASE, both).filter((record) =>
    record.kind === "run" || !("variantId" in record) || record.variantId === "a"
  );
  for (const candidate of [crashed, recordsOf("now", 8, BASE)]) {
    const { result } = await gateOf("latest", candidate, { config: TENTH }, [
      recordsOf("old", 1, BASE, both),
    ]);
    assertEquals(result.verdict, "inconclusive");
    assertStringIncludes(result.reasons[0], "lacks b on host");
  }
});

Deno.test("gateSaved() takes the newest run of the same experiment for latest, and knows the sessions from the history", async () => {
  const earlier = [0, 1, 2, 3, 4, 5, 6].map((day) =>
    recordsOf(`h${day}`, day, BASE.map((ms) => ms * (1 + 0.001 * (day % 2))))
  );
  earlier.push(recordsOf("other", 7, BASE, { threads: 1 }));
  const { result } = await gateOf("latest", recordsOf("now", 8, BASE), {}, earlier);
  assertEquals([result.baseline, result.verdict], ["a of run h6", "pass"]);
  assertStringIncludes(result.metrics[0].reason, "known to differ");
});

Deno.test("gateSaved() names the variant that each metric is of", async () => {
  const variants = ["a", "b"];
  const { result } = await gateOf(
    recordsOf("r1", 0, BASE, { variants }),
    recordsOf("r2", 1, BASE, { variants }),
  );
  assertEquals(result.metrics.map(({ candidate }) => candidate), ["a of run r2", "b of run r2"]);
});

Deno.test("gateSaved() says so when either side was run by a test build", async () => {
  const slowed = (runId: string) =>
    recordsOf(runId, 0, BASE).map((record) =>
      record.kind === "launch" ? { ...record, marks: ["test-build" as const] } : record
    );
  const reasonsOf = async (baseline: AnyRecord[], candidate: AnyRecord[]) =>
    (await gateOf(baseline, candidate)).result.reasons.filter((each) =>
      each.includes("test build")
    );
  const [told] = await reasonsOf(slowed("r1"), recordsOf("r2", 1, BASE));
  assertStringIncludes(told, "the baseline's");
  assertStringIncludes((await reasonsOf(recordsOf("r1", 0, BASE), slowed("r2")))[0], "candidate's");
  assertEquals(await reasonsOf(recordsOf("r1", 0, BASE), recordsOf("r2", 1, BASE)), []);
});

Deno.test("gateSaved() says so when the history has no run of the same experiment", async () => {
  const error = await assertRejects(
    () =>
      gateOf("latest", recordsOf("now", 8, BASE), {}, [recordsOf("old", 1, BASE, { threads: 1 })]),
    HarnessError,
  );
  assertEquals(error.code, "not-comparable");
  assert(error.message.includes('"a" on "host"'), error.message);
});
