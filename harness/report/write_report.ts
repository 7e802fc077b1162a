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
import { isOwnPage, readReport, requireOwnPage, writeWhole } from "./report_file.ts";
import { isOwnIndex, writeIndex } from "./write_index.ts";

/** Folders of this name get an index of the runs in them. */
const INDEXED_FOLDER = "reports";

/**
 * Writes the page of the report in a folder, and returns its path. In a folder named `reports` the
 * index of runs (`index.html`, `index.json`) is brought up to date too, unless somebody else's
 * stands there.
 *
 * The page is a function of these files alone, and is written whole or not at all. Throws
 * `HarnessError` `bad-record` when `report.json` is missing, one of them is of no known version, or
 * contradicts itself; `output-exists` for a page that is not Posemark's; `no-space`.
 */
export async function writeReport(dir: string): Promise<string> {
  const report = await readReport(path.join(dir, "report.json"));
  const page = renderReport(report, await readAssets(), await readExtras(dir));
  const file = path.join(dir, "report.html");
  await requireOwnPage(file);
  await writeWhole(file, page);
  const parent = path.dirname(path.resolve(dir));
  const isIndexed = path.basename(parent) === INDEXED_FOLDER &&
    await isOwnPage(path.join(parent, "index.html")) &&
    await isOwnIndex(path.join(parent, "index.json"));
  if (isIndexed) await writeIndex(parent);
  return file;
}
