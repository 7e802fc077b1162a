import { assertEquals } from "@std/assert";
import { table } from "./summary_text.ts";

Deno.test("table() aligns columns and leaves no blanks at the ends of lines", () => {
  assertEquals(table([["a", "b"], ["µs", "c"], ["xyz", ""]]), ["a    b", "µs   c", "xyz"]);
});
