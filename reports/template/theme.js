// @ts-check
/// <reference lib="dom" />
/**
 * Colours of the charts in the light and the dark theme.
 *
 * @module
 */

/** Okabe and Ito's palette (colour-blind safe), its yellow darkened to stand out on white. */
const LIGHT = [
  "#0072b2",
  "#d55e00",
  "#009e73",
  "#cc79a7",
  "#e69f00",
  "#56b4e9",
  "#2b3138",
  "#8f7d00",
];
/** The same hues, the dark ones lighter, to stand out on a dark ground. */
const DARK = [
  "#5aaee0",
  "#f08a45",
  "#2cc79a",
  "#e3a0c6",
  "#f2b84b",
  "#93d0f5",
  "#f2f4f6",
  "#e8dc6a",
];
/** Shapes of points, so that a colour is never alone in telling two variants apart. */
const POINT_STYLES = /** @type {const} */ ([
  "circle",
  "rect",
  "triangle",
  "rectRot",
  "crossRot",
  "star",
  "rectRounded",
  "cross",
]);

/**
 * Returns the theme that is in force.
 *
 * @returns {"light" | "dark"}
 */
export function currentTheme() {
  const chosen = document.documentElement.dataset.theme;
  if (chosen === "light" || chosen === "dark") return chosen;
  return matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
}

/**
 * @typedef {object} Palette
 * @property {(index: number) => string} series
 * @property {(index: number) => typeof POINT_STYLES[number]} point
 * @property {string} text
 * @property {string} muted
 * @property {string} grid
 * @property {string} surface
 * @property {string} warning for what a reader must know of
 * @property {string} disabled for what has no claim
 */

/**
 * Returns the colours of a theme.
 *
 * @param {"light" | "dark"} theme
 * @returns {Palette}
 */
export function palette(theme) {
  const colours = theme === "dark" ? DARK : LIGHT;
  return {
    series: (index) => colours[index % colours.length],
    point: (index) => POINT_STYLES[index % POINT_STYLES.length],
    ...(theme === "dark"
      ? {
        text: "#e6ebf0",
        muted: "#a3b1bf",
        grid: "#2b3742",
        surface: "#172029",
        warning: "#e0a030",
        disabled: "#66727e",
      }
      : {
        text: "#17212b",
        muted: "#54616e",
        grid: "#e3e8ed",
        surface: "#ffffff",
        warning: "#d98e04",
        disabled: "#a4aeb8",
      }),
  };
}
