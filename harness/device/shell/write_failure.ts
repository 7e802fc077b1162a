/**
 * Why a device refused to write a file, from its own words: pure.
 *
 * @module
 */
import { HarnessError } from "../../errors.ts";
import { shortly } from "./runner_exit.ts";

/**
 * Returns the error of a write that the device refused; null when its words tell no such reason, so
 * that the link may have failed.
 *
 * @param said what it said
 */
export function writeFailure(
  serial: string,
  what: string,
  said: string,
  cause?: unknown,
): HarnessError | null {
  if (
    !/No space left|couldn't create file|write failed|Read-only|Permission denied|quota exceeded/i
      .test(said)
  ) {
    return null;
  }
  const full = /No space left|write failed|quota exceeded/i.test(said);
  return new HarnessError(
    full ? "no-space" : "device-unsuitable",
    `Cannot ${what} of device "${serial}": ${shortly(said.trim())}: ${
      full ? "free some space on the device" : "expected a folder that the shell may write"
    }`,
    { cause },
  );
}
