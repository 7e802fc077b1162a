/**
 * Reading `report.json` strictly, and writing a file whole or not at all.
 *
 * @module
 */
import * as path from "@std/path";
import { asWriteError } from "../disk.ts";
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
 * Throws `HarnessError` `no-space`, or `bad-option` for a place that can't be written.
 */
export async function writeWhole(file: string, text: string): Promise<void> {
  const part = `${file}.${crypto.randomUUID().slice(0, 8)}.part`;
  try {
    await Deno.writeTextFile(part, text);
    await Deno.rename(part, file);
  } catch (cause) {
    await Deno.remove(part).catch(() => {}); // it may not exist
    throw asWriteError(cause, file);
  }
}

/** What every page of Posemark's has within its head, and hardly another. */
const PAGE_TITLE = "<title>Posemark: ";

/**
 * Returns whether the page may be written: nothing stands there, or an earlier page of Posemark's.
 * Throws what reading it throws.
 */
export async function isOwnPage(file: string): Promise<boolean> {
  try {
    // a device or a pipe could be read for ever, and must not be replaced
    if (!(await Deno.stat(file)).isFile) return false;
    return (await Deno.readTextFile(file)).includes(PAGE_TITLE);
  } catch (cause) {
    if (cause instanceof Deno.errors.NotFound) return true;
    if (cause instanceof Deno.errors.NotADirectory) return true;
    throw cause;
  }
}

/** Throws `output-exists` when somebody else's page stands where one is to be written. */
export async function requireOwnPage(file: string): Promise<void> {
  if (await isOwnPage(file)) return;
  throw new HarnessError(
    "output-exists",
    `Cannot write ${file}: what stands there is no page of Posemark's. Move it away, or name another place`,
  );
}
