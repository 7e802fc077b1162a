import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { type HistoryDatabase, openHistoryDatabase } from "./history_database.ts";
import { listRuns } from "./history.ts";
import { formatHistory, judgeHistory } from "./history_query.ts";

/** A history of one variant with one launch a round, three rounds a run, at these medians (ms). */
function historyOf(
  medianMs: number[],
  commitOf = (day: number) => `c${day}`,
): HistoryDatabase {
  const history = openHistoryDatabase(":memory:");
  const { sql } = history;
  sql.exec("INSERT INTO series VALUES (1, 'R5CT10', 'm.silu', 'x')");
  const run = sql.prepare("INSERT INTO runs VALUES (?, ?, ?, '1', '1', NULL)");
  const launch = sql.prepare(
    "INSERT INTO launches VALUES (1, ?, ?, ?, ?, NULL, NULL, NULL, NULL, NULL, NULL, '[\"throttled\"]')",
  );
  medianMs.forEach((ms, day) => {
    const at = `2026-01-${String(day + 1).padStart(2, "0")}T00:00:00Z`;
    run.run(`r${day}`, at, commitOf(day));
    for (const round of [0, 1, 2]) launch.run(at, `r${day}`, round, (ms + 0.01 * round) * 1e6);
  });
  return history;
}

const STEP = [30, 30.1, 29.9, 30, 30.1, 30, 33, 33.1, 33, 32.9, 33, 33.1];

Deno.test("judgeHistory() tells the first commit that got slower when the level changed for good", () => {
  using history = historyOf(STEP);
  const [series] = judgeHistory(history, {}, "total.p50");
  assertEquals([series.points.length, series.changes.length], [12, 1]);
  assertEquals([series.firstSlower!.gitCommit, series.firstSlower!.runId], ["c6", "r6"]);
  assert(Math.abs(series.firstSlower!.ratio - 1.1) < 0.01);
  assertEquals(judgeHistory(history, {}, "total.p50", 1.2)[0].firstSlower, null);
});

Deno.test("judgeHistory() blames no commit that was fast before, when the device changed", () => {
  const medians = [...new Array(8).fill(30), ...new Array(8).fill(33)].map((ms, i) =>
    ms + i % 3 / 10
  );
  using history = historyOf(medians, (day) => day < 6 ? "c1" : "c2");
  const judged = judgeHistory(history, {}, "total.p50");
  const { runId, gitCommit, withinCommit } = judged[0].firstSlower!;
  assertEquals([runId, gitCommit, withinCommit], ["r8", null, "c2"]);
  assertStringIncludes(
    formatHistory(listRuns(history), judged),
    "first slower: within commit c2 (run r8), 10.0% more: it was fast before",
  );
  using blamed = historyOf(medians, (day) => day < 8 ? "c1" : "c2");
  assertEquals(judgeHistory(blamed, {}, "total.p50")[0].firstSlower!.gitCommit, "c2");
});

Deno.test("judgeHistory() passes series over that the filter keeps out or that lack the metric", () => {
  using history = historyOf(STEP);
  assertEquals(judgeHistory(history, { device: "host" }, "total.p50"), []);
  assertEquals(judgeHistory(history, {}, "peakRss"), []);
  assertEquals(judgeHistory(history, { limit: 3 }, "total.p50")[0].points.length, 3);
});

Deno.test("formatHistory() marks where it got slower and by how much", () => {
  using history = historyOf(STEP);
  const text = formatHistory(listRuns(history), judgeHistory(history, {}, "total.p50"));
  assertStringIncludes(text, "12 runs, newest first:");
  assertStringIncludes(text, "33.01 ms (");
  const marked = text.split("\n").filter((line) => line.includes("from here"));
  assertEquals(marked.length, 1);
  assertStringIncludes(marked[0], "commit c6  [throttled]  ← 10.0% more from here");
  assertStringIncludes(text, "first slower: commit c6 (run r6), 10.0% more");
});

Deno.test("formatHistory() says how to begin when there are no runs", () => {
  using history = openHistoryDatabase(":memory:");
  assertStringIncludes(formatHistory(listRuns(history), []), "deno task history DIR");
});
