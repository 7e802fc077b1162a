/**
 * `deno task letterbox`: the runner's letterbox beside ncnn's three calls for the same input
 * (`from_pixels_resize`, `copy_make_border`, `substract_mean_normalize`), by turns in one process.
 *
 * @module
 */
import { z } from "zod";
import { HarnessError } from "../errors.ts";
import { print, tellError } from "../terminal.ts";
import { stderrProgress } from "../progress.ts";
import { median, quantile } from "../stats/quantile.ts";
import { runBuildCommand } from "../toolchain/build_command.ts";
import { buildDeveloperProgram } from "../toolchain/runner.ts";

/** Launches: where memory lies differs from launch to launch. */
const LAUNCHES = 7;

const LetterboxTimesSchema = z.object({
  /** Width and height, pixels. */
  imageSize: z.tuple([z.int(), z.int()]),
  inputSize: z.tuple([z.int(), z.int()]),
  threads: z.int(),
  /** Which inner loops ran: `plain`, `avx2` or `neon`. */
  loops: z.string(),
  /** Whether both wrote the same bits. */
  sameBits: z.boolean(),
  letterboxNs: z.array(z.int()).min(1),
  ncnnNs: z.array(z.int()).min(1),
});

/** One case of one launch, as runner-cpp/tests/letterbox_times.cpp prints it. */
export type LetterboxTimes = z.infer<typeof LetterboxTimesSchema>;

/** Returns the cases of a launch from what it printed. Throws a `ZodError` on other lines. */
export function parseLetterboxTimes(stdout: string): LetterboxTimes[] {
  return stdout.trimEnd().split("\n").map((line) => LetterboxTimesSchema.parse(JSON.parse(line)));
}

/** The share of turns that are fast enough to count as undisturbed by other work. */
const UNDISTURBED = 0.1;

/**
 * Returns the table in Markdown, a row a case. Times are the 10 % quantile of a launch's turns, in
 * ms, median over launches: on a machine with other work, threads that wait for each other spin,
 * and the median tells of that. Both ratios are medians over launches with the least and the
 * largest: of those times, and of neighbouring turns (the median of a launch's).
 */
export function letterboxTable(launches: readonly (readonly LetterboxTimes[])[]): string {
  const rows = launches[0].map((first, i) => {
    const cases = launches.map((launch) => launch[i]);
    const fast = (times: readonly number[]) => quantile(times, UNDISTURBED);
    const ms = (of: (times: LetterboxTimes) => number[]) =>
      (median(cases.map((times) => fast(of(times)))) / 1e6).toFixed(3);
    const fastRatios = cases.map((times) => fast(times.letterboxNs) / fast(times.ncnnNs));
    const turnRatios = cases.map(({ letterboxNs, ncnnNs }) =>
      median(letterboxNs.map((ns, turn) => ns / ncnnNs[turn]))
    );
    const cells = [
      `${first.imageSize.join("×")} → ${first.inputSize.join("×")}`,
      String(first.threads),
      ms(({ letterboxNs }) => letterboxNs),
      ms(({ ncnnNs }) => ncnnNs),
      withRange(fastRatios),
      withRange(turnRatios),
      cases.every(({ sameBits }) => sameBits) ? "the same" : "differ",
    ];
    return `| ${cells.join(" | ")} |`;
  });
  const loops = launches[0][0].loops;
  return [
    `| image → input | threads | letterbox (${loops}), ms | ncnn's three calls, ms | ratio, undisturbed | ratio of turns | bits |`,
    "| --- | --- | --- | --- | --- | --- | --- |",
    ...rows,
  ].join("\n");
}

function withRange(ratios: readonly number[]): string {
  const [middle, least, most] = [median(ratios), Math.min(...ratios), Math.max(...ratios)]
    .map((ratio) => ratio.toFixed(2));
  return `${middle} (${least} to ${most})`;
}

if (import.meta.main) {
  try {
    const program = await buildDeveloperProgram({
      target: "host",
      program: "letterbox-times",
      progress: stderrProgress(),
    });
    const launches: LetterboxTimes[][] = [];
    for (let launch = 0; launch < LAUNCHES; launch++) {
      const stdout = await runBuildCommand({
        purpose: "time the letterbox",
        command: program,
        args: [],
      });
      launches.push(parseLetterboxTimes(stdout));
    }
    print(letterboxTable(launches));
  } catch (error) {
    if (!(error instanceof HarnessError)) throw error;
    tellError(error.message, error.stderrTail);
    Deno.exit(error.exitCode);
  }
}
