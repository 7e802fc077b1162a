/**
 * Child processes: the one place that starts them, without what is meant for Posemark alone.
 *
 * @module
 */

/**
 * Variables that no child gets: Posemark's own (tokens and passwords are among them), and where the
 * caller of `deno task` stands, which would be a wrong place for a Deno that a child starts.
 */
const OWN_VARIABLES = /^(POSEMARK_.*|INIT_CWD)$/;

/** Returns the variables that a child may see. */
export function childEnvironment(
  all: Record<string, string> = Deno.env.toObject(),
): Record<string, string> {
  return Object.fromEntries(Object.entries(all).filter(([name]) => !OWN_VARIABLES.test(name)));
}

/**
 * Returns the command, to be started by `output()` or `spawn()`. It sees this process's variables
 * but Posemark's own and those of `omit`, and those of `options.env` whatever they are.
 */
export function childCommand(
  command: string | URL,
  { omit = [], ...options }: Omit<Deno.CommandOptions, "clearEnv"> & {
    omit?: readonly string[];
  } = {},
): Deno.Command {
  const env = childEnvironment();
  for (const name of omit) delete env[name];
  return new Deno.Command(command, {
    ...options,
    clearEnv: true,
    env: { ...env, ...options.env },
  });
}
