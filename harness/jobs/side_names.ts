/**
 * What the user calls a side of a comparison.
 *
 * @module
 */
import * as path from "@std/path";
import { HarnessError } from "../errors.ts";
import { choosePnnx } from "../model/convert/pnnx_tool.ts";
import { chooseUltralytics } from "../model/fetch/export_environment.ts";
import { ID_FORM, parseVariantId } from "../record/variant.ts";
import { requireNcnn } from "../toolchain/source.ts";

/**
 * Tools whose versions sides can differ in; each refuses a version or path that it can't use, by
 * `bad-option`.
 */
export const SIDE_TOOLS = {
  /** The library that runs the graph, and its converters. */
  ncnn: requireNcnn,
  /** What makes ncnn's graph of the ONNX file. */
  pnnx: choosePnnx,
  /** What exports the ONNX file of a checkpoint. */
  ultralytics: chooseUltralytics,
} satisfies Record<string, (version: string) => Promise<unknown>>;
/** See {@linkcode SIDE_TOOLS}. */
export type SideTool = keyof typeof SIDE_TOOLS;

/**
 * How a side was named: a commit, a tool's version or path, a model, a prepared folder, a variant's
 * id, a saved run, the newest run of the history.
 */
export type SideName =
  | { kind: "git"; ref: string }
  | { kind: "tool"; tool: SideTool; version: string }
  | { kind: "model"; model: string }
  | { kind: "folder"; dir: string }
  | { kind: "variant"; id: string }
  | { kind: "run"; dir: string }
  | { kind: "latest" };

/** Every form of a name, for help and messages. */
export const SIDE_FORMS =
  "git:REF, ncnn:VERSION, pnnx:VERSION, ultralytics:VERSION (or a PATH in place of the version), an .onnx or .pt file, the folder of a prepared variant, a variant's id";

/**
 * Returns what a side was called.
 *
 * A folder with `manifest.json` is a prepared variant, one with `records.jsonl` a saved run. Throws
 * `HarnessError` `bad-option` for a folder with neither, an empty commit, a tool's version that is
 * not known and no path, and text that is nothing of all this.
 */
export async function readSideName(option: string, text: string): Promise<SideName> {
  const [prefix, rest] = splitOnce(text, ":");
  if (rest !== null && prefix === "git") return { kind: "git", ref: commitRef(option, rest) };
  if (rest !== null && Object.hasOwn(SIDE_TOOLS, prefix)) {
    return await toolName(option, prefix as SideTool, rest);
  }
  if (text === "latest") return { kind: "latest" };
  if (await exists(path.join(text, "manifest.json"))) return { kind: "folder", dir: text };
  if (await exists(path.join(text, "records.jsonl"))) return { kind: "run", dir: text };
  if (/\.(onnx|pt)$/i.test(text) && await exists(text)) return { kind: "model", model: text };
  if (await exists(text)) {
    throw new HarnessError(
      "bad-option",
      `Cannot use ${option} ${text}: found neither manifest.json (a prepared variant) nor records.jsonl (a run) in it`,
    );
  }
  if (parseVariantId(text) !== null) return { kind: "variant", id: text };
  throw new HarnessError(
    "bad-option",
    `Cannot use ${option} "${text}": there is no such folder, and it is no variant's id (${ID_FORM}). ` +
      `Expected ${SIDE_FORMS}, or for saved runs the folder of a run (the baseline also latest)`,
  );
}

function commitRef(option: string, ref: string): string {
  if (ref !== "" && !ref.startsWith("-")) return ref;
  throw new HarnessError(
    "bad-option",
    `Cannot use ${option} "git:${ref}": expected a commit, branch or tag after git:, for instance git:main`,
  );
}

async function toolName(option: string, tool: SideTool, version: string): Promise<SideName> {
  try {
    if (version === "") {
      throw new HarnessError("bad-option", `expected a version or a path after ${tool}:`);
    }
    await SIDE_TOOLS[tool](version);
  } catch (cause) {
    if (!(cause instanceof HarnessError) || cause.code !== "bad-option") throw cause;
    const message = `Cannot use ${option} "${tool}:${version}": ${cause.message}`;
    throw new HarnessError("bad-option", message, { cause });
  }
  return { kind: "tool", tool, version };
}

/** The text before and after the first separator; null after: there is none. */
function splitOnce(text: string, separator: string): [before: string, after: string | null] {
  const at = text.indexOf(separator);
  return at < 0 ? [text, null] : [text.slice(0, at), text.slice(at + separator.length)];
}

async function exists(file: string): Promise<boolean> {
  try {
    await Deno.stat(file);
    return true;
  } catch (cause) {
    if (cause instanceof Deno.errors.NotFound || cause instanceof Deno.errors.NotADirectory) {
      return false;
    }
    throw cause;
  }
}
