import { assertMatch, assertNotEquals } from "@std/assert";
import { newRunId } from "./run_id.ts";

Deno.test("newRunId() begins with the time in UTC and is another one each time", () => {
  const at = new Date("2026-01-31T23:59:59.123Z");
  assertMatch(newRunId(at), /^20260131235959-[0-9a-f]{8}$/);
  assertNotEquals(newRunId(at), newRunId(at));
});
