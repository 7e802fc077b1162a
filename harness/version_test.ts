import { assertMatch, assertThrows } from "@std/assert";
import { packageVersion } from "./version.ts";

Deno.test("packageVersion() returns the pinned version of a package and throws for others", () => {
  assertMatch(packageVersion("onnxruntime-node"), /^1\.\d+\.\d+$/);
  assertThrows(() => packageVersion("left-pad"), RangeError, "left-pad");
});
