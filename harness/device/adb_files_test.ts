import { assertEquals, assertStringIncludes } from "@std/assert";
import { parseFreeBytes, programObstacle } from "./adb_files.ts";

Deno.test("parseFreeBytes() reads df of toybox, also when the name of the file system is long", () => {
  const df = Deno.readTextFileSync(
    new URL("./emulated/recordings/android14/df.txt", import.meta.url),
  );
  assertEquals(parseFreeBytes(df), 38693416 * 1024);
  assertEquals(
    parseFreeBytes(
      "Filesystem 1K-blocks Used Available Use% Mounted on\n/dev/very/long\n  100 60 40 60% /data",
    ),
    40 * 1024,
  );
  assertEquals(parseFreeBytes("df: /data: Permission denied"), null);
  assertEquals(parseFreeBytes(""), null);
});

Deno.test("programObstacle() speaks against programs that a phone can't start, and not against scripts", () => {
  const program = (machine: number) => {
    const bytes = new Uint8Array(64);
    bytes.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
    bytes[18] = machine;
    return bytes;
  };
  assertStringIncludes(programObstacle(program(183), "arm64-v8a") ?? "", "no loadable segment");
  assertStringIncludes(programObstacle(program(62), "arm64-v8a") ?? "", "x86-64");
  assertStringIncludes(programObstacle(program(183), "x86_64") ?? "", "expected arm64-v8a");
  const script = new TextEncoder().encode("#!/system/bin/sh\necho hello\n");
  assertEquals(programObstacle(script, "arm64-v8a"), null);
  assertEquals(programObstacle(new Uint8Array(), "arm64-v8a"), null);
});
