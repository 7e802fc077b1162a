// @ts-check
/// <reference lib="dom" />
/**
 * What `tune` and `explain` add to a report: which variant to ship with what to type, and what each
 * change between two variants earned.
 *
 * @module
 */
import { dataTable, el, english, foldedTable, foreign } from "./dom.js";
import { section } from "./sections.js";
import { baseOptions, chartFigure, tickText } from "./figure.js";
import { plain } from "./labels.js";
import { MISSING, score, significant } from "./numbers.js";

/** @typedef {import("./context.js").Context} Context */
/** @typedef {import("../../harness/tune/answer.ts").TuneAnswer} TuneAnswer */
/** @typedef {import("../../harness/tune/explanation.ts").Explanation} Explanation */
/** @typedef {{ value: number, low: number | null, high: number | null }} Figure */

/** Characters of an id in a table. */
const ID_CHARS = 90;

/**
 * Returns the section with the answer of a tuning; null for other runs.
 *
 * @param {Context} context
 */
export function tuneSection(context) {
  const { t, rich, page: { tune } } = context;
  if (tune === null) return null;
  const short = shortVariantIds(tune.entries.map(({ id }) => id));
  const winner = tune.entries.find(({ id }) => id === tune.winner);
  const accuracy = t(tune.isAnnotated ? "tune.ap" : "tune.agreement");
  return section("tune", t("tune.title"), () =>
    [
      winner === undefined || winner.time === null ? el("p", {}, t("tune.none")) : el(
        "p",
        { class: "answer" },
        rich(tune.winnerMs === null ? "tune.answer" : "tune.answer.ms", {
          variant: el("strong", {}, foreign(short(winner.id))),
          base: foreign(short(tune.base)),
          ratio: timesText(winner.time.value),
          ms: significant(tune.winnerMs ?? 0, 3),
        }),
      ),
      tune.alike.length > 0 &&
      el("p", {}, rich("tune.alike", { variants: foreign(tune.alike.map(short).join(", ")) })),
      el("p", {}, t(tune.isAnnotated ? "tune.byAnnotations" : "tune.byReference")),
      tune.notes.length > 0 && el(
        "ul",
        {},
        tune.notes.map((note) => el("li", {}, english(plain(note, 300)))),
      ),
      contestantChart(context, tune, short, accuracy),
      tune.left.length > 0 && foldedTable(t("tune.left"), () => ({
        caption: t("tune.left"),
        head: [t("column.variant"), t("tune.why")],
        rows: tune.left.map(({ id, reason }) => [foreign(short(id)), english(plain(reason, 300))]),
      })),
      tune.snippet !== null && [
        el("h3", {}, t("tune.type")),
        el("pre", { class: "command", tabindex: "0" }, el("code", {}, plain(tune.snippet, 20_000))),
      ],
    ].flat());
}

/**
 * Time against accuracy of every contestant, those that none beats in both joined by a line.
 *
 * @param {Context} context
 * @param {TuneAnswer} tune
 * @param {(id: string) => string} short
 * @param {string} accuracy
 */
