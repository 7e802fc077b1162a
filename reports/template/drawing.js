// @ts-check
/// <reference lib="dom" />
/**
 * A drawing that opens on demand.
 *
 * @module
 */
import { el } from "./dom.js";

/**
 * A drawing from outside enters as a picture: no script runs in it and nothing is loaded from it.
 *
 * @param {string} title
 * @param {string} markup an `<svg>` element
 */
export function drawing(title, markup) {
  const details = el("details", { class: "drawing" }, el("summary", {}, title));
  details.addEventListener("toggle", () => {
    if (!details.open || details.childElementCount > 1) return;
    const bytes = new TextEncoder().encode(markup);
    let binary = "";
    for (const byte of bytes) binary += String.fromCharCode(byte);
    details.append(el(
      "div",
      { class: "scroll paper", tabindex: 0, role: "group", "aria-label": title },
      el("img", { src: `data:image/svg+xml;base64,${btoa(binary)}`, alt: title }),
    ));
  });
  return details;
}
