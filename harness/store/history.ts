/**
 * The history of runs: import, list, the trend of a variant on a device, and the run to compare
 * with.
 *
 * @module
 */
import { experimentKeys } from "../record/experiment_keys.ts";
import type { SessionSpread } from "../gate/saved.ts";
import { METRIC_NAMES, type MetricName } from "../record/metrics.ts";
import { HarnessError } from "../errors.ts";
import type { AnyRecord, LaunchRecord, RunRecord } from "../record/records.ts";
import { robustInterval } from "../stats/interval.ts";
import { median, medianAbsoluteDeviation } from "../stats/quantile.ts";
import { groupByRound, metricOfLaunch } from "../stats/round.ts";
import { type HistoryDatabase, inTransaction } from "./history_database.ts";

/** Columns of the metrics that the history keeps. */
const COLUMNS = {
  "total.p50": "total_p50_ns",
  "total.p90": "total_p90_ns",
  "total.p99": "total_p99_ns",
  "preprocess.p50": "preprocess_p50_ns",
  "inference.p50": "inference_p50_ns",
  "postprocess.p50": "postprocess_p50_ns",
  "peakRss": "peak_rss_bytes",
} as const satisfies Partial<Record<MetricName, string>>;
/** A metric that the history keeps. */
export type HistoryMetric = keyof typeof COLUMNS;

/** Names of the metrics that the history keeps. */
export const HISTORY_METRICS = METRIC_NAMES.filter((name): name is HistoryMetric =>
  name in COLUMNS
);

/** Launches that tell how fast something is: a test build may be slowed down on purpose. */
const IN_EARNEST = `marks NOT LIKE '%"test-build"%'`;

/** A run in the list. */
export interface HistoryRun {
  runId: string;
  createdAt: string;
  gitCommit: string | null;
  harnessVersion: string;
  ncnnVersion: string;
  /** Folder of the run's records when it was imported; null when it came from elsewhere. */
  folder: string | null;
  /** Launches that count, over all devices and variants. */
  launches: number;
}

/** One variant on one device at one set of experiment keys. */
export interface Series {
  device: string;
  variantId: string;
  /** Hash of the experiment keys: figures of different keys are not compared. */
  experiment: string;
}

/** One run in the trend of a series. */
export interface TrendPoint {
  runId: string;
  createdAt: string;
  gitCommit: string | null;
  rounds: number;
  /** Robust mean over rounds, nanoseconds or bytes: what the interval is of. */
  value: number;
  /** 95% interval over rounds; null for one round. */
  low: number | null;
  high: number | null;
  /** Marks of its launches, each once: `throttled`, … */
  marks: string[];
}

/** What a list or a trend is narrowed to. */
export interface HistoryFilter {
  device?: string;
  variantId?: string;
  /** The newest so many. */
  limit?: number;
}

/**
 * Imports the records of one run and returns how many launches were new. Importing a run again adds
 * what is new, and a round that was run again takes the place of its earlier figures.
 *
 * Launches of emulated devices are left out, and those without times. Throws `HarnessError`
 * `bad-record` when there is no run record, or more than one.
 */
export async function importRun(
  history: HistoryDatabase,
  records: readonly AnyRecord[],
  folder: string | null,
): Promise<{ runId: string; added: number; skipped: number }> {
  const runs = records.filter((record): record is RunRecord => record.kind === "run");
  if (runs.length !== 1) {
    throw new HarnessError(
      "bad-record",
      `Cannot import ${
        folder ?? "the records"
      }: found ${runs.length} run records, expected one. Name the folder of one run`,
    );
  }
  const [run] = runs;
  const all = records.filter((record): record is LaunchRecord => record.kind === "launch");
  const rows: { series: Series; launch: LaunchRecord }[] = [];
  for (const device of run.devices) {
    const own = all.filter((launch) =>
      launch.device === device.serial && !device.emulated && !launch.marks.includes("emulated")
    );
    for (const [variantId, rounds] of groupByRound(own)) {
      for (const launch of rounds.values()) {
        const timed = launch.images.some((image) => image.samplesNs.total.length > 0);
        if (!timed || metricOfLaunch(launch, "total.p50") === null) continue;
        const side = { name: run.runId, device, images: run.images, launches: [launch] };
        const experiment = await experimentHash(experimentKeys(side));
        rows.push({ series: { device: device.serial, variantId, experiment }, launch });
      }
    }
  }
  const added = inTransaction(history.sql, () => insertRun(history, run, folder, rows));
  return { runId: run.runId, added, skipped: all.length - rows.length };
}

/**
 * Returns the hash of experiment keys under which the history files a series: 16 hexadecimal
 * digits.
 */
