import { assertEquals, assertThrows } from "@std/assert";
import { HarnessError } from "../errors.ts";
import type { Roofline } from "../record/records.ts";
import { parseRoofline } from "./roofline.ts";

const ROOFLINE: Roofline = {
  kind: "roofline",
  schemaVersion: 1,
  threads: 2,
  fp32GflopPerSecond: 100,
  fp32Kernel: "neon fma",
  fp16GflopPerSecond: 200,
  bandwidthGbytePerSecond: 10,
};

Deno.test("parseRoofline() throws when a line is missing or is something else", () => {
  const line = JSON.stringify(ROOFLINE);
  assertEquals(assertThrows(() => parseRoofline(line), HarnessError).code, "bad-device-output");
  const error = assertThrows(() => parseRoofline(`{"kind":"runner"}\n${line}\n`), HarnessError);
  assertEquals(error.code, "bad-record");
});
