// @ts-check
/// <reference lib="dom" />
/**
 * The words of the page in the language that is chosen.
 *
 * @module
 */
import { TEXTS } from "./texts.js";

/** @typedef {keyof typeof TEXTS} Language */
/** @typedef {Record<string, string | number>} Values */

/**
 * Returns the text with its placeholders filled, in one pass: a value that looks like a placeholder
 * stays as it is. Throws `Error` for an unknown key or a missing value.
 *
 * @param {Language} language
 * @param {string} key
 * @param {Values} [values]
 */
export function translate(language, key, values = {}) {
  return pieces(language, key).map((piece) =>
    piece.type === "text"
      ? piece.text
      : piece.type === "value"
      ? valueOf(values, piece.name, key)
      : ""
  ).join("");
}

/**
 * Returns the text as nodes: what stands between `**` is strong, values are nodes or texts set
 * apart by direction.
 *
 * @param {Language} language
 * @param {string} key
 * @param {Record<string, string | number | Node>} [values]
 * @returns {Node[]}
 */
export function translateRich(language, key, values = {}) {
  /** @type {Node[]} */
  const nodes = [];
  /** @type {HTMLElement | null} */
  let strong = null;
  for (const piece of pieces(language, key)) {
    if (piece.type === "strong") {
      if (strong === null) nodes.push(strong = document.createElement("strong"));
      else strong = null;
      continue;
    }
    const node = piece.type === "text"
      ? document.createTextNode(piece.text)
      : nodeOf(valueOf(values, piece.name, key));
    if (strong === null) nodes.push(node);
    else strong.append(node);
  }
  return nodes;
}

/**
 * Returns true when the table has a text of this key.
 *
 * @param {string} key
 */
export function hasText(key) {
  return Object.hasOwn(TEXTS.en, key);
}

/**
 * @template T
 * @param {Record<string, T>} values
 * @param {string} name
 * @param {string} key
 * @returns {T}
 */
function valueOf(values, name, key) {
  if (!Object.hasOwn(values, name)) throw new Error(`Text "${key}" needs a value for {${name}}`);
  return values[name];
}

/** @param {string | number | Node} value */
function nodeOf(value) {
  if (value instanceof Node) return value;
  const bdi = document.createElement("bdi");
  bdi.textContent = String(value);
  return bdi;
}

/**
 * @typedef {{ type: "text", text: string } | { type: "value", name: string } | { type: "strong" }}
 * Piece
 */

/** @type {Map<string, Piece[]>} */
const known = new Map();

/**
 * @param {Language} language
 * @param {string} key
 * @returns {Piece[]}
 */
function pieces(language, key) {
  const id = `${language} ${key}`;
  const found = known.get(id);
  if (found !== undefined) return found;
  /** @type {Record<string, string>} */
  const table = TEXTS[language];
  if (!Object.hasOwn(table, key)) throw new Error(`There is no text "${key}" in "${language}"`);
  /** @type {Piece[]} */
  const parsed = table[key].split(/(\{\w+\}|\*\*)/).filter((text) => text !== "").map((text) => {
    if (text === "**") return { type: "strong" };
    if (/^\{\w+\}$/.test(text)) return { type: "value", name: text.slice(1, -1) };
    return { type: "text", text };
  });
  known.set(id, parsed);
  return parsed;
}
