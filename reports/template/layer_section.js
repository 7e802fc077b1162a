// @ts-check
/// <reference lib="dom" />
/**
 * The time of each layer, by layer and by type, and the roofline.
 *
 * @module
 */
import { cutList, dataTable, el, foreign } from "./dom.js";
import { section } from "./sections.js";
import { axisLabel, baseOptions, chartFigure } from "./figure.js";
import { MISSING, ms, msNumber, significant } from "./numbers.js";
import { plain } from "./labels.js";

/** @typedef {import("./context.js").Context} Context */

/** Layers in the drawing of times. */
const LAYERS_DRAWN = 15;
/** Height of a layer's bar with its label of two lines. */
const LAYER_ROW_PX = 34;
/** Rows in the table of times. */
const LAYERS_LISTED = 300;
/** Rows in the table of times by type. */
const TYPES_LISTED = 12;

/**
 * Returns the section on the time of layers with the roofline; null without layer times for this
 * device.
 *
 * @param {Context} context
 */
export function layerSection(context) {
  const { t, report, device } = context;
  const times = report.layerTimes.filter((time) => time.device === device);
  if (times.length === 0) return null;
  return section("layers", t("layers.title"), () => layerContents(context, times));
}

/**
 * @param {Context} context
 * @param {Context["report"]["layerTimes"]} times of one device
 */
function layerContents(context, times) {
  const { t, report, device, here, label } = context;
  const ceiling = report.roofline.find((candidate) => candidate.device === device) ?? null;
  const parts = here.flatMap(({ id }) => {
    const layers = times.filter(({ variantId }) => variantId === id)
      .sort((a, b) => b.timeNs - a.timeNs);
    if (layers.length === 0) return [];
    const all = layers.reduce((sum, { timeNs }) => sum + timeNs, 0) || 1;
    const top = layers.slice(0, LAYERS_DRAWN);
    const { shown, left } = cutList(t, layers, LAYERS_LISTED);
    return [
      el("h3", {}, foreign(label(id))),
      chartFigure(context, {
        title: t("layers.chart", {
          variant: plain(label(id), 80),
          n: top.length,
          all: layers.length,
        }),
        note: [t("layers.share", {
          share: significant(100 * top.reduce((sum, { timeNs }) => sum + timeNs, 0) / all, 3),
          total: ms(all),
        })],
        heightPx: 80 + top.length * LAYER_ROW_PX,
        configuration: (colours) => {
          const options = baseOptions(colours, { x: t("axis.ms") });
          options.indexAxis = "y";
          options.scales.y.grid.display = false;
          options.scales.y.ticks.autoSkip = false;
          return {
            type: "bar",
            data: {
              labels: top.map(({ layer, type }) => axisLabel(layer, `(${plain(type, 30)})`)),
              datasets: [{
                data: top.map(({ timeNs }) => timeNs / 1e6),
                backgroundColor: colours.series(context.colourIndex(id)),
                maxBarThickness: 16,
              }],
            },
            options,
          };
        },
        table: () => ({
          head: [
            t("layers.layer"),
            t("layers.type"),
            "ms",
            "%",
            "GFLOP/s",
            "GB/s",
            t("layers.intensity"),
          ],
          numeric: [false, false, true, true, true, true, true],
          below: left,
          rows: shown.map(({ layer, type, timeNs, macs, bytes }) => [
            foreign(plain(layer, 80)),
            foreign(plain(type, 40)),
            msNumber(timeNs),
            significant(100 * timeNs / all, 2),
            macs === null || timeNs === 0 ? MISSING : significant(2 * macs / timeNs, 3),
            bytes === null || timeNs === 0 ? MISSING : significant(bytes / timeNs, 3),
            macs === null || !bytes ? MISSING : significant(2 * macs / bytes, 3),
          ]),
        }),
      }),
      rooflineFigure(context, id, layers, ceiling),
    ];
  });
  return [
    el("p", {}, t("layers.intro")),
    el("h3", {}, t("layers.byType")),
    timeByType(context, times),
    parts.flat(),
  ];
}

/**
 * Returns the table of what each type of layer takes in each variant: an activation that is fused
 * takes no time of its own.
 *
 * @param {Context} context
 * @param {Context["report"]["layerTimes"]} times of one device
 */
