/**
 * `deno task report DIR`: `DIR/report.json` → `DIR/report.html`.
 *
 * @module
 */
import * as path from "@std/path";
import { HarnessError } from "../errors.ts";
import { parseStrictly } from "../records.ts";
import { readAssets } from "./assets.ts";
import { renderReport } from "./html.ts";
import { type Report, ReportSchema } from "./report_json.ts";

/**
 * Writes the page of the report in a folder, and returns its path.
 *
 * The page is a function of `report.json` alone, and is written whole or not at all. Throws `HarnessError` `bad-record` when
 * `report.json` is missing, is no report of a known version, or contradicts itself; `no-space` when the page can't be written.
 */
export async function writeReport(dir: string): Promise<string> {
  const report = await readReport(path.join(dir, "report.json"));
  const html = renderReport(report, await readAssets());
  const file = path.join(dir, "report.html");
  await writeWhole(file, html);
  return file;
}

/** Returns the report that a file holds. Throws `HarnessError` `bad-record`, see {@linkcode writeReport}. */
export async function readReport(file: string): Promise<Report> {
  let text: string;
  try {
    text = await Deno.readTextFile(file);
  } catch (cause) {
    throw new HarnessError(
      "bad-record",
      `Cannot read the report ${file}: ${
        (cause as Error).message
      }. Expected a folder that \`deno task bench\` wrote: name that folder`,
      { cause },
    );
  }
  const report = parseStrictly(ReportSchema, text, file);
  for (const launch of report.launches) {
    for (const { imageId, samplesNs } of launch.images) {
      const lengths = Object.values(samplesNs).map((samples) => samples.length);
      if (new Set(lengths).size === 1) continue;
      throw new HarnessError(
        "bad-record",
        `Cannot read the report ${file}: round ${launch.round} of "${launch.variantId}" has ${
          lengths.join(", ")
        } samples of its stages on image "${imageId}", expected as many of each. Was the file edited? Run \`deno task bench --resume\` to make it again`,
      );
    }
  }
  return report;
}

/** Writes a text file beside its place and moves it there, so that a half file is never found. Throws `HarnessError` `no-space`. */
export async function writeWhole(file: string, text: string): Promise<void> {
  const part = `${file}.part`;
  try {
    await Deno.writeTextFile(part, text);
    await Deno.rename(part, file);
  } catch (cause) {
    throw new HarnessError(
      "no-space",
      `Cannot write ${file}: ${(cause as Error).message}. Make room or choose another folder`,
      { cause },
    );
  }
}
