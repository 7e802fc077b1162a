// @ts-check
/// <reference lib="dom" />
/**
 * Distributions of latency: every round of every variant, and the histogram of one variant.
 *
 * @module
 */
import { el } from "./dom.js";
import { section } from "./sections.js";
import { baseOptions, chartFigure, chartRows, forgetFigures, tickText } from "./figure.js";
import { roundsPlugin } from "./marks_plugin.js";
import { count, ms, msNumber, significant } from "./numbers.js";
import { plain } from "./labels.js";
import { chartLabel, variantAxisLabel } from "./verdicts.js";

/** @typedef {import("./context.js").Context} Context */
/** @typedef {import("../../harness/report/report_json.ts").ReportVariant} ReportVariant */
/** @typedef {import("../../harness/report/page_data.ts").LaunchSummary} LaunchSummary */
/** @typedef {import("../../harness/report/page_data.ts").LaunchQuantiles} LaunchQuantiles */

/**
 * Returns the section; null without samples.
 *
 * @param {Context} context
 */
export function latencySection(context) {
  const { t, here, page, device, deviceName } = context;
  const groups = here.map((variant) => ({
    variant,
    launches: page.launches.filter((launch) =>
      launch.device === device && launch.variantId === variant.id && launch.totalNs !== null
    ).sort((a, b) => a.round - b.round),
  })).filter(({ launches }) => launches.length > 0);
  if (groups.length === 0) return null;
  return section(
    "latency",
    t("latency.title"),
    () => [
      el("p", {}, t("latency.intro", { device: deviceName(device) })),
      roundsFigure(context, groups),
      histogramPart(context, groups.map(({ variant }) => variant)),
    ],
  );
}

/**
 * @param {Context} context
 * @param {{ variant: ReportVariant, launches: LaunchSummary[] }[]} groups
 */
function roundsFigure(context, groups) {
  const { t } = context;
  const { drawn, cut } = chartRows(context, groups);
  const most = Math.max(...drawn.map(({ launches }) => launches.length));
  const rowPx = Math.min(140, Math.max(40, most * 8 + 12));
  return chartFigure(context, {
    title: t("latency.rounds"),
    note: [t("latency.roundsNote"), cut],
    heightPx: 80 + drawn.length * rowPx,
    configuration: (colours) => {
      const marks = drawn.flatMap(({ variant, launches }, i) =>
        launches.map((launch, j) => ({
          ...toMs(/** @type {LaunchQuantiles} */ (launch.totalNs)),
          y: i - 0.4 + 0.8 * (j + 0.5) / launches.length,
          colour: variant.parity.verdict === "fail" || variant.fps === null
            ? colours.disabled
            : colours.series(context.colourIndex(variant.id)),
          launch,
          variant,
        }))
      );
      const options = baseOptions(colours, { x: t("axis.ms") });
      const lowest = Math.min(...marks.map(({ p5 }) => p5));
      const highest = Math.max(...marks.map(({ p95 }) => p95));
      options.scales.x.min = Math.max(0, lowest - 0.05 * (highest - lowest));
      options.scales.x.max = highest + 0.05 * (highest - lowest || 1);
      options.scales.x.ticks.callback = tickText;
      options.scales.y = {
        ...options.scales.y,
        min: -0.5,
        max: drawn.length - 0.5,
        reverse: true,
        grid: { display: false },
        afterBuildTicks: (/** @type {any} */ axis) => {
          axis.ticks = drawn.map((_, value) => ({ value }));
        },
        ticks: {
          color: colours.text,
          autoSkip: false,
          callback: (/** @type {number} */ value) =>
            variantAxisLabel(context, drawn[value].variant),
        },
      };
      options.plugins.tooltip.callbacks = {
        title: (/** @type {any[]} */ [item]) => chartLabel(context, marks[item.dataIndex].variant),
        label: (/** @type {any} */ item) => {
          const { launch, p5, p50, p95 } = marks[item.dataIndex];
          return t("latency.tooltip", {
            round: launch.round + 1,
            p5: significant(p5, 3),
            p50: significant(p50, 3),
            p95: significant(p95, 3),
            n: launch.sampleCount,
          });
        },
        afterLabel: (/** @type {any} */ item) =>
          plain(marks[item.dataIndex].launch.marks.join(", "), 80),
      };
      return {
        type: "scatter",
        data: {
          datasets: [{
            data: marks.map(({ p50, y }) => ({ x: p50, y })),
            pointBackgroundColor: marks.map(({ colour }) => colour),
            pointBorderColor: colours.surface,
            pointStyle: marks.map(({ launch }) => launch.marks.length > 0 ? "rectRot" : "circle"),
            pointRadius: 4,
            pointHoverRadius: 6,
          }],
        },
        options,
        plugins: [roundsPlugin(marks, Math.max(2, Math.min(8, 0.8 * rowPx / most - 2)))],
      };
    },
    table: () => ({
      head: [
        t("column.variant"),
        t("round"),
        "n",
        "min",
        "p5",
        "p25",
        "p50",
        "p75",
        "p90",
        "p95",
        "p99",
        "max",
        t("marks"),
      ],
      numeric: [false, ...new Array(11).fill(true), false],
      rows: groups.flatMap(({ variant, launches }) =>
        launches.map((launch) => {
          const q = /** @type {LaunchQuantiles} */ (launch.totalNs);
          return [
            chartLabel(context, variant),
            String(launch.round + 1),
            count(launch.sampleCount),
            ...[q.min, q.p5, q.p25, q.p50, q.p75, q.p90, q.p95, q.p99, q.max].map(msNumber),
            plain(launch.marks.join(", "), 80),
          ];
        })
      ),
    }),
  });
}

