import { assertEquals } from "@std/assert";
import { needs } from "../../testdata/needs.ts";
import { scanPickle } from "./pickle_scan.ts";
import { bytesOf } from "./testdata/checkpoints.ts";

/** Returns what Python pickles of an expression. */
async function pickled(expression: string, protocol: number): Promise<Uint8Array> {
  const program = `import pickle, sys, collections
sys.stdout.buffer.write(pickle.dumps(${expression}, protocol=${protocol}))`;
  const { stdout } = await new Deno.Command("python3", { args: ["-c", program] }).output();
  return stdout;
}

Deno.test({
  name: "scanPickle() reads classes, strings and text values of every protocol that Python writes",
  ...needs("python"),
  fn: async () => {
    const value = `[{"version": "8.4.1", "task": "pose", "n": 3, "big": 1 << 70, "f": 0.5,
      "none": None, "b": b"xy", "long": "z" * 300, "again": "pose", "yes": True,
      "set": {1}, "frozen": frozenset([2]), "tuple": (1, 2, 3, 4), "list": [1, 2]},
      collections.OrderedDict(task="detect"), bytearray(b"q"), -5, 70000, "task", "task"]`;
    for (const protocol of [0, 1, 2, 3, 4, 5]) {
      const names = scanPickle(await pickled(value, protocol))!;
      assertEquals(names.globals.has("collections.OrderedDict"), true, `protocol ${protocol}`);
      assertEquals(names.following.get("version"), ["8.4.1"]);
      assertEquals(names.following.get("again"), ["pose"]);
      // the key of the second dictionary comes from the memo
      assertEquals(names.following.get("task")!.slice(0, 2), ["pose", "detect"]);
      assertEquals(names.following.has("none"), false);
      assertEquals(names.strings.has("z".repeat(300)), true);
    }
  },
});

Deno.test("scanPickle() names a class without making one", () => {
  const names = scanPickle(bytesOf("cos\nsystem\n(S'touch x'\ntR."))!;
  assertEquals([...names.globals], ["os.system"]);
});

Deno.test("scanPickle() is null for what is no pickle, and for one that is cut off", () => {
  for (const text of ["", "<html>", "cos\nsystem", "X\x10\0\0\0abc", "\xff\xff", "}", "J\x01"]) {
    assertEquals(scanPickle(bytesOf(text)), null, JSON.stringify(text));
  }
  assertEquals(scanPickle(bytesOf([0x8d, 255, 255, 255, 255, 255, 255, 255, 255])), null);
});
