import { assertEquals, assertThrows } from "@std/assert";
import { requireSafeName } from "./names.ts";

Deno.test("requireSafeName() returns the name when it is safe, and throws otherwise", () => {
  assertEquals(requireSafeName("yolov8n-pose.silu.raw_1", "id"), "yolov8n-pose.silu.raw_1");
  for (const name of ["", ".", "..", "-rf", "a/b", "a b", "a\n", "x".repeat(151), "ä"]) {
    assertThrows(() => requireSafeName(name, "id"), RangeError, "Cannot use id");
  }
});
