import { assertEquals, assertStringIncludes } from "@std/assert";
import { exitError, shortly, signalOfExitCode, stderrTail } from "./runner_exit.ts";

Deno.test("signalOfExitCode() names the signal when the code is above 128", () => {
  assertEquals([132, 137, 139, 1, 128, 255].map(signalOfExitCode), [
    "SIGILL",
    "SIGKILL",
    "SIGSEGV",
    null,
    null,
    null,
  ]);
  assertEquals(signalOfExitCode(130 + 20), "signal 22");
});

Deno.test("exitError() says what to do when the program was killed, could not start or failed", () => {
  const error = (code: number, stderr = "") => exitError('runner "a"', 'device "b"', code, stderr);
  assertEquals([error(132).code, error(126).code, error(127).code, error(1).code], [
    "runner-failed",
    "device-unsuitable",
    "runner-failed",
    "runner-failed",
  ]);
  assertStringIncludes(error(137).message, "want of memory");
  assertStringIncludes(error(126, "sh: ./x: can't execute: Permission denied").message, "noexec");
  assertStringIncludes(error(126, "sh: ./x: Exec format error").message, "for this CPU");
  assertStringIncludes(error(1, "a\nlast words\n").message, "exit code 1 (last words)");
});

Deno.test("exitError() blames the model by the runner's own reason when the runner says so by its exit code", () => {
  const stderr = 'layer Foo not exists or registered\nposemark-runner: Cannot load the graph "a"\n';
  const error = exitError('runner "a"', 'device "b"', 4, stderr);
  assertEquals([error.code, error.exitCode], ["model-refused", 2]);
  assertStringIncludes(error.message, 'on device "b": Cannot load the graph "a"; ncnn says: layer');
  assertEquals(exitError("another program", "here", 4, "x").code, "runner-failed");
});

Deno.test("stderrTail() keeps the last lines and shows control characters when there are many", () => {
  assertEquals(stderrTail("1\n2\n\n\u001b[31m3\r\n", 2), ["2", "\\x1b[31m3"]);
  assertEquals(shortly("x".repeat(600)).length, 501);
});