export async function experimentHash(keys: Record<string, string>): Promise<string> {
  const text = JSON.stringify(Object.entries(keys).sort(([a], [b]) => a < b ? -1 : 1));
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return [...new Uint8Array(digest).slice(0, 8)].map((byte) => byte.toString(16).padStart(2, "0"))
    .join("");
}

function insertRun(
  { sql }: HistoryDatabase,
  run: RunRecord,
  folder: string | null,
  rows: readonly { series: Series; launch: LaunchRecord }[],
): number {
  const { gitCommit, version, ncnn } = run.harness;
  sql.prepare(
    `INSERT INTO runs VALUES (?, ?, ?, ?, ?, ?)
     ON CONFLICT (run_id) DO UPDATE SET folder = coalesce(excluded.folder, folder)`,
  ).run(run.runId, run.createdAt, gitCommit, version, ncnn, folder);
  const putSeries = sql.prepare(
    "INSERT OR IGNORE INTO series (device, variant_id, experiment) VALUES (?, ?, ?)",
  );
  const seriesId = sql.prepare(
    "SELECT series_id AS id FROM series WHERE device = ? AND variant_id = ? AND experiment = ?",
  );
  const put = sql.prepare(
    "INSERT OR REPLACE INTO launches VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
  );
  const countLaunches = () =>
    sql.prepare("SELECT count(*) AS count FROM launches WHERE run_id = ?").get(run.runId)!
      .count as number;
  const before = countLaunches();
  const ids = new Map<string, number>();
  for (const { series: { device, variantId, experiment }, launch } of rows) {
    const key = JSON.stringify([device, variantId, experiment]);
    if (!ids.has(key)) {
      putSeries.run(device, variantId, experiment);
      ids.set(key, seriesId.get(device, variantId, experiment)!.id as number);
    }
    const value = (name: MetricName) => metricOfLaunch(launch, name);
    put.run(
      ids.get(key)!,
      run.createdAt,
      run.runId,
      launch.round,
      value("total.p50"),
      value("total.p90"),
      value("total.p99"),
      value("preprocess.p50"),
      value("inference.p50"),
      value("postprocess.p50"),
      launch.end.peakRssBytes,
      JSON.stringify(launch.marks),
    );
  }
  return countLaunches() - before;
}

/** Returns the runs, newest first. */
export function listRuns({ sql }: HistoryDatabase, filter: HistoryFilter = {}): HistoryRun[] {
  const narrowed = filter.device !== undefined || filter.variantId !== undefined;
  const rows = sql.prepare(
    `SELECT r.run_id AS runId, r.created_at AS createdAt, r.git_commit AS gitCommit,
       r.harness_version AS harnessVersion, r.ncnn_version AS ncnnVersion, r.folder AS folder,
       (SELECT count(*) FROM launches l WHERE l.run_id = r.run_id) AS launches
     FROM runs r
     ${
      narrowed
        ? `WHERE EXISTS (SELECT 1 FROM launches l JOIN series s USING (series_id) WHERE l.run_id = r.run_id
             AND s.device = coalesce(?, s.device) AND s.variant_id = coalesce(?, s.variant_id))`
        : ""
    }
     ORDER BY r.created_at DESC, r.run_id DESC LIMIT ?`,
  ).all(
    ...(narrowed ? [filter.device ?? null, filter.variantId ?? null] : []),
    filter.limit ?? -1,
  );
  return rows as unknown as HistoryRun[];
}

/** Returns the series of the history by device and variant, for those who ask what there is. */
export function listSeries({ sql }: HistoryDatabase, filter: HistoryFilter = {}): Series[] {
  return sql.prepare(
    `SELECT device, variant_id AS variantId, experiment FROM series
     WHERE device = coalesce(?, device) AND variant_id = coalesce(?, variant_id)
     ORDER BY device, variant_id, series_id LIMIT ?`,
  ).all(filter.device ?? null, filter.variantId ?? null, filter.limit ?? -1) as unknown as Series[];
}

/**
 * Returns the trend of a series, oldest first: one point per run that has the metric. Launches of
 * test builds are left out.
 */
export function trend(
  history: HistoryDatabase,
  series: Series,
  metric: HistoryMetric = "total.p50",
  limit = 1000,
): TrendPoint[] {
  return newestRuns(history, series, metric, limit).map(({ values, marks, ...run }) => {
    const interval = robustInterval(values.map(Math.log));
    return {
      ...run,
      rounds: values.length,
      value: Math.round(Math.exp(interval.estimate)),
      low: interval.low === null ? null : Math.exp(interval.low),
      high: interval.high === null ? null : Math.exp(interval.high),
      marks: [...new Set(marks.flat())].sort(),
    };
  });
}

/**
 * The newest runs of a series that have the metric, oldest first, with the values of their rounds.
 */
