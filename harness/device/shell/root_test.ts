import { assertEquals, assertStringIncludes } from "@std/assert";
import { parsePinned, pinLines, restoreLines } from "./root.ts";

Deno.test("parsePinned() gives a frequency per core when its bounds agree, and null otherwise", () => {
  const output = "@@posemark pinned\n0 1350000 1350000\n3 2100000 300000\n@@posemark end\n";
  assertEquals(parsePinned(output), { frequenciesKHz: [1350000, null, null, null] });
  assertEquals(parsePinned("@@posemark pinned\n@@posemark end"), { frequenciesKHz: [] });
  assertEquals(parsePinned("@@posemark pinned\n0 1 1\n"), null);
});

Deno.test("pinLines() save before they pin, and end in lines that a shell can read", async () => {
  const lines = pinLines("/data/local/tmp/it's", 0.75, 300);
  const saved = lines.indexOf("mv '/data/local/tmp/it'\\''s/pin.new'");
  assertEquals(saved > 0 && saved < lines.indexOf("section pinned"), true);
  assertStringIncludes(lines, "max / 1000 * 750");
  for (const script of [lines, restoreLines("/x")]) {
    const child = new Deno.Command("sh", { args: ["-n", "-c", script] });
    const { code, stderr } = await child.output();
    assertEquals([code, new TextDecoder().decode(stderr)], [0, ""]);
  }
});
