// @ts-check
/// <reference lib="dom" />
/**
 * What a variant costs before its first answer, and what memory it holds.
 *
 * @module
 */
import { dataTable, el, foreign } from "./dom.js";
import { section } from "./sections.js";
import { megabytes, MISSING, msBounds, msNumber } from "./numbers.js";
import { variantMarks } from "./verdicts.js";

/** @typedef {import("./context.js").Context} Context */

const TIMES = /** @type {const} */ ([
  "load.param",
  "load.bin",
  "load.pipeline",
  "load",
  "firstInference",
]);
const MEMORY = /** @type {const} */ (["loadedRss", "steadyRss", "peakRss"]);

/**
 * Returns the section; null where no launch on this device told it.
 *
 * @param {Context} context
 */
export function coldSection(context) {
  const { t, here, label } = context;
  const rows = here.filter(({ figures }) => figures.load !== undefined);
  if (rows.length === 0) return null;
  return section("cold", t("cold.title"), () => [
    el("p", {}, t("cold.intro")),
    dataTable({
      caption: t("cold.title"),
      head: [
        t("column.variant"),
        ...TIMES.map((name) => t(`cold.${name}`)),
        ...MEMORY.map((name) => t(`cold.${name}`)),
      ],
      numeric: [false, ...[...TIMES, ...MEMORY].map(() => true)],
      rows: rows.map((variant) => [
        [foreign(label(variant.id)), ...variantMarks(context, variant)],
        ...TIMES.map((name) => {
          const figure = variant.figures[name];
          if (figure === undefined) return MISSING;
          const bounds = msBounds(figure);
          return [msNumber(figure.value), bounds && el("small", {}, t("interval", bounds))];
        }),
        ...MEMORY.map((name) => megabytes(variant.figures[name]?.value ?? null)),
      ]),
    }),
  ]);
}
