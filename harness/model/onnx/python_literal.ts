/**
 * Python literals: what exporters write into a file's metadata by `str(value)`.
 *
 * @module
 */

/** A literal as plain values: keys of dicts are text, tuples are lists, None is null. */
export type PythonLiteral =
  | string
  | number
  | boolean
  | null
  | PythonLiteral[]
  | { [key: string]: PythonLiteral };

const WORDS: Record<string, PythonLiteral> = {
  True: true,
  False: false,
  None: null,
  // JSON, which other exporters write
  true: true,
  false: false,
  null: null,
};

const ESCAPES: Record<string, string> = { n: "\n", t: "\t", r: "\r", "0": "\0", "\n": "" };

/**
 * Returns the value of a Python literal (numbers, text, lists, tuples, dicts), or of JSON;
 * undefined where the text is neither.
 *
 * @example
 * ```ts
 * parsePythonLiteral("{0: 'cat', 1: \"dog's\"}"); // { "0": "cat", "1": "dog's" }
 * ```
 */
export function parsePythonLiteral(text: string): PythonLiteral | undefined {
  const reader = new LiteralReader(text);
  try {
    const value = reader.value();
    return reader.isAtEnd() ? value : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** Reads one literal from a text; throws SyntaxError where it is none. */
class LiteralReader {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  isAtEnd(): boolean {
    return this.#take(/\s*$/y) !== null;
  }

  value(): PythonLiteral {
    if (this.#take(/\s*\{/y)) return this.#dict();
    if (this.#take(/\s*\[/y)) return this.#list("]");
    if (this.#take(/\s*\(/y)) return this.#list(")");
    const quote = this.#take(/\s*[uU]?(['"])/y);
    if (quote) return this.#quoted(quote[1]);
    const number = this.#take(/\s*([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)/y);
    if (number) return Number(number[1]);
    const word = this.#take(/\s*([A-Za-z]+)/y);
    if (word && Object.hasOwn(WORDS, word[1])) return WORDS[word[1]];
    throw new SyntaxError(`no literal at ${this.#at}`);
  }

  #take(pattern: RegExp): RegExpExecArray | null {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text);
    if (found) this.#at = pattern.lastIndex;
    return found;
  }

  #expect(pattern: RegExp): void {
    if (!this.#take(pattern)) throw new SyntaxError(`unexpected at ${this.#at}`);
  }

  #list(end: "]" | ")"): PythonLiteral[] {
    const close = end === "]" ? /\s*\]/y : /\s*\)/y;
    const values: PythonLiteral[] = [];
    while (!this.#take(close)) {
      if (values.length > 0) {
        this.#expect(/\s*,/y);
        if (this.#take(close)) break;
      }
      values.push(this.value());
    }
    return values;
  }

  #dict(): PythonLiteral {
    const entries: [string, PythonLiteral][] = [];
    while (!this.#take(/\s*\}/y)) {
      if (entries.length > 0) {
        this.#expect(/\s*,/y);
        if (this.#take(/\s*\}/y)) break;
      }
      const key = this.value();
      this.#expect(/\s*:/y);
      entries.push([String(key), this.value()]);
    }
    return Object.fromEntries(entries);
  }

  #quoted(quote: string): string {
    let text = "";
    for (;;) {
      const character = this.#text[this.#at++];
      if (character === undefined) throw new SyntaxError("a text without its end");
      if (character === quote) return text;
      text += character === "\\" ? this.#escaped() : character;
    }
  }

  #escaped(): string {
    const code = this.#take(/x([0-9a-f]{2})|u([0-9a-f]{4})|U([0-9a-f]{8})/iy);
    if (code) return String.fromCodePoint(parseInt(code[1] ?? code[2] ?? code[3], 16));
    const character = this.#text[this.#at++];
    if (character === undefined) throw new SyntaxError("a text without its end");
    return ESCAPES[character] ?? character;
  }
}
