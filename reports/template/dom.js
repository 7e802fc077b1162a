// @ts-check
/// <reference lib="dom" />
/**
 * Making elements. Texts only ever enter the page as text nodes and attributes, never as markup.
 *
 * @module
 */

/** @typedef {Node | string | number | null | undefined | false} Child */

/**
 * Returns an element with attributes and children. `class`, `text`, `data-*`, `aria-*` and all
 * other keys are attributes, except that a function under `onclick` and the like becomes an event
 * listener; null and false leave the attribute out.
 *
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} tag
 * @param {Record<string, unknown>} [attributes]
 * @param {...(Child | Child[])} children
 * @returns {HTMLElementTagNameMap[K]}
 */
export function el(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  setAttributes(element, attributes);
  append(element, children);
  return element;
}

/**
 * Returns an SVG element, see {@linkcode el}.
 *
 * @template {keyof SVGElementTagNameMap} K
 * @param {K} tag
 * @param {Record<string, unknown>} [attributes]
 * @param {...(Child | Child[])} children
 * @returns {SVGElementTagNameMap[K]}
 */
export function svg(tag, attributes = {}, ...children) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  setAttributes(element, attributes);
  append(element, children);
  return element;
}

/**
 * @param {Element} element
 * @param {Record<string, unknown>} attributes
 */
function setAttributes(element, attributes) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (typeof value === "function") {
      element.addEventListener(name.slice(2), /** @type {EventListener} */ (value));
    } else element.setAttribute(name, value === true ? "" : String(value));
  }
}

/**
 * @param {Element} parent
 * @param {(Child | Child[])[]} children
 */
function append(parent, children) {
  for (const child of children.flat()) {
    if (child === null || child === undefined || child === false) continue;
    parent.append(child instanceof Node ? child : String(child));
  }
}

/**
 * Returns a text from outside, set apart so that its direction can't spill into its surroundings.
 *
 * @param {string} text
 * @param {string} [className]
 */
export function foreign(text, className) {
  return el("bdi", { class: className ?? null }, text);
}

/**
 * Returns a text from outside that is English whatever the page speaks: a reason, a message, an
 * advice.
 *
 * @param {string} text
 * @param {string} [className]
 */
export function english(text, className) {
  return el("bdi", { class: className ?? null, lang: "en" }, text);
}

/**
 * Returns a part of the answer's sentence as nodes; why a variant failed stays English.
 *
 * @param {(key: string, values?: Record<string, string | number | Node>) => Node[]} rich
 * @param {{ key: string, values: Record<string, string> }} part
 */
export function answerNodes(rich, { key, values: { why, ...values } }) {
  return rich(key, why === undefined ? values : { ...values, why: english(why) });
}

/**
 * Returns the first `most` of a list, and a line that tells how many more there are in which file;
 * null where all are shown.
 *
 * @template T
 * @param {(key: string, values?: Record<string, string | number>) => string} t
 * @param {T[]} list
 * @param {number} most
 * @param {string} [file]
 */
export function cutList(t, list, most, file = "report.json") {
  const n = list.length - most;
  return {
    shown: list.slice(0, most),
    left: n > 0 ? el("p", { class: "hint left" }, t("list.left", { n, file })) : null,
  };
}

/**
 * Returns a folded table that is made when it is opened.
 *
 * @param {string} summary
 * @param {() => Parameters<typeof dataTable>[0]} build
 */
export function foldedTable(summary, build) {
  const details = el("details", { class: "numbers" }, el("summary", {}, summary));
  details.addEventListener("toggle", () => {
    if (details.open && details.childElementCount === 1) details.append(dataTable(build()));
  });
  return details;
}

/**
 * Returns a table with row headers in its first column, and below it what else must be said.
 *
 * @param {{ caption: string, head: string[], rows: (Child | Child[])[][], numeric?: boolean[],
 * className?: string, below?: Child }} options
 */
export function dataTable({ caption, head, rows, numeric = [], className, below }) {
  return el(
    "div",
    { class: "scroll", tabindex: 0, role: "group", "aria-label": caption },
    el(
      "table",
      { class: className ?? "data" },
      el("caption", { class: "hidden" }, caption),
      el(
        "thead",
        {},
        el(
          "tr",
          {},
          head.map((text, i) => el("th", { scope: "col", class: numeric[i] ? "num" : null }, text)),
        ),
      ),
      el(
        "tbody",
        {},
        rows.map((cells) =>
          el(
            "tr",
            {},
            cells.map((cell, i) =>
              i === 0
                ? el("th", { scope: "row" }, cell)
                : el("td", { class: numeric[i] ? "num" : null }, cell)
            ),
          )
        ),
      ),
    ),
    below,
  );
}
