/**
 * Runs Posemark's tasks as a user does, for tests.
 *
 * @module
 */
import * as path from "@std/path";

/** Root of the checkout. */
export const ROOT = path.fromFileUrl(new URL("../../..", import.meta.url));

/** Returns a new folder in `folder` that holds the first of the fixtures' images alone. */
export async function oneFixture(folder: string): Promise<string> {
  const images = path.join(folder, "images");
  const fixtures = path.join(ROOT, "fixtures", "images");
  await Deno.mkdir(images);
  const [name] = [...Deno.readDirSync(fixtures)].map((entry) => entry.name).sort();
  await Deno.copyFile(path.join(fixtures, name), path.join(images, name));
  return images;
}

/** What a task left. */
export interface TaskResult {
  code: number;
  stdout: string;
  stderr: string;
}

/** Starts `deno task NAME ARGS` with the permissions that deno.json gives it. */
export function startTask(
  name: string,
  args: string[],
  env: Record<string, string> = {},
): Deno.ChildProcess {
  return new Deno.Command(Deno.execPath(), {
    args: ["task", "--quiet", name, ...args],
    cwd: ROOT,
    env: { NO_COLOR: "1", ...env },
    stdout: "piped",
    stderr: "piped",
  }).spawn();
}

/** Returns what the task printed and its exit code. */
export async function runTask(
  name: string,
  args: string[],
  env: Record<string, string> = {},
): Promise<TaskResult> {
  const { code, stdout, stderr } = await startTask(name, args, env).output();
  const decoder = new TextDecoder();
  return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
}
