// @ts-check
/// <reference lib="dom" />
/**
 * The columns of the table of variants.
 *
 * @module
 */
import { el, foreign, svg } from "./dom.js";
import {
  fps,
  megabytes,
  MISSING,
  msBounds,
  msNumber,
  place,
  pxNumber,
  ratioParts,
  score,
  signed,
} from "./numbers.js";
import { NEAR_ZERO_AP } from "./answer.js";
import { plain } from "./labels.js";
import { TEXTS } from "./texts.js";
import { qualityMark, variantMarks } from "./verdicts.js";

/** @typedef {import("./context.js").Context} Context */
/** @typedef {import("../../harness/report/report_json.ts").ReportVariant} ReportVariant */
/** @typedef {import("./dom.js").Child} Child */

/**
 * @typedef {object} Column
 * @property {string} key
 * @property {boolean} numeric
 * @property {boolean} descending true when the first click sorts from high to low
 * @property {(variant: ReportVariant) => number | string | null} value for sorting; null comes last
 * @property {(variant: ReportVariant) => Child | Child[]} cell
 */

/** Returns the rows that the choice of device leaves. @param {Context} context */
export function scope({ report, choices }) {
  return choices.device === null
    ? report.variants
    : report.variants.filter(({ device }) => device === choices.device);
}

/**
 * Returns the columns that have something to show.
 *
 * @param {Context} context
 * @returns {Column[]}
 */
export function columnsOf(context) {
  const { report, t, label, deviceName, severalDevices } = context;
  const shown = scope(context);
  const scale = ratioScale(shown);
  /**
   * @type {(key: string, value: Column["value"], cell: Column["cell"], descending?: boolean) =>
   * Column}
   */
  const numeric = (key, value, cell, descending = false) => ({
    key,
    numeric: true,
    descending,
    value,
    cell,
  });
  const columns = [
    numeric(
      "rank",
      ({ rank }) => rank && rank.best + rank.worst / 1e6,
      ({ rank, unranked }) =>
        rank === null
          ? el("span", { title: plain(unranked?.message ?? "", 300) }, MISSING)
          : place(rank),
    ),
    {
      key: "variant",
      numeric: false,
      descending: false,
      value: (/** @type {ReportVariant} */ { id }) => label(id),
      cell: (/** @type {ReportVariant} */ variant) => [
        el("span", { class: "name", title: variant.id }, foreign(label(variant.id))),
        ...variantMarks(context, variant),
      ],
    },
    ...(severalDevices && context.choices.device === null
      ? [{
        key: "device",
        numeric: false,
        descending: false,
        value: (/** @type {ReportVariant} */ { device }) => deviceName(device),
        cell: (/** @type {ReportVariant} */ { device }) => foreign(deviceName(device)),
      }]
      : []),
    numeric("fps", (variant) => variant.fps, (variant) => fps(variant.fps), true),
    numeric(
      "median",
      ({ timeNs }) => timeNs,
      (variant) => {
        const bounds = variant.medianTotalNs === null ? null : msBounds(variant.medianTotalNs);
        return [
          msNumber(variant.timeNs),
          bounds && el("small", {}, t("interval", { ...bounds })),
        ];
      },
    ),
    numeric(
      "ratio",
      ({ ratio }) => ratio?.value ?? null,
      (variant) => ratioCell(context, variant, scale),
      true,
    ),
    {
      key: "converted",
      numeric: false,
      descending: false,
      value: (/** @type {ReportVariant} */ { quality }) =>
        ["right", "not-judged", "wrong"].indexOf(quality.converted),
      cell: (/** @type {ReportVariant} */ variant) => convertedCell(context, variant),
    },
    {
      key: "accurate",
      numeric: false,
      descending: false,
      value: (/** @type {ReportVariant} */ { quality }) =>
        ["right", "not-judged", "lossy"].indexOf(quality.accurate),
      cell: (/** @type {ReportVariant} */ variant) => accurateCell(context, variant),
    },
    numeric(
      "maxPx",
      ({ parity }) => parity.maxPx,
      ({ parity }) => [
        pxNumber(parity.maxPx),
        parity.tolerancePx !== null &&
        el("small", {}, t("table.tolerance", { px: pxNumber(parity.tolerancePx) })),
      ],
    ),
  ];
  if (report.variants.some(({ accuracy }) => accuracy !== null)) {
    columns.push(numeric(
      "ap",
      ({ accuracy }) => accuracy?.ap ?? null,
      (variant) => accuracyCell(context, variant),
      true,
    ));
  }
  columns.push(
    numeric(
      "p90",
      ({ latencyNs }) => latencyNs?.total.p90 ?? null,
      ({ latencyNs }) => msNumber(latencyNs?.total.p90 ?? null),
    ),
    numeric(
      "p99",
      ({ latencyNs }) => latencyNs?.total.p99 ?? null,
      ({ latencyNs }) => msNumber(latencyNs?.total.p99 ?? null),
    ),
  );
  columns.push(
    numeric(
      "weights",
      ({ variant }) => variant.bin.bytes,
      ({ variant }) => megabytes(variant.bin.bytes),
    ),
  );
  for (const name of metricColumns(report.variants)) {
    columns.push(
      numeric(
        name,
        ({ figures }) => figures[name]?.value ?? null,
        ({ figures }) => figureText(figures[name]),
      ),
    );
  }
  columns.push(
    numeric("layers", ({ variant }) => variant.param.layers, ({ variant: { param } }) => [
      param.layers,
      param.fusedActivations > 0 &&
      el("small", {}, t("table.fused", { n: param.fusedActivations })),
    ]),
  );
  return columns;
}

