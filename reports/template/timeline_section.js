// @ts-check
/// <reference lib="dom" />
/**
 * The run over time: every sample (or an envelope of them), and what the device felt meanwhile.
 *
 * @module
 */
import { el } from "./dom.js";
import { section } from "./sections.js";
import { baseOptions, chartFigure, tickText } from "./figure.js";
import { bandsPlugin, spansPlugin } from "./marks_plugin.js";
import { count, MISSING, msNumber, significant } from "./numbers.js";
import { plain } from "./labels.js";
import { chartLabel } from "./verdicts.js";

/** @typedef {import("./context.js").Context} Context */
/** @typedef {import("../../harness/report/page_data.ts").LaunchSummary} LaunchSummary */
/** @typedef {import("../../harness/report/page_data.ts").StateSummary} StateSummary */

/**
 * Returns the section; null when fewer than two launches finished on this device.
 *
 * @param {Context} context
 */
export function timelineSection(context) {
  const { t, page, device, deviceName, here } = context;
  const launches = page.launches.filter((launch) =>
    launch.device === device && Number.isFinite(Date.parse(launch.startedAt))
  ).sort((a, b) => Date.parse(a.startedAt) - Date.parse(b.startedAt));
  if (launches.length < 2) return null;
  const start = Date.parse(launches[0].startedAt);
  const end = Math.max(...launches.map(endOf));
  const range = { min: 0, max: Math.max(0.05, (end - start) / 60_000) };
  return section(
    "timeline",
    t("timeline.title"),
    () => [
      el("p", {}, t("timeline.intro", { device: deviceName(device) })),
      samplesFigure(context, launches, here, start, range),
      stateFigure(context, launches, start, range, "temperature", [
        [t("timeline.hottest"), (state) => state.tempC],
        [t("timeline.battery"), (state) => state.batteryTempC],
      ]),
      stateFigure(context, launches, start, range, "frequency", [
        [t("timeline.meanFrequency"), (state) => state.frequencyMHz],
      ]),
      stateFigure(context, launches, start, range, "thermal", [
        [t("timeline.status"), (state) => state.thermalStatus],
      ]),
    ],
  );
}

/** @param {LaunchSummary} launch */
function endOf({ startedAt, envelope, after }) {
  const last = envelope.at(-1);
  const samples = Date.parse(startedAt) + (last === undefined ? 0 : (last[0] + last[1]) / 1e6);
  return Math.max(samples, after === null ? 0 : Date.parse(after.at) || 0);
}

/**
 * @param {Context} context
 * @param {LaunchSummary[]} launches
 * @param {import("../../harness/report/report_json.ts").ReportVariant[]} variants
 * @param {number} start
 * @param {{min: number, max: number}} range
 */
