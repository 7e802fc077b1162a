import { assert, assertEquals, assertRejects } from "@std/assert";
import * as path from "@std/path";
import { experimentHash, experimentKeys } from "../record/experiment_keys.ts";
import { deviceFixture, IMAGES, runFixture } from "../gate/testdata/gate_fixture.ts";
import { HarnessError } from "../errors.ts";
import { type AnyRecord, type LaunchRecord, RunRecordSchema } from "../record/records.ts";
import { bytesOfV010, recordsOfV010 } from "../record/testdata/v0_1_0.ts";
import { launchFixture } from "../stats/testdata/launch_fixture.ts";
import { summarizeLaunches } from "../stats/summary.ts";
import { newestCalibration } from "./calibrations.ts";
import {
  importRun,
  knownSessions,
  latestBaseline,
  listRuns,
  listSeries,
  trend,
} from "./history.ts";
import { openDatabase } from "./open_store.ts";
import type { Sql } from "./sql.ts";
import { needs } from "../testdata/needs.ts";

const MS = 1e6;

function recordsOf(runId: string, day: number, medianMs: number, threads = 2): AnyRecord[] {
  const launches = [0, 1, 2].map((round) =>
    launchFixture({
      variantId: "a",
      round,
      runId,
      threads,
      totalNs: [medianMs + round].map((ms) => ms * MS),
      marks: round === 2 ? ["throttled"] : [],
    })
  );
  return [runFixture(runId, day), ...launches];
}

async function seriesOf(threads = 2) {
  const keys = experimentKeys({
    name: "x",
    device: deviceFixture(),
    images: IMAGES,
    launches: [launchFixture({ variantId: "a", round: 0, totalNs: [1], threads })],
  });
  return { device: "host", variantId: "a", experiment: await experimentHash(keys) };
}

Deno.test("runFixture() is what the strict reader takes when it is read back", () => {
  const run = runFixture("r1", 0);
  assertEquals(RunRecordSchema.parse(JSON.parse(JSON.stringify(run))), run);
});

Deno.test("importRun() keeps a run once when it is imported twice, and adds what is new", async () => {
  await using history = await openDatabase(":memory:", "--history");
  const records = recordsOf("r1", 0, 30);
  const first = await importRun(history, records.slice(0, 3), "/runs/r1");
  assertEquals(first, { runId: "r1", added: 2, skipped: 0 });
  assertEquals((await importRun(history, records, "/runs/r1")).added, 1);
  assertEquals((await importRun(history, records, null)).added, 0);
  const [run] = await listRuns(history);
  assertEquals([run.runId, run.launches, run.folder, run.gitCommit], [
    "r1",
    3,
    "/runs/r1",
    "commit0",
  ]);
});

Deno.test("importRun() takes the figures of a round that was run again", async () => {
  await using history = await openDatabase(":memory:", "--history");
  await importRun(history, recordsOf("r1", 0, 30), null);
  assertEquals((await importRun(history, recordsOf("r1", 0, 40), null)).added, 0);
  assertEquals(
    (await trend(history, await seriesOf())).map(({ value }) => Math.round(value / MS)),
    [41],
  );
});

Deno.test("importRun() leaves emulated launches out, and those without times", async () => {
  await using history = await openDatabase(":memory:", "--history");
  const emulated = launchFixture({ variantId: "a", round: 0, totalNs: [1], marks: ["emulated"] });
  const empty = launchFixture({ variantId: "a", round: 1, totalNs: [[]] });
  const records = [runFixture("r1", 0), emulated, empty];
  assertEquals(await importRun(history, records, null), { runId: "r1", added: 0, skipped: 2 });
});

Deno.test("importRun() throws when there is no run record or several", async () => {
  await using history = await openDatabase(":memory:", "--history");
  const error = await assertRejects(() => importRun(history, [], "/x"), HarnessError, "/x");
  assertEquals(error.code, "bad-record");
  const two = [runFixture("r1", 0), runFixture("r2", 1)];
  await assertRejects(() => importRun(history, two, null), HarnessError, "found 2 run records");
});

Deno.test("trend() has one point per run, oldest first, when the series is the same experiment", async () => {
  await using history = await openDatabase(":memory:", "--history");
  await importRun(history, recordsOf("r2", 1, 40), null);
  await importRun(history, recordsOf("r1", 0, 30), null);
  await importRun(history, recordsOf("r3", 2, 90, 4), null);
  const points = await trend(history, await seriesOf());
  assertEquals(points.map((p) => [p.runId, p.gitCommit, Math.round(p.value / MS), p.rounds]), [
    ["r1", "commit0", 31, 3],
    ["r2", "commit1", 41, 3],
  ]);
  assert(points[0].low! < points[0].value && points[0].high! > points[0].value);
  assertEquals(points[0].marks, ["throttled"]);
  assertEquals((await trend(history, await seriesOf(4))).map((p) => p.runId), ["r3"]);
  assertEquals((await trend(history, await seriesOf(), "total.p50", 1)).map((p) => p.runId), [
    "r2",
  ]);
  assertEquals((await trend(history, await seriesOf(), "peakRss"))[0].value, 50_000_000);
  assertEquals(await trend(history, { ...await seriesOf(), device: "gone" }), []);
});

