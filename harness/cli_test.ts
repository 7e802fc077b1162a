import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { type CommandSpec, parseCommandLine } from "./cli.ts";
import { HarnessError } from "./errors.ts";

const about = { name: "posemark", description: "test", version: "1.2.3" };
const specs: CommandSpec[] = [{
  name: "bench",
  description: "measures",
  arguments: [{ name: "[dir]", description: "folder" }],
  options: [
    { flags: "--model <file>", description: "model", repeat: true },
    { flags: "--rounds <n>", description: "rounds", default: "10" },
    { flags: "--no-benchncnn", description: "without the second opinion" },
    { flags: "--resume", description: "go on" },
  ],
  run: () => Promise.resolve(0),
}];

Deno.test("parseCommandLine() returns options by camelCase name and repeats as an array", () => {
  const parsed = parseCommandLine(
    specs,
    ["bench", "--model", "a", "--model", "b", "--no-benchncnn", "out"],
    about,
  );
  assertEquals(parsed.command?.name, "bench");
  assertEquals(parsed.options.model, ["a", "b"]);
  assertEquals(parsed.options.rounds, "10");
  assertEquals(parsed.options.benchncnn, false);
  assertEquals(parsed.options.resume, undefined);
  assertEquals(parsed.args, ["out"]);
});

Deno.test("parseCommandLine() throws bad-option when a command, an option or a value is wrong", () => {
  for (
    const argv of [["bunch"], ["bench", "--modle", "a"], ["bench", "--model"], ["bench", "a", "b"]]
  ) {
    const error = assertThrows(() => parseCommandLine(specs, argv, about), HarnessError);
    assertEquals(error.exitCode, 2);
  }
});

Deno.test("parseCommandLine() returns the help text and no command when help is asked for", () => {
  const parsed = parseCommandLine(specs, ["bench", "--help"], about);
  assertEquals(parsed.command, null);
  assertStringIncludes(parsed.text, "--rounds");
  assertEquals(parseCommandLine(specs, ["--version"], about).text.trim(), "1.2.3");
});
