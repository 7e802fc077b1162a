/**
 * The parameters of one layer as ncnn's `ParamDict::load_param` reads them: pure.
 *
 * Source: ncnn at a4d2ea1d, `src/paramdict.cpp`.
 *
 * @module
 */
import { isDigit, scanByte, scanInt, type Scanner, scanUntil } from "./scan.ts";

/** A number as ncnn keeps it: how it is written decides, not what the layer asks for. */
export interface ReadNumber {
  isFloat: boolean;
  value: number;
}

/** A parameter as ncnn keeps it. */
export type ReadValue =
  | { kind: "number"; number: ReadNumber }
  | { kind: "array"; numbers: ReadNumber[] }
  | { kind: "text"; text: string };

/** What ncnn does with something that it can't read right. */
export type Effect = "refused" | "crash" | "misread" | "unread";

/** Something that ncnn's loader takes in another way than it is written, or not at all. */
export interface LoaderFault {
  /** From 1. */
  line: number;
  effect: Effect;
  /** A sentence. */
  message: string;
}

/** What the readers of the loader share. */
export interface Reading {
  scanner: Scanner;
  /** Notes a fault at a place of the text; by default where the scanner stands. */
  note(effect: Effect, message: string, at?: number): void;
}

/** Parameters that a layer may have: ids from 0. Source: `NCNN_MAX_PARAM_COUNT`. */
export const PARAM_IDS = 32;
/** Bytes of a value that ncnn takes. Source: `char vstr[16]`. */
const VALUE_BYTES = 15;
/** Bytes of a text that ncnn takes beyond the first 15. */
const TEXT_BYTES = 255;
/** Longest array whose memory a sound file could ask for. */
const LONGEST_ARRAY = 1 << 24;

/**
 * Returns the parameters up to the next thing that is none; null when ncnn refuses them or writes
 * outside of its table: the last fault says why.
 */
export function readParams(reading: Reading): Map<number, ReadValue> | null {
  const { scanner, note } = reading;
  const params = new Map<number, ReadValue>();
  for (;;) {
    const written = scanInt(scanner);
    if (written === null) return params;
    const at = scanner.at;
    if (!scanByte(scanner, "=")) {
      note("misread", `ncnn takes ${quoted(`${written}`)} for the id of a parameter`, at - 1);
    }
    const isArray = written <= -23300;
    const id = isArray ? -written - 23300 : written;
    if (id >= PARAM_IDS) {
      note("refused", `parameter ${written} is beyond the ${PARAM_IDS} ids that ncnn has`, at - 1);
      return null;
    }
    const value = isArray ? readCounted(reading, written) : readValue(reading, id);
    if (value === null) return null;
    if (id < 0) {
      note("crash", `ncnn writes parameter ${written} before the start of its table`, at - 1);
      return null;
    }
    params.set(id, value);
  }
}

/** Returns an array of the older form `-233id=count,…`. */
function readCounted({ scanner, note }: Reading, id: number): ReadValue | null {
  const count = scanInt(scanner);
  if (count === null) {
    note("refused", `the array ${id} has no length`);
    return null;
  }
  if (count < 0 || count > LONGEST_ARRAY) {
    note("crash", `ncnn asks for the memory of ${count} values for the array ${id}`);
    return null;
  }
  const numbers: ReadNumber[] = [];
  while (numbers.length < count) {
    const start = scanner.at;
    const text = scanByte(scanner, ",") ? scanUntil(scanner, ",\n ", VALUE_BYTES) : null;
    const number = text === null ? null : numberOf(text);
    if (text === null || number === null) {
      const found = text === null ? `ends after ${numbers.length}` : `has ${quoted(text)} for one`;
      note("refused", `the array ${id} tells ${count} values and ${found}`, start);
      return null;
    }
    checkNumber({ scanner, note }, `${id}`, text, number, start + 1);
    numbers.push(number);
  }
  return { kind: "array", numbers };
}

