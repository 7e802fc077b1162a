import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { command, type CommandSpec, parseCommandLine } from "./cli.ts";
import { HarnessError } from "./errors.ts";
import { flag, integer, option, repeated } from "./options.ts";

const about = { name: "posemark", description: "test", version: "1.2.3" };
const specs: CommandSpec[] = [command({
  name: "bench",
  description: "measures",
  arguments: [{ name: "[dir]", description: "folder" }],
  options: {
    model: repeated("--model <file>", "model"),
    images: repeated("--image <file>", "image"),
    rounds: option("--rounds <n>", "rounds", integer(1, 100), "10"),
    longSide: option("--long-side <px>", "side", integer(32, 4096)),
    out: option("--out <dir>", "folder"),
    resume: flag("--resume", "go on"),
    json: flag("--json", "print JSON"),
  },
  run: ({ rounds, longSide, resume }) => {
    const typed: [number, number | null, boolean] = [rounds, longSide, resume];
    return Promise.resolve(typed.length);
  },
})];

Deno.test("parseCommandLine() returns values as the table reads them, by the names of its rows", () => {
  const parsed = parseCommandLine(
    specs,
    ["bench", "--model", "a", "--model", "b", "--long-side", "640", "--resume", "out"],
    about,
  );
  assertEquals(parsed.command?.name, "bench");
  assertEquals(parsed.options, {
    ...{ model: ["a", "b"], images: null, rounds: 10, longSide: 640 },
    ...{ out: null, resume: true, json: false },
  });
  assertEquals(parsed.args, ["out"]);
});

Deno.test("parseCommandLine() throws bad-option when a command, an option or a value is wrong", () => {
  for (
    const argv of [
      ["bunch"],
      ["bench", "--modle", "a"],
      ["bench", "--model"],
      ["bench", "a", "b"],
      ["bench", "--rounds", "0"],
      ["bench", "--rounds", "2.5"],
    ]
  ) {
    const error = assertThrows(() => parseCommandLine(specs, argv, about), HarnessError);
    assertEquals(error.exitCode, 2);
  }
});

Deno.test("parseCommandLine() names the option or argument whose value an unset variable took away", () => {
  const refused = (...argv: string[]) =>
    assertThrows(() => parseCommandLine(specs, ["bench", ...argv], about), HarnessError).message;
  for (
    const [name, ...argv] of [
      ["--out", "--out", ""],
      ["--out", "--out="],
      ["--out", "--out", " \t"],
      ["--rounds", "--rounds", ""],
      ["--model", "--model", "a", "--model", ""],
      ["[dir]", "--resume", ""],
    ]
  ) {
    assertStringIncludes(refused(...argv), `Cannot use ${name} "`);
    assertStringIncludes(refused(...argv), "it is empty");
  }
  for (const next of ["--json", "--rounds=3"]) {
    assertStringIncludes(refused("--out", next), `Cannot use --out ${next}: found the next option`);
  }
  assertEquals(
    parseCommandLine(specs, ["bench", "--out", "./--json"], about).options.out,
    "./--json",
  );
});

Deno.test("parseCommandLine() returns the help text and no command when help is asked for", () => {
  const parsed = parseCommandLine(specs, ["bench", "--help"], about);
  assertEquals(parsed.command, null);
  assertStringIncludes(parsed.text, "--rounds");
  assertEquals(parseCommandLine(specs, ["--version"], about).text.trim(), "1.2.3");
});
