/**
 * The history of runs: import, list, the trend of a variant on a device, and the run to compare
 * with.
 *
 * @module
 */
import { experimentHash, experimentKeys } from "../record/experiment_keys.ts";
import { userCommit } from "../record/commits.ts";
import { METRIC_NAMES, type MetricName } from "../record/metrics.ts";
import { HarnessError } from "../errors.ts";
import type { AnyRecord, LaunchRecord, RunRecord, TurnsRecord } from "../record/records.ts";
import { median } from "../stats/quantile.ts";
import type { MetricEstimate } from "../stats/estimate.ts";
import { groupByRound, metricOfLaunch, pooledMetric } from "../stats/round.ts";
import { type SessionSpread, sessionSpread } from "../stats/sessions.ts";
import { summarizeLaunches, type VariantSummary } from "../stats/summary.ts";
import { ratioIntervalOf } from "../stats/turns.ts";
import { insertRows, type Sql, type SqlQueries, type SqlRow, type SqlValue } from "./sql.ts";

/** A run in the list. */
export interface HistoryRun {
  runId: string;
  createdAt: string;
  /** Commit of the models, else of the caller: see `userCommit`; null when unknown. */
  gitCommit: string | null;
  /** Commit of Posemark's own checkout; null when unknown. */
  posemarkCommit: string | null;
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
export interface TrendPoint extends MetricEstimate {
  runId: string;
  createdAt: string;
  /** As in {@linkcode HistoryRun}. */
  gitCommit: string | null;
  posemarkCommit: string | null;
  rounds: number;
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
  sql: Sql,
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
  const summaries: RunSummary[] = [];
  for (const device of run.devices) {
    const own = all.filter((launch) =>
      launch.device === device.serial && !device.emulated && !launch.marks.includes("emulated")
    );
    const timed = own.filter((launch) =>
      launch.images.some((image) => image.samplesNs.total.length > 0) &&
      metricOfLaunch(launch, "total.p50") !== null
    );
    const turns = records.filter((record): record is TurnsRecord =>
      record.kind === "turns" && record.device === device.serial
    );
    for (
      const summary of summarizeLaunches(timed, run.baseVariantId, turns, ratioIntervalOf(run))
    ) {
      summaries.push({ device: device.serial, summary });
    }
    for (const [variantId, rounds] of groupByRound(timed)) {
      for (const launch of rounds.values()) {
        const side = { name: run.runId, device, images: run.images, launches: [launch] };
        const experiment = await experimentHash(experimentKeys(side));
        rows.push({ series: { device: device.serial, variantId, experiment }, launch });
      }
    }
  }
  const added = await sql.transaction((inside) => insertRun(inside, run, folder, rows, summaries));
  return { runId: run.runId, added, skipped: all.length - rows.length };
}

/** What the report of a run says of a variant on a device. */
interface RunSummary {
  device: string;
  summary: VariantSummary;
}

async function insertRun(
  inside: SqlQueries,
  run: RunRecord,
  folder: string | null,
  rows: readonly { series: Series; launch: LaunchRecord }[],
  summaries: readonly RunSummary[],
): Promise<number> {
  const { gitCommit: posemark, version, ncnn } = run.harness;
  await inside.query(
    `INSERT INTO history_runs
       (run_id, created_at, git_commit, posemark_commit, harness_version, ncnn_version, folder)
     VALUES ($1, $2, $3, $4, $5, $6, $7)
     ON CONFLICT (run_id) DO UPDATE SET folder = coalesce(excluded.folder, history_runs.folder)`,
    [run.runId, run.createdAt, userCommit(run.commits), posemark, version, ncnn, folder],
  );
  if (rows.length === 0) return 0;
  const before = await countLaunches(inside, run.runId);
  const ids = new Map<string, SqlValue>();
  for (const { series } of rows) {
    const key = JSON.stringify(series);
    if (!ids.has(key)) ids.set(key, await putSeries(inside, series));
  }
  const launchOf = new Map(
    rows.map(({ series, launch }) =>
      [`${ids.get(JSON.stringify(series))} ${launch.round}` as string, launch] as const
    ),
  );
  const put = await insertRows(
    inside,
    `INSERT INTO history_launches (series_id, run_at, run_id, round, earnest, marks)`,
    `ON CONFLICT (series_id, run_at, run_id, round)
       DO UPDATE SET earnest = excluded.earnest, marks = excluded.marks
     RETURNING launch_id, series_id, round`,
    rows.map(({ series, launch }) => [
      ids.get(JSON.stringify(series))!,
      run.createdAt,
      run.runId,
      launch.round,
      launch.marks.includes("test-build") ? 0 : 1,
      JSON.stringify(launch.marks),
    ]),
  );
  const figures = put.flatMap(({ launch_id, series_id, round }) => {
    const launch = launchOf.get(`${series_id} ${round}`)!;
    return METRIC_NAMES.flatMap((metric): SqlValue[][] => {
      const value = metricOfLaunch(launch, metric);
      return value === null ? [] : [[launch_id, metric, value]];
    });
  });
  await insertRows(
    inside,
    `INSERT INTO history_figures (launch_id, metric, value)`,
    `ON CONFLICT (launch_id, metric) DO UPDATE SET value = excluded.value`,
    figures,
  );
  await insertRows(
    inside,
    `INSERT INTO history_estimates (series_id, run_id, metric, launches, value, low, high)`,
    `ON CONFLICT (series_id, run_id, metric) DO UPDATE SET launches = excluded.launches,
       value = excluded.value, low = excluded.low, high = excluded.high`,
    [...new Map(rows.map(({ series }) => [JSON.stringify(series), series]))].flatMap(
      ([key, { device, variantId }]) => {
        const own =
          summaries.find((each) => each.device === device && each.summary.variantId === variantId)!
            .summary;
        return METRIC_NAMES.flatMap((metric): SqlValue[][] => {
          const figure = own.figures[metric];
          if (figure === null) return [];
          const { value, low, high } = figure;
          return [[ids.get(key)!, run.runId, metric, own.roundCount, value, low, high]];
        });
      },
    ),
  );
  return await countLaunches(inside, run.runId) - before;
}

async function countLaunches(sql: SqlQueries, runId: string): Promise<number> {
  const rows = await sql.query(
    `SELECT count(*) AS count FROM history_launches WHERE run_id = $1`,
    [runId],
  );
  return Number(rows[0].count);
}

async function putSeries(
  sql: SqlQueries,
  { device, variantId, experiment }: Series,
): Promise<SqlValue> {
  const key = [device, variantId, experiment];
  await sql.query(
    `INSERT INTO history_series (device, variant_id, experiment) VALUES ($1, $2, $3)
     ON CONFLICT (device, variant_id, experiment) DO NOTHING`,
    key,
  );
  const rows = await sql.query(
    `SELECT series_id FROM history_series WHERE device = $1 AND variant_id = $2 AND experiment = $3`,
    key,
  );
  return rows[0].series_id;
}

/** Returns the runs, newest first. */
export async function listRuns(sql: Sql, filter: HistoryFilter = {}): Promise<HistoryRun[]> {
  const { where, values } = narrowed(filter);
  const rows = await sql.query(
    `SELECT r.run_id, r.created_at, r.git_commit, r.posemark_commit, r.harness_version, r.ncnn_version, r.folder,
       (SELECT count(*) FROM history_launches l WHERE l.run_id = r.run_id) AS launches
     FROM history_runs r
     ${
      where === "" ? "" : `WHERE EXISTS (SELECT 1 FROM history_launches l
         JOIN history_series s ON s.series_id = l.series_id
         WHERE l.run_id = r.run_id AND ${where})`
    }
     ORDER BY r.created_at DESC, r.run_id DESC ${atMost(filter.limit)}`,
    values,
  );
  return rows.map((row) => ({
    ...runOf(row),
    harnessVersion: String(row.harness_version),
    ncnnVersion: String(row.ncnn_version),
    folder: row.folder as string | null,
    launches: Number(row.launches),
  }));
}

/** Returns the series of the history by device and variant, for those who ask what there is. */
export async function listSeries(sql: Sql, filter: HistoryFilter = {}): Promise<Series[]> {
  const { where, values } = narrowed(filter);
  const rows = await sql.query(
    `SELECT s.device, s.variant_id, s.experiment FROM history_series s
     ${where === "" ? "" : `WHERE ${where}`}
     ORDER BY s.device, s.variant_id, s.series_id ${atMost(filter.limit)}`,
    values,
  );
  return rows.map((row) => ({
    device: String(row.device),
    variantId: String(row.variant_id),
    experiment: String(row.experiment),
  }));
}

/** Condition on the series `s` with its parameters; empty when all are wanted. */
function narrowed({ device, variantId }: HistoryFilter): { where: string; values: string[] } {
  const asked = [["s.device", device], ["s.variant_id", variantId]].filter((each) =>
    each[1] !== undefined
  );
  return {
    where: asked.map(([column], index) => `${column} = $${index + 1}`).join(" AND "),
    values: asked.map(([, value]) => value!),
  };
}

function atMost(limit: number | undefined): string {
  return limit === undefined ? "" : `LIMIT ${Math.trunc(limit)}`;
}

/** What a run's row tells of it. */
type RunRow = Pick<TrendPoint, "runId" | "createdAt" | "gitCommit" | "posemarkCommit">;

function runOf(row: SqlRow): RunRow {
  return {
    runId: String(row.run_id),
    createdAt: String(row.created_at),
    gitCommit: row.git_commit as string | null,
    posemarkCommit: row.posemark_commit as string | null,
  };
}

/**
 * Returns the trend of a series, oldest first: one point per run that has the metric, with the
 * figure that the run's report has. Launches of test builds are left out.
 */
export async function trend(
  sql: Sql,
  series: Series,
  metric: MetricName = "total.p50",
  limit = 1000,
): Promise<TrendPoint[]> {
  const runs = await newestRuns(sql, series, metric, limit);
  const told = await estimatesOf(sql, series, metric);
  return runs.map(({ values, marks, ...run }) => {
    // of a run that was imported in parts, or by a Posemark of before, the launches alone are known
    const own = told.get(run.runId);
    const { value, low, high } = own?.launches === values.length
      ? own.estimate
      : pooledMetric(metric, values)!;
    return { ...run, rounds: values.length, value: Math.round(value), low, high, marks };
  });
}

/** What the reports of the series' runs say of a metric, by run. */
async function estimatesOf(
  sql: Sql,
  series: Series,
  metric: MetricName,
): Promise<Map<string, { launches: number; estimate: MetricEstimate }>> {
  const rows = await sql.query(
    `SELECT run_id, launches, value, low, high FROM history_estimates
     WHERE metric = $4 AND series_id = (SELECT series_id FROM history_series
       WHERE device = $1 AND variant_id = $2 AND experiment = $3)`,
    [series.device, series.variantId, series.experiment, metric],
  );
  const bound = (value: SqlValue) => value === null ? null : Number(value);
  return new Map(rows.map(({ run_id, launches, value, low, high }) => [String(run_id), {
    launches: Number(launches),
    estimate: { value: Number(value), low: bound(low), high: bound(high) },
  }]));
}

/** A run with the values of its rounds, and the marks of its launches, each once. */
type RunValues = RunRow & Pick<TrendPoint, "marks"> & { values: number[] };

/**
 * The newest runs of a series that have the metric, oldest first.
 *
 * CROSS JOIN keeps SQLite from beginning with all launches of the series.
 */
async function newestRuns(
  sql: Sql,
  series: Series,
  metric: MetricName,
  limit: number,
): Promise<RunValues[]> {
  const rows = await sql.query(
    `WITH own AS (
       SELECT series_id FROM history_series WHERE device = $1 AND variant_id = $2 AND experiment = $3
     ), newest AS (
       SELECT DISTINCT l.run_at, l.run_id FROM history_launches l
       JOIN history_figures f ON f.launch_id = l.launch_id AND f.metric = $4
       WHERE l.series_id = (SELECT series_id FROM own) AND l.earnest = 1
       ORDER BY l.run_at DESC, l.run_id DESC ${atMost(limit)}
     )
     SELECT l.run_id, r.created_at, r.git_commit, r.posemark_commit, f.value, l.marks FROM newest n
     CROSS JOIN history_launches l
     JOIN history_figures f ON f.launch_id = l.launch_id AND f.metric = $4
     JOIN history_runs r ON r.run_id = l.run_id
     WHERE l.run_at = n.run_at AND l.run_id = n.run_id
       AND l.series_id = (SELECT series_id FROM own) AND l.earnest = 1
     ORDER BY l.run_at, l.run_id, l.round`,
    [series.device, series.variantId, series.experiment, metric],
  );
  return [...Map.groupBy(rows, (row) => String(row.run_id)).values()].map((own) => ({
    ...runOf(own[0]),
    values: own.map((row) => Number(row.value)),
    marks: [...new Set(own.flatMap((row) => JSON.parse(String(row.marks)) as string[]))].sort(),
  }));
}

/** What a gate on saved runs asks the history for. */
export interface GateBaseline {
  runId: string;
  createdAt: string;
  folder: string | null;
  /** Values of the metrics in their unit, one per round. */
  values: Record<MetricName, number[]>;
}

/**
 * Returns the newest run of a series to compare with, and its values per round; null when there is
 * none. `besides` is the candidate's own run, which is not its baseline. Launches of test builds
 * are none either.
 */
export async function latestBaseline(
  sql: Sql,
  series: Series,
  besides: string | null = null,
): Promise<GateBaseline | null> {
  const newest = await sql.query(
    `SELECT l.series_id, l.run_at, l.run_id, r.folder FROM history_launches l
     JOIN history_runs r ON r.run_id = l.run_id
     WHERE l.series_id = (SELECT series_id FROM history_series
         WHERE device = $1 AND variant_id = $2 AND experiment = $3)
       AND l.run_id <> $4 AND l.earnest = 1
     ORDER BY l.run_at DESC, l.run_id DESC LIMIT 1`,
    [series.device, series.variantId, series.experiment, besides ?? ""],
  );
  if (newest.length === 0) return null;
  const [{ series_id, run_at, run_id, folder }] = newest;
  const rows = await sql.query(
    `SELECT f.metric, f.value FROM history_launches l
     JOIN history_figures f ON f.launch_id = l.launch_id
     WHERE l.series_id = $1 AND l.run_at = $2 AND l.run_id = $3 AND l.earnest = 1 ORDER BY l.round`,
    [series_id, run_at, run_id],
  );
  const values = Object.fromEntries(METRIC_NAMES.map((metric) => [
    metric,
    rows.filter((row) => row.metric === metric).map((row) => Number(row.value)),
  ])) as GateBaseline["values"];
  return {
    runId: String(run_id),
    createdAt: String(run_at),
    folder: folder as string | null,
    values,
  };
}

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
export async function knownSessions(
  sql: Sql,
  series: Series,
  metric: MetricName,
): Promise<SessionSpread | null> {
  const runs = await newestRuns(sql, series, metric, MOST_SESSIONS);
  return sessionSpread(runs.map(({ values }) => median(values)));
}
