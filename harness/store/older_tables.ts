/**
 * What version 0.1.0 kept: the history in a file of its own with a column per metric, and the
 * calibrations of farm and history apart. Their rows move into the tables of today.
 *
 * @module
 */
import { type MetricName } from "../record/metrics.ts";
import { saveCalibration } from "./calibrations.ts";
import type { SqlQueries } from "./sql.ts";

/** Columns of the metrics in the table `launches` of 0.1.0. */
const METRIC_COLUMNS: Partial<Record<MetricName, string>> = {
  "total.p50": "total_p50_ns",
  "total.p90": "total_p90_ns",
  "total.p99": "total_p99_ns",
  "preprocess.p50": "preprocess_p50_ns",
  "inference.p50": "inference_p50_ns",
  "postprocess.p50": "postprocess_p50_ns",
  "peakRss": "peak_rss_bytes",
};

/** Moves the farm's calibrations, which knew no workload. */
export async function moveFarmCalibrations(inside: SqlQueries): Promise<void> {
  for (const row of await inside.query(`SELECT * FROM farm_calibrations`, [])) {
    const [threads, powersave, coreMask] = JSON.parse(String(row.settings));
    await saveCalibration(inside, {
      device: String(row.device),
      buildFingerprint: String(row.build_fingerprint) || null,
      settings: { threads, powersave, coreMask, turns: null },
      workload: null,
    }, JSON.parse(String(row.body)));
  }
  await inside.query(`DROP TABLE farm_calibrations`, []);
}

/**
 * Moves the tables of a history of 0.1.0, where the file is one. Does nothing elsewhere, and keeps
 * Posemark 0.1.0 from opening the file afterwards.
 */
export async function adoptHistory(inside: SqlQueries): Promise<void> {
  const tables = new Set(await inside.tableNames());
  if (!["runs", "series", "launches", "calibrations"].every((name) => tables.has(name))) return;
  const moves = [
    `INSERT INTO history_runs (run_id, created_at, git_commit, harness_version, ncnn_version, folder)
      SELECT run_id, created_at, git_commit, harness_version, ncnn_version, folder FROM runs`,
    `INSERT INTO history_series (series_id, device, variant_id, experiment)
      SELECT series_id, device, variant_id, experiment FROM series`,
    `INSERT INTO history_launches (series_id, run_at, run_id, round, earnest, marks)
      SELECT series_id, run_at, run_id, round,
        CASE WHEN marks LIKE '%"test-build"%' THEN 0 ELSE 1 END, marks FROM launches`,
    ...Object.entries(METRIC_COLUMNS).map(([metric, column]) =>
      `INSERT INTO history_figures (launch_id, metric, value)
        SELECT n.launch_id, '${metric}', o.${column} FROM launches o
        JOIN history_launches n USING (series_id, run_at, run_id, round) WHERE o.${column} > 0`
    ),
  ];
  for (const text of moves) await inside.query(text, []);
  for (const row of await inside.query(`SELECT * FROM calibrations`, [])) {
    const { workload, ...before } = JSON.parse(String(row.settings));
    // launches had one side each
    const settings = { ...before, turns: null };
    const fingerprint = String(row.build_fingerprint);
    await saveCalibration(inside, {
      device: String(row.device),
      buildFingerprint: fingerprint === "null" ? null : fingerprint,
      settings,
      workload: workload ?? null,
    }, {
      createdAt: String(row.created_at),
      secondsPerBlock: Number(row.seconds_per_block),
      blocks: JSON.parse(String(row.blocks)),
    });
  }
  for (const table of ["launches", "series", "runs", "calibrations"]) {
    await inside.query(`DROP TABLE ${table}`, []);
  }
  await inside.query(`PRAGMA user_version = 2`, []);
}
