/**
 * Reading `report.json` strictly, and writing a file whole or not at all.
 *
 * @module
 */
import * as path from "@std/path";
import { HarnessError } from "../errors.ts";
import { parseStrictly } from "../record/strict_json.ts";
import { hasRecords } from "../record/record_log.ts";
import { type Report, ReportSchema } from "./report_json.ts";

/**
 * Returns the report that a file holds. Throws `HarnessError` `bad-record` when it is missing, is
 * no report of a known version, or contradicts itself.
 */
export async function readReport(file: string): Promise<Report> {
  let text: string;
  try {
    text = await Deno.readTextFile(file);
  } catch (cause) {
    const dir = path.dirname(file);
    const found = hasRecords(dir)
      ? `the run in ${dir} was interrupted before its report. Go on with it: the same command again, with --out ${dir} --resume`
      : `${
        (cause as Error).message
      }. Expected a folder that \`deno task bench\` wrote: name that folder`;
    throw new HarnessError("bad-record", `Cannot read the report ${file}: ${found}`, { cause });
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

/**
 * Writes a text file beside its place and moves it there, so that a half file is never found.
 * Throws `HarnessError` `no-space`.
 */
export async function writeWhole(file: string, text: string): Promise<void> {
  const part = `${file}.${crypto.randomUUID().slice(0, 8)}.part`;
  try {
    await Deno.writeTextFile(part, text);
    await Deno.rename(part, file);
  } catch (cause) {
    await Deno.remove(part).catch(() => {}); // it may not exist
    throw new HarnessError(
      "no-space",
      `Cannot write ${file}: ${(cause as Error).message}. Make room or choose another folder`,
      { cause },
    );
  }
}
