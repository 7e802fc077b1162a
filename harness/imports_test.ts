import { assert, assertEquals } from "@std/assert";
import * as path from "@std/path";
import { listFiles } from "./toolchain/folder_hash.ts";

const HARNESS = import.meta.dirname!;

/** Files that each file of the program imports, tests and their support left out. */
async function importsOfProgram(): Promise<Map<string, string[]>> {
  const files = (await listFiles(HARNESS)).filter((file) =>
    file.endsWith(".ts") && !file.endsWith("_test.ts") && !/(^|\/)testdata\//.test(file)
  );
  return new Map(
    await Promise.all(files.map(async (file): Promise<[string, string[]]> => {
      const text = await Deno.readTextFile(path.join(HARNESS, file));
      const found = text.matchAll(/(?:from|import\()\s*"(\.[^"]+)"/g);
      const imported = [...found].map(([, to]) => path.join(path.dirname(file), to));
      return [file, imported.filter((to) => !to.startsWith(".."))];
    })),
  );
}

/** The room of a file; a file beside the rooms is one of its own. */
function roomOf(file: string): string {
  return file.split("/")[0];
}

/**
 * Returns the first circle that is found in the graph, its first name repeated; null without one.
 */
function circleIn(graph: ReadonlyMap<string, Iterable<string>>): string[] | null {
  const done = new Set<string>();
  const visit = (name: string, way: string[]): string[] | null => {
    if (way.includes(name)) return [...way.slice(way.indexOf(name)), name];
    if (done.has(name)) return null;
    for (const next of graph.get(name) ?? []) {
      const circle = visit(next, [...way, name]);
      if (circle !== null) return circle;
    }
    done.add(name);
    return null;
  };
  for (const name of graph.keys()) {
    const circle = visit(name, []);
    if (circle !== null) return circle;
  }
  return null;
}

Deno.test("circleIn() finds a circle however long, and none in a diamond", () => {
  const graph = (edges: Record<string, string[]>) => new Map(Object.entries(edges));
  assertEquals(circleIn(graph({ a: ["b", "c"], b: ["d"], c: ["d"] })), null);
  assertEquals(circleIn(graph({ a: ["b"], b: ["c"], c: ["b"] })), ["b", "c", "b"]);
});

Deno.test("imports run one way: neither files nor rooms import each other in a circle", async () => {
  const files = await importsOfProgram();
  assert(files.size > 200, `only ${files.size} files were read`);
  assertEquals(circleIn(files), null);
  const rooms = new Map<string, Set<string>>();
  for (const [file, imported] of files) {
    const own = rooms.get(roomOf(file)) ?? new Set();
    for (const to of imported) if (roomOf(to) !== roomOf(file)) own.add(roomOf(to));
    rooms.set(roomOf(file), own);
  }
  const circle = circleIn(rooms);
  const between = (from: string, to: string) =>
    [...files].flatMap(([file, imported]) =>
      imported.filter((each) => roomOf(file) === from && roomOf(each) === to)
        .map((each) => `${file} imports ${each}`)
    );
  assertEquals(circle?.slice(1).flatMap((to, index) => between(circle[index], to)), undefined);
});

Deno.test("record/ stands on nothing above it", async () => {
  const below = new Set(["errors.ts", "hash.ts", "disk.ts", "text"]);
  const above = [...await importsOfProgram()].filter(([file]) => roomOf(file) === "record")
    .flatMap(([file, imported]) =>
      imported.filter((to) => roomOf(to) !== "record" && !below.has(roomOf(to)))
        .map((to) => `${file} imports ${to}`)
    );
  assertEquals(above, []);
});
