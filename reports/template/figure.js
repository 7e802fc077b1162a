// @ts-check
/// <reference lib="dom" />
/**
 * Figures with a chart: drawn when they come into view, redrawn when the theme changes, with their
 * numbers as a table for those who can't see the drawing.
 *
 * @module
 */
import { el, foldedTable } from "./dom.js";
import { plain } from "./labels.js";
import { currentTheme, palette } from "./theme.js";

/** @typedef {import("./context.js").Context} Context */
/** @typedef {import("./theme.js").Palette} Palette */
/** @typedef {import("chart.js").ChartConfiguration} ChartConfiguration */

/**
 * @typedef {object} Drawn
 * @property {HTMLCanvasElement} canvas
 * @property {(palette: Palette) => ChartConfiguration} configuration
 * @property {import("chart.js").Chart | null} chart
 */

/** Rows of a chart, at most. */
const ROWS_DRAWN = 60;
/** Characters of a label on an axis with its note, about. */
const AXIS_LABEL_CHARS = 48;

/** @type {Map<Element, Drawn>} */
const figures = new Map();

/** @type {IntersectionObserver | null} */
let observer = null;

/** @returns {typeof import("chart.js").Chart} */
function chartClass() {
  return /** @type {any} */ (globalThis).Chart;
}

/**
 * Returns a figure with a chart of a fixed height, so that nothing moves when it is drawn.
 *
 * @param {{ t: Context["t"] }} context
 * @param {{
 *   title: string,
 *   note?: (Node | string)[],
 *   heightPx: number,
 *   configuration: (palette: Palette) => ChartConfiguration,
 *   table: () => { head: string[], rows: (string | Node)[][], numeric?: boolean[], below?: Node |
 *   null }, }} options
 */
export function chartFigure(context, { title, note = [], heightPx, configuration, table }) {
  const canvas = el("canvas", { role: "img", "aria-label": title });
  const box = el("div", { class: "chart" }, canvas);
  box.style.height = `${heightPx}px`;
  observer ??= new IntersectionObserver((entries) => {
    for (const { isIntersecting, target } of entries) if (isIntersecting) draw(target);
  }, { rootMargin: "300px" });
  observer.observe(box);
  figures.set(box, { canvas, configuration, chart: null });
  return el(
    "figure",
    {},
    el("figcaption", {}, el("h3", {}, title), note.length > 0 && el("p", {}, note)),
    box,
    foldedTable(context.t("figure.table"), () => ({ caption: title, ...table() })),
  );
}

/** @param {Element} box */
function draw(box) {
  const figure = figures.get(box);
  if (figure === undefined || figure.chart !== null) return;
  const colours = palette(
    document.documentElement.dataset.printing === "yes" ? "light" : currentTheme(),
  );
  const Chart = chartClass();
  Chart.defaults.font.family = getComputedStyle(document.body).fontFamily;
  Chart.defaults.font.size = 12;
  Chart.defaults.color = colours.muted;
  Chart.defaults.borderColor = colours.grid;
  figure.chart = new Chart(figure.canvas, figure.configuration(colours));
}

/**
 * Draws again what is drawn, in the colours of the theme. What is out of sight is only forgotten,
 * and drawn when it comes into view.
 */
export function redrawFigures() {
  for (const [box, figure] of figures) {
    if (figure.chart === null) continue;
    figure.chart.destroy();
    figure.chart = null;
    const { top, bottom } = box.getBoundingClientRect();
    if (bottom > -300 && top < innerHeight + 300) draw(box);
    else {
      observer?.unobserve(box);
      observer?.observe(box);
    }
  }
}

/** Draws all figures, in light colours: for the printer. */
export function drawAllForPrint() {
  document.documentElement.dataset.printing = "yes";
  for (const [box, figure] of figures) {
    figure.chart?.destroy();
    figure.chart = null;
    draw(box);
  }
}

/** Goes back to the screen's colours. */
export function endPrint() {
  delete document.documentElement.dataset.printing;
  redrawFigures();
}

/** Lets go of all figures within an element that is about to be replaced. @param {Element} root */
export function forgetFigures(root) {
  for (const [box, figure] of figures) {
    if (!root.contains(box)) continue;
    figure.chart?.destroy();
    observer?.unobserve(box);
    figures.delete(box);
  }
}

/**
 * Returns options that all charts share.
 *
 * @param {Palette} colours
 * @param {{ x: string, y?: string }} titles
 * @returns {any}
 */
export function baseOptions(colours, titles) {
  const axis = (/** @type {string | undefined} */ text) => ({
    title: { display: text !== undefined, text, color: colours.muted },
    grid: { color: colours.grid },
    ticks: { color: colours.text, includeBounds: false },
  });
  return {
    responsive: true,
    maintainAspectRatio: false,
    animation: false,
    layout: { padding: { right: 12 } },
    plugins: {
      legend: {
        display: false,
        labels: { color: colours.text, usePointStyle: true, boxHeight: 8 },
      },
      tooltip: { animation: false },
    },
    scales: { x: axis(titles.x), y: axis(titles.y) },
  };
}

/**
 * Returns a tick's text: the shortest that tells the value to four digits.
 *
 * @param {number | string} value
 */
export function tickText(value) {
  return String(Number(Number(value).toPrecision(4)));
}

/**
 * Returns the first rows for a chart with a row each, and what its note must say when that is not
 * all: no browser draws a canvas beyond 65,535 pixels of the device, and nobody reads so many rows.
 *
 * @template T
 * @param {{ t: Context["t"] }} context
 * @param {T[]} rows
 * @returns {{ drawn: T[], cut: string }}
 */
export function chartRows({ t }, rows) {
  const drawn = rows.slice(0, ROWS_DRAWN);
  const cut = drawn.length < rows.length
    ? ` ${t("figure.cut", { n: drawn.length, all: rows.length })}`
    : "";
  return { drawn, cut };
}

/**
 * Returns the label in at most two lines, for an axis. A long one is cut in its middle, the note
 * after it never.
 *
 * @param {string} label
 * @param {string} [note]
 * @returns {string | string[]}
 */
export function axisLabel(label, note = "") {
  const room = Math.max(16, AXIS_LABEL_CHARS - note.length);
  const short = [plain(label, room), note].filter((part) => part !== "").join(" ");
  if (short.length <= 22) return short;
  const words = short.split(/(?<= · )|(?= \()/);
  if (words.length === 1) return [short.slice(0, 24), short.slice(24)];
  const half = Math.ceil(words.length / 2);
  return [words.slice(0, half), words.slice(half)].map((line) => line.join("").trim());
}