function timeByType({ t, here, label }, times) {
  const measured = here.filter(({ id }) => times.some(({ variantId }) => variantId === id));
  const byType = Map.groupBy(times, ({ type }) => type);
  const types = [...byType].map(([type, all]) => ({
    type,
    all,
    mostNs: Math.max(...measured.map(({ id }) => sumNs(all.filter(isOf(id))))),
  })).sort((a, b) => b.mostNs - a.mostNs);
  const { shown, left } = cutList(t, types, TYPES_LISTED);
  /** @type {(all: Context["report"]["layerTimes"]) => string[]} */
  const cells = (all) =>
    measured.map(({ id }) => {
      const own = all.filter(isOf(id));
      return own.length === 0 ? MISSING : `${msNumber(sumNs(own))} (${own.length})`;
    });
  return dataTable({
    caption: t("layers.byType"),
    head: [t("layers.type"), ...measured.map(({ id }) => plain(label(id), 80))],
    numeric: [false, ...measured.map(() => true)],
    below: left,
    rows: [
      ...shown.map(({ type, all }) => [foreign(plain(type, 40)), ...cells(all)]),
      [t("layers.all"), ...cells(times)],
      [
        "AP",
        ...measured.map(({ accuracy }) =>
          accuracy === null ? MISSING : significant(accuracy.ap, 3)
        ),
      ],
    ],
  });
}

/** @type {(id: string) => (time: Context["report"]["layerTimes"][number]) => boolean} */
const isOf = (id) => ({ variantId }) => variantId === id;

/** @param {Context["report"]["layerTimes"]} times */
function sumNs(times) {
  return times.reduce((sum, { timeNs }) => sum + timeNs, 0);
}

/**
 * @param {Context} context
 * @param {string} id
 * @param {Context["report"]["layerTimes"]} layers
 * @param {Context["report"]["roofline"][number] | null} measured
 */
function rooflineFigure(context, id, layers, measured) {
  const { t, label, here } = context;
  const isHalf = here.find((variant) => variant.id === id)?.precision.effective ===
    "fp16-arithmetic";
  const ceiling = measured &&
    { ...measured, gflops: (isHalf ? measured.fp16Gflops : null) ?? measured.gflops };
  const points = layers.flatMap(({ layer, macs, bytes, timeNs }) =>
    macs === null || bytes === null || macs <= 0 || bytes <= 0 || timeNs <= 0
      ? []
      : [{ x: 2 * macs / bytes, y: 2 * macs / timeNs, layer, timeNs }]
  );
  if (points.length === 0) return null;
  const { shown, left } = cutList(t, points, LAYERS_LISTED);
  const xs = points.map(({ x }) => x);
  const range = { min: Math.min(...xs) / 2, max: Math.max(...xs) * 2 };
  return chartFigure(context, {
    title: t("layers.roofline", { variant: plain(label(id), 80) }),
    note: [
      ceiling === null ? t("layers.noCeiling") : t("layers.ceiling", {
        gflops: significant(ceiling.gflops, 3),
        bandwidth: significant(ceiling.gbPerSecond, 3),
      }),
    ],
    heightPx: 340,
    configuration: (colours) => {
      const options = baseOptions(colours, { x: t("layers.intensityAxis"), y: "GFLOP/s" });
      Object.assign(options.scales.x, { type: "logarithmic", ...range });
      options.scales.y.type = "logarithmic";
      for (const axis of [options.scales.x, options.scales.y]) {
        axis.ticks.callback = (/** @type {number} */ value) =>
          /^[125]e/.test(Number(value.toPrecision(6)).toExponential()) ? significant(value, 1) : "";
      }
      options.plugins.tooltip.callbacks = {
        label: (/** @type {any} */ item) =>
          item.datasetIndex > 0
            ? ""
            : `${plain(points[item.dataIndex].layer, 40)}: ${
              significant(item.parsed.y, 3)
            } GFLOP/s, ${ms(points[item.dataIndex].timeNs)}`,
      };
      const longest = Math.max(...points.map(({ timeNs }) => timeNs));
      const roof = ceiling === null
        ? []
        : [range.min, ceiling.gflops / ceiling.gbPerSecond, range.max]
          .filter((x) => x >= range.min && x <= range.max).sort((a, b) => a - b)
          .map((x) => ({ x, y: Math.min(ceiling.gflops, x * ceiling.gbPerSecond) }));
      return {
        type: "scatter",
        data: {
          datasets: [
            {
              data: points.map(({ x, y }) => ({ x, y })),
              backgroundColor: `${colours.series(context.colourIndex(id))}aa`,
              pointRadius: points.map(({ timeNs }) => 2 + 10 * Math.sqrt(timeNs / longest)),
            },
            {
              data: roof,
              showLine: true,
              pointRadius: 0,
              borderColor: colours.text,
              borderWidth: 1.5,
            },
          ],
        },
        options,
      };
    },
    table: () => ({
      head: [t("layers.layer"), "FLOP/byte", "GFLOP/s"],
      numeric: [false, true, true],
      below: left,
      rows: shown.map(({ layer, x, y }) => [
        foreign(plain(layer, 80)),
        significant(x, 3),
        significant(y, 3),
      ]),
    }),
  });
}
