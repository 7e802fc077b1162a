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
import { parseAddress, requireSecret } from "../secret.ts";
import { slurmCli } from "./slurm/cli.ts";
import { slurmRest } from "./slurm/rest.ts";

/** Environment variable with Slurm's JSON web token; `…_FILE` names a file with it. */
export const SLURM_TOKEN_NAME = "POSEMARK_SLURM_TOKEN";

/** Options of every command that talks to a farm's engine. */
export const ENGINE_OPTIONS: OptionSpec[] = [
  {
    flags: "--farm <engine>",
    description: "slurm, or stf://host for phones lent by STF or DeviceHub",
  },
  {
    flags: "--slurm-rest <address>",
    description:
      `address of slurmrestd, token in ${SLURM_TOKEN_NAME} or ${SLURM_TOKEN_NAME}_FILE. Default: Slurm's command line tools`,
  },
  { flags: "--slurm-user <name>", description: "user that the token is for. Default: $USER" },
  {
    flags: "--slurm-api <version>",
    description: "version of slurmrestd's API",
    default: "v0.0.38",
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
    description: "a phone that is drained or down for so long is given up",
    default: "5",
  },
  { flags: "--run-id <id>", description: "go on with a run of the farm. Default: a new one" },
];

/** Options as commander gives them. */
// deno-lint-ignore no-explicit-any
type Options = any;

/**
 * Returns Slurm's engine as the options ask for it; throws `bad-option` for another farm or a
 * missing token.
 */
export async function openSlurm(options: Options): Promise<FarmEngine> {
  if (options.farm !== "slurm") {
    throw new HarnessError(
      "bad-option",
      `Cannot use --farm "${options.farm ?? ""}" for this: expected slurm`,
    );
  }
  const place = {
    partition: options.slurmPartition ?? null,
    workDir: path.resolve(options.slurmWorkDir),
    outputPattern: options.slurmOutput,
    timeoutMs: 30_000,
  };
  if (options.slurmRest === undefined) return slurmCli({ ...place, environment: {} });
  return slurmRest({
    ...place,
    address: parseAddress("--slurm-rest", options.slurmRest, ["http:", "https:"], SLURM_TOKEN_NAME),
    user: options.slurmUser ?? Deno.env.get("USER") ?? "root",
    token: await requireSecret(SLURM_TOKEN_NAME, `Slurm at ${options.slurmRest}`),
    apiVersion: options.slurmApi,
  });
}

/** Values of {@linkcode FARM_GATE_OPTIONS} that are numbers, checked. */
export function readFarmNumbers(options: Options): {
  perKind: number | null;
  fewestPhones: number;
  fewestShare: number;
  deadlineMs: number;
  awayMs: number;
} {
  const whole = (min: number, max: number) => ({ min, max, integer: true });
  return {
    perKind: options.perKind === undefined
      ? null
      : parseNumber("--per-kind", options.perKind, whole(1, 1000)),
    fewestPhones: parseNumber("--min-phones", options.minPhones, whole(1, 100_000)),
    fewestShare: parseNumber("--min-share", options.minShare, { min: 0, max: 100 }) / 100,
    deadlineMs: parseNumber("--farm-deadline", options.farmDeadline, { min: 0.01, max: 10_000 }) *
      60_000,
    awayMs: parseNumber("--away", options.away, { min: 0, max: 10_000 }) * 60_000,
  };
}
