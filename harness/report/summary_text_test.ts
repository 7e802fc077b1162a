import { assertEquals } from "@std/assert";
import { table } from "./summary_text.ts";

Deno.test("table() aligns columns by the width that a terminal shows", () => {
  assertEquals(table([["a", "b"], ["手机", "c"], ["xyz", ""]]), ["a     b", "手机  c", "xyz"]);
});