Deno.test("trend() has the figure that the run's report has, though other variants bear on it", async () => {
  await using history = await openDatabase(":memory:", "--history");
  const records = recordsOf("r1", 0, 30);
  const launches = records.filter((record): record is LaunchRecord => record.kind === "launch");
  // the other variant misses the slow round: what the rounds share tells the two apart
  const other = launches.slice(1).map((launch, i) =>
    launchFixture({ variantId: "b", round: launch.round, totalNs: [(20 + i) * MS] })
  );
  const all = [...records, ...other];
  await importRun(history, all, null);
  const [summary] = summarizeLaunches([...launches, ...other], "a");
  const [point] = await trend(history, await seriesOf());
  assertEquals(point.value, Math.round(summary.timeNs.value));
  assertEquals([point.low, point.high], [summary.timeNs.low, summary.timeNs.high]);
  // a part that is imported alone leaves the launches to tell it
  await history.query("UPDATE history_estimates SET launches = 99", []);
  assert((await trend(history, await seriesOf()))[0].value !== point.value);
});

Deno.test("listRuns() and listSeries() narrow to device and variant when asked", async () => {
  await using history = await openDatabase(":memory:", "--history");
  await importRun(history, recordsOf("r1", 0, 30), null);
  await importRun(history, recordsOf("r2", 1, 30, 4), null);
  assertEquals((await listRuns(history)).map((r) => r.runId), ["r2", "r1"]);
  assertEquals((await listRuns(history, { limit: 1 })).map((r) => r.runId), ["r2"]);
  assertEquals((await listRuns(history, { device: "host", variantId: "a" })).length, 2);
  assertEquals(await listRuns(history, { variantId: "b" }), []);
  assertEquals((await listSeries(history)).length, 2);
  assertEquals(await listSeries(history, { device: "R5CT10" }), []);
});

Deno.test("latestBaseline() gives the newest other run when the candidate is in the history already", async () => {
  await using history = await openDatabase(":memory:", "--history");
  for (const [day, ms] of [30, 31, 32].entries()) {
    await importRun(history, recordsOf(`r${day}`, day, ms), `/runs/${day}`);
  }
  const baseline = (await latestBaseline(history, await seriesOf(), "r2"))!;
  assertEquals([baseline.runId, baseline.folder], ["r1", "/runs/1"]);
  assertEquals(baseline.values["total.p50"], [31 * MS, 32 * MS, 33 * MS]);
  assertEquals((await latestBaseline(history, await seriesOf()))!.runId, "r2");
  assertEquals(await latestBaseline(history, await seriesOf(9)), null);
});

Deno.test("latestBaseline() and trend() leave out the launches of test builds", async () => {
  await using history = await openDatabase(":memory:", "--history");
  await importRun(history, recordsOf("r0", 0, 30), null);
  const slowed = recordsOf("r1", 1, 60).map((record) =>
    record.kind === "launch" ? { ...record, marks: [...record.marks, "test-build"] } : record
  );
  await importRun(history, slowed as AnyRecord[], null);
  assertEquals((await latestBaseline(history, await seriesOf()))!.runId, "r0");
  assertEquals((await trend(history, await seriesOf())).map(({ runId }) => runId), ["r0"]);
});

