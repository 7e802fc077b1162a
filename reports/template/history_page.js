// @ts-check
/// <reference lib="dom" />
/**
 * The page of the history: the trend of each variant on each device, with lasting changes.
 *
 * @module
 */
import { el, english } from "./dom.js";
import { changesTable, deviceText, headline, scaleOf } from "./history_changes.js";
import { axisLabel, baseOptions, chartFigure, forgetFigures } from "./figure.js";
import { boundsOfPointsPlugin, changesPlugin } from "./marks_plugin.js";
import { MISSING, significant } from "./numbers.js";
import { plain, shellLine } from "./labels.js";
import { dateText } from "./hero_section.js";
import { translate } from "./translate.js";
import { initialLanguage, setDocument, topBar, watchPrinterAndTheme } from "./shell.js";

/** @typedef {import("../../harness/report/history.ts").History} History */
/** @typedef {import("../../harness/report/history.ts").HistorySeries} HistorySeries */

/** Series drawn at once; the rest is chosen by the filters. */
const SERIES_AT_ONCE = 12;

/** Draws the page and keeps it in step with the reader's choices. */
export function startHistoryPage() {
  const history = /** @type {History} */ (JSON.parse(
    document.getElementById("page-data")?.textContent ?? "null",
  ));
  const root = /** @type {HTMLElement} */ (document.getElementById("root"));
  const choices = { language: initialLanguage(), device: "", variant: "", metric: "" };

  const draw = () => {
    const t = (
      /** @type {string} */ key,
      /** @type {Record<string, string | number>} */ values = {},
    ) => translate(choices.language, key, values);
    const heightPx = root.scrollHeight;
    forgetFigures(root);
    root.replaceChildren();
    setDocument(choices.language, t("history.title"));
    const holder = el("div", {});
    const fill = () => {
      forgetFigures(holder);
      const chosen = history.series.filter((series) =>
        (choices.device === "" || series.device === choices.device) &&
        (choices.variant === "" || series.variantId === choices.variant) &&
        (choices.metric === "" || series.metric === choices.metric)
      );
      holder.replaceChildren(
        ...chosen.slice(0, SERIES_AT_ONCE).map((series) => seriesPart(t, series)),
        ...(chosen.length > SERIES_AT_ONCE
          ? [el("p", { class: "hint" }, t("history.rest", { n: chosen.length - SERIES_AT_ONCE }))]
          : []),
        ...(chosen.length === 0 ? [el("p", { class: "hint" }, t("history.none"))] : []),
      );
    };
    const main = el(
      "main",
      { id: "main" },
      el(
        "header",
        { class: "hero" },
        headline(choices.language, history),
        el(
          "p",
          { class: "subject" },
          t("history.subject", {
            series: history.series.length,
            runs: new Set(history.series.flatMap(({ points }) =>
              points.map(({ runId }) => runId)
            )).size,
            date: dateText(history.createdAt),
          }),
        ),
      ),
      history.warnings.length > 0 &&
        el(
          "aside",
          { class: "warnings", "aria-label": t("warnings.title") },
          el(
            "ul",
            {},
            history.warnings.map(({ message, advice }) =>
              el(
                "li",
                {},
                english(plain(message, 260)),
                " ",
                english(plain(advice, 260), "advice"),
              )
            ),
          ),
        ),
      changesTable(t, history),
      filters(t, history, choices, fill),
      holder,
      el("h2", {}, t("reproduce.title")),
      el(
        "pre",
        { tabindex: 0, class: "plaincommand" },
        el("code", {}, shellLine(history.command.map((word) => plain(word, 400)))),
      ),
    );
    main.style.minHeight = `${heightPx}px`;
    root.append(
      topBar(choices.language, {
        title: t("history.bar"),
        onLanguage: (language) => {
          choices.language = language;
          draw();
          /** @type {HTMLElement | null} */ (root.querySelector("button[data-language]"))?.focus();
        },
      }),
      main,
      el("footer", {}, t("footer.offline")),
    );
    fill();
    main.style.minHeight = "";
    main.setAttribute("aria-busy", "false");
  };
  draw();
  watchPrinterAndTheme();
}

/**
 * @param {(key: string, values?: Record<string, string | number>) => string} t
 * @param {History} history
 * @param {{ device: string, variant: string, metric: string }} choices
 * @param {() => void} changed
 */
