/**
 * Reports of earlier versions → the newest version (pure).
 *
 * What a report of before does not tell is filled in by the schema's defaults.
 *
 * @module
 */
import { migrate } from "../record/migrate.ts";

/**
 * Returns a report in the newest version. A value that is no report of an earlier version comes
 * back as it is, for the schema to judge.
 */
export function migrateReport(report: unknown): unknown {
  return migrate(report, { 1: (first) => first });
}
