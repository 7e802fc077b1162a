// @ts-check
/// <reference lib="dom" />
/**
 * What `compare-models` adds to a report: places with their doubt, where the order changes, who
 * dominates whom, sustained load.
 *
 * @module
 */
import { cutList, dataTable, el, english, foldedTable, foreign } from "./dom.js";
import { section } from "./sections.js";
import { baseOptions, chartFigure, tickText } from "./figure.js";
import { fps, MISSING, place, ratioParts, significant } from "./numbers.js";
import { plain } from "./labels.js";
import { hasClaim } from "./context.js";
import { chartLabel, variantMarks } from "./verdicts.js";

/** @typedef {import("./context.js").Context} Context */
/** @typedef {import("../../harness/stats/comparison.ts").ComparisonResult} ComparisonResult */

/** Where the judgements stand besides. */
const COMPARISON_FILE = "comparison.json";
/** Rows in the table of pairs. */
const PAIRS_LISTED = 400;
/** Changes of the order that are listed. */
const CHANGES_LISTED = 40;

/**
 * Returns the section with the places on each device; null without rankings.
 *
 * @param {Context} context
 */
export function rankingSection(context) {
  const { t, label } = context;
  const rankings = rankingsOf(context);
  if (rankings.length === 0) return null;
  return section("ranking", t("ranking.title"), () => [
    el("p", {}, t("ranking.intro")),
    rankings.flatMap((ranking) => [
      el("h3", {}, foreign(rankingName(context, ranking.device))),
      dataTable({
        caption: `${t("ranking.title")}: ${rankingName(context, ranking.device)}`,
        head: [t("ranking.place"), t("column.variant"), t("ranking.why")],
        rows: ranking.variants.map(({ variantId, rank, unranked }) => [
          place(rank),
          foreign(label(variantId)),
          unranked === null
            ? rank !== null && rank.best !== rank.worst ? t("ranking.shared") : t("ranking.certain")
            : english(plain(unranked, 200)),
        ]),
      }),
      pairDetails(context, ranking),
    ]),
    orderChangeList(context),
  ]);
}

/**
 * The rankings of a comparison, which may be several for a device, else those of the report;
 * without those that have nothing to order.
 *
 * @param {Context} context
 * @returns {ComparisonResult["rankings"]}
 */
function rankingsOf({ page, report }) {
  return page.comparison?.rankings ??
    report.rankings.filter(({ variants }) => variants.length > 1);
}

/** @param {Context} context @returns {ComparisonResult | null} */
function comparisonOf({ page }) {
  return page.comparison;
}

/**
 * A ranking is called by its device, or by its device and load: `SERIAL, burst`.
 *
 * @param {Context} context
 * @param {string} name
 */
function rankingName({ t, serials, deviceName }, name) {
  for (const load of ["burst", "sustained"]) {
    const serial = name.slice(0, -load.length - 2);
    if (name === `${serial}, ${load}` && serials.includes(serial)) {
      return `${deviceName(serial)}, ${t(`sustained.as.${load}`)}`;
    }
  }
  return serials.includes(name) ? deviceName(name) : plain(name, 80);
}

/**
 * @param {Context} context
 * @param {ComparisonResult["rankings"][number]} ranking
 */
function pairDetails({ t, label, page }, ranking) {
  if (ranking.pairs.length === 0) return null;
  const file = page.comparison === null ? undefined : COMPARISON_FILE;
  const { shown, left } = cutList(t, ranking.pairs, PAIRS_LISTED, file);
  return foldedTable(t("ranking.pairs"), () => ({
    caption: t("ranking.pairs"),
    head: [t("ranking.faster"), t("ranking.slower"), t("ranking.ratio"), t("ranking.decided")],
    numeric: [false, false, true, false],
    below: left,
    rows: shown.map((pair) => {
      const { value, bounds } = ratioParts({ value: pair.ratio, low: pair.low, high: pair.high });
      return [
        foreign(label(pair.faster)),
        foreign(label(pair.slower)),
        [`${value}×`, bounds && el("small", {}, t("interval", bounds))],
        t(pair.certain ? "yes" : "no"),
      ];
    }),
  }));
}

