import { assertEquals } from "@std/assert";
import { launchScript, parseLaunchStatus } from "./launch_script.ts";

const HASH = "98ea6e4f216f2fb4b69fff9b3a44842c38686ca685f3f55dc48c5d3fb1107be4";

Deno.test("launchScript() runs a program to its end marker when a shell runs it", async () => {
  const dir = await Deno.makeTempDir({ prefix: "posemark launch-" });
  try {
    const base = `${dir}/it's x.0`;
    const child = new Deno.Command("sh", {
      args: ["-c", launchScript(base, 30), "launch", "sh", "-c", "echo hi; echo bad >&2; exit 7"],
    });
    assertEquals((await child.output()).code, 0);
    const exit = await Deno.readTextFile(`${base}.exit`);
    const status = parseLaunchStatus(`@@posemark exit\n${exit}\n@@posemark errors\nbad\n`);
    assertEquals(status, {
      kind: "ended",
      exitCode: 7,
      bytes: 3,
      sha256: HASH,
      late: false,
      full: false,
      stderr: "bad\n",
    });
    assertEquals(await Deno.readTextFile(`${base}.err`), "bad\n");
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});

Deno.test("launchScript() leaves nothing that waits when the program ends at once", async () => {
  const dir = await Deno.makeTempDir({ prefix: "posemark launch-" });
  // a time that no other process of the machine waits
  const limitSeconds = 86_000 + Deno.pid % 1000;
  try {
    for (let i = 0; i < 30; i++) {
      const args = ["-c", launchScript(`${dir}/job.${i}`, limitSeconds), "launch", "true"];
      assertEquals((await new Deno.Command("sh", { args }).output()).code, 0);
    }
    const { stdout } = await new Deno.Command("pgrep", {
      args: ["-f", `^sleep ${limitSeconds}$`],
    }).output();
    assertEquals(new TextDecoder().decode(stdout), "");
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});

Deno.test("parseLaunchStatus() is corrupt when the end marker is missing, cut or changed", () => {
  const kind = (exit: string) => parseLaunchStatus(`@@posemark exit\n${exit}`).kind;
  assertEquals(kind(`posemark-end 0 3 ${HASH} end`), "ended");
  assertEquals(kind(`posemark-end 0 3 ${HASH}`), "corrupt");
  assertEquals(kind(`posemark-end 0 3 ${HASH.slice(1)} end`), "corrupt");
  assertEquals(kind(""), "corrupt");
});

Deno.test("parseLaunchStatus() does not believe sections that the program printed itself", () => {
  const status = parseLaunchStatus(
    `@@posemark exit\nposemark-end 1 3 ${HASH} end\n@@posemark errors\n@@posemark exit\nposemark-end 0 3 ${HASH} end\n`,
  );
  assertEquals(status.kind === "ended" && status.exitCode, 1);
  assertEquals(
    parseLaunchStatus("@@posemark state\nrunning\n@@posemark exit-not\nx").kind,
    "running",
  );
  assertEquals(parseLaunchStatus("").kind, "gone");
});