Deno.test("openDatabase() makes folders, and keeps what was written when it is opened again", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const file = path.join(folder, "deep", "history.db");
    {
      await using history = await openDatabase(file, "--history");
      await importRun(history, recordsOf("r1", 0, 30), null);
    }
    await using history = await openDatabase(file, "--history");
    assertEquals((await listRuns(history)).length, 1);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("openDatabase() takes over what a history of version 0.1.0 holds", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const file = path.join(folder, "history.db");
    await Deno.writeFile(file, await bytesOfV010("history.db"));
    for (const _ of ["migrated", "opened again"]) {
      await using history = await openDatabase(file, "--history");
      const runs = await listRuns(history);
      assertEquals(runs.map(({ runId, launches }) => [runId, launches]), [
        ["20261127224748-3343eb64", 2],
        ["20261127224741-fd176733", 6],
      ]);
      // 0.1.0 kept Posemark's own commit, and nothing of the models'
      assertEquals(runs.map(({ gitCommit }) => gitCommit), [null, null]);
      assert(runs.every(({ posemarkCommit }) => /^[0-9a-f]{40}$/.test(posemarkCommit!)));
      const variantId = "posemark-n-relu.relu.raw.fp32.160x160.pnnx";
      const [series] = await listSeries(history, { variantId });
      const baseline = (await latestBaseline(history, series, runs[0].runId))!;
      assertEquals(baseline.values["total.p50"], [8183512, 8702980, 8083534]);
      assertEquals(baseline.values["inference.p50"], [8074400, 8590224, 7974573]);
      assertEquals(baseline.values["inference.p90"], []);
      assertEquals((await trend(history, series, "peakRss")).map(({ value }) => value), [
        61132800,
        61288448,
      ]);
      const key = {
        device: "host",
        buildFingerprint: "6.18.44-fc-v669",
        settings: { threads: 1, powersave: 0, coreMask: null, turns: null },
        workload: { variantId, warmup: 1, iterations: 1, images: 1 },
      };
      const calibration = (await newestCalibration(history, key))!;
      assertEquals([calibration.createdAt, calibration.isOfWorkload], [
        "2026-11-27T22:59:12.757Z",
        true,
      ]);
      assertEquals(calibration.blocks["total.p50"]![0], [
        -0.009760505494022468,
        -0.033648409528126644,
      ]);
    }
    // a run of then falls into the series of then
    await using history = await openDatabase(file, "--history");
    const again = await importRun(history, await recordsOfV010("bench"), null);
    assertEquals(again, { runId: "20261127224741-fd176733", added: 0, skipped: 0 });
    assertEquals((await listSeries(history)).length, 2);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("openDatabase() throws when the file is something else or from a newer Posemark", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const text = path.join(folder, "text.db");
    await Deno.writeTextFile(
      text,
      "this is no database, and long enough to be read as a header of one".repeat(9),
    );
    const error = await assertRejects(
      () => openDatabase(text, "--history"),
      HarnessError,
      "Cannot use the history",
    );
    assertEquals(error.code, "store-failed");
    const newer = path.join(folder, "newer.db");
    {
      await using history = await openDatabase(newer, "--history");
      await history.query("UPDATE farm_schema SET version = 99", []);
    }
    await assertRejects(() => openDatabase(newer, "--history"), HarnessError, "version 99");
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("transaction() writes all or nothing, and tells what SQLite refused", async () => {
  await using history = await openDatabase(":memory:", "--history");
  const run = `INSERT INTO history_runs VALUES ('r1', '2026', NULL, '1', '1', NULL, NULL)`;
  const error = await assertRejects(
    () =>
      history.transaction(async (inside) => {
        await inside.query(run, []);
        await inside.query(run, []);
      }),
    HarnessError,
    "UNIQUE constraint",
  );
  assertEquals([error.code, (await listRuns(history)).length], ["store-failed", 0]);
  await assertRejects(
    () => history.transaction(() => Promise.reject(new TypeError("mine"))),
    TypeError,
    "mine",
  );
});

/** A history of this many series of one variant each, with as many runs of so many rounds. */
async function bigHistory(seriesCount: number, runs: number, rounds: number): Promise<Sql> {
  const history = await openDatabase(":memory:", "--history");
  const numbers = (count: number) =>
    `WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < ${count})`;
  await history.transaction(async (inside) => {
    for (
      const text of [
        `INSERT INTO history_series ${numbers(seriesCount)} SELECT i, 'host', 'v' || i, 'x' FROM n`,
        `INSERT INTO history_runs ${numbers(runs)}
          SELECT 'r' || i, strftime('%Y-%m-%dT%H:%M:%SZ', 1700000000 + 600 * i, 'unixepoch'),
            'c' || i, '1', '1', NULL, NULL FROM n`,
        `INSERT INTO history_launches (series_id, run_at, run_id, round, earnest, marks)
          ${numbers(rounds)}
          SELECT s.series_id, r.created_at, r.run_id, n.i, 1, '[]'
          FROM history_series s, history_runs r, n`,
        ...["total.p50", "total.p90", "peakRss"].map((metric) =>
          `INSERT INTO history_figures SELECT launch_id, '${metric}', 3e7 + round FROM history_launches`
        ),
      ]
    ) await inside.query(text, []);
  });
  return history;
}

/**
 * What a gate asks the history for a metric: the fastest of ten tries, since other work on this
 * machine only adds to the time.
 */
async function gateQuerySeconds(history: Sql, rounds: number): Promise<number> {
  const series = { device: "host", variantId: "v0", experiment: "x" };
  let fastest = Infinity;
  for (let i = 0; i < 10; i++) {
    const begin = performance.now();
    const baseline = await latestBaseline(history, series, "r0");
    const spread = await knownSessions(history, series, "total.p50");
    fastest = Math.min(fastest, (performance.now() - begin) / 1000);
    assertEquals(baseline!.values["total.p50"].length, rounds);
    assertEquals(spread, { sd: 0, freedom: 33 });
  }
  return fastest;
}

for (
  const { seriesCount, runs, rounds, ignore } of [
    { seriesCount: 50, runs: 200, rounds: 10, ignore: false },
    { seriesCount: 1, runs: 2000, rounds: 50, ignore: false },
    {
      seriesCount: 50,
      runs: 2000,
      rounds: 10,
      ...needs("time"),
    },
    {
      seriesCount: 1,
      runs: 20_000,
      rounds: 50,
      ...needs("time"),
    },
  ]
) {
  Deno.test({
    name:
      `latestBaseline() and knownSessions() take less than 0.2 s when the history has ${seriesCount} series of ${runs} runs of ${rounds} rounds`,
    ignore,
    async fn() {
      await using history = await bigHistory(seriesCount, runs, rounds);
      const seconds = await gateQuerySeconds(history, rounds);
      assert(seconds < 0.2, `${seconds} s`);
    },
  });
}
