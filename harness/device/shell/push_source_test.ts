import { assertEquals, assertStringIncludes } from "@std/assert";
import { programObstacle } from "./push_source.ts";

Deno.test("programObstacle() speaks against programs that a device can't start, and not against scripts", () => {
  const program = (machine: number) => {
    const bytes = new Uint8Array(64);
    bytes.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
    bytes[18] = machine;
    return bytes;
  };
  assertStringIncludes(programObstacle(program(183), "arm64-v8a") ?? "", "no loadable segment");
  assertStringIncludes(programObstacle(program(62), "arm64-v8a") ?? "", "x86-64");
  assertStringIncludes(programObstacle(program(183), "x86_64") ?? "", "expected x86-64");
  assertStringIncludes(programObstacle(program(183), "armv7l") ?? "", "expected arm64-v8a");
  const script = new TextEncoder().encode("#!/system/bin/sh\necho hello\n");
  assertEquals(programObstacle(script, "arm64-v8a"), null);
  assertEquals(programObstacle(new Uint8Array(), "arm64-v8a"), null);
});
