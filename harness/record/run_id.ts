/**
 * The id of a run.
 *
 * @module
 */

/** Returns an id that no other run has, and that sorts by time: `20260131235959-1a2b3c4d` (UTC). */
export function newRunId(at: Date = new Date()): string {
  return `${at.toISOString().replace(/\D/g, "").slice(0, 14)}-${crypto.randomUUID().slice(0, 8)}`;
}
