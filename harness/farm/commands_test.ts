import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { parseCommandLine } from "../cli.ts";
import { HarnessError } from "../errors.ts";
import { postgresBin, startPostgres } from "../store/testdata/postgres_server.ts";
import { farmCommands } from "./commands.ts";
import { FARM_GATE_OPTIONS, type FarmChoice, readFarmNumbers } from "./engine_options.ts";
import { progressText } from "./gate_command.ts";
import { needs } from "../testdata/needs.ts";

const ABOUT = { name: "posemark", description: "", version: "0" };

async function run(...argv: string[]): Promise<number> {
  const { command, options, args } = parseCommandLine(farmCommands, argv, ABOUT);
  return await command!.run(options, args, new AbortController().signal);
}

/** Options of the gate on a farm with their defaults. */
function gateOptions(...argv: string[]) {
  const spec = {
    name: "gate",
    description: "",
    options: FARM_GATE_OPTIONS,
    run: () => Promise.resolve(0),
  };
  return parseCommandLine([spec], ["gate", ...argv], ABOUT).options as unknown as FarmChoice;
}

async function fails(code: string, work: () => Promise<unknown>): Promise<string> {
  const error = await assertRejects(work, HarnessError);
  assertEquals(error.code, code);
  return error.message;
}

Deno.test("farm refuses unknown actions, a missing node, a missing reason and another engine", async () => {
  assertStringIncludes(
    await fails("bad-option", () => run("farm", "sell")),
    "nodes, drain, resume or setup",
  );
  assertStringIncludes(await fails("bad-option", () => run("farm", "drain")), "no node is named");
  assertStringIncludes(
    await fails("bad-option", () => run("farm", "drain", "p1", "--farm", "slurm")),
    "--reason",
  );
  assertStringIncludes(
    await fails("bad-option", () => run("farm", "resume", "p1", "--farm", "lsf")),
    "expected slurm",
  );
  assertStringIncludes(await fails("bad-option", () => run("farm", "nodes")), "expected slurm");
});

Deno.test("shard says what names it when nothing does", async () => {
  assertStringIncludes(await fails("bad-option", () => run("shard")), "SLURMD_NODENAME");
  assertStringIncludes(
    await fails("bad-option", () => run("shard", "--device", "host")),
    "POSEMARK_STORE",
  );
  assertStringIncludes(
    await fails("bad-option", () => run("shard", "/no/file.json", "--device", "host")),
    "/no/file.json",
  );
  assertStringIncludes(await fails("bad-option", () => run("shard", "--index", "-1")), "--index");
  const dir = await Deno.makeTempDir();
  const store = ["--device", "host", "--store", `${dir}/a.db`];
  assertStringIncludes(
    await fails("bad-option", () => run("shard", ...store)),
    "--run and --index",
  );
  assertStringIncludes(
    await fails("bad-option", () => run("shard", ...store, "--run", "r", "--index", "3")),
    'shard 3 of run "r"',
  );
  await Deno.remove(dir, { recursive: true });
});

Deno.test("shard exits 75 when its store can't be reached", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr as Deno.NetAddr;
  listener.close();
  const code = await run(
    "shard",
    "--device",
    "host",
    "--run",
    "r",
    "--index",
    "0",
    "--store",
    `postgres://a@127.0.0.1:${port}/b`,
  );
  assertEquals(code, 75);
});

const BIN = await postgresBin();

Deno.test({
  name: "shard exits 2, and asks for no other try, when the store refuses its password",
  ...needs("postgresql"),
  async fn() {
    if (BIN === null) {
      throw new Error("PostgreSQL's server is not installed: apt-get install postgresql");
    }
    await using server = await startPostgres(BIN);
    const code = await run(
      ...["shard", "--device", "host", "--run", "r", "--index", "0", "--store", server.address],
    );
    assertEquals(code, 2);
  },
});

Deno.test("a farm's options take no token on the command line", () => {
  const flags = Object.values(FARM_GATE_OPTIONS).map((option) => option.flags.split(" ")[0]);
  assertEquals(flags.filter((flag) => /token|password|secret/.test(flag)), []);
});

Deno.test("readFarmNumbers() reads the defaults and refuses what is out of range", () => {
  assertEquals(readFarmNumbers(gateOptions()), {
    perKind: null,
    fewestPhones: 3,
    fewestShare: 0.5,
    deadlineMs: 7_200_000,
    awayMs: 300_000,
  });
  for (
    const [flag, value] of [["--per-kind", "0"], ["--min-phones", "x"], ["--min-share", "101"]]
  ) {
    try {
      readFarmNumbers(gateOptions(flag, value));
    } catch (error) {
      assertStringIncludes((error as Error).message, flag);
      continue;
    }
    throw new Error(`${flag} ${value} was accepted`);
  }
});

Deno.test("progressText() leaves out what there is none of, and names a phone that is out of service", () => {
  const base = { total: 24, done: 3, failed: 0, running: 6, waiting: 15, sick: [] };
  assertEquals(progressText(base), "3 of 24 shards, 6 running, 15 waiting");
  const sick = [{ name: "p1", reason: "Prolog error" }];
  assertEquals(
    progressText({ ...base, failed: 1, sick }),
    "3 of 24 shards, 6 running, 15 waiting, 1 failed, 1 phones out of service (p1: Prolog error)",
  );
});
