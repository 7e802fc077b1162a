import { assertEquals, assertRejects } from "@std/assert";
import { HarnessError } from "../errors.ts";
import { openStore } from "./open_store.ts";

Deno.test("openStore() opens a SQLite file by path and by scheme", async () => {
  const dir = await Deno.makeTempDir();
  for (const address of [`${dir}/a.db`, `sqlite:${dir}/b.db`, `sqlite://${dir}/c.db`]) {
    await using store = await openStore(address);
    await store.putRun("r", {});
  }
  const files = (await Array.fromAsync(Deno.readDir(dir))).map((entry) => entry.name).sort();
  assertEquals(files, ["a.db", "b.db", "c.db"]);
  await Deno.remove(dir, { recursive: true });
});

Deno.test("openStore() refuses another scheme and does not repeat what may be a password", async () => {
  const error = await assertRejects(() => openStore("mysql://me:hunter2@db/x"), HarnessError);
  assertEquals([error.code, error.message.includes("hunter2")], ["bad-option", false]);
  await assertRejects(() => openStore("sqlite:"), HarnessError, "--store");
});
