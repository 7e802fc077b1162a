/**
 * The index of all runs in a folder: `index.json`, and the page `index.html` made from it.
 *
 * @module
 */
import * as path from "@std/path";
import { z } from "zod";
import { readAssets } from "./assets.ts";
import { indexEntry, renderIndex } from "./html.ts";
import type { RunIndex, RunIndexEntry } from "./history.ts";
import { readReport, writeWhole } from "./report_file.ts";

/** Counts up when the keys of an answer change: the index is made anew then. */
const INDEX_VERSION = 2;

const EntrySchema = z.strictObject({
  folder: z.string(),
  runId: z.string(),
  createdAt: z.string(),
  answer: z.array(z.strictObject({ key: z.string(), values: z.record(z.string(), z.string()) })),
  devices: z.array(z.string()),
  variantCount: z.int(),
  sampleCount: z.int(),
  warningCount: z.int(),
  failureCount: z.int(),
  parityFailedCount: z.int(),
});

const IndexSchema = z.strictObject({
  schemaVersion: z.literal(INDEX_VERSION),
  runs: z.array(EntrySchema.extend({ changedAtMs: z.number() })),
});

type KnownRun = RunIndexEntry & { changedAtMs: number };

/**
 * Writes the index of the runs in a folder's subfolders, and returns the path of its page.
 *
 * Only reports that are new or were changed since the last index are read. A folder without
 * `report.json` is passed over, one whose `report.json` can't be read is listed with the reason.
 * Throws `HarnessError` `no-space` when the index can't be written.
 */
export async function writeIndex(dir: string): Promise<string> {
  const known = await readKnown(path.join(dir, "index.json"));
  const runs: KnownRun[] = [];
  const unreadable: RunIndex["unreadable"] = [];
  for await (const { name, isDirectory } of Deno.readDir(dir)) {
    if (!isDirectory) continue;
    const file = path.join(dir, name, "report.json");
    let changedAtMs: number;
    try {
      changedAtMs = (await Deno.stat(file)).mtime?.getTime() ?? 0;
    } catch {
      continue; // no report there (yet)
    }
    const old = known.get(name);
    if (old !== undefined && old.changedAtMs === changedAtMs) {
      runs.push(old);
      continue;
    }
    try {
      runs.push({ ...indexEntry(await readReport(file), name), changedAtMs });
    } catch (error) {
      unreadable.push({ folder: name, reason: (error as Error).message });
    }
  }
  runs.sort((a, b) => b.createdAt.localeCompare(a.createdAt) || a.folder.localeCompare(b.folder));
  unreadable.sort((a, b) => a.folder.localeCompare(b.folder));
  await writeWhole(
    path.join(dir, "index.json"),
    JSON.stringify({ schemaVersion: INDEX_VERSION, runs }, null, 1),
  );
  const page = path.join(dir, "index.html");
  const entries = runs.map(({ changedAtMs: _, ...entry }) => entry);
  await writeWhole(page, renderIndex({ runs: entries, unreadable }, await readAssets()));
  return page;
}

/** Returns whether an index may be written: nothing stands there, or one of any version. */
export async function isOwnIndex(file: string): Promise<boolean> {
  let text: string;
  try {
    text = await Deno.readTextFile(file);
  } catch (cause) {
    if (cause instanceof Deno.errors.NotFound) return true;
    throw cause;
  }
  try {
    const { schemaVersion, runs } = JSON.parse(text);
    return Number.isInteger(schemaVersion) && Array.isArray(runs);
  } catch {
    return false;
  }
}

/** An index that is missing or of another version is made anew. */
async function readKnown(file: string): Promise<Map<string, KnownRun>> {
  try {
    const parsed = IndexSchema.parse(JSON.parse(await Deno.readTextFile(file)));
    return new Map(parsed.runs.map((run) => [run.folder, run]));
  } catch {
    return new Map();
  }
}
