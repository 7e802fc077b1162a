/**
 * Git repositories for tests.
 *
 * @module
 */

/** Runs git in the folder as a test's author, and returns what it printed; throws when it fails. */
export async function git(folder: string, ...args: string[]): Promise<string> {
  const identity = ["-c", "user.name=test", "-c", "user.email=test@example.org"];
  const { code, stdout, stderr } = await new Deno.Command("git", {
    args: ["-C", folder, ...identity, ...args],
  }).output();
  if (code !== 0) throw new Error(`git ${args.join(" ")}: ${new TextDecoder().decode(stderr)}`);
  return new TextDecoder().decode(stdout).trim();
}

/** Makes a repository of the folder with one commit of all that is in it; returns its hash. */
export async function makeRepository(folder: string): Promise<string> {
  await git(folder, "init", "--quiet");
  await git(folder, "add", ".");
  await git(folder, "commit", "--quiet", "--allow-empty", "-m", "first");
  return await git(folder, "rev-parse", "HEAD");
}
