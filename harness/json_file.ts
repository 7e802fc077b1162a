/**
 * JSON files of people's data sets, however large.
 *
 * @module
 */
import { JSONParser } from "@streamparser/json";
import { type ErrorCode, HarnessError } from "./errors.ts";
import { withoutByteOrderMark } from "./text/byte_order_mark.ts";

/** How a file is called in errors. */
export interface FileRole {
  code: ErrorCode;
  /** For instance `annotations`. */
  what: string;
}

/**
 * Size above which a file is read entry by entry, bytes: V8 holds no text of 512 MiB and more
 * (`String::kMaxLength`).
 */
const STREAM_ABOVE_BYTES = 400e6;

/** Lists of an object whose entries are kept when a file is read entry by entry. */
const LISTS = ["images", "annotations", "categories"] as const;

/** Returns the error for a file that can't be opened; `cause` says why. */
export function unreadable(file: string, { code, what }: FileRole, cause: unknown): HarnessError {
  const found = cause instanceof Deno.errors.NotFound
    ? "there is no such file"
    : (cause as Error).message;
  return new HarnessError(
    code,
    `Cannot read the ${what} ${file}: ${found}: check the path`,
    { cause },
  );
}

function notJson(file: string, { code, what }: FileRole, where: string, found: string) {
  return new HarnessError(
    code,
    `Cannot read the ${what} ${file}: ${
      where === "" ? "found text that is" : `${where} is`
    } not JSON (${found}): expected a JSON file, in which every number is finite`,
  );
}

/**
 * Returns the JSON value of a file. A large one is read entry by entry: of an object the lists
 * `images`, `annotations` and `categories` are kept, without segments.
 *
 * Throws `HarnessError` of the role's code that names the file, and the entry where it is in one of
 * those lists, when it can't be read or is no JSON.
 */
export async function readJsonFile(
  file: string,
  role: FileRole,
  streamAboveBytes = STREAM_ABOVE_BYTES,
): Promise<unknown> {
  let text: string;
  try {
    const { size } = await Deno.stat(file);
    if (size > streamAboveBytes) return await streamJson(file, role);
    text = withoutByteOrderMark(await Deno.readTextFile(file));
  } catch (cause) {
    if (cause instanceof HarnessError) throw cause;
    throw unreadable(file, role, cause);
  }
  try {
    return JSON.parse(text);
  } catch (cause) {
    const entries = collectEntries(text.trimStart().startsWith("["));
    entries.write(text);
    throw notJson(file, role, entries.where(), (cause as Error).message);
  }
}

async function streamJson(file: string, role: FileRole): Promise<unknown> {
  using opened = await Deno.open(file);
  let entries: ReturnType<typeof collectEntries> | null = null;
  for await (const chunk of opened.readable) {
    const isFirst = entries === null;
    // a byte order mark and blanks may stand before the value
    const start = isFirst ? chunk.findIndex((byte) => byte === 0x5b || byte === 0x7b) : 0;
    if (start < 0) continue;
    entries ??= collectEntries(chunk[start] === 0x5b);
    entries.write(start === 0 ? chunk : chunk.subarray(start));
    if (entries.error !== null) {
      throw notJson(file, role, entries.where(), entries.error);
    }
  }
  if (entries === null) throw notJson(file, role, "", "neither a list nor an object");
  if (!entries.isWhole()) throw notJson(file, role, "", "it ends before its end");
  return entries.value();
}

/** Collects the entries of a list, or of the lists of an object, from chunks of JSON. */
function collectEntries(isList: boolean) {
  const list: unknown[] = [];
  const lists: Record<string, unknown[]> = {};
  const parser = new JSONParser({
    paths: isList ? ["$.*"] : LISTS.map((key) => `$.${key}.*`),
    keepStack: false,
    stringBufferSize: 1 << 12,
    numberBufferSize: 64,
  });
  let current: string | null = null;
  let isEnded = false;
  const state = {
    error: null as string | null,
    write(chunk: string | Uint8Array) {
      if (state.error !== null) return;
      try {
        parser.write(chunk);
      } catch (error) {
        state.error = (error as Error).message;
      }
    },
    isWhole: () => isEnded,
    /** The entry at which the text is no JSON; empty where that isn't in a list. */
    where(): string {
      if (isList) return `entry ${list.length}`;
      return current === null ? "" : `${current}[${lists[current].length}]`;
    },
    value: (): unknown => isList ? list : lists,
  };
  parser.onError = (error) => {
    state.error ??= error.message;
  };
  parser.onEnd = () => {
    isEnded = true;
  };
  parser.onValue = ({ value, stack }) => {
    if (isList) {
      list.push(value);
      return;
    }
    current = String(stack[1]?.key ?? "");
    const entry = value as Record<string, unknown> | null;
    // outlines are most of a large file, and nothing here looks at them
    if (typeof entry === "object" && entry !== null) delete entry.segmentation;
    (lists[current] ??= []).push(value);
  };
  return state;
}
