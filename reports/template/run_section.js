// @ts-check
/// <reference lib="dom" />
/**
 * What stands beside the figures: launches that failed, the second opinion of benchncnn, the
 * glossary.
 *
 * @module
 */
import { cutList, dataTable, el, english, foreign } from "./dom.js";
import { section } from "./sections.js";
import { MISSING, msNumber, significant } from "./numbers.js";
import { plain } from "./labels.js";

/** @typedef {import("./context.js").Context} Context */

/** Rows in the table of failures. */
const FAILURES_LISTED = 100;

/**
 * Returns the section with launches that did not finish; null without any.
 *
 * @param {Context} context
 */
export function failureSection(context) {
  const { t, report, label, deviceName } = context;
  if (report.failures.length === 0) return null;
  const { shown, left } = cutList(t, report.failures, FAILURES_LISTED);
  return section(
    "failures",
    t("failures.title"),
    () => [
      el("p", {}, t("failures.intro", { n: report.failures.length })),
      dataTable({
        caption: t("failures.title"),
        head: [
          t("column.variant"),
          t("column.device"),
          t("round"),
          t("failures.code"),
          t("failures.message"),
        ],
        numeric: [false, false, true, false, false],
        below: left,
        rows: shown.map(({ variantId, device, round, code, message }) => [
          foreign(plain(label(variantId), 80)),
          foreign(deviceName(device)),
          round + 1,
          el("code", {}, plain(code, 60)),
          english(plain(message, 600), "long"),
        ]),
      }),
    ],
  );
}

/**
 * Returns the section with benchncnn's figures; null when it did not run on this device.
 *
 * @param {Context} context
 */
export function benchncnnSection(context) {
  const { t, here, label } = context;
  const rows = here.filter(({ benchncnn }) => benchncnn !== null);
  if (rows.length === 0) return null;
  return section(
    "benchncnn",
    t("benchncnn.title"),
    () => [
      el("p", {}, t("benchncnn.intro")),
      dataTable({
        caption: t("benchncnn.title"),
        head: [
          t("column.variant"),
          t("benchncnn.ours"),
          t("benchncnn.avg"),
          t("benchncnn.min"),
          t("benchncnn.ratio"),
          t("benchncnn.rounds"),
          t("benchncnn.note"),
        ],
        numeric: [false, true, true, true, true, true, false],
        rows: rows.map(({ id, benchncnn, figures }) => [
          foreign(label(id)),
          msNumber(figures["inference.p50"]?.value ?? null),
          significant(benchncnn?.avgMs ?? NaN, 3),
          significant(benchncnn?.minMs ?? NaN, 3),
          significant(benchncnn?.ratio ?? NaN, 4),
          benchncnn?.rounds ?? MISSING,
          english(plain(benchncnn?.note ?? "", 300), "long"),
        ]),
      }),
    ],
  );
}

/**
 * Returns the glossary.
 *
 * @param {Context} context
 */
export function glossarySection({ t }) {
  const words = [
    "round",
    "sample",
    "median",
    "p90",
    "interval",
    "ratio",
    "fps",
    "parity",
    "reference",
    "tolerance",
    "oks",
    "ap",
    "precision",
    "head",
    "decode",
    "letterbox",
    "fusion",
    "speedOnly",
    "base",
    "throttling",
  ];
  return section("glossary", t("glossary.title"), () => [el(
    "dl",
    { class: "glossary" },
    words.flatMap((word) => [
      el("dt", {}, t(`glossary.${word}`)),
      el("dd", {}, t(`glossary.${word}.is`)),
    ]),
  )]);
}
