// @ts-check
/// <reference lib="dom" />
/**
 * The bar at the top of every page (language, theme), printing, and keeping the reader's choices.
 *
 * @module
 */
import { el } from "./dom.js";
import { currentTheme } from "./theme.js";
import { translate } from "./translate.js";
import { LANGUAGES, TEXTS } from "./texts.js";
import { fillAllSections } from "./sections.js";
import { drawAllForPrint, endPrint, redrawFigures } from "./figure.js";

/** @typedef {import("./translate.js").Language} Language */

/**
 * Returns the language to begin with: the one chosen before, else the browser's when the page
 * speaks it, else English.
 *
 * @returns {Language}
 */
export function initialLanguage() {
  const stored = recall("posemark-language");
  for (const wanted of [stored, ...navigator.languages]) {
    const found = LANGUAGES.find((language) =>
      wanted === language || wanted?.startsWith(`${language}-`)
    );
    if (found !== undefined) return found;
  }
  return "en";
}

/**
 * Returns the top bar.
 *
 * @param {Language} language
 * @param {{ title: Node | string, links?: [string, string][], chooser?: Node | null, onLanguage:
 * (language: Language) => void }} options
 */
export function topBar(language, { title, links = [], chooser = null, onLanguage }) {
  const t = (/** @type {string} */ key) => translate(language, key);
  const themeButton = el("button", { type: "button", id: "theme", class: "tool" });
  const name = () => {
    const next = currentTheme() === "dark" ? "light" : "dark";
    themeButton.textContent = next === "dark" ? "☾" : "☀";
    themeButton.setAttribute("aria-label", t(`bar.${next}`));
    themeButton.title = t(`bar.${next}`);
  };
  themeButton.addEventListener("click", () => {
    const next = currentTheme() === "dark" ? "light" : "dark";
    document.documentElement.dataset.theme = next;
    remember("posemark-theme", next);
    name();
    redrawFigures();
  });
  name();
  return el(
    "div",
    { class: "bar" },
    el("a", { class: "skip", href: "#main" }, t("bar.skip")),
    el(
      "span",
      { class: "brand" },
      el("span", { class: "logo", "aria-hidden": "true" }),
      "Posemark",
    ),
    el("span", { class: "title" }, title),
    links.length > 0 &&
      el(
        "nav",
        { "aria-label": t("bar.sections") },
        links.map(([id, text]) => el("a", { href: `#${id}` }, text)),
      ),
    chooser,
    el(
      "span",
      { class: "tools" },
      LANGUAGES.filter((other) => other !== language).map((other) =>
        el("button", {
          type: "button",
          class: "tool",
          "data-language": other,
          lang: other,
          onclick: () => {
            remember("posemark-language", other);
            onLanguage(other);
          },
        }, TEXTS[other]["bar.thisLanguage"])
      ),
      themeButton,
    ),
  );
}

/**
 * Sets what holds for the whole document in a language. @param {Language} language @param {string}
 * title
 */
export function setDocument(language, title) {
  document.documentElement.lang = language === "zh" ? "zh-Hans" : language;
  document.title = title;
}

/**
 * Opens what is folded, shows the whole table, and draws the charts in light colours while the page
 * is printed; and follows the system's theme.
 */
export function watchPrinterAndTheme() {
  /** @type {HTMLDetailsElement[]} */
  let opened = [];
  addEventListener("beforeprint", () => {
    fillAllSections();
    /** @type {HTMLElement | null} */ (document.getElementById("show-all"))?.click();
    opened = [...document.querySelectorAll("details")].filter((details) =>
      !details.open && !details.classList.contains("numbers") &&
      !details.classList.contains("drawing")
    );
    for (const details of opened) details.open = true;
    drawAllForPrint();
  });
  addEventListener("afterprint", () => {
    for (const details of opened) details.open = false;
    endPrint();
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redrawFigures);
}

/** @param {string} key */
function recall(key) {
  try {
    return localStorage.getItem(key);
  } catch {
    return null; // storage is closed to some pages that are opened from a file
  }
}

/** @param {string} key @param {string} value */
function remember(key, value) {
  try {
    localStorage.setItem(key, value);
  } catch {
    return; // the choice then lasts as long as the page
  }
}
