/**
 * The page's texts in English, for what has no page: the terminal, and a reader without scripts
 * (pure).
 *
 * @module
 */
import { TEXTS } from "../../reports/template/texts.js";

/** A key of the pages' table of texts with its values. */
export interface Said {
  key: string;
  values: Record<string, string | number>;
}

/** Returns the text in English without marks. Throws `RangeError` for an unknown key. */
export function inEnglish({ key, values }: Said): string {
  const text = (TEXTS.en as Record<string, string>)[key];
  if (text === undefined) throw new RangeError(`No text has the key "${key}"`);
  return text.replaceAll("**", "")
    .replace(/\{(\w+)\}/g, (whole, name: string) => String(values[name] ?? whole));
}
