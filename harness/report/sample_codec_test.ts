import { assertEquals, assertThrows } from "@std/assert";
import { decodeBase64 } from "@std/encoding";
import { csvField, decodeSamples } from "../../reports/template/samples.js";
import { seededRng } from "../stats/rng.ts";
import { encodeSamples } from "./sample_codec.ts";

Deno.test("encodeSamples() writes zigzag deltas in groups of seven bits when computed by hand", () => {
  // 64 → 128 → 0x80 0x01; 63 is −1 → 1; 63 + 8192 → 16384 → 0x80 0x80 0x01
  assertEquals([...decodeBase64(encodeSamples([64, 63, 8255]))], [0x80, 1, 1, 0x80, 0x80, 1]);
  assertEquals(encodeSamples([]), "");
});

Deno.test("decodeSamples() gives back the same integers when they are random, huge, negative or none", () => {
  const rng = seededRng(3);
  const values = Array.from({ length: 5000 }, () => Math.round(60e6 + 1e6 * rng.normal()));
  values.push(0, 2 ** 51, -(2 ** 51), 1, -1, 2 ** 32, 2 ** 31);
  assertEquals(decodeSamples(encodeSamples(values)), values);
  assertEquals(decodeSamples(""), []);
});

Deno.test("decodeSamples() throws when the text ends within a number", () => {
  assertThrows(() => decodeSamples(btoa("\x80")), Error, "ends within a number");
});

Deno.test("encodeSamples() throws when a value is no integer or too large", () => {
  for (const bad of [1.5, NaN, 2 ** 52]) {
    assertThrows(() => encodeSamples([bad]), RangeError, String(bad));
  }
});

Deno.test("csvField() quotes what would end the field and defuses what a spreadsheet would run", () => {
  assertEquals(csvField('a,"b"'), '"a,""b"""');
  assertEquals(csvField("=1+1"), "'=1+1");
  assertEquals(csvField("plain"), "plain");
  assertEquals(csvField(null), "");
});