/** @param {Context} context */
function orderChangeList(context) {
  const { t, rich, label } = context;
  const { orderChanges } = comparisonOf(context) ?? { orderChanges: [] };
  if (orderChanges.length === 0) return null;
  const { shown, left } = cutList(t, orderChanges, CHANGES_LISTED, COMPARISON_FILE);
  return el(
    "div",
    { class: "orderchanges" },
    el("h3", {}, t("ranking.changes")),
    el(
      "ul",
      {},
      shown.map(({ variantId, other, first, second }) =>
        el(
          "li",
          {},
          rich("ranking.change", {
            variant: label(variantId),
            other: label(other),
            first: rankingName(context, first),
            second: rankingName(context, second),
          }),
        )
      ),
    ),
    left,
  );
}

/**
 * Returns the section on which variants no other one beats; null without judgements for this
 * device.
 *
 * @param {Context} context
 */
export function dominanceSection(context) {
  const { t, label, device } = context;
  const places = comparisonOf(context)?.pareto.find((each) => each.device === device)?.places ?? [];
  if (places.length < 2) return null;
  return section("dominance", t("dominance.title"), () => [
    el("p", {}, t("dominance.intro")),
    dataTable({
      caption: t("dominance.title"),
      head: [t("column.variant"), t("dominance.front"), t("dominance.by")],
      rows: places.map(({ variantId, onFront, dominatedBy, notJudged }) => [
        foreign(label(variantId)),
        notJudged === null ? t(onFront ? "yes" : "no") : t("verdict.inconclusive"),
        notJudged !== null
          ? english(plain(notJudged, 200))
          : dominatedBy.length === 0
          ? MISSING
          : dominatedBy.map(({ variantId: id, certain }, i) => [
            i > 0 ? "; " : "",
            foreign(label(id)),
            certain ? "" : ` (${t("dominance.uncertain")})`,
          ]).flat(),
      ]),
    }),
  ]);
}

/**
 * Returns the section on throughput under load, of variants with a claim to their speed; null when
 * this device was not kept under load.
 *
 * @param {Context} context
 */
export function sustainedSection(context) {
  const { t, label, device, deviceName, here } = context;
  const measured = comparisonOf(context)?.sustained.filter((each) => each.device === device) ?? [];
  const claims = here.filter(hasClaim);
  const loads = claims.flatMap((variant) =>
    measured.filter(({ variantId }) => variantId === variant.id)
      .map(({ load }) => ({ variant, load }))
  );
  if (loads.length === 0) return null;
  const without = here.length - claims.length;
  return section("sustained", t("sustained.title"), () => [
    chartFigure(context, {
      title: t("sustained.chart", { device: deviceName(device) }),
      note: [
        t("sustained.note"),
        without > 0 ? ` ${t("fps.without", { n: without })}` : "",
      ],
      heightPx: 340,
      configuration: (colours) => {
        const options = baseOptions(colours, { x: t("axis.minutes"), y: t("fps.axis") });
        options.scales.x.type = "linear";
        options.scales.x.ticks.callback = tickText;
        options.scales.y.beginAtZero = true;
        options.plugins.legend.display = true;
        return {
          type: "line",
          data: {
            datasets: loads.map(({ variant, load }) => {
              const index = context.colourIndex(variant.id);
              return {
                label: chartLabel(context, variant),
                data: load.series.map(({ atSeconds, fps }) => ({ x: atSeconds / 60, y: fps })),
                borderColor: colours.series(index),
                backgroundColor: colours.series(index),
                pointStyle: colours.point(index),
                borderWidth: 2,
                pointRadius: 3,
              };
            }),
          },
          options,
        };
      },
      table: () => ({
        head: [t("column.variant"), t("axis.minutes"), "FPS"],
        numeric: [false, true, true],
        rows: loads.flatMap(({ variant, load }) =>
          load.series.map(({ atSeconds, fps: value }) => [
            chartLabel(context, variant),
            significant(atSeconds / 60, 3),
            fps(value),
          ])
        ),
      }),
    }),
    dataTable({
      caption: t("sustained.title"),
      head: [
        t("column.variant"),
        t("sustained.burst"),
        t("sustained.sustained"),
        t("sustained.kept"),
        t("sustained.throttled"),
      ],
      numeric: [false, true, true, true, true],
      rows: loads.map(({ variant, load }) => [
        [foreign(label(variant.id)), ...variantMarks(context, variant)],
        fps(load.burstFps),
        fps(load.sustainedFps),
        `${significant(100 * load.sustainedFps / load.burstFps, 3)} %`,
        load.throttledAtSeconds === null
          ? t("sustained.never")
          : t("sustained.after", { s: significant(load.throttledAtSeconds, 3) }),
      ]),
    }),
  ]);
}
