// @ts-check
/// <reference lib="dom" />
/**
 * Accuracy against time: which variants no other one beats in both.
 *
 * @module
 */
import { section } from "./sections.js";
import { baseOptions, chartFigure, tickText } from "./figure.js";
import { msNumber, score, significant } from "./numbers.js";
import { chartLabel } from "./verdicts.js";
import { hasClaim } from "./context.js";

/** @typedef {import("./context.js").Context} Context */

/**
 * Returns the indices of the points that no other one beats: none is faster and at least as
 * accurate, or as fast and more accurate. In order of time.
 *
 * @param {{ time: number, accuracy: number }[]} points
 * @returns {number[]}
 */
export function paretoFront(points) {
  const order = points.map((_, i) => i).sort((a, b) =>
    points[a].time - points[b].time || points[b].accuracy - points[a].accuracy
  );
  /** @type {number[]} */
  const front = [];
  let best = -Infinity;
  for (const i of order) {
    if (points[i].accuracy <= best) continue;
    best = points[i].accuracy;
    front.push(i);
  }
  return front;
}

/**
 * Returns the section; null when fewer than two variants have both a speed and an accuracy.
 *
 * @param {Context} context
 */
export function tradeoffSection(context) {
  const { t, here, device, deviceName } = context;
  const rows = here.filter((variant) =>
    hasClaim(variant) && variant.accuracy !== null && !variant.variant.speedOnly
  );
  if (rows.length < 2) return null;
  const points = rows.map((variant) => ({
    time: (variant.timeNs ?? 0) / 1e6,
    accuracy: variant.accuracy?.ap ?? 0,
  }));
  const front = paretoFront(points);
  return section("tradeoff", t("tradeoff.title"), () => [chartFigure(context, {
    title: t("tradeoff.chart", { device: deviceName(device) }),
    note: [t("tradeoff.note")],
    heightPx: 340,
    configuration: (colours) => {
      const options = baseOptions(colours, { x: t("axis.ms"), y: "AP" });
      options.scales.x.grace = "10%";
      options.scales.y.grace = "15%";
      options.scales.x.ticks.callback = tickText;
      options.plugins.legend.display = true;
      options.plugins.tooltip.callbacks = {
        label: (/** @type {any} */ item) =>
          `${item.dataset.label}: ${significant(item.parsed.x, 3)} ms, AP ${score(item.parsed.y)}`,
      };
      return {
        type: "scatter",
        data: {
          datasets: [
            ...rows.map((variant, i) => ({
              label: chartLabel(context, variant),
              data: [{ x: points[i].time, y: points[i].accuracy }],
              backgroundColor: colours.series(context.colourIndex(variant.id)),
              borderColor: colours.series(context.colourIndex(variant.id)),
              pointStyle: colours.point(context.colourIndex(variant.id)),
              pointRadius: 7,
              pointHoverRadius: 9,
            })),
            {
              label: t("tradeoff.front"),
              data: front.map((i) => ({ x: points[i].time, y: points[i].accuracy })),
              showLine: true,
              stepped: "before",
              borderColor: colours.muted,
              borderDash: [5, 4],
              borderWidth: 1.5,
              pointRadius: 0,
              pointStyle: "line",
            },
          ],
        },
        options: /** @type {any} */ (options),
      };
    },
    table: () => ({
      head: [t("column.variant"), "ms", "AP", t("tradeoff.onFront")],
      numeric: [false, true, true, false],
      rows: rows.map((variant, i) => [
        chartLabel(context, variant),
        msNumber(variant.timeNs),
        score(variant.accuracy?.ap ?? null),
        front.includes(i) ? t("yes") : t("no"),
      ]),
    }),
  })]);
}
