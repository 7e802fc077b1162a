import {
  assert,
  assertEquals,
  assertNotEquals,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import * as path from "@std/path";
import { HarnessError } from "../errors.ts";
import { cached, cacheRoot, contentKey } from "./cache.ts";

const env = (values: Record<string, string>) => (name: string) => values[name];

async function withRoot(use: (root: string) => Promise<void>): Promise<void> {
  const root = await Deno.makeTempDir();
  try {
    await use(root);
  } finally {
    await Deno.remove(root, { recursive: true });
  }
}

Deno.test("cacheRoot() takes the first variable that is set", () => {
  const all = { POSEMARK_CACHE: "/p", XDG_CACHE_HOME: "/x", HOME: "/h" };
  assertEquals(cacheRoot(env(all)), "/p");
  assertEquals(cacheRoot(env({ XDG_CACHE_HOME: "/x", HOME: "/h" })), "/x/posemark");
  assertEquals(cacheRoot(env({ XDG_CACHE_HOME: "relative", HOME: "/h" })), "/h/.cache/posemark");
});

Deno.test("cacheRoot() throws when no variable is set", () => {
  assertThrows(() => cacheRoot(env({})), HarnessError, "POSEMARK_CACHE");
});

Deno.test("contentKey() depends on every name and value and not on the order", async () => {
  const key = await contentKey({ a: "1", b: ["2", "3"] });
  assertEquals(key, await contentKey({ b: ["2", "3"], a: "1" }));
  assertNotEquals(key, await contentKey({ a: "1", b: ["23"] }));
  assertNotEquals(key, await contentKey({ a: "1", c: ["2", "3"] }));
  assert(/^[0-9a-f]{32}$/.test(key));
});

Deno.test("cached() makes an entry once", async () => {
  await withRoot(async (root) => {
    let made = 0;
    const request = {
      kind: "thing",
      key: "k",
      root,
      make: async (folder: string) => {
        made++;
        await Deno.writeTextFile(path.join(folder, "file"), "content");
      },
    };
    const first = await cached(request);
    const second = await cached(request);
    assertEquals([first.cached, second.cached, made], [false, true, 1]);
    assertEquals(await Deno.readTextFile(path.join(second.folder, "file")), "content");
  });
});

Deno.test("cached() leaves nothing when make fails, and makes it the next time", async () => {
  await withRoot(async (root) => {
    const make = async (folder: string) => {
      await Deno.writeTextFile(path.join(folder, "half"), "");
      throw new Error("compiler fell over");
    };
    await assertRejects(
      () => cached({ kind: "thing", key: "k", root, make }),
      Error,
      "compiler fell over",
    );
    const names = [...Deno.readDirSync(path.join(root, "thing"))].map((entry) => entry.name);
    assertEquals(names, ["k.lock"]);
    const again = await cached({ kind: "thing", key: "k", root, make: async () => {} });
    assertEquals(again.cached, false);
  });
});

Deno.test("cached() removes what a killed process left", async () => {
  await withRoot(async (root) => {
    const leftover = path.join(root, "thing", "k.unfinished-abc");
    await Deno.mkdir(leftover, { recursive: true });
    await cached({ kind: "thing", key: "k", root, make: async () => {} });
    await assertRejects(() => Deno.stat(leftover), Deno.errors.NotFound);
  });
});

Deno.test("cached() waits for another that makes the same entry", async () => {
  await withRoot(async (root) => {
    const events: string[] = [];
    const request = (name: string) => ({
      kind: "thing",
      key: "k",
      root,
      make: async () => {
        events.push(`${name} makes`);
        await new Promise((resolve) => setTimeout(resolve, 300));
      },
      onWait: () => events.push(`${name} waits`),
    });
    const first = cached(request("first"));
    await new Promise((resolve) => setTimeout(resolve, 100));
    const second = cached(request("second"));
    assertEquals((await first).cached, false);
    assertEquals((await second).cached, true);
    assertEquals(events, ["first makes", "second waits"]);
  });
});

Deno.test("cached() throws interrupted and keeps nothing when the signal fires", async () => {
  await withRoot(async (root) => {
    const abort = new AbortController();
    const make = () => {
      abort.abort();
      return Promise.resolve();
    };
    const error = await assertRejects(
      () => cached({ kind: "thing", key: "k", root, make, signal: abort.signal }),
      HarnessError,
    );
    assertEquals(error.code, "interrupted");
    await assertRejects(() => Deno.stat(path.join(root, "thing", "k")), Deno.errors.NotFound);
  });
});

Deno.test("cached() throws no-space when the disk is full", async () => {
  await withRoot(async (root) => {
    const make = () => Promise.reject(Object.assign(new Error("full"), { code: "ENOSPC" }));
    const error = await assertRejects(
      () => cached({ kind: "thing", key: "k", root, make }),
      HarnessError,
      "POSEMARK_CACHE",
    );
    assertEquals(error.code, "no-space");
  });
});

Deno.test("cached() makes an entry anew when a file of it was changed, is missing or was added", async () => {
  await withRoot(async (root) => {
    let made = 0;
    const found: string[] = [];
    const request = {
      kind: "runner",
      key: "k",
      root,
      make: async (folder: string) => {
        made++;
        await Deno.writeTextFile(path.join(folder, "program"), "good");
        await Deno.writeTextFile(path.join(folder, "library"), "good");
      },
      onDamaged: (what: string) => void found.push(what),
    };
    const { folder } = await cached(request);
    const file = (name: string) => path.join(folder, name);
    await Deno.writeTextFile(file("program"), "evil");
    assertEquals((await cached(request)).cached, false);
    assertEquals(await Deno.readTextFile(file("program")), "good");
    await Deno.remove(file("library"));
    await cached(request);
    await Deno.writeTextFile(file("LD_PRELOAD.so"), "");
    await cached(request);
    assertEquals((await cached(request)).cached, true);
    assertEquals(found, ["program was changed", "library is missing", "LD_PRELOAD.so was added"]);
    assertEquals(made, 4);
    // an entry of an earlier version has no seal, and is taken as it is
    await Deno.remove(`${folder}.seal`);
    assertEquals((await cached(request)).cached, true);
    await Deno.writeTextFile(`${folder}.seal`, "{");
    assertEquals((await cached(request)).cached, false);
  });
});

Deno.test("cached() clears what killed processes left of other entries, and nothing that is being made", async () => {
  await withRoot(async (root) => {
    const folder = path.join(root, "thing");
    for (const name of ["dead.unfinished-1", "alive.unfinished-2"]) {
      await Deno.mkdir(path.join(folder, name), { recursive: true });
    }
    using lock = await Deno.open(path.join(folder, "alive.lock"), { create: true, write: true });
    await lock.lock(true);
    await cached({ kind: "thing", key: "k", root, make: () => Promise.resolve() });
    const left = [...Deno.readDirSync(folder)].filter((entry) => entry.isDirectory)
      .map(({ name }) => name).sort();
    assertEquals(left, ["alive.unfinished-2", "k"]);
  });
});

Deno.test("cached() uses an entry of a read-only cache, and says what to do for one that it lacks", async () => {
  await withRoot(async (root) => {
    const request = (key: string) => ({ kind: "thing", key, root, make: () => Promise.resolve() });
    await cached(request("k"));
    // who writes is refused, as by a read-only mount
    const { open } = Deno;
    Deno.open = () =>
      Promise.reject(
        Object.assign(new Error("Read-only file system (os error 30)"), { code: "EROFS" }),
      );
    try {
      assertEquals((await cached(request("k"))).cached, true);
      const error = await assertRejects(() => cached(request("other")), HarnessError);
      assertEquals(error.code, "bad-config");
      assertStringIncludes(error.message, "its disk is read-only");
      assertStringIncludes(error.message, "set POSEMARK_CACHE");
    } finally {
      Deno.open = open;
    }
  });
});
