/**
 * Options that choose a farm, and the engine behind them.
 *
 * @module
 */
import * as path from "@std/path";
import { integer, number, option, textOption, type ValuesOf } from "../options.ts";
import { HarnessError } from "../errors.ts";
import type { FarmEngine } from "./engine.ts";
import { slurmEngine } from "./slurm/slurm.ts";

/** Options of every command that talks to a farm's engine. */
export const ENGINE_OPTIONS = {
  farm: option("--farm <engine>", "slurm, or stf://host for phones lent by STF or DeviceHub"),
  slurmPartition: option(
    "--slurm-partition <name>",
    "partition with the phones. Default: Slurm's default",
  ),
  slurmWorkDir: textOption(
    "--slurm-work-dir <dir>",
    "working folder of a shard on a phone's host",
    "/tmp",
  ),
  slurmOutput: textOption(
    "--slurm-output <file>",
    "a shard's output on the phone's host, with Slurm's patterns",
    "/dev/null",
  ),
};

/** Options of the gate on a farm. */
export const FARM_GATE_OPTIONS = {
  ...ENGINE_OPTIONS,
  devices: textOption(
    "--devices <choice>",
    "phones of the farm: all, or key=value,… (soc, model, android, abi, cpu, phone); one key twice: either",
    "all",
  ),
  perKind: option(
    "--per-kind <n>",
    "so many shards of each pair per kind of phone, on phones that the engine picks. Default: every phone",
    integer(1, 1000),
  ),
  store: option(
    "--store <address>",
    "postgres://user@host:port/database (password in POSEMARK_STORE_PASSWORD or …_FILE), or sqlite:FILE for one machine",
  ),
  artefacts: option(
    "--artefacts <dir>",
    "folder for artefacts that all hosts share. Default: the store",
  ),
  shardCommand: textOption(
    "--shard-command <command>",
    "program of a shard on the phones' hosts",
    "posemark-shard",
  ),
  minPhones: option("--min-phones <n>", "fewest phones for a verdict", integer(1, 100_000), "3"),
  minShare: option(
    "--min-share <percent>",
    "smallest share of the phones for a verdict",
    number(0, 100),
    "50",
  ),
  farmDeadline: option(
    "--farm-deadline <minutes>",
    "the run ends after so long, with what is there",
    number(0.01, 10_000),
    "120",
  ),
  away: option(
    "--away <minutes>",
    "shards are given up when all that are left wait for phones that were drained or down for so long",
    number(0, 10_000),
    "5",
  ),
  runId: option("--run-id <id>", "go on with a run of the farm. Default: a new one"),
};

/** Values of {@linkcode ENGINE_OPTIONS}. */
export type EngineChoice = ValuesOf<typeof ENGINE_OPTIONS>;
/** Values of {@linkcode FARM_GATE_OPTIONS}. */
export type FarmChoice = ValuesOf<typeof FARM_GATE_OPTIONS>;

/** Returns Slurm's engine as the options ask for it; throws `bad-option` for another farm. */
export function openSlurm(choice: EngineChoice): FarmEngine {
  if (choice.farm !== "slurm") {
    throw new HarnessError(
      "bad-option",
      `Cannot use --farm "${choice.farm ?? ""}" for this: expected slurm`,
    );
  }
  return slurmEngine({
    partition: choice.slurmPartition,
    workDir: path.resolve(choice.slurmWorkDir),
    outputPattern: choice.slurmOutput,
    environment: {},
    timeoutMs: 30_000,
  });
}

/** Numbers of {@linkcode FARM_GATE_OPTIONS} in the units of the farm: shares and milliseconds. */
export function readFarmNumbers(
  choice: Pick<FarmChoice, "perKind" | "minPhones" | "minShare" | "farmDeadline" | "away">,
): {
  perKind: number | null;
  fewestPhones: number;
  fewestShare: number;
  deadlineMs: number;
  awayMs: number;
} {
  return {
    perKind: choice.perKind,
    fewestPhones: choice.minPhones,
    fewestShare: choice.minShare / 100,
    deadlineMs: choice.farmDeadline * 60_000,
    awayMs: choice.away * 60_000,
  };
}
