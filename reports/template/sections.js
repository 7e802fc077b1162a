// @ts-check
/// <reference lib="dom" />
/**
 * Sections of a page: their headings stand at once, their contents are filled in one after the
 * other, so that the first screen is there at once and the page answers meanwhile.
 *
 * @module
 */
import { el } from "./dom.js";

/** @typedef {import("./dom.js").Child} Child */

/** @type {Map<HTMLElement, () => (Child | Child[])[]>} */
const pending = new Map();

/**
 * Returns a section with its heading; `build` gives its contents later.
 *
 * @param {string} id
 * @param {string} title
 * @param {() => (Child | Child[])[]} build
 */
export function section(id, title, build) {
  const element = el(
    "section",
    { id, "aria-labelledby": `${id}-title` },
    el("h2", { id: `${id}-title` }, title),
  );
  pending.set(element, build);
  return element;
}

/** @param {HTMLElement} element */
function fill(element) {
  const build = pending.get(element);
  pending.delete(element);
  if (build === undefined) return;
  for (const child of build().flat()) {
    if (child !== null && child !== undefined && child !== false) {
      element.append(child instanceof Node ? child : String(child));
    }
  }
}

/**
 * Fills the sections that stand in the document after the next paint, one in each turn of the event
 * loop, then calls `done`. Sections that have been taken out of the document in the meantime are
 * forgotten.
 *
 * @param {() => void} done
 */
export function fillAfterPaint(done) {
  requestAnimationFrame(() => setTimeout(fillSections, 0, done));
}

/** @param {() => void} done */
function fillSections(done) {
  for (const element of pending.keys()) {
    if (!element.isConnected) {
      pending.delete(element);
      continue;
    }
    fill(element);
    setTimeout(fillSections, 0, done);
    return;
  }
  done();
}

/** Fills all sections at once: for the printer. */
export function fillAllSections() {
  for (const element of [...pending.keys()]) fill(element);
}