function contestantChart({ t }, tune, short, accuracy) {
  const timed = tune.entries.filter(({ time, ap }) => time !== null && ap !== null);
  const point = (/** @type {TuneAnswer["entries"][number]} */ { time, ap }) => ({
    x: time?.value ?? 0,
    y: ap ?? 0,
  });
  const groups = [
    { label: t("tune.allowed"), rows: timed.filter(({ refusal }) => refusal === null) },
    { label: t("tune.refused"), rows: timed.filter(({ refusal }) => refusal !== null) },
  ].filter(({ rows }) => rows.length > 0);
  const front = timed.filter(({ onFront }) => onFront)
    .sort((a, b) => point(a).x - point(b).x);
  return chartFigure({ t }, {
    title: t("tune.chart"),
    note: [t("tune.chart.note")],
    heightPx: 340,
    configuration: (colours) => {
      const options = baseOptions(colours, { x: t("tune.time"), y: accuracy });
      options.scales.x.grace = "10%";
      options.scales.y.grace = "15%";
      options.scales.x.ticks.callback = tickText;
      options.plugins.legend.display = true;
      options.plugins.tooltip.callbacks = {
        label: (/** @type {any} */ item) =>
          `${item.raw.id ?? item.dataset.label}: ${timesText(item.parsed.x)}, ${
            score(item.parsed.y)
          }`,
      };
      return {
        type: "scatter",
        data: {
          datasets: [
            ...groups.map(({ label, rows }, i) => ({
              label,
              data: rows.map((row) => ({ ...point(row), id: plain(short(row.id), ID_CHARS) })),
              backgroundColor: colours.series(i),
              borderColor: colours.series(i),
              pointStyle: colours.point(i),
              pointRadius: 6,
            })),
            {
              label: t("tradeoff.front"),
              data: front.map(point),
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
      head: [
        t("column.variant"),
        t("tune.stage"),
        t("tune.time"),
        accuracy,
        t("tune.difference"),
        "MB",
        t("tradeoff.onFront"),
        t("tune.why"),
      ],
      numeric: [false, false, true, true, true, true, false, false],
      rows: tune.entries.map((entry) => [
        foreign(short(entry.id)),
        t(`tune.stage.${entry.stage}`),
        withBounds(entry.time, timesText),
        entry.ap === null ? MISSING : score(entry.ap),
        withBounds(entry.apDifference, signedShare),
        entry.sizeBytes === null ? MISSING : significant(entry.sizeBytes / 1e6, 3),
        t(entry.onFront ? "yes" : "no"),
        whyNot({ t }, entry, short),
      ]),
    }),
  });
}

/**
 * @param {{ t: Context["t"] }} context
 * @param {TuneAnswer["entries"][number]} entry
 * @param {(id: string) => string} short
 */
function whyNot({ t }, { refusal, beatenBy }, short) {
  if (refusal !== null) return english(plain(refusal, 300));
  return beatenBy === null ? "" : t("tune.beaten", { by: plain(short(beatenBy), ID_CHARS) });
}

/**
 * Returns the section with what each change earned; null for other runs.
 *
 * @param {Context} context
 */
export function explainSection(context) {
  const { t, rich, page: { explanation } } = context;
  if (explanation === null) return null;
  const { changes, speedUp, steps } = explanation;
  const short = shortVariantIds([explanation.from, explanation.to, ...steps.map(({ id }) => id)]);
  const accuracy = t(explanation.isAnnotated ? "tune.ap" : "tune.agreement");
  return section("explain", t("explain.title"), () => [
    el(
      "p",
      { class: "answer" },
      rich("explain.answer", {
        from: foreign(short(explanation.from)),
        to: foreign(short(explanation.to)),
        ratio: el("strong", {}, withBounds(speedUp, timesText)),
      }),
    ),
    waterfallChart(context, explanation),
    dataTable({
      caption: t("explain.title"),
      head: [t("explain.change"), t("explain.earned"), t("explain.orders"), accuracy],
      numeric: [false, true, true, true],
      rows: changes.map((change) => [
        plain(change.label, ID_CHARS),
        withBounds(change.speedUp, timesText),
        change.speedUpInOrders.map(timesText).join(" – "),
        withBounds(change.ap, signedShare),
      ]),
    }),
    foldedTable(t("explain.steps"), () => ({
      caption: t("explain.steps"),
      head: [t("column.variant"), t("tune.time"), accuracy],
      numeric: [false, true, true],
      rows: steps.map(({ id, timeRatio, ap }) => [
        foreign(short(id)),
        timesText(timeRatio),
        ap === null ? MISSING : score(ap),
      ]),
    })),
  ]);
}

/**
 * Bars from the time before a change to the time after it.
 *
 * @param {Context} context
 * @param {Explanation} explanation
 */
function waterfallChart({ t }, { changes, speedUp }) {
  /** @type {[string, number, number][]} */
  const bars = [[t("explain.before"), 0, 1]];
  let time = 1;
  for (const change of changes) {
    const after = time / change.speedUp.value;
    bars.push([plain(change.label, 60), time, after]);
    time = after;
  }
  bars.push([t("explain.after"), 0, 1 / speedUp.value]);
  return chartFigure({ t }, {
    title: t("explain.chart"),
    note: [t("explain.chart.note")],
    heightPx: 90 + 36 * bars.length,
    configuration: (colours) => {
      const options = baseOptions(colours, { x: t("tune.time") });
      options.indexAxis = "y";
      options.scales.x.min = 0;
      options.scales.x.ticks.callback = tickText;
      options.plugins.tooltip.callbacks = {
        label: (/** @type {any} */ item) => `${timesText(item.raw[0])} → ${timesText(item.raw[1])}`,
      };
      return {
        type: "bar",
        data: {
          labels: bars.map(([label]) => label),
          datasets: [{
            label: t("tune.time"),
            data: bars.map(([, from, to]) => /** @type {[number, number]} */ ([from, to])),
            backgroundColor: bars.map(([, from, to], i) =>
              i === 0 || i === bars.length - 1 ? colours.muted : colours.series(to < from ? 0 : 1)
            ),
          }],
        },
        options: /** @type {any} */ (options),
      };
    },
    table: () => ({
      head: [t("explain.change"), t("explain.from"), t("explain.to")],
      numeric: [false, true, true],
      rows: bars.map(([label, from, to]) => [label, timesText(from), timesText(to)]),
    }),
  });
}

/**
 * Returns a function that leaves out the parts that all ids begin with.
 *
 * @param {string[]} ids
 * @returns {(id: string) => string}
 */
function shortVariantIds(ids) {
  const [first = [], ...others] = ids.map((id) => id.split("."));
  const differs = first.findIndex((part, i) => others.some((parts) => parts[i] !== part));
  return (id) => plain(differs > 0 ? id.split(".").slice(differs).join(".") : id, ID_CHARS);
}

/** @param {number} value */
function timesText(value) {
  return `${value.toFixed(3)}×`;
}

/** @param {number} value */
function signedShare(value) {
  return value < 0 ? `−${(-value).toFixed(3)}` : `+${value.toFixed(3)}`;
}

/**
 * @param {Figure | null} figure
 * @param {(value: number) => string} write
 */
function withBounds(figure, write) {
  if (figure === null) return MISSING;
  const { value, low, high } = figure;
  return low === null || high === null
    ? write(value)
    : `${write(value)} (${write(low)} – ${write(high)})`;
}
