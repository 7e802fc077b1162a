// @ts-check
/// <reference lib="dom" />
/**
 * Lasting changes in the history: in one sentence, and as a table.
 *
 * @module
 */
import { dataTable, el, foreign } from "./dom.js";
import { MISSING, significant } from "./numbers.js";
import { plain } from "./labels.js";
import { dateText } from "./hero_section.js";
import { translateRich } from "./translate.js";

/** @typedef {import("../../harness/report/history.ts").History} History */
/** @typedef {import("../../harness/report/history.ts").HistorySeries} HistorySeries */

/** Returns the device as people call it. @param {HistorySeries} series */
export function deviceText({ deviceName, device }) {
  return plain(deviceName ?? device, 60);
}

/**
 * Returns the newest lasting change for the worse in one sentence, else the newest one, else that
 * there is none. Of each series its last change counts alone: what came before may have been
 * repaired by it.
 *
 * @param {import("./translate.js").Language} language
 * @param {History} history
 */
export function headline(language, history) {
  const changes = history.series.flatMap((series) =>
    series.changes.slice(-1).map((change) => ({
      series,
      change,
      point: series.points[change.index],
    }))
  ).filter(({ point }) => point !== undefined)
    .sort((a, b) => b.point.createdAt.localeCompare(a.point.createdAt));
  const worse = changes.find(({ change }) => change.ratio > 1);
  const shown = worse ?? changes[0];
  if (shown === undefined) {
    return el("h1", { class: "answer" }, translateRich(language, "history.steady"));
  }
  const { series, change, point } = shown;
  const sentence = translateRich(language, change.ratio > 1 ? "history.worse" : "history.better", {
    variant: plain(series.variantId, 80),
    device: deviceText(series),
    metric: series.metric,
    percent: significant(100 * Math.abs(change.ratio - 1), 2),
    date: dateText(point.createdAt),
    commit: point.gitCommit === null
      ? plain(point.runId, 40)
      : plain(point.gitCommit, 40).slice(0, 12),
  });
  return el("h1", { class: change.ratio > 1 ? "answer worse" : "answer" }, sentence);
}

/** Returns the unit that values are shown in, and their divisor. @param {HistorySeries} series */
export function scaleOf(series) {
  return { divisor: 1e6, unit: series.unit === "bytes" ? "MB" : "ms" };
}

/**
 * Returns the table of all lasting changes, newest first; null without any.
 *
 * @param {(key: string, values?: Record<string, string | number>) => string} t
 * @param {History} history
 */
export function changesTable(t, { series }) {
  const rows = series.flatMap((each) =>
    each.changes.filter(({ index }) => each.points[index] !== undefined).map((change) => ({
      each,
      change,
      point: each.points[change.index],
    }))
  ).sort((a, b) => b.point.createdAt.localeCompare(a.point.createdAt));
  if (rows.length === 0) return null;
  return el(
    "section",
    { "aria-label": t("history.changes") },
    el("h2", {}, t("history.changes")),
    el("p", {}, t("history.changesIntro")),
    dataTable({
      caption: t("history.changes"),
      head: [
        t("column.variant"),
        t("column.device"),
        t("history.metric"),
        t("history.since"),
        t("history.commit"),
        t("history.before"),
        t("history.after"),
        t("history.change"),
      ],
      numeric: [false, false, false, false, false, true, true, true],
      rows: rows.map(({ each, change, point }) => {
        const { divisor, unit } = scaleOf(each);
        return [
          foreign(plain(each.variantId, 80)),
          foreign(deviceText(each)),
          each.metric,
          dateText(point.createdAt),
          el(
            "code",
            {},
            point.gitCommit === null ? MISSING : plain(point.gitCommit, 40).slice(0, 12),
          ),
          `${significant(change.before / divisor, 3)} ${unit}`,
          `${significant(change.after / divisor, 3)} ${unit}`,
          el(
            "span",
            { class: `ratio ${change.ratio > 1 ? "down" : "up"}` },
            `${change.ratio > 1 ? "+" : "\u2212"}${
              significant(100 * Math.abs(change.ratio - 1), 2)
            } %`,
          ),
        ];
      }),
    }),
  );
}