function samplesFigure(context, launches, variants, start, range) {
  const { t, page } = context;
  const slow = launches.filter(({ speed }) => speed === "slow").map((launch) => ({
    from: (Date.parse(launch.startedAt) - start) / 60_000,
    to: (endOf(launch) - start) / 60_000,
  }));
  const pieces = launches.reduce((sum, { envelope }) => sum + envelope.length, 0);
  return chartFigure(context, {
    title: t("timeline.samples"),
    note: [
      t(page.samples.timelineExact ? "timeline.exact" : "timeline.envelope", {
        n: count(launches.reduce((sum, { sampleCount }) => sum + sampleCount, 0)),
        pieces: count(pieces),
      }),
      slow.length > 0 ? ` ${t("timeline.slow", { n: slow.length, all: launches.length })}` : "",
    ],
    heightPx: 320,
    configuration: (colours) => {
      /** @type {{ x: number, low: number, high: number, colour: string }[]} */
      const spans = [];
      const datasets = variants.map((variant) => {
        const index = context.colourIndex(variant.id);
        const colour = variant.fps === null ? colours.disabled : colours.series(index);
        const data = launches.filter(({ variantId }) => variantId === variant.id).flatMap(
          (launch) =>
            launch.envelope.map(([offsetNs, lengthNs, minNs, medianNs, maxNs]) => {
              const x = (Date.parse(launch.startedAt) - start + (offsetNs + lengthNs / 2) / 1e6) /
                60_000;
              if (minNs !== maxNs) {
                spans.push({ x, low: minNs / 1e6, high: maxNs / 1e6, colour });
              }
              return { x, y: medianNs / 1e6 };
            }),
        );
        return {
          label: chartLabel(context, variant),
          data,
          backgroundColor: colour,
          borderColor: colour,
          pointStyle: colours.point(index),
          pointRadius: page.samples.timelineExact ? 2 : 2.5,
        };
      });
      const options = baseOptions(colours, { x: t("axis.minutes"), y: t("axis.ms") });
      Object.assign(options.scales.x, { type: "linear", ...range });
      options.scales.x.ticks.callback = tickText;
      options.scales.y.beginAtZero = false;
      options.scales.y.afterFit = fixedWidth;
      options.plugins.legend.display = true;
      options.plugins.tooltip.callbacks = {
        label: (/** @type {any} */ item) =>
          `${item.dataset.label}: ${significant(item.parsed.y, 3)} ms`,
      };
      return {
        type: "scatter",
        data: { datasets },
        options,
        plugins: [bandsPlugin(slow, colours.warning), spansPlugin(spans)],
      };
    },
    table: () => ({
      head: [
        t("timeline.started"),
        t("column.variant"),
        t("round"),
        "p50, ms",
        "max, ms",
        "°C",
        "MHz",
        t("timeline.status"),
        t("timeline.speed"),
        t("marks"),
      ],
      numeric: [false, false, true, true, true, true, true, true, false, false],
      rows: launches.map((launch) => [
        plain(launch.startedAt, 40),
        context.label(launch.variantId),
        String(launch.round + 1),
        msNumber(launch.totalNs?.p50 ?? null),
        msNumber(launch.totalNs?.max ?? null),
        number(launch.after?.tempC),
        number(launch.after?.frequencyMHz),
        number(launch.after?.thermalStatus),
        launch.speed === null ? MISSING : t(`state.${launch.speed}`),
        plain(launch.marks.join(", "), 80),
      ]),
    }),
  });
}

/** @param {any} axis */
function fixedWidth(axis) {
  axis.width = 64;
}

/** @param {number | null | undefined} value */
function number(value) {
  return value === null || value === undefined ? MISSING : significant(value, 3);
}

/**
 * @param {Context} context
 * @param {LaunchSummary[]} launches
 * @param {number} start
 * @param {{min: number, max: number}} range
 * @param {"temperature" | "frequency" | "thermal"} what
 * @param {[string, (state: StateSummary) => number | null][]} lines
 */
function stateFigure(context, launches, start, range, what, lines) {
  const { t } = context;
  const states = launches.flatMap(({ before, after }) => [before, after]).filter((state) =>
    state !== null
  ).sort((a, b) => Date.parse(a.at) - Date.parse(b.at));
  const series = lines.map(([label, read]) => ({
    label,
    data: states.flatMap((state) => {
      const y = read(state);
      const x = (Date.parse(state.at) - start) / 60_000;
      return y === null || !Number.isFinite(x) ? [] : [{ x, y }];
    }),
  })).filter(({ data }) => data.length > 0);
  if (series.length === 0) return null;
  return chartFigure(context, {
    title: t(`timeline.${what}`),
    heightPx: what === "thermal" ? 130 : 170,
    configuration: (colours) => {
      const options = baseOptions(colours, { x: t("axis.minutes"), y: t(`axis.${what}`) });
      Object.assign(options.scales.x, { type: "linear", ...range });
      options.scales.x.ticks.callback = tickText;
      options.scales.y.afterFit = fixedWidth;
      options.plugins.legend.display = series.length > 1;
      if (what === "thermal") {
        options.scales.y.min = 0;
        options.scales.y.suggestedMax = 3;
        options.scales.y.ticks.precision = 0;
      } else options.scales.y.grace = "10%";
      return {
        type: "line",
        data: {
          datasets: series.map(({ label, data }, i) => ({
            label,
            data,
            stepped: what === "thermal",
            borderColor: colours.series(i === 0 ? 1 : 0),
            backgroundColor: colours.series(i === 0 ? 1 : 0),
            borderWidth: 2,
            pointRadius: data.length > 80 ? 0 : 2,
          })),
        },
        options,
      };
    },
    table: () => ({
      head: [t("axis.minutes"), ...series.map(({ label }) => label)],
      numeric: [true, true, true],
      rows: states.map((state) => [
        significant((Date.parse(state.at) - start) / 60_000, 3),
        ...lines.filter(([label]) => series.some((line) => line.label === label)).map(([, read]) =>
          number(read(state))
        ),
      ]),
    }),
  });
}
