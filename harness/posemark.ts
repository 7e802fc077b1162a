/**
 * The command `posemark`, for `deno install`: runs a command of this checkout where it is called,
 * with the permissions, the locked packages and the settings of the task of that name.
 *
 * It imports nothing, so that it needs no configuration of its own and follows the checkout when
 * that is updated.
 *
 * @module
 */

/** What `deno.json` says of its tasks. */
interface Tasks {
  tasks: Record<string, { command: string }>;
}

/**
 * Returns the permission flags of the task that a command is run by; those of `help` for what is no
 * command.
 *
 * @example
 * ```ts
 * taskFlags({ tasks: { help: { command: "deno run --allow-env harness/main.ts --help" } } }, "bunch"); // ["--allow-env"]
 * ```
 */
export function taskFlags({ tasks }: Tasks, name: string | undefined): string[] {
  const of = (task: string) => {
    const found = /^deno run (.*?)\s?harness\/main\.ts /.exec(tasks[task].command);
    return found?.[1].split(" ");
  };
  const own = name !== undefined && Object.hasOwn(tasks, name) ? of(name) : undefined;
  return own ?? of("help") ?? [];
}

/**
 * Runs a command of this checkout in a process of its own with these permission flags, and returns
 * its exit code; signals are handed on. `env` is set on top of this process's variables.
 */
export async function startCommand(
  flags: readonly string[],
  args: readonly string[],
  env: Record<string, string> = {},
): Promise<number> {
  const folder = import.meta.dirname;
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", ...flags, `--config=${folder}/../deno.json`, `${folder}/main.ts`]
      .concat(args),
    env,
    ...{ stdin: "inherit", stdout: "inherit", stderr: "inherit" },
  }).spawn();
  const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
  for (const signal of Deno.build.os === "windows" ? signals.slice(0, 1) : signals) {
    // a terminal sends its signal to both; the program counts those that arrive together as one
    Deno.addSignalListener(signal, () => {
      try {
        child.kill(signal);
      } catch {
        // it has ended meanwhile
      }
    });
  }
  return (await child.status).code;
}

/** Runs the command as its task does. */
async function run(args: readonly string[]): Promise<number> {
  const folder = import.meta.dirname;
  if (folder === undefined) {
    console.error(
      `error: Cannot run ${import.meta.url}: Posemark needs its sources and models on this machine. Clone its repository and install harness/posemark.ts from there`,
    );
    return 2;
  }
  const tasks = JSON.parse(await Deno.readTextFile(`${folder}/../deno.json`));
  // INIT_CWD tells where `deno task` was called, and this is no task
  return await startCommand(taskFlags(tasks, args[0]), args, { INIT_CWD: "" });
}

if (import.meta.main) Deno.exit(await run(Deno.args));