/** @param {LaunchQuantiles} quantiles nanoseconds */
function toMs({ p5, p25, p50, p75, p95 }) {
  return { p5: p5 / 1e6, p25: p25 / 1e6, p50: p50 / 1e6, p75: p75 / 1e6, p95: p95 / 1e6 };
}

/**
 * @param {Context} context
 * @param {ReportVariant[]} variants
 */
function histogramPart(context, variants) {
  const { t } = context;
  const holder = el("div", {});
  const show = (/** @type {ReportVariant} */ variant) => {
    forgetFigures(holder);
    const figure = histogramFigure(context, variant);
    holder.replaceChildren(...(figure === null ? [] : [figure]));
  };
  const select = el(
    "select",
    { id: "histogram-variant", onchange: () => show(variants[select.selectedIndex]) },
    variants.map((variant) => el("option", {}, chartLabel(context, variant))),
  );
  show(variants[0]);
  return el(
    "div",
    { class: "chooser" },
    variants.length > 1 && el("label", {}, t("latency.choose"), select),
    holder,
  );
}

/**
 * @param {Context} context
 * @param {ReportVariant} variant
 */
function histogramFigure(context, variant) {
  const { t, page, device } = context;
  const histogram = page.histograms.find((candidate) =>
    candidate.device === device && candidate.variantId === variant.id
  );
  if (histogram === undefined) return null;
  const { lowNs, stepNs, rounds, above } = histogram;
  const bins = rounds[0].counts.length;
  const middle = (/** @type {number} */ bin) => (lowNs + (bin + 0.5) * stepNs) / 1e6;
  const pooled = Array.from(
    { length: bins },
    (_, bin) => rounds.reduce((sum, { counts }) => sum + counts[bin], 0),
  );
  const samples = pooled.reduce((sum, n) => sum + n, 0) + above;
  const share = (/** @type {number[]} */ counts) => {
    const all = counts.reduce((sum, n) => sum + n, 0) || 1;
    return counts.map((n, bin) => ({ x: middle(bin), y: 100 * n / all }));
  };
  return chartFigure(context, {
    title: t("latency.histogram", { variant: chartLabel(context, variant) }),
    note: [
      t("latency.histogramNote", {
        n: count(samples),
        bins,
        width: ms(stepNs),
        above: count(above),
      }),
    ],
    heightPx: 280,
    configuration: (colours) => {
      const options = baseOptions(colours, { x: t("axis.ms"), y: t("axis.share") });
      options.scales.x.type = "linear";
      options.scales.x.ticks.callback = tickText;
      options.scales.x.min = lowNs / 1e6;
      options.scales.x.max = (lowNs + bins * stepNs) / 1e6;
      options.scales.y.beginAtZero = true;
      options.plugins.tooltip.enabled = false;
      const colour = colours.series(context.colourIndex(variant.id));
      return {
        type: "line",
        data: {
          datasets: [
            {
              label: "all",
              data: share(pooled),
              borderColor: colour,
              borderWidth: 3,
              pointRadius: 0,
            },
            ...rounds.map(({ round, counts }) => ({
              label: String(round + 1),
              data: share(counts),
              borderColor: `${colour}66`,
              borderWidth: 1,
              pointRadius: 0,
            })),
          ],
        },
        options,
      };
    },
    table: () => ({
      head: [t("latency.binFrom"), t("latency.binTo"), "n"],
      numeric: [true, true, true],
      rows: pooled.map((n, bin) => [
        significant((lowNs + bin * stepNs) / 1e6, 5),
        significant((lowNs + (bin + 1) * stepNs) / 1e6, 5),
        count(n),
      ]),
    }),
  });
}