function filters(t, { series }, choices, changed) {
  const names = new Map(series.map((each) => [each.device, deviceText(each)]));
  /** @type {["device" | "variant" | "metric", string[], (value: string) => string][]} */
  const kinds = [
    ["device", [...names.keys()], (value) => names.get(value) ?? value],
    [
      "variant",
      [...new Set(series.map(({ variantId }) => variantId))],
      (value) => plain(value, 60),
    ],
    ["metric", [...new Set(series.map(({ metric }) => metric))], (value) => value],
  ];
  return el(
    "div",
    { class: "filters" },
    kinds.filter(([, values]) => values.length > 1).map(([kind, values, name]) => {
      const select = el(
        "select",
        {
          "data-filter": kind,
          onchange: () => {
            choices[kind] = select.value;
            changed();
          },
        },
        el("option", { value: "" }, t("filter.all")),
        values.map((value) => el("option", { value }, name(value))),
      );
      select.value = choices[kind];
      return el("label", {}, t(kind === "metric" ? "history.metric" : `column.${kind}`), select);
    }),
  );
}

/**
 * @param {(key: string, values?: Record<string, string | number>) => string} t
 * @param {HistorySeries} series
 */
function seriesPart(t, series) {
  const { points, changes, metric } = series;
  const { divisor, unit } = scaleOf(series);
  return chartFigure({ t }, {
    title: `${plain(series.variantId, 80)} · ${deviceText(series)} · ${metric}`,
    note: [t("history.note", { n: points.length, experiment: plain(series.experiment, 12) })],
    heightPx: 260,
    configuration: (colours) => {
      const options = baseOptions(colours, { x: t("history.run"), y: unit });
      options.scales.x.type = "linear";
      options.scales.x.ticks.precision = 0;
      options.scales.x.ticks.callback = (/** @type {number} */ value) =>
        points[value] === undefined
          ? ""
          : axisLabel(dateText(points[value].createdAt).slice(0, 10));
      options.scales.x.ticks.maxRotation = 0;
      options.scales.x.ticks.autoSkipPadding = 12;
      options.scales.y.grace = "10%";
      options.plugins.tooltip.callbacks = {
        title: (/** @type {any[]} */ [item]) => plain(points[item.dataIndex].runId, 60),
        label: (/** @type {any} */ item) => {
          const { value, low, high, gitCommit } = points[item.dataIndex];
          const text = `${significant(value / divisor, 3)} ${unit}`;
          const interval = low === null || high === null ? "" : ` ${
            t("interval", {
              low: significant(low / divisor, 3),
              high: significant(high / divisor, 3),
            })
          }`;
          return text + interval +
            (gitCommit === null ? "" : `, ${plain(gitCommit, 40).slice(0, 12)}`);
        },
        afterLabel: (/** @type {any} */ item) => plain(points[item.dataIndex].marks.join(", "), 80),
      };
      return {
        type: "line",
        data: {
          datasets: [{
            data: points.map(({ value }, x) => ({ x, y: value / divisor })),
            borderColor: colours.series(0),
            backgroundColor: colours.series(0),
            borderWidth: 1.5,
            pointStyle: points.map(({ marks }) => marks.length > 0 ? "rectRot" : "circle"),
            pointRadius: points.length > 120 ? 1.5 : 3.5,
          }],
        },
        options,
        plugins: [
          boundsOfPointsPlugin(
            points.map(({ low, high }) =>
              low === null || high === null ? null : [low / divisor, high / divisor]
            ),
            colours.series(0),
          ),
          changesPlugin(
            changes.map(({ index, ratio }) => ({ x: index - 0.5, worse: ratio > 1 })),
            colours,
          ),
        ],
      };
    },
    table: () => ({
      head: [
        t("history.run"),
        t("history.since"),
        t("history.commit"),
        unit,
        t("fps.low"),
        t("fps.high"),
        t("marks"),
      ],
      numeric: [false, false, false, true, true, true, false],
      rows: points.map(({ runId, createdAt, gitCommit, value, low, high, marks }) => [
        plain(runId, 60),
        dateText(createdAt),
        gitCommit === null ? MISSING : plain(gitCommit, 40).slice(0, 12),
        significant(value / divisor, 4),
        low === null ? MISSING : significant(low / divisor, 4),
        high === null ? MISSING : significant(high / divisor, 4),
        plain(marks.join(", "), 80),
      ]),
    }),
  });
}
