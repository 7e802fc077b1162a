/**
 * `deno task fuzz`: all readers, those of the runner too, and a table of what came of it.
 *
 * @module
 */
import { Command } from "commander";
import { HarnessError } from "../errors.ts";
import { integer } from "../options.ts";
import { stderrProgress } from "../progress.ts";
import { print, tell, tellError } from "../terminal.ts";
import { markdownTable } from "../text/table.ts";
import { type CampaignRow, fuzzReader } from "./fuzz.ts";
import { READERS } from "./readers.ts";
import { buildFuzzer, fuzzRunner, RUNNER_TARGETS } from "./runner_targets.ts";

/** Returns the table of a campaign in Markdown. */
export function campaignTable(rows: readonly CampaignRow[]): string {
  const total = rows.reduce((sum, { executions }) => sum + executions, 0);
  const findings = rows.reduce((sum, row) => sum + row.findings, 0);
  const seconds = rows.reduce((sum, row) => sum + row.seconds, 0);
  const cells = [...rows, { target: "all", executions: total, seconds, reached: "", findings }];
  return markdownTable(
    ["target", "executions", "seconds", "reached", "findings"],
    cells.map(({ target, executions, seconds, reached, findings }) => [
      target,
      String(executions),
      seconds.toFixed(0),
      reached,
      String(findings),
    ]),
  );
}

/** Executions of a target: a share of all, as many for each. */
async function campaign(runs: number, only: string | null, seed: number): Promise<number> {
  const readers = READERS.filter(({ name }) => only === null || name === only);
  const targets = RUNNER_TARGETS.filter(({ name }) => only === null || name === only);
  if (readers.length + targets.length === 0) {
    const names = [...READERS, ...RUNNER_TARGETS].map(({ name }) => name).join(", ");
    throw new HarnessError("bad-option", `Cannot fuzz "${only}": expected one of ${names}`);
  }
  const each = Math.ceil(runs / (readers.length + targets.length));
  const rows: CampaignRow[] = [];
  const progress = stderrProgress();
  for (const reader of readers) {
    const step = progress.step(reader.name);
    const began = performance.now();
    const { executions, accepted, longestMs, finding } = await fuzzReader(reader, each, seed);
    if (finding !== null) tell(`${reader.name}: ${finding.error}\ninput:\n${finding.input}`);
    rows.push({
      target: reader.name,
      executions,
      seconds: (performance.now() - began) / 1000,
      reached: `${accepted} read, longest ${longestMs.toFixed(0)} ms`,
      findings: finding === null ? 0 : 1,
    });
    step.done(`${executions} executions`);
  }
  if (targets.length > 0) {
    const program = await buildFuzzer(progress);
    for (const target of targets) {
      const step = progress.step(`runner: ${target.name}`);
      rows.push(await fuzzRunner(program, target, each, seed));
      step.done();
    }
  }
  print(campaignTable(rows));
  return rows.some(({ findings }) => findings > 0) ? 1 : 0;
}

if (import.meta.main) {
  const command = new Command("fuzz")
    .option("--runs <n>", "executions, of all targets together", "1000000")
    .option("--only <target>", "one target")
    .option("--seed <n>", "seed of the changes", "1");
  try {
    const { runs, only, seed } = command.parse(Deno.args, { from: "user" }).opts();
    Deno.exit(
      await campaign(
        integer(1, 1e9)("--runs", runs),
        only ?? null,
        integer(0, 2 ** 31 - 1)("--seed", seed),
      ),
    );
  } catch (error) {
    if (!(error instanceof HarnessError)) throw error;
    tellError(error.message, error.stderrTail);
    Deno.exit(error.exitCode);
  }
}