function readValue({ scanner, note }: Reading, id: number): ReadValue | null {
  const start = scanner.at;
  const text = scanUntil(scanner, ",\n ", VALUE_BYTES);
  if (text === null) {
    note("refused", `parameter ${id} has no value`);
    return null;
  }
  if (/^[A-Za-z"]/.test(text)) return readText({ scanner, note }, id, text);
  const first = numberOf(text);
  if (first === null) {
    note("refused", `parameter ${id} has ${quoted(text)}, expected a number`, start);
    return null;
  }
  checkNumber({ scanner, note }, `${id}`, text, first, start);
  if (!scanByte(scanner, ",")) return { kind: "number", number: first };
  const numbers = [first];
  for (;;) {
    const at = scanner.at;
    const next = scanUntil(scanner, ",\n ", VALUE_BYTES);
    if (next === null) break;
    // the first value decides how all are read
    const number = first.isFloat
      ? { isFloat: true, value: floatOf(next) }
      : { isFloat: false, value: intOf(next) ?? NaN };
    if (Number.isNaN(number.value) && !first.isFloat) {
      note("refused", `parameter ${id} has ${quoted(next)} among whole numbers`, at);
      return null;
    }
    checkNumber({ scanner, note }, `${id}`, next, number, at);
    numbers.push(number);
    if (!scanByte(scanner, ",")) break;
  }
  return { kind: "array", numbers };
}

function readText({ scanner, note }: Reading, id: number, head: string): ReadValue | null {
  const isQuoted = head.startsWith('"');
  const isWhole = isQuoted && head.endsWith('"');
  const rest = isWhole ? null : scanUntil(scanner, isQuoted ? '"\n' : "\n ", TEXT_BYTES);
  if (isQuoted && rest !== null) scanByte(scanner, '"');
  if ((rest?.length ?? 0) > 241) {
    note("refused", `the text of parameter ${id} is longer than the 256 bytes that ncnn takes`);
    return null;
  }
  const text = (isQuoted ? head.slice(1) : head) + (rest ?? "");
  if (isQuoted && isWhole && head.length === 1) {
    note("misread", `the text of parameter ${id} starts with a space, and ncnn reads none of it`);
  }
  return { kind: "text", text: text.replace(/"$/, "") };
}

/** Notes a number of which ncnn takes a part only, or reads as another. */
function checkNumber(
  { scanner, note }: Reading,
  id: string,
  text: string,
  { value }: ReadNumber,
  start: number,
): void {
  const isCut = text.length === VALUE_BYTES &&
    !", \n\r\t".includes(scanner.text[scanner.at] ?? " ");
  if (isCut) {
    const whole = scanner.text.slice(start).match(/^[^,\s]*/)![0];
    note(
      "misread",
      `parameter ${id} has the value ${
        quoted(whole)
      } of ${whole.length} characters, of which ncnn takes ${VALUE_BYTES}: it goes on to read at ${
        quoted(whole.slice(VALUE_BYTES))
      }`,
      start,
    );
    return;
  }
  const written = Number(text.trim());
  // float32 keeps 24 bits, and ncnn rounds on the way there
  if (Math.abs(value - written) <= 4e-7 * Math.abs(written)) return;
  note("misread", `parameter ${id} has ${quoted(text)}, which ncnn reads as ${value}`, start);
}

/** Returns the number as ncnn parses it: `.` or `e` make it a float. Null when it has no digits. */
function numberOf(text: string): ReadNumber | null {
  if (isFloatText(text)) return { isFloat: true, value: floatOf(text) };
  const value = intOf(text);
  return value === null ? null : { isFloat: false, value };
}

function isFloatText(text: string): boolean {
  return /[.eE]/.test(text);
}

function intOf(text: string): number | null {
  return scanInt({ text, at: 0 });
}

/**
 * Returns the float of ncnn's own parser: the digits before and behind the point are 32 bit
 * numbers that wrap.
 */
function floatOf(text: string): number {
  let at = 0;
  const sign = () => "+-".includes(text[at] ?? "x") && text[at++] === "-" ? -1 : 1;
  const digits = (each: () => void) => {
    let value = 0;
    while (isDigit(text[at])) {
      value = (Math.imul(value, 10) + Number(text[at++])) >>> 0;
      each();
    }
    return value;
  };
  const negative = sign();
  let value = digits(() => {});
  if (text[at] === ".") {
    at++;
    let power = 1;
    const fraction = digits(() => power = Math.imul(power, 10) >>> 0);
    value += fraction / power;
  }
  if (/[eE]/.test(text[at] ?? "")) {
    at++;
    const direction = sign();
    // beyond 400 every power of ten is infinite
    const scale = 10 ** Math.min(digits(() => {}), 400);
    value = direction < 0 ? value / scale : value * scale;
  }
  return Math.fround(negative * value);
}

/** Returns the text between quotes, cut to 40 characters, without control characters. */
export function quoted(text: string): string {
  // deno-lint-ignore no-control-regex
  const shown = text.replace(/[\x00-\x1f\x7f-\x9f]/g, "?");
  return `"${shown.length > 40 ? `${shown.slice(0, 40)}…` : shown}"`;
}

/** Returns the 32 bits of the parameter as a whole number, as `ParamDict::get` does. */
export function intAsRead(value: ReadValue | undefined, fallback: number): number {
  if (value === undefined) return fallback;
  if (value.kind !== "number") return 0;
  const { isFloat, value: number } = value.number;
  if (!isFloat) return number;
  const bits = new DataView(new ArrayBuffer(4));
  bits.setFloat32(0, number);
  return bits.getInt32(0);
}
