/**
 * Checks what a fault ended in against its row of the table.
 *
 * @module
 */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { HarnessError } from "../../errors.ts";
import type { Fault } from "./fault.ts";

/** The error that the user meets, or the words of the session's log when all went well. */
export type Outcome = HarnessError | string;

/** Throws when the outcome is not what the row says. */
export function checkFault(fault: Fault, outcome: Outcome): void {
  if (fault.code === null) {
    assertEquals(typeof outcome, "string", String(outcome));
    assertStringIncludes(String(outcome), fault.message);
    return;
  }
  if (!(outcome instanceof HarnessError)) throw new Error(`Expected an error, found "${outcome}"`);
  assertStringIncludes(outcome.message, fault.message);
  assertEquals([outcome.code, outcome.exitCode], [fault.code, 3], outcome.message);
}
