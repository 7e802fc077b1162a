/**
 * A row of the table of faults.
 *
 * @module
 */
import type { ErrorCode } from "../../errors.ts";

/** One row of the table. */
export interface Fault {
  id: string;
  /** What happens. */
  fault: string;
  /** What is kept, and whether the run goes on. */
  kept: string;
  /** Code of the error; null when the operation finishes in spite of the fault. */
  code: ErrorCode | null;
  /**
   * Part of the message that the user reads, or of the session's log when the operation finishes.
   */
  message: string;
  /**
   * `emulated`: made to happen on the emulated phone. `scripted`: played by a scripted adb server.
   * `sshd`: made to happen with a real ssh server on this machine. `board`: on the emulated board.
   */
  shownOn: "emulated" | "scripted" | "sshd" | "board";
}
