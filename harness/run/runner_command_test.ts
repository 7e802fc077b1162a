import { assertEquals } from "@std/assert";
import { testManifest } from "../parity/testdata/manifest.ts";
import { NO_SETTINGS, parseSettings } from "../record/run_settings.ts";
import { RUNNER_OPTIONS, type RunnerOptions } from "./runner_options.ts";
import { runCommand } from "./runner_command.ts";

const DEFAULTS = Object.fromEntries(
  Object.entries(RUNNER_OPTIONS).map(([name, { default: text, read }]) => [name, read(text)]),
) as RunnerOptions;
const RUN = { ...DEFAULTS, threads: 4, powersave: 2, coreMask: "3" };
const PATHS = { runner: "r", param: "p", bin: "b", imageList: "l" };

/** What follows the flag in the command of a variant with the settings. */
function valueOf(flag: string, settings: string): string | undefined {
  const manifest = testManifest({
    settings: settings === "" ? NO_SETTINGS : parseSettings(settings)!,
  });
  const command = runCommand(manifest, PATHS, RUN);
  const index = command.indexOf(flag);
  return index < 0 ? undefined : command[index + 1];
}

Deno.test("runCommand() lets a variant's settings win over the run's, and leaves the others", () => {
  assertEquals(valueOf("--threads", ""), "4");
  assertEquals(valueOf("--threads", "t1"), "1");
  assertEquals(valueOf("--winograd", "t1"), "on");
  assertEquals(valueOf("--winograd", "t1-no_winograd"), "off");
  assertEquals(valueOf("--core-mask", "t1"), "3");
  assertEquals(valueOf("--core-mask", "mf0"), "f0");
  assertEquals(valueOf("--powersave", "mf0"), undefined);
  assertEquals(valueOf("--core-mask", "p1"), undefined);
  assertEquals(valueOf("--powersave", "p1"), "1");
});
