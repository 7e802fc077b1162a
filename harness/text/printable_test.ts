import { assert, assertEquals } from "@std/assert";
import {
  plainCell,
  printable,
  printableJson,
  printableLines,
  printableValues,
} from "./printable.ts";

/** What a phone's properties, a layer or a file name may hold. */
const HOSTILE = [
  "\x1b[2J\x1b[1;31mfail",
  "a\nb",
  "a\rb",
  "\u0007\u0008\u007f\u009b31m",
  "safe\u202egpj.exe",
  "x\u2066y\u2069",
  "a\u200bb\ufeff",
  "line\u2028line",
  "\ud800",
  "\u{e0041}tag",
];

Deno.test("printable() leaves nothing that acts, and ordinary text of any language as it is", () => {
  for (const text of HOSTILE) {
    assert(/^[\x20-\x7e]*$/.test(printable(text)), JSON.stringify(printable(text)));
  }
  assertEquals(printable("Pixel\n\x1b[2J"), "Pixel\\x0a\\x1b[2J");
  assertEquals(printable("a\u202eb"), "a\\u{202e}b");
  for (const text of ["小米 14 Ultra", "Überprüfung 4×°C", "גלאי", "😀 <b>&amp;", "C:\\a\\b"]) {
    assertEquals(printable(text), text);
  }
});

Deno.test("printableLines() keeps lines and takes CI systems' commands their effect", () => {
  assertEquals(printableLines("a\n\tb\r\nc\x1b[0m"), "a\n\tb\nc\\x1b[0m");
  assertEquals(
    printableLines("x\n::error::no\n  ::set-env name=A::b\nstd::vector a::b"),
    "x\n: :error::no\n  : :set-env name=A::b\nstd::vector a::b",
  );
  assertEquals(
    printableLines("a ##[error]b ##vso[task.x]c ##teamcity[x] ## title"),
    "a # #[error]b # #vso[task.x]c # #teamcity[x] ## title",
  );
  // a lone carriage return would begin the line anew
  assertEquals(printableLines("ok\r::error::"), "ok\\x0d::error::");
});

Deno.test("printableValues() reaches texts and keys at any depth, and leaves the rest", () => {
  const at = new Date(0);
  assertEquals(
    printableValues({ "a\x1b": [{ b: "c\n" }, 1, null, true], at }),
    { "a\\x1b": [{ b: "c\\x0a" }, 1, null, true], at },
  );
});

Deno.test("printableJson() reads back as the value, and holds nothing that acts", () => {
  for (const text of [...HOSTILE, "##[error]x", "::warning::y"]) {
    for (const indent of [undefined, 2]) {
      const json = printableJson({ [text]: [text] }, indent);
      assertEquals(JSON.parse(json), { [text]: [text] });
      assert(/^[\x20-\x7e\n]*$/.test(json), json);
      assertEquals(printableLines(json), json);
    }
  }
  assertEquals(printableJson(undefined), "null");
});

Deno.test("plainCell() takes formulas their effect and leaves other cells", () => {
  for (const text of ["=1+2", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"]) {
    assert(plainCell(text).startsWith("'"), text);
  }
  assertEquals(plainCell("a=1"), "a=1");
  assertEquals(plainCell("R5CT10"), "R5CT10");
  assertEquals(plainCell("a\nb"), "a\\x0ab");
});
