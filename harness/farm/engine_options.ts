/**
 * Options that choose a farm, and the engine behind them.
 *
 * @module
 */
import * as path from "@std/path";
import type { OptionSpec } from "../cli.ts";
import { parseNumber } from "../config.ts";
import { HarnessError } from "../errors.ts";
import type { FarmEngine } from "./engine.ts";
import { slurmEngine } from "./slurm/slurm.ts";

/** Options of every command that talks to a farm's engine. */
export const ENGINE_OPTIONS: OptionSpec[] = [
  {
    flags: "--farm <engine>",
    description: "slurm, or stf://host for phones lent by STF or DeviceHub",
  },
  {
    flags: "--slurm-partition <name>",
    description: "partition with the phones. Default: Slurm's default",
  },
  {
    flags: "--slurm-work-dir <dir>",
    description: "working folder of a shard on a phone's host",
    default: "/tmp",
  },
  {
    flags: "--slurm-output <file>",
    description: "a shard's output on the phone's host, with Slurm's patterns",
    default: "/dev/null",
  },
];

/** Options of the gate on a farm. */
export const FARM_GATE_OPTIONS: OptionSpec[] = [
  ...ENGINE_OPTIONS,
  {
    flags: "--devices <choice>",
    description:
      "phones of the farm: all, or key=value,… (soc, model, android, abi, cpu, phone); one key twice: either",
    default: "all",
  },
  {
    flags: "--per-kind <n>",
    description:
      "so many shards of each pair per kind of phone, on phones that the engine picks. Default: every phone",
  },
  {
    flags: "--store <address>",
    description:
      "postgres://user@host:port/database (password in POSEMARK_STORE_PASSWORD or …_FILE), or sqlite:FILE for one machine",
  },
  {
    flags: "--artefacts <dir>",
    description: "folder for artefacts that all hosts share. Default: the store",
  },
  {
    flags: "--shard-command <command>",
    description: "program of a shard on the phones' hosts",
    default: "posemark-shard",
  },
  { flags: "--min-phones <n>", description: "fewest phones for a verdict", default: "3" },
  {
    flags: "--min-share <percent>",
    description: "smallest share of the phones for a verdict",
    default: "50",
  },
  {
    flags: "--farm-deadline <minutes>",
    description: "the run ends after so long, with what is there",
    default: "120",
  },
  {
    flags: "--away <minutes>",
    description:
      "shards are given up when all that are left wait for phones that were drained or down for so long",
    default: "5",
  },
  { flags: "--run-id <id>", description: "go on with a run of the farm. Default: a new one" },
];

/** Values of {@linkcode ENGINE_OPTIONS} as the command line gives them. */
export interface EngineChoice {
  farm?: string;
  slurmPartition?: string;
  slurmWorkDir: string;
  slurmOutput: string;
}

/** Values of {@linkcode FARM_GATE_OPTIONS} as the command line gives them. */
export interface FarmChoice extends EngineChoice {
  devices: string;
  perKind?: string;
  store?: string;
  artefacts?: string;
  shardCommand: string;
  minPhones: string;
  minShare: string;
  farmDeadline: string;
  away: string;
  runId?: string;
}

/** Returns Slurm's engine as the options ask for it; throws `bad-option` for another farm. */
export function openSlurm(choice: EngineChoice): FarmEngine {
  if (choice.farm !== "slurm") {
    throw new HarnessError(
      "bad-option",
      `Cannot use --farm "${choice.farm ?? ""}" for this: expected slurm`,
    );
  }
  return slurmEngine({
    partition: choice.slurmPartition ?? null,
    workDir: path.resolve(choice.slurmWorkDir),
    outputPattern: choice.slurmOutput,
    environment: {},
    timeoutMs: 30_000,
  });
}

/** Values of {@linkcode FARM_GATE_OPTIONS} that are numbers, checked. */
export function readFarmNumbers(
  choice: Pick<FarmChoice, "perKind" | "minPhones" | "minShare" | "farmDeadline" | "away">,
): {
  perKind: number | null;
  fewestPhones: number;
  fewestShare: number;
  deadlineMs: number;
  awayMs: number;
} {
  const whole = (min: number, max: number) => ({ min, max, integer: true });
  const minutes = (option: string, text: string, min: number) =>
    parseNumber(option, text, { min, max: 10_000 }) * 60_000;
  return {
    perKind: choice.perKind === undefined
      ? null
      : parseNumber("--per-kind", choice.perKind, whole(1, 1000)),
    fewestPhones: parseNumber("--min-phones", choice.minPhones, whole(1, 100_000)),
    fewestShare: parseNumber("--min-share", choice.minShare, { min: 0, max: 100 }) / 100,
    deadlineMs: minutes("--farm-deadline", choice.farmDeadline, 0.01),
    awayMs: minutes("--away", choice.away, 0),
  };
}
