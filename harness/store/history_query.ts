/**
 * The job of the command `history`: series of the history with their trend and lasting changes, and
 * the same as text.
 *
 * @module
 */
import { describeRatio } from "../gate/judge_device.ts";
import { type ChangePoint, changePoints, firstSlower } from "./change_points.ts";
import {
  type HistoryFilter,
  type HistoryRun,
  listSeries,
  type Series,
  trend,
  type TrendPoint,
} from "./history.ts";
import { type MetricName, metricOf, type MetricUnit } from "../record/metrics.ts";
import { isReproducible } from "../record/commits.ts";
import type { Sql } from "./sql.ts";

/** The trend of one series with what changed for good. */
export interface JudgedSeries extends Series {
  metric: MetricName;
  /** Unit of the metric's values. */
  unit: MetricUnit;
  /** In order of time. */
  points: TrendPoint[];
  /** Lasting changes, by index of `points`. */
  changes: ChangePoint[];
  /** The first lasting change for the worse; null when there is none. */
  firstSlower: FirstSlower | null;
}

/** Where a series got slower for good. */
export interface FirstSlower {
  runId: string;
  /**
   * The commit that got slower; null when it is unknown, or was fast before (then it is not to
   * blame).
   */
  gitCommit: string | null;
  /**
   * The commit that was run before and after the change: the device or its surroundings changed;
   * null when there is none.
   */
  withinCommit: string | null;
  /** Posemark's own commits before and after, where they differ; null where not, or unknown. */
  posemark: { from: string; to: string } | null;
  createdAt: string;
  ratio: number;
}

/**
 * Returns every series that the filter lets through. Changes for the worse below `smallestRatio`
 * are passed over in `firstSlower`.
 */
export async function judgeHistory(
  sql: Sql,
  filter: HistoryFilter,
  metric: MetricName,
  smallestRatio = 1,
): Promise<JudgedSeries[]> {
  const { device, variantId } = filter;
  const judged: JudgedSeries[] = [];
  for (const series of await listSeries(sql, { device, variantId })) {
    const points = await trend(sql, series, metric, filter.limit);
    if (points.length === 0) continue;
    const changes = changePoints(points.map((point) => point.value));
    const slower = firstSlower(changes, smallestRatio);
    judged.push({
      ...series,
      metric,
      unit: metricOf(metric).unit,
      points,
      changes,
      firstSlower: slower === null ? null : describeSlower(points, changes, slower),
    });
  }
  return judged;
}

function describeSlower(
  points: readonly TrendPoint[],
  changes: readonly ChangePoint[],
  { index, ratio }: ChangePoint,
): FirstSlower {
  const { runId, gitCommit, posemarkCommit: to, createdAt } = points[index];
  const since = changes.findLast((change) => change.index < index)?.index ?? 0;
  const fast = points.slice(since, index);
  // files that had changed may have changed again
  const wasFast = gitCommit !== null && isReproducible(gitCommit) &&
    fast.some((point) => point.gitCommit === gitCommit);
  const from = fast.at(-1)?.posemarkCommit ?? null;
  return {
    posemark: from === null || to === null || from === to ? null : { from, to },
    runId,
    gitCommit: wasFast ? null : gitCommit,
    withinCommit: wasFast ? gitCommit : null,
    createdAt,
    ratio,
  };
}

/** Returns the runs and series as text for people. */
export function formatHistory(
  runs: readonly HistoryRun[],
  series: readonly JudgedSeries[],
): string {
  if (runs.length === 0) return "The history holds no runs. Import some: deno task history DIR…";
  const lines = [`${runs.length} runs, newest first:`];
  for (const run of runs) {
    lines.push(
      `  ${run.createdAt}  ${run.runId}  ${run.launches} launches  commit ${
        run.gitCommit ?? "unknown"
      }`,
    );
  }
  for (
    const { device, variantId, experiment, metric, unit, points, changes, firstSlower } of series
  ) {
    lines.push(
      ``,
      `${variantId} on ${device} (experiment ${experiment}), ${metric}, by time of run:`,
    );
    const starts = new Map(changes.map((change) => [change.index, change]));
    points.forEach((point, index) => {
      const change = starts.get(index);
      const note = change === undefined ? "" : `  ← ${describeRatio(change.ratio)} from here`;
      const marks = point.marks.length === 0 ? "" : `  [${point.marks.join(", ")}]`;
      lines.push(
        `  ${point.createdAt}  ${amount(point.value, unit)}${
          bounds(point, unit)
        }  ${point.rounds} rounds  commit ${point.gitCommit ?? "unknown"}${marks}${note}`,
      );
    });
    lines.push(
      firstSlower === null
        ? `  no lasting change for the worse`
        : `  first slower: ${slowerText(firstSlower)}`,
    );
  }
  return lines.join("\n");
}

function slowerText(slower: FirstSlower): string {
  const { runId, gitCommit, withinCommit, posemark, ratio } = slower;
  const figures = `(run ${runId}), ${describeRatio(ratio)}`;
  const tool = posemark === null
    ? null
    : `Posemark changed from ${posemark.from} to ${posemark.to}`;
  if (withinCommit === null) {
    return `commit ${gitCommit ?? "unknown"} ${figures}${tool === null ? "" : `; ${tool} too`}`;
  }
  return `within commit ${withinCommit} ${figures}: it was fast before, ${
    tool ?? "the device or its surroundings changed"
  }`;
}

function bounds({ low, high }: TrendPoint, unit: MetricUnit): string {
  return low === null || high === null ? "" : ` (${amount(low, unit)} to ${amount(high, unit)})`;
}

function amount(value: number, unit: MetricUnit): string {
  return unit === "bytes"
    ? `${(value / 1_048_576).toFixed(1)} MiB`
    : `${(value / 1e6).toFixed(2)} ms`;
}
