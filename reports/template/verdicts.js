// @ts-check
/// <reference lib="dom" />
/**
 * Small marks beside a variant: verdict of parity, speed only, emulated, another precision than
 * asked, unfinished, test build.
 *
 * @module
 */
import { el } from "./dom.js";
import { isUnfinished, obstacleOf } from "./answer.js";
import { axisLabel } from "./figure.js";
import { plain } from "./labels.js";

/** @typedef {import("./context.js").Context} Context */
/** @typedef {import("../../harness/report/report_json.ts").ReportVariant} ReportVariant */

const SIGNS = { pass: "✓", fail: "✗", inconclusive: "?" };

/**
 * Returns the verdict as a sign with its word.
 *
 * @param {Context} context
 * @param {"pass" | "fail" | "inconclusive"} verdict
 */
export function verdictMark({ t }, verdict) {
  return el(
    "span",
    { class: `verdict ${verdict}` },
    el("span", { "aria-hidden": "true" }, SIGNS[verdict]),
    ` ${t(`verdict.${verdict}`)}`,
  );
}

const QUALITY_SIGNS = { right: "✓", wrong: "✗", lossy: "↓", "not-judged": "?" };

/**
 * Returns one of the four states of correctness as a sign with its word.
 *
 * @param {Context} context
 * @param {keyof typeof QUALITY_SIGNS} quality
 */
export function qualityMark({ t }, quality) {
  const look = { right: "pass", wrong: "fail", lossy: "lossy", "not-judged": "inconclusive" };
  return el(
    "span",
    { class: `verdict ${look[quality]}` },
    el("span", { "aria-hidden": "true" }, QUALITY_SIGNS[quality]),
    ` ${t(`quality.${quality}`)}`,
  );
}

/**
 * Returns the marks that must stand wherever the variant's figures stand.
 *
 * @param {Context} context
 * @param {ReportVariant} variant
 * @returns {HTMLElement[]}
 */
export function variantMarks(context, variant) {
  const { t, report } = context;
  /** @type {HTMLElement[]} */
  const marks = [];
  const mark = (
    /** @type {string} */ kind,
    /** @type {string} */ text,
    /** @type {string} */ why,
  ) => marks.push(el("span", { class: `mark ${kind}`, title: why }, text));
  if (variant.id === report.base) mark("base", t("mark.base"), t("mark.base.why"));
  if (variant.variant.speedOnly) mark("warn", t("mark.speedOnly"), t("mark.speedOnly.why"));
  else if (variant.variant.swapped) mark("info", t("mark.swapped"), t("mark.swapped.why"));
  if (isEmulated(context, variant.device)) mark("warn", t("mark.emulated"), t("mark.emulated.why"));
  if (variant.ranAsAsked === false) {
    const values = { asked: variant.precision.requested, ran: variant.labels.precision };
    mark("warn", t("mark.precision", values), t("mark.precision.why", values));
  }
  if (variant.unranked?.code === "noise" || variant.unranked?.code === "not-judged") {
    mark("warn", t("mark.noRank"), plain(variant.unranked.message, 300));
  }
  if (isUnfinished(variant)) mark("warn", t("mark.unfinished"), t("mark.unfinished.why"));
  if (obstacleOf(report, variant) === "testBuild") {
    mark("warn", t("mark.testBuild"), t("mark.testBuild.why"));
  }
  return marks;
}

/**
 * Returns true for a device emulated for tests.
 *
 * @param {Context} context
 * @param {string} serial
 */
export function isEmulated({ report }, serial) {
  return report.devices.find((device) => device.serial === serial)?.emulated === true;
}

/**
 * Returns what must stand in words beside a variant in a chart, in parentheses; "" when nothing
 * must.
 *
 * @param {Context} context
 * @param {ReportVariant} variant
 */
function chartNote(context, variant) {
  const { t, report } = context;
  const notes = [];
  if (variant.variant.speedOnly) notes.push(t("mark.speedOnly"));
  if (variant.parity.verdict === "fail") notes.push(t("mark.parityFailed"));
  if (isEmulated(context, variant.device)) notes.push(t("mark.emulated"));
  if (obstacleOf(report, variant) === "testBuild") notes.push(t("mark.testBuild"));
  return notes.length > 0 ? `(${notes.join(", ")})` : "";
}

/**
 * Returns the variant's label with what a chart's legend must say of it in words.
 *
 * @param {Context} context
 * @param {ReportVariant} variant
 */
export function chartLabel(context, variant) {
  return `${context.label(variant.id)} ${chartNote(context, variant)}`.trimEnd();
}

/**
 * Returns the same for an axis, in at most two lines.
 *
 * @param {Context} context
 * @param {ReportVariant} variant
 */
export function variantAxisLabel(context, variant) {
  return axisLabel(context.label(variant.id), chartNote(context, variant));
}
