/**
 * Lines for a terminal: its width, and text that is cut to it (pure but for asking the width).
 *
 * @module
 */

/** Columns of a terminal whose width is not known: a pipe, a file, a CI's log. */
export const USUAL_COLUMNS = 80;

/** Returns the columns of the terminal; 80 when the output is none. */
export function terminalColumns(): number {
  if (!Deno.stdout.isTerminal()) return USUAL_COLUMNS;
  try {
    return Math.max(40, Deno.consoleSize().columns);
  } catch {
    return USUAL_COLUMNS;
  }
}

/**
 * Returns the columns that a text takes: two for what East Asian fonts draw wide, none for what is
 * put on the character before.
 */
export function textWidth(text: string): number {
  let width = 0;
  for (const character of text) {
    if (/\p{M}|\p{Cf}/u.test(character)) continue;
    width +=
      /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]/
          .test(character)
        ? 2
        : 1;
  }
  return width;
}

/**
 * Returns the text in lines of at most `columns`, broken between words, those after the first
 * indented; a word that is longer stands on a line of its own.
 */
export function wrapped(text: string, columns: number, indent = "  "): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(/\s+/).filter((word) => word !== "")) {
    if (line.trim() !== "" && textWidth(line) + 1 + textWidth(word) > columns) {
      lines.push(line);
      line = indent + word;
    } else line = line === "" ? word : line.trim() === "" ? line + word : `${line} ${word}`;
  }
  return line === "" ? lines : [...lines, line];
}

/** Returns the text cut in the middle to at most `columns`, both ends kept. */
export function cutMiddle(text: string, columns: number): string {
  if (textWidth(text) <= columns) return text;
  const characters = [...text];
  let head = "";
  let tail = "";
  while (characters.length > 0) {
    const fromHead = textWidth(head) <= textWidth(tail);
    const next = (fromHead ? characters.shift() : characters.pop())!;
    if (textWidth(head) + textWidth(tail) + textWidth(next) + 1 > columns) break;
    if (fromHead) head += next;
    else tail = next + tail;
  }
  return `${head}…${tail}`;
}
