import { assertEquals } from "@std/assert";
import { formatTable, markdownTable } from "./table.ts";

Deno.test("formatTable() pads columns by width when cells are wide, short or missing", () => {
  assertEquals(formatTable(["a", "bc"], [["1", "2"]]), "a  bc\n-  --\n1  2\n");
  assertEquals(formatTable(["x", "y"], [["4×°C", "1"], ["a"]]), "x     y\n----  -\n4×°C  1\na\n");
  assertEquals(formatTable(["x"], []), "x\n-\n");
});

Deno.test("markdownTable() has a line for the head, one of dashes and one a row", () => {
  assertEquals(markdownTable(["a", "b"], [["1", "2"]]), "| a | b |\n| --- | --- |\n| 1 | 2 |");
  assertEquals(markdownTable(["a"], []), "| a |\n| --- |");
});
