/**
 * The CI formats of a gate: which are asked for, and writing them.
 *
 * @module
 */
import * as path from "@std/path";
import { asWriteError } from "../disk.ts";
import { HarnessError } from "../errors.ts";
import { bencherJson } from "../gate/formats/bencher.ts";
import { csvText } from "../gate/formats/csv.ts";
import type { FormatInput } from "../gate/formats/figures.ts";
import { githubAnnotations, githubSummary } from "../gate/formats/github.ts";
import { githubActionBenchmarkJson } from "../gate/formats/github_action_benchmark.ts";
import { junitXml } from "../gate/formats/junit.ts";
import { printableValues } from "../text/printable.ts";
import { openMetricsText } from "../gate/formats/openmetrics.ts";

/** Formats that go to a file, by name. */
const WRITERS = {
  "junit": junitXml,
  "bencher": bencherJson,
  "github-action-benchmark": githubActionBenchmarkJson,
  "openmetrics": openMetricsText,
  "csv": csvText,
  // the writer of Parquet is loaded when it is asked for
  "parquet": async (input: FormatInput) =>
    (await import("../gate/formats/parquet.ts")).parquetBytes(input),
} as const satisfies Record<
  string,
  (input: FormatInput) => string | Uint8Array | Promise<Uint8Array>
>;

/** One format that is asked for; `github` without a file writes to `$GITHUB_STEP_SUMMARY`. */
export type FormatRequest =
  | { format: keyof typeof WRITERS; file: string }
  | { format: "github"; file: string | null };

/** Names of all formats, as `--format` takes them. */
export const FORMAT_NAMES: readonly string[] = ["github", ...Object.keys(WRITERS)];

/**
 * Returns the formats of `--format`: `NAME=FILE`, separated by commas; `github` needs no file.
 *
 * Throws `HarnessError` `bad-option` for an unknown name, a missing file, or two formats for one
 * file.
 *
 * @example
 * ```ts
 * parseFormats(["junit=gate.xml,github"]); // [{ format: "junit", file: "gate.xml" }, { format: "github", file: null }]
 * ```
 */
export function parseFormats(texts: readonly string[]): FormatRequest[] {
  const requests = texts.flatMap((text) => text.split(",")).map((part): FormatRequest => {
    const [name, ...rest] = part.trim().split("=");
    const file = rest.join("=");
    if (name === "github") return { format: name, file: file === "" ? null : file };
    if (!Object.hasOwn(WRITERS, name) || file === "") {
      throw new HarnessError(
        "bad-option",
        `Cannot use --format "${part}": expected NAME=FILE with one of ${
          FORMAT_NAMES.join(", ")
        }, separated by commas; github needs no file`,
      );
    }
    return { format: name as keyof typeof WRITERS, file };
  });
  const files = requests.map(({ file }) => file).filter((file) => file !== null);
  const twice = files.find((file, index) => files.indexOf(file) !== index);
  if (twice === undefined) return requests;
  throw new HarnessError("bad-option", `Cannot write two formats to ${twice}: name another file`);
}

/** Where GitHub's part goes. */
export interface GithubPlace {
  /** `$GITHUB_STEP_SUMMARY`; null outside of GitHub Actions. */
  summaryFile: string | null;
  /** Prints workflow commands. */
  print(text: string): void;
}

/**
 * Writes the formats, with nothing in them that acts where they are read.
 *
 * Throws `HarnessError` `no-space` or `bad-option` for a file that can't be written.
 */
export async function writeFormats(
  requests: readonly FormatRequest[],
  foreign: FormatInput,
  github: GithubPlace,
): Promise<void> {
  const input = printableValues(foreign);
  for (const { format, file } of requests) {
    if (format === "github") {
      const summary = file ?? github.summaryFile;
      if (summary !== null) await write(summary, githubSummary(input), true);
      github.print(githubAnnotations(input));
      continue;
    }
    await write(file, await WRITERS[format](input), false);
  }
}

async function write(file: string, content: string | Uint8Array, append: boolean): Promise<void> {
  try {
    await Deno.mkdir(path.dirname(path.resolve(file)), { recursive: true });
    const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
    await Deno.writeFile(file, bytes, { append });
  } catch (cause) {
    throw asWriteError(cause, file);
  }
}
