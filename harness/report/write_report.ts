/**
 * `deno task report DIR`: `DIR/report.json`, with `comparison.json`, `tune.json` or `explain.json`
 * where there is one, → `DIR/report.html`, and the index of runs beside it.
 *
 * @module
 */
import * as path from "@std/path";
import { readAssets } from "./assets.ts";
import { readExtras } from "./comparison.ts";
import { renderReport } from "./html.ts";
import { readReport, writeWhole } from "./report_file.ts";
import { writeIndex } from "./write_index.ts";

/** Folders of this name get an index of the runs in them. */
const INDEXED_FOLDER = "reports";

/**
 * Writes the page of the report in a folder, and returns its path. In a folder named `reports` the
 * index of runs (`index.html`, `index.json`) is brought up to date too.
 *
 * The page is a function of these files alone, and is written whole or not at all. Throws
 * `HarnessError` `bad-record` when `report.json` is missing, one of them is of no known version, or
 * contradicts itself; `no-space` when the page can't be written.
 */
export async function writeReport(dir: string): Promise<string> {
  const report = await readReport(path.join(dir, "report.json"));
  const page = renderReport(report, await readAssets(), await readExtras(dir));
  const file = path.join(dir, "report.html");
  await writeWhole(file, page);
  const parent = path.dirname(path.resolve(dir));
  if (path.basename(parent) === INDEXED_FOLDER) await writeIndex(parent);
  return file;
}
