import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import * as path from "@std/path";
import { HarnessError } from "../../errors.ts";
import { DeviceDescriptionSchema, DeviceStateSchema } from "../../record/device.ts";
import { openHost } from "./host.ts";

async function withHost(test: (host: ReturnType<typeof openHost>, dir: string) => Promise<void>) {
  const runsDir = await Deno.makeTempDir({ prefix: "posemark-host-" });
  try {
    await test(openHost({ runsDir }), await openHost({ runsDir }).runDir("run-1"));
  } finally {
    await Deno.remove(runsDir, { recursive: true });
  }
}

/** Runs a shell line as the runner. */
function shell(line: string, name: string, runDir: string) {
  return { command: ["sh", "-c", line], name, runDir };
}

Deno.test("openHost() describes this machine when asked", async () => {
  const description = DeviceDescriptionSchema.parse(await openHost().describe());
  assertEquals(description.serial, "host");
  assertEquals(description.emulated, false);
  assertEquals(description.cores.length > 0, true);
  assert(description.memoryBytes !== null && description.memoryBytes > 2 ** 27);
  const machine = new TextDecoder().decode(
    (await new Deno.Command("uname", { args: ["-m"] }).output()).stdout,
  ).trim();
  assertEquals(description.abi, machine);
});

Deno.test("openHost() reads the state when asked", async () => {
  const state = DeviceStateSchema.parse(await openHost().state());
  assertEquals(state.batteryPercent, null);
  assert(state.uptimeSeconds !== null && state.uptimeSeconds > 0);
  assert(state.load1 !== null);
});

Deno.test("launch() returns the standard output and leaves no files when the program succeeds", async () => {
  await withHost(async (host, runDir) => {
    const result = await host.launch(shell("echo one; echo two >&2", "a", runDir), {
      timeoutMs: 5000,
    });
    assertEquals(result, { exitCode: 0, stdout: "one\n", stderr: "two\n" });
    assertEquals([...Deno.readDirSync(runDir)], []);
  });
});

Deno.test("launch() passes arguments unchanged when they hold blanks, quotes and dollars", async () => {
  await withHost(async (host, runDir) => {
    const args = ["a b", "it's", '"$HOME"', "", "*"];
    const launch = { command: ["printf", "[%s]", ...args], name: "a", runDir };
    const result = await host.launch(launch, { timeoutMs: 5000 });
    assertEquals(result.stdout, args.map((arg) => `[${arg}]`).join(""));
  });
});

Deno.test("launch() throws runner-failed with the signal and the last stderr lines when the program is killed", async () => {
  await withHost(async (host, runDir) => {
    const error = await assertRejects(
      () =>
        host.launch(shell("echo about to die >&2; kill -ILL $$", "a", runDir), {
          timeoutMs: 5000,
        }),
      HarnessError,
    );
    assertEquals(error.code, "runner-failed");
    assertStringIncludes(error.message, "SIGILL");
    assertEquals(error.stderrTail, ["about to die"]);
  });
});

Deno.test("launch() throws runner-failed when the program exits non-zero", async () => {
  await withHost(async (host, runDir) => {
    const error = await assertRejects(
      () => host.launch(shell("exit 3", "a", runDir), { timeoutMs: 5000 }),
      HarnessError,
    );
    assertEquals([error.code, error.exitCode], ["runner-failed", 3]);
    assertStringIncludes(error.message, "exit code 3");
  });
});

Deno.test("launch() kills the program and throws timeout when it takes too long", async () => {
  await withHost(async (host, runDir) => {
    const started = performance.now();
    const error = await assertRejects(
      () =>
        host.launch({ command: ["sleep", "30"], name: "a", runDir }, {
          timeoutMs: 200,
        }),
      HarnessError,
    );
    assertEquals(error.code, "timeout");
    assert(performance.now() - started < 5000);
  });
});

Deno.test("launch() kills the program and throws interrupted when the signal aborts, before or during it", async () => {
  await withHost(async (host, runDir) => {
    for (const signal of [AbortSignal.timeout(200), AbortSignal.abort()]) {
      const error = await assertRejects(
        () =>
          host.launch({ command: ["sleep", "30"], name: "a", runDir }, { timeoutMs: 9000, signal }),
        HarnessError,
      );
      assertEquals(error.code, "interrupted");
    }
  });
});

Deno.test("launch() throws device-unsuitable when the program is not executable", async () => {
  await withHost(async (host, runDir) => {
    const program = path.join(runDir, "program");
    await Deno.writeTextFile(program, "#!/bin/sh\n");
    const error = await assertRejects(
      () => host.launch({ command: [program], name: "a", runDir }, { timeoutMs: 5000 }),
      HarnessError,
    );
    assertEquals(error.code, "device-unsuitable");
    const pushed = await assertRejects(
      () => host.push(program, { executable: true }),
      HarnessError,
    );
    assertEquals(pushed.code, "device-unsuitable");
  });
});

Deno.test("run() returns the exit code and both outputs when the command fails", async () => {
  const result = await openHost().run(["sh", "-c", "echo a; echo b >&2; exit 7"], {
    timeoutMs: 5000,
  });
  assertEquals(result, { exitCode: 7, stdout: "a\n", stderr: "b\n" });
});

Deno.test({
  name: "run() throws missing-tool when there is no such program",
  // Where only named programs may run, Deno refuses before it looks.
  ignore: Deno.permissions.querySync({ name: "run" }).state !== "granted",
  fn: async () => {
    const error = await assertRejects(
      () => openHost().run(["sh-of-another-world"], { timeoutMs: 5000 }),
      HarnessError,
    );
    assertEquals(error.code, "missing-tool");
  },
});

Deno.test("removeRunDir() removes the run's folder and nothing else when asked", async () => {
  await withHost(async (host, runDir) => {
    await Deno.writeTextFile(path.join(runDir, "x"), "x");
    await host.removeRunDir(runDir);
    await assertRejects(() => Deno.stat(runDir), Deno.errors.NotFound);
    await host.removeRunDir(runDir);
    await assertRejects(() => host.removeRunDir(path.dirname(runDir)), RangeError);
    await assertRejects(() => host.removeRunDir("/tmp"), RangeError);
  });
});