/**
 * Metrics that a variant has and the table of texts names a column for.
 *
 * @param {ReportVariant[]} variants
 */
function metricColumns(variants) {
  const names = new Set(variants.flatMap(({ figures }) => Object.keys(figures)));
  return [...names].filter((name) => `column.${name}` in TEXTS.en);
}

/**
 * @param {Context} context
 * @param {ReportVariant} variant
 */
function convertedCell(context, { quality, parity }) {
  return [
    qualityMark(context, quality.converted),
    quality.converted === "not-judged" && parity.matched === 0 && parity.verdict !== "fail" &&
    el("small", {}, context.t("quality.nobody")),
  ];
}

/**
 * @param {Context} context
 * @param {ReportVariant} variant
 */
function accurateCell(context, variant) {
  const { t, report } = context;
  const { quality, accuracy } = variant;
  const change = accuracy?.againstBase ?? null;
  return [
    qualityMark(context, quality.accurate),
    change === null
      ? el(
        "small",
        { title: plain(variant.accuracyAbsent ?? "", 300) },
        t(whyNoChange(report, variant)),
      )
      : el(
        "small",
        {},
        signed(change.value, 3),
        change.low === null || change.high === null
          ? ""
          : [" ", t("interval", { low: signed(change.low, 3), high: signed(change.high, 3) })],
        quality.accurate === "not-judged" && change.low !== null ? ` ${t("quality.tooFew")}` : "",
      ),
  ];
}

/**
 * @param {Context["report"]} report
 * @param {ReportVariant} variant
 */
function whyNoChange({ base, variants }, { id, device, variant, accuracy }) {
  if (variant.speedOnly) return "mark.speedOnly";
  if (accuracy === null) return "quality.noAp";
  const reference = variants.find((other) => other.id === base && other.device === device);
  const isNearZero = (reference?.accuracy?.ap ?? 0) < NEAR_ZERO_AP;
  return isNearZero ? "quality.nearZero" : id === base ? "quality.base" : "quality.tooFew";
}

/** @param {ReportVariant["figures"][string] | undefined} figure */
function figureText(figure) {
  if (figure === undefined) return MISSING;
  return figure.unit === "bytes" ? megabytes(figure.value) : msNumber(figure.value);
}

/**
 * @param {Context} context
 * @param {ReportVariant} variant
 */
function accuracyCell({ t }, variant) {
  if (variant.variant.speedOnly) {
    return el("span", { title: t("mark.speedOnly.why") }, t("table.noAccuracy"));
  }
  const { accuracy } = variant;
  if (accuracy === null) return MISSING;
  return [
    score(accuracy.ap),
    el(
      "small",
      { title: t("table.referenceAp.why") },
      t("table.referenceAp", { value: score(accuracy.referenceAp) }),
    ),
  ];
}

/** Range of the drawing in the column of ratios. @param {ReportVariant[]} variants */
function ratioScale(variants) {
  const values = variants.flatMap(({ ratio }) =>
    ratio === null || ratio.useless
      ? []
      : [ratio.value, ratio.low ?? ratio.value, ratio.high ?? ratio.value]
  );
  return { low: Math.min(1, ...values), high: Math.max(1, ...values) };
}

/**
 * @param {Context} context
 * @param {ReportVariant} variant
 * @param {{low: number, high: number}} scale
 */
function ratioCell({ t, report }, variant, scale) {
  const { ratio } = variant;
  if (ratio === null) return MISSING;
  if (variant.id === report.base) return el("span", { class: "one" }, "1");
  if (ratio.useless) {
    const ends = ratioParts(ratio).bounds;
    return [
      el("span", { class: "ratio unsure" }, t(ends === null ? "ratio.tooFew" : "ratio.tooWide")),
      ends && el("small", {}, t("interval", ends)),
    ];
  }
  const { value, bounds } = ratioParts(ratio);
  const width = 48;
  const x = (/** @type {number} */ r) =>
    3 + (r - scale.low) / (scale.high - scale.low || 1) * (width - 6);
  const low = ratio.low ?? ratio.value;
  const high = ratio.high ?? ratio.value;
  const decided = bounds === null ? "unsure" : low > 1 ? "up" : high < 1 ? "down" : "unsure";
  const whisker = svg(
    "svg",
    {
      class: `whisker ${decided}`,
      width,
      height: 10,
      viewBox: `0 0 ${width} 10`,
      "aria-hidden": "true",
    },
    svg("line", { class: "unit", x1: x(1), x2: x(1), y1: 0, y2: 10 }),
    svg("line", { class: "span", x1: x(low), x2: Math.max(x(high), x(low) + 1), y1: 5, y2: 5 }),
    svg("circle", { cx: x(ratio.value), cy: 5, r: 3 }),
  );
  return [
    el(
      "span",
      { class: "ratioline" },
      whisker,
      el("span", { class: `ratio ${decided}` }, `${value}×`),
    ),
    bounds && el("small", {}, t("interval", bounds)),
  ];
}
