import { assertEquals, assertThrows } from "@std/assert";
import { parseChoice, parseList, parseNumber, parseShapes } from "./config.ts";
import { HarnessError } from "./errors.ts";

Deno.test("parseNumber() returns the value when it is within the range", () => {
  assertEquals(parseNumber("--rounds", "10", { min: 1, max: 100, integer: true }), 10);
});

Deno.test("parseNumber() throws bad-option when the text is no number, out of range, empty or not whole", () => {
  for (const text of ["ten", "0", "101", "", "1.5", "NaN", "Infinity", "1e99"]) {
    const error = assertThrows(
      () => parseNumber("--rounds", text, { min: 1, max: 100, integer: true }),
      HarnessError,
      "--rounds",
    );
    assertEquals(error.code, "bad-option");
  }
  assertThrows(
    () => parseNumber("--score-threshold", "1", { min: 0, max: 1, exclusive: true }),
    HarnessError,
  );
});

Deno.test("parseChoice() takes one value, not several", () => {
  assertEquals(parseChoice("--sigmoid", "fast", ["exact", "fast"]), "fast");
  const error = assertThrows(
    () => parseChoice("--sigmoid", "exact,fast", ["exact", "fast"]),
    HarnessError,
    "expected exact or fast",
  );
  assertEquals(error.code, "bad-option");
});

Deno.test("parseList() drops repeats and names the allowed values when one is unknown", () => {
  assertEquals(parseList("--head", "raw, raw ,decoded", ["raw", "decoded"]), ["raw", "decoded"]);
  assertThrows(() => parseList("--head", "row", ["raw", "decoded"]), HarnessError, "raw, decoded");
  assertThrows(() => parseList("--head", ",", ["raw"]), HarnessError, "one or more");
});

Deno.test("parseShapes() reads width before height and both kinds of rectangle", () => {
  assertEquals(parseShapes("--shape", "352x640,rect,rect320"), [
    { mode: "fixed", widthPx: 352, heightPx: 640 },
    { mode: "rect", longSidePx: null },
    { mode: "rect", longSidePx: 320 },
  ]);
});

Deno.test("parseShapes() throws when a side is no multiple of 32 or is missing", () => {
  for (const text of ["641x640", "640", "x640", "0x0", "rect100", "640x640,", "9999999x32"]) {
    assertThrows(() => parseShapes("--shape", text), HarnessError, "--shape");
  }
});
