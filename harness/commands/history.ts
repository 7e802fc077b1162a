/**
 * The command `history`: import runs, list them, trends and lasting changes.
 *
 * @module
 */
import * as path from "@std/path";
import { commandLine } from "../caller.ts";
import { command } from "../cli.ts";
import { choice, flag, integer, number, option } from "../options.ts";
import { EXIT, HarnessError } from "../errors.ts";
import { METRIC_NAMES } from "../record/metrics.ts";
import { printResult, tell } from "../terminal.ts";
import { historyFile } from "./experiment_options.ts";

/** `history`: what was measured before. */
export const historyCommand = command({
  name: "history",
  description:
    "imports the runs in the folders given, then lists runs, trends per device and variant, and lasting changes",
  arguments: [{ name: "[dirs...]", description: "folders of runs to import" }],
  options: {
    db: option(
      "--db <file>",
      "the history: a file, or postgres://user@host:port/database. Default: history.db in the cache folder",
    ),
    device: option("--device <serial>", "this device only"),
    variant: option("--variant <id>", "this variant only"),
    metric: option("--metric <name>", "what to follow", choice(METRIC_NAMES), "total.p50"),
    minChange: option(
      "--min-change <percent>",
      "pass over smaller changes for the worse when the first slower commit is told",
      number(0, 1000),
      "0",
    ),
    limit: option("--limit <n>", "the newest so many runs", integer(1, 100_000), "100"),
    html: option("--html <file>", "write the page of the history too"),
    json: flag("--json", "print JSON"),
  },
  async run(options, dirs) {
    const { importRun, listRuns, listSeries } = await import("../store/history.ts");
    const { isPostgres, openDatabase } = await import("../store/open_store.ts");
    const { formatHistory, judgeHistory } = await import("../store/history_query.ts");
    const { readRecords } = await import("../record/record_log.ts");
    const { metric, limit, minChange: change } = options;
    // a name that was mistyped must not make a history of its own
    if (options.db !== null && dirs.length === 0 && !isPostgres(options.db)) {
      await requireFile(options.db);
    }
    await using history = await openDatabase(await historyFile(options.db), "--history");
    for (const dir of dirs) {
      const folder = path.resolve(dir);
      const { records } = readRecords(path.join(folder, "records.jsonl"));
      const { runId, added, skipped } = await importRun(history, records, folder);
      tell(
        `imported ${runId}: ${added} launches new${skipped === 0 ? "" : `, ${skipped} left out`}`,
      );
    }
    const filter = {
      device: options.device ?? undefined,
      variantId: options.variant ?? undefined,
      limit,
    };
    const runs = await listRuns(history, filter);
    const series = await judgeHistory(history, filter, metric, 1 + change / 100);
    if (runs.length === 0) {
      const all = await listSeries(history);
      for (
        const [name, asked, names] of [
          ["device", options.device, all.map(({ device }) => device)],
          ["variant", options.variant, all.map(({ variantId }) => variantId)],
        ] as const
      ) {
        const held = [...new Set(names)];
        if (asked === null || held.includes(asked) || held.length === 0) continue;
        throw new HarnessError(
          "bad-option",
          `Cannot list the history of --${name} "${asked}": it holds no run of it. Expected one of ${
            held.join(", ")
          }`,
        );
      }
    }
    if (options.html !== null) await writePage(options.html, series);
    printResult(options.json, { runs, series }, (shown) => formatHistory(shown.runs, shown.series));
    return EXIT.pass;
  },
});

async function requireFile(file: string): Promise<void> {
  try {
    await Deno.stat(file);
  } catch (cause) {
    throw new HarnessError(
      "bad-option",
      `Cannot open the history ${file}: ${
        (cause as Error).message
      }. Check the path after --db, or name folders of runs to import into a new one`,
      { cause },
    );
  }
}

async function writePage(
  file: string,
  series: readonly import("../store/history_query.ts").JudgedSeries[],
): Promise<void> {
  const { requireOwnPage, writeWhole } = await import("../report/report_file.ts");
  await requireOwnPage(file);
  const { readAssets } = await import("../report/assets.ts");
  const { renderHistory } = await import("../report/html.ts");
  const page = renderHistory({
    createdAt: new Date().toISOString(),
    command: commandLine(),
    series: series.map(({ firstSlower: _, ...each }) => ({ ...each, deviceName: null })),
    warnings: [],
  }, await readAssets());
  await writeWhole(file, page);
}
