import { assert, assertEquals } from "@std/assert";
import { cutMiddle, textWidth, wrapped } from "./lines.ts";

Deno.test("textWidth() counts two columns for wide characters and none for marks on others", () => {
  assertEquals(["abc", "模型a", "e\u0301", ""].map(textWidth), [3, 5, 1, 0]);
});

Deno.test("wrapped() breaks between words and indents what follows", () => {
  assertEquals(wrapped("one two three four", 9), ["one two", "  three", "  four"]);
  assertEquals(wrapped("averyveryverylongword x", 8), ["averyveryverylongword", "  x"]);
  assertEquals(wrapped("  ", 8), []);
  const text = "模型 转换 正确 无误";
  assert(wrapped(text, 11).every((line) => textWidth(line) <= 11));
});

Deno.test("cutMiddle() keeps both ends within the columns", () => {
  assertEquals(cutMiddle("yolov8n-pose.silu.raw", 11), "yolov…u.raw");
  for (const columns of [5, 8, 13]) {
    const cut = cutMiddle("yolov8n-pose.模型.raw", columns);
    assert(textWidth(cut) <= columns, cut);
    assert(cut.startsWith("yo") && cut.endsWith("w") && cut.includes("…"), cut);
  }
  assertEquals(cutMiddle("short", 5), "short");
});
