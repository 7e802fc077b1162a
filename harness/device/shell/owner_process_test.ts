import { assert, assertEquals } from "@std/assert";
import { formatProcess, isGone, parseProcess, thisProcess } from "./owner_process.ts";

const ignore = Deno.build.os === "windows";

Deno.test({
  name: "isGone() is false for this process, and true for one that ended or gave its number away",
  ignore,
  fn: async () => {
    const own = (await thisProcess())!;
    assertEquals(parseProcess(formatProcess(own)), own);
    assertEquals(await isGone(own), false);
    // Another process has the number now.
    assertEquals(await isGone({ ...own, start: "1" }), true);
    const child = new Deno.Command("true").spawn();
    await child.status;
    assertEquals(await isGone({ ...own, pid: child.pid }), true);
  },
});

Deno.test({
  name: "isGone() is false for a process of another machine, an earlier boot, or another container",
  ignore,
  fn: async () => {
    const own = { ...(await thisProcess())!, start: "1" };
    assertEquals(await isGone({ ...own, boot: "00000000-0000-4000-8000-000000000000" }), false);
    assertEquals(await isGone({ ...own, namespace: "pid:[1]" }), false);
  },
});

Deno.test("parseProcess() is null for what formatProcess() did not write", () => {
  assert(parseProcess("a-1/pid:[4026531836]/12/345") !== null);
  for (const text of ["", "a/b", "a/b/c/d", "a/b/1/2/3", "a/b/1/$(x)"]) {
    assertEquals(parseProcess(text), null);
  }
});
