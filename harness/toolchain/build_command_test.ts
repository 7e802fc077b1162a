import { assert, assertEquals, assertRejects } from "@std/assert";
import { HarnessError } from "../errors.ts";
import { buildFraction, runBuildCommand } from "./build_command.ts";

const shell = (script: string, signal?: AbortSignal) => ({
  purpose: "build the thing",
  command: "/bin/sh",
  args: ["-c", script],
  signal,
});

Deno.test("runBuildCommand() returns what was printed and hands on every line", async () => {
  const lines: string[] = [];
  const output = await runBuildCommand({
    ...shell("echo one; printf two >&2"),
    onLine: (line) => lines.push(line),
  });
  assertEquals(lines.sort(), ["one", "two"]);
  assertEquals(output.split("\n").sort(), ["one", "two"]);
});

Deno.test("runBuildCommand() throws build-failed with the last lines", async () => {
  const error = await assertRejects(
    () => runBuildCommand(shell("for i in $(seq 30); do echo line $i; done; exit 7")),
    HarnessError,
    "Cannot build the thing: /bin/sh exited 7",
  );
  assertEquals(error.code, "build-failed");
  assertEquals(error.stderrTail.length, 20);
  assertEquals(error.stderrTail.at(-1), "line 30");
});

Deno.test("runBuildCommand() throws no-space when the output says so", async () => {
  const error = await assertRejects(
    () => runBuildCommand(shell("echo 'a.o: No space left on device' >&2; exit 1")),
    HarnessError,
  );
  assertEquals(error.code, "no-space");
});

Deno.test("runBuildCommand() throws missing-tool when there is no such program", async () => {
  const error = await assertRejects(
    () => runBuildCommand({ ...shell(""), command: "/nonexistent/posemark-cmake" }),
    HarnessError,
    "doctor",
  );
  assertEquals(error.code, "missing-tool");
});

Deno.test("runBuildCommand() throws interrupted when the signal fires", async () => {
  const started = performance.now();
  const error = await assertRejects(
    () => runBuildCommand(shell("exec sleep 30", AbortSignal.timeout(100))),
    HarnessError,
  );
  assertEquals(error.code, "interrupted");
  assert(performance.now() - started < 10_000);
});

Deno.test("buildFraction() reads ninja's and make's counters", () => {
  assertEquals(buildFraction("[3/12] Building CXX object a.o"), 0.25);
  assertEquals(buildFraction("[ 40%] Building CXX object a.o"), 0.4);
  assertEquals(buildFraction("[100%] Built target ncnn"), 1);
  assertEquals(buildFraction("In file included from [3/12]"), null);
  assertEquals(buildFraction("[1/0] odd"), null);
});