function newestRuns(
  { sql }: HistoryDatabase,
  series: Series,
  metric: HistoryMetric,
  limit: number,
): (Pick<TrendPoint, "runId" | "createdAt" | "gitCommit"> & {
  values: number[];
  marks: string[][];
})[] {
  const column = COLUMNS[metric];
  const rows = sql.prepare(
    `SELECT l.run_id AS runId, r.created_at AS createdAt, r.git_commit AS gitCommit,
       json_group_array(l.${column}) AS found, json_group_array(json(l.marks)) AS marks
     FROM launches l JOIN runs r ON r.run_id = l.run_id
     WHERE l.series_id = (SELECT series_id FROM series WHERE device = ? AND variant_id = ? AND experiment = ?)
       AND l.${column} > 0 AND l.${IN_EARNEST}
     GROUP BY l.run_at, l.run_id ORDER BY l.run_at DESC, l.run_id DESC LIMIT ?`,
  ).all(series.device, series.variantId, series.experiment, limit) as unknown as {
    runId: string;
    createdAt: string;
    gitCommit: string | null;
    found: string;
    marks: string;
  }[];
  return rows.reverse().map(({ found, marks, ...run }) => ({
    ...run,
    values: JSON.parse(found),
    marks: JSON.parse(marks),
  }));
}

/** What a gate on saved runs asks the history for. */
export interface GateBaseline {
  runId: string;
  createdAt: string;
  folder: string | null;
  /** Values of the metrics, one per round, nanoseconds or bytes. */
  values: Record<HistoryMetric, number[]>;
}

/**
 * Returns the newest run of a series to compare with, and its values per round; null when there is
 * none. `besides` is the candidate's own run, which is not its baseline. Launches of test builds
 * are none either.
 */
export function latestBaseline(
  { sql }: HistoryDatabase,
  series: Series,
  besides: string | null = null,
): GateBaseline | null {
  const rows = sql.prepare(
    `WITH own AS (
       SELECT * FROM launches WHERE series_id =
         (SELECT series_id FROM series WHERE device = ? AND variant_id = ? AND experiment = ?)
     ), newest AS (
       SELECT run_at, run_id FROM own WHERE run_id IS NOT ? AND ${IN_EARNEST} ORDER BY run_at DESC, run_id DESC LIMIT 1
     )
     SELECT own.*, r.folder AS folder FROM own JOIN newest USING (run_at, run_id) JOIN runs r USING (run_id)
     WHERE own.${IN_EARNEST} ORDER BY round`,
  ).all(series.device, series.variantId, series.experiment, besides);
  if (rows.length === 0) return null;
  const values = Object.fromEntries(HISTORY_METRICS.map((metric) => [
    metric,
    rows.map((row) => row[COLUMNS[metric]]).filter((value) =>
      typeof value === "number" && value > 0
    ),
  ])) as Record<HistoryMetric, number[]>;
  const [first] = rows;
  return {
    runId: first.run_id as string,
    createdAt: first.run_at as string,
    folder: first.folder as string | null,
    values,
  };
}

/** Fewest runs from which the spread between sessions is taken. */
export const FEWEST_SESSIONS = 6;

/**
 * Degrees of freedom per run of a deviation from steps by their median absolute deviation: by
 * simulation of normal sessions (6 to 100 runs), bounds by Student's t are then wrong no more often
 * than they say. The efficiency of that deviation, 0.37, is the limit for many.
 */
const FREEDOM_PER_RUN = 1 / 3;

/**
 * Newest runs from which the spread between sessions is taken: more tell little more, and a gate
 * waits for them.
 */
const MOST_SESSIONS = 100;

/**
 * Returns how much a metric differs from session to session, as the newest 100 runs of the series
 * tell; null for fewer than 6.
 *
 * See {@linkcode sessionSpread}.
 */
export function knownSessions(
  history: HistoryDatabase,
  series: Series,
  metric: HistoryMetric,
): SessionSpread | null {
  const runs = newestRuns(history, series, metric, MOST_SESSIONS);
  return sessionSpread(runs.map(({ values }) => median(values)));
}

/**
 * Returns how much the log value differs from session to session, from the values of runs in order
 * of time: from the differences of successive runs, so that lasting changes count little (median of
 * the sizes, as a normal distribution has it); null for fewer than 6 runs.
 */
export function sessionSpread(values: readonly number[]): SessionSpread | null {
  if (values.length < FEWEST_SESSIONS) return null;
  const steps = values.slice(1).map((value, i) => Math.log(value / values[i]));
  return {
    sd: 1.4826 * medianAbsoluteDeviation(steps) / Math.SQRT2,
    freedom: FREEDOM_PER_RUN * (values.length - 1),
  };
}
