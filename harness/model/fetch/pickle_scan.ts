/**
 * What a Python pickle names, read without running it: its opcodes are walked, none is executed.
 *
 * Opcodes: CPython's Lib/pickletools.py (protocols 0 to 5).
 *
 * @module
 */

/** What a pickle names. */
export interface PickleNames {
  /** Classes and functions, each `module.name`, in the order of their first mention. */
  globals: Set<string>;
  /** Every string in it. */
  strings: Set<string>;
  /**
   * Strings that directly follow another string, by that one: a dictionary's text values by key.
   */
  following: Map<string, string[]>;
}

/** Bytes of an opcode's argument of fixed length. */
const FIXED: Record<number, number> = {
  ...byCode("(.012QRbead}l]sut)oN", 0),
  ...byCode("\x81\x85\x86\x87\x88\x89\x8f\x90\x91\x92\x97\x98", 0),
  ...byCode("K\x80\x82", 1),
  ...byCode("M\x83", 2),
  ...byCode("J\x84", 4),
  ...byCode("G\x95", 8),
};

/** Bytes of the length before an argument of free length, text or not. */
const COUNTED_TEXT = byCode("U\x8c", 1, byCode("TX", 4, byCode("\x8d", 8)));
const COUNTED_BYTES = byCode("C\x8a", 1, byCode("B\x8b", 4, byCode("\x8e\x96", 8)));

/** Opcodes whose argument ends with the line. */
const LINES = byCode("ILFSP", 1);

const [GLOBAL, INST, STACK_GLOBAL, MEMOIZE, STOP] = [0x63, 0x69, 0x93, 0x94, 0x2e];
const GET: Record<number, number> = byCode("h", 1, byCode("j", 4));
const PUT: Record<number, number> = byCode("q", 1, byCode("r", 4));
const [TEXT_LINE, GET_LINE, PUT_LINE] = [0x56, 0x67, 0x70];

function byCode(
  codes: string,
  value: number,
  more: Record<number, number> = {},
): Record<number, number> {
  return { ...more, ...Object.fromEntries([...codes].map((c) => [c.charCodeAt(0), value])) };
}

/**
 * Returns what the pickle names; null when the bytes are no pickle, or one that is cut off.
 *
 * @example
 * ```ts
 * scanPickle(new TextEncoder().encode("cultralytics.nn.tasks\nPoseModel\n."))!.globals;
 * // Set { "ultralytics.nn.tasks.PoseModel" }
 * ```
 */
export function scanPickle(bytes: Uint8Array): PickleNames | null {
  const names: PickleNames = { globals: new Set(), strings: new Set(), following: new Map() };
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const text = new TextDecoder();
  const memo = new Map<number, string | null>();
  /** The last two values that were pushed, the newer one last; null for what is no string. */
  let pushed: [string | null, string | null] = [null, null];
  let at = 0;
  const push = (value: string | null) => {
    const before = pushed[1];
    pushed = [before, value];
    if (value === null) return;
    names.strings.add(value);
    if (before === null) return;
    const values = names.following.get(before);
    if (values === undefined) names.following.set(before, [value]);
    else values.push(value);
  };
  const take = (length: number) => {
    if (at + length > bytes.length) throw new RangeError("the pickle is cut off");
    at += length;
    return bytes.subarray(at - length, at);
  };
  const number = (length: number) => {
    const start = at;
    take(length);
    if (length === 1) return view.getUint8(start);
    return length === 4 ? view.getUint32(start, true) : Number(view.getBigUint64(start, true));
  };
  const line = () => {
    const end = bytes.indexOf(0x0a, at);
    if (end < 0) throw new RangeError("the pickle is cut off");
    return text.decode(take(end + 1 - at).subarray(0, -1));
  };
  try {
    while (at < bytes.length) {
      const code = bytes[at++];
      if (code === STOP) return names;
      if (code in COUNTED_TEXT) push(text.decode(take(number(COUNTED_TEXT[code]))));
      else if (code in GET) push(memo.get(number(GET[code])) ?? null);
      else if (code in PUT) memo.set(number(PUT[code]), pushed[1]);
      else if (code === TEXT_LINE) push(line());
      else if (code === GET_LINE) push(memo.get(Number(line())) ?? null);
      else if (code === PUT_LINE) memo.set(Number(line()), pushed[1]);
      else if (code === MEMOIZE) memo.set(memo.size, pushed[1]);
      else if (code === GLOBAL || code === INST) {
        names.globals.add(`${line()}.${line()}`);
        push(null);
      } else if (code === STACK_GLOBAL) {
        const [module, name] = pushed;
        if (module !== null && name !== null) names.globals.add(`${module}.${name}`);
        push(null);
      } else {
        if (code in COUNTED_BYTES) take(number(COUNTED_BYTES[code]));
        else if (code in LINES) line();
        else if (code in FIXED) take(FIXED[code]);
        else return null;
        push(null);
      }
    }
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
  }
  return null;
}
