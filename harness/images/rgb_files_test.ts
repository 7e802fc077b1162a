import { assertEquals } from "@std/assert";
import { spread } from "./rgb_files.ts";

Deno.test("spread() returns the items evenly over the list, first and last included", () => {
  assertEquals(spread([0, 1, 2, 3, 4, 5, 6, 7, 8], 3), [0, 4, 8]);
  assertEquals(spread([0, 1, 2], 3), [0, 1, 2]);
  assertEquals(spread([0, 1, 2], 1), [0]);
  assertEquals(spread([], 3), []);
  const many = spread(Array.from({ length: 5000 }, (_, index) => index), 24);
  assertEquals([many.length, many[0], many.at(-1), new Set(many).size], [24, 0, 4999, 24]);
});
