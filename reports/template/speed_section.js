// @ts-check
/// <reference lib="dom" />
/**
 * Frames per second with intervals, and where the time of a frame goes.
 *
 * @module
 */
import { section } from "./sections.js";
import { baseOptions, chartFigure, chartRows } from "./figure.js";
import { boundsPlugin } from "./marks_plugin.js";
import { fps, MISSING, msNumber, significant } from "./numbers.js";
import { chartLabel, variantAxisLabel } from "./verdicts.js";
import { hasClaim } from "./context.js";

/** @typedef {import("./context.js").Context} Context */

/**
 * Returns the section with frames per second; null when no variant has any.
 *
 * @param {Context} context
 */
export function fpsSection(context) {
  const { t, here, deviceName, device } = context;
  const rows = here.filter(hasClaim);
  if (rows.length === 0) return null;
  const bounds = rows.map(({ medianTotalNs }) =>
    medianTotalNs === null || medianTotalNs.low === null || medianTotalNs.high === null
      ? null
      : /** @type {[number, number]} */ ([1e9 / medianTotalNs.high, 1e9 / medianTotalNs.low])
  );
  const { drawn, cut } = chartRows(context, rows);
  const without = here.filter((variant) => !hasClaim(variant));
  return section("fps", t("fps.title"), () => [chartFigure(context, {
    title: t("fps.chart", { device: deviceName(device) }),
    note: [
      t("fps.note"),
      without.length > 0 ? ` ${t("fps.without", { n: without.length })}` : "",
      cut,
    ],
    heightPx: 90 + drawn.length * 44,
    configuration: (colours) => {
      const options = baseOptions(colours, { x: t("fps.axis") });
      options.indexAxis = "y";
      options.scales.x.beginAtZero = true;
      // the lines are drawn by a plugin, of which the axis knows nothing
      options.scales.x.suggestedMax = Math.max(
        ...bounds.slice(0, drawn.length).map((pair) => pair?.[1] ?? 0),
      );
      options.scales.y.grid.display = false;
      options.plugins.tooltip.callbacks = {
        label: (/** @type {any} */ item) => {
          const pair = bounds[item.dataIndex];
          const text = `${fps(item.parsed.x)} FPS`;
          return pair === null
            ? text
            : `${text} ${t("interval", { low: fps(pair[0]), high: fps(pair[1]) })}`;
        },
      };
      return {
        type: "bar",
        data: {
          labels: drawn.map((variant) => variantAxisLabel(context, variant)),
          datasets: [{
            data: drawn.map((variant) => variant.fps),
            backgroundColor: drawn.map(({ id }) => colours.series(context.colourIndex(id))),
            maxBarThickness: 24,
          }],
        },
        options,
        plugins: [boundsPlugin(bounds.slice(0, drawn.length), colours.text)],
      };
    },
    table: () => ({
      head: [t("column.variant"), "FPS", t("fps.low"), t("fps.high")],
      numeric: [false, true, true, true],
      rows: rows.map((variant, i) => [
        chartLabel(context, variant),
        fps(variant.fps),
        bounds[i] === null ? MISSING : fps(bounds[i][0]),
        bounds[i] === null ? MISSING : fps(bounds[i][1]),
      ]),
    }),
  })]);
}

/**
 * Returns the section with the medians of the stages; null when nothing was measured.
 *
 * @param {Context} context
 */
export function stageSection(context) {
  const { t, here, deviceName, device } = context;
  const rows = here.filter(({ timeNs }) => timeNs !== null);
  if (rows.length === 0) return null;
  const { drawn, cut } = chartRows(context, rows);
  const stages = /** @type {const} */ (["preprocess", "inference", "postprocess"]);
  const value = (
    /** @type {typeof rows[number]} */ row,
    /** @type {typeof stages[number]} */ stage,
  ) => row.figures[`${stage}.p50`]?.value ?? 0;
  return section("stages", t("stages.title"), () => [chartFigure(context, {
    title: t("stages.chart", { device: deviceName(device) }),
    note: [t("stages.note"), cut],
    heightPx: 110 + drawn.length * 40,
    configuration: (colours) => {
      const options = baseOptions(colours, { x: t("axis.ms") });
      options.indexAxis = "y";
      options.scales.x.stacked = true;
      options.scales.y.stacked = true;
      options.scales.y.grid.display = false;
      options.plugins.legend.display = true;
      options.plugins.legend.labels.usePointStyle = false;
      options.plugins.legend.labels.boxWidth = 12;
      options.plugins.legend.labels.boxHeight = 12;
      options.plugins.tooltip.callbacks = {
        label: (/** @type {any} */ item) =>
          `${item.dataset.label}: ${significant(item.parsed.x, 3)} ms`,
      };
      const order = [2, 0, 4];
      return {
        type: "bar",
        data: {
          labels: drawn.map((variant) => variantAxisLabel(context, variant)),
          datasets: stages.map((stage, i) => ({
            label: t(`stage.${stage}`),
            data: drawn.map((row) => value(row, stage) / 1e6),
            backgroundColor: drawn.map((row) =>
              row.parity.verdict === "fail"
                ? colours.disabled + ["ff", "aa", "66"][i]
                : colours.series(order[i])
            ),
            maxBarThickness: 24,
          })),
        },
        options,
      };
    },
    table: () => ({
      head: [
        t("column.variant"),
        ...stages.map((stage) => `${t(`stage.${stage}`)}, ms`),
        `${t("stage.total")}, ms`,
        t("stages.share"),
      ],
      numeric: [false, true, true, true, true, true],
      rows: rows.map((row) => [
        chartLabel(context, row),
        ...stages.map((stage) => msNumber(value(row, stage))),
        msNumber(row.timeNs),
        `${significant(100 * value(row, "inference") / (row.timeNs || 1), 3)} %`,
      ]),
    }),
  })]);
}
