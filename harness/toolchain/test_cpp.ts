/**
 * `deno task test:cpp`: the runner's C++ in its format, and its unit tests under the sanitizers.
 *
 * @module
 */
import * as path from "@std/path";
import { HarnessError } from "../errors.ts";
import { print, tellError } from "../terminal.ts";
import { stderrProgress } from "../progress.ts";
import { runBuildCommand } from "./build_command.ts";
import { buildRunner, runUnitTests } from "./runner.ts";

const SOURCES = path.fromFileUrl(new URL("../../runner-cpp", import.meta.url));

/**
 * Throws `build-failed` that names the first difference when a C++ file is not as clang-format
 * writes it.
 */
async function checkFormat(): Promise<void> {
  const files: string[] = [];
  for (const folder of [SOURCES, path.join(SOURCES, "tests")]) {
    for await (const { name } of Deno.readDir(folder)) {
      if (/\.(cpp|h)$/.test(name)) files.push(path.join(folder, name));
    }
  }
  await runBuildCommand({
    purpose: "find the C++ sources formatted: run clang-format -i on them",
    command: "clang-format",
    args: ["--dry-run", "--Werror", ...files.sort()],
  });
}

if (import.meta.main) {
  try {
    await checkFormat();
    const built = await buildRunner({
      target: "host",
      kind: "sanitize",
      progress: stderrProgress(),
    });
    print((await runUnitTests(built)).trimEnd());
  } catch (error) {
    if (!(error instanceof HarnessError)) throw error;
    tellError(error.message, error.stderrTail);
    Deno.exit(error.exitCode);
  }
}
