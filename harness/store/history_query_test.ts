import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { openDatabase } from "./open_store.ts";
import type { Sql } from "./sql.ts";
import { listRuns } from "./history.ts";
import { formatHistory, judgeHistory } from "./history_query.ts";

/** A history of one variant with one launch a round, three rounds a run, at these medians (ms). */
async function historyOf(
  medianMs: number[],
  commitOf = (day: number) => `c${day}`,
  posemarkOf: (day: number) => string | null = () => null,
): Promise<Sql> {
  const history = await openDatabase(":memory:", "--history");
  await history.query("INSERT INTO history_series VALUES (1, 'R5CT10', 'm.silu', 'x')", []);
  for (const [day, ms] of medianMs.entries()) {
    const at = `2026-01-${String(day + 1).padStart(2, "0")}T00:00:00Z`;
    await history.query(
      `INSERT INTO history_runs
         (run_id, created_at, git_commit, posemark_commit, harness_version, ncnn_version)
       VALUES ($1, $2, $3, $4, '1', '1')`,
      [`r${day}`, at, commitOf(day), posemarkOf(day)],
    );
    for (const round of [0, 1, 2]) {
      const id = 3 * day + round;
      await history.query(
        `INSERT INTO history_launches VALUES ($1, 1, $2, $3, $4, 1, '["throttled"]')`,
        [id, at, `r${day}`, round],
      );
      await history.query("INSERT INTO history_figures VALUES ($1, 'total.p50', $2)", [
        id,
        (ms + 0.01 * round) * 1e6,
      ]);
    }
  }
  return history;
}

const STEP = [30, 30.1, 29.9, 30, 30.1, 30, 33, 33.1, 33, 32.9, 33, 33.1];

Deno.test("judgeHistory() tells the first commit that got slower when the level changed for good", async () => {
  await using history = await historyOf(STEP);
  const [series] = await judgeHistory(history, {}, "total.p50");
  assertEquals([series.points.length, series.changes.length], [12, 1]);
  assertEquals([series.firstSlower!.gitCommit, series.firstSlower!.runId], ["c6", "r6"]);
  assert(Math.abs(series.firstSlower!.ratio - 1.1) < 0.01);
  assertEquals((await judgeHistory(history, {}, "total.p50", 1.2))[0].firstSlower, null);
});

Deno.test("judgeHistory() blames no commit that was fast before, when the device changed", async () => {
  const medians = [...new Array(8).fill(30), ...new Array(8).fill(33)].map((ms, i) =>
    ms + i % 3 / 10
  );
  await using history = await historyOf(medians, (day) => day < 6 ? "c1" : "c2");
  const judged = await judgeHistory(history, {}, "total.p50");
  const { runId, gitCommit, withinCommit } = judged[0].firstSlower!;
  assertEquals([runId, gitCommit, withinCommit], ["r8", null, "c2"]);
  assertStringIncludes(
    formatHistory(await listRuns(history), judged),
    "first slower: within commit c2 (run r8), 10.0% more: it was fast before",
  );
  await using blamed = await historyOf(medians, (day) => day < 8 ? "c1" : "c2");
  assertEquals((await judgeHistory(blamed, {}, "total.p50"))[0].firstSlower!.gitCommit, "c2");
});

Deno.test("judgeHistory() acquits no commit whose files had changed, and tells that Posemark changed", async () => {
  const medians = [...new Array(8).fill(30), ...new Array(8).fill(33)].map((ms, i) =>
    ms + i % 3 / 10
  );
  const slowerOf = async (commit: string, posemarkOf?: (day: number) => string) => {
    await using history = await historyOf(medians, () => commit, posemarkOf);
    const judged = await judgeHistory(history, {}, "total.p50");
    return { ...judged[0].firstSlower!, text: formatHistory(await listRuns(history), judged) };
  };
  const dirty = await slowerOf("c1-dirty");
  assertEquals([dirty.gitCommit, dirty.withinCommit], ["c1-dirty", null]);
  const tool = await slowerOf("c1", (day) => day < 8 ? "p1" : "p2");
  assertEquals([tool.withinCommit, tool.posemark], ["c1", { from: "p1", to: "p2" }]);
  assertStringIncludes(tool.text, "it was fast before, Posemark changed from p1 to p2");
  const surroundings = await slowerOf("c1", () => "p1");
  assertEquals(surroundings.posemark, null);
  assertStringIncludes(surroundings.text, "the device or its surroundings changed");
});

Deno.test("judgeHistory() passes series over that the filter keeps out or that lack the metric", async () => {
  await using history = await historyOf(STEP);
  assertEquals(await judgeHistory(history, { device: "host" }, "total.p50"), []);
  assertEquals(await judgeHistory(history, {}, "peakRss"), []);
  assertEquals((await judgeHistory(history, { limit: 3 }, "total.p50"))[0].points.length, 3);
});

Deno.test("formatHistory() marks where it got slower and by how much", async () => {
  await using history = await historyOf(STEP);
  const text = formatHistory(await listRuns(history), await judgeHistory(history, {}, "total.p50"));
  assertStringIncludes(text, "12 runs, newest first:");
  assertStringIncludes(text, "33.01 ms (");
  const marked = text.split("\n").filter((line) => line.includes("from here"));
  assertEquals(marked.length, 1);
  assertStringIncludes(marked[0], "commit c6  [throttled]  ← 10.0% more from here");
  assertStringIncludes(text, "first slower: commit c6 (run r6), 10.0% more");
});

Deno.test("formatHistory() says how to begin when there are no runs", async () => {
  await using history = await openDatabase(":memory:", "--history");
  assertStringIncludes(formatHistory(await listRuns(history), []), "deno task history DIR");
});
