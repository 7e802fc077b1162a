import { assertEquals } from "@std/assert";
import { withoutByteOrderMark } from "./byte_order_mark.ts";

Deno.test("withoutByteOrderMark() takes one mark away when the text begins with it, and no other", () => {
  assertEquals(withoutByteOrderMark("\uFEFF{}"), "{}");
  assertEquals(withoutByteOrderMark("{\uFEFF}"), "{\uFEFF}");
  assertEquals(withoutByteOrderMark(""), "");
});
