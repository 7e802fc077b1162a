/**
 * The table of injected defects: which one, what it does, at which stage it is caught, what the
 * verdict says.
 *
 * @module
 */
import type { StageParity } from "../../record/records.ts";

/** One injected defect and how it was caught. */
export interface MutationRow {
  /** Name of the defect. */
  name: string;
  /** What it does to the program or the data. */
  description: string;
  /** Stage at which it was caught; null when it was not. */
  caughtAt: StageParity["stage"] | null;
  /** The verdict's reason. */
  reason: string;
}

/** Longest reason in the table. */
const REASON_LENGTH = 160;

/**
 * Returns a reason that fits a cell: the finding, without the place and without where the tolerance
 * comes from.
 */
function shortReason(reason: string): string {
  const finding = reason.replace(/^[a-z-]+ differs first: \d+ of \d+ images, worst \S+: /, "")
    .replace(/\d+ differences? unexplained, first: /, "")
    .split("; ")
    .filter((part) => !/^(tolerance|fp32|float32|the letterbox|greedy|bars)/.test(part))
    .join("; ");
  const cut = finding.length > REASON_LENGTH ? `${finding.slice(0, REASON_LENGTH - 1)}…` : finding;
  return cut.replaceAll("|", "\\|");
}

/** Returns the rows as a Markdown table. */
export function mutationTable(rows: readonly MutationRow[]): string {
  return [
    "| defect | what it does | caught at | what the verdict says |",
    "|---|---|---|---|",
    ...rows.map(({ name, description, caughtAt, reason }) =>
      `| \`${name}\` | ${description} | ${caughtAt ?? "**not caught**"} | ${shortReason(reason)} |`
    ),
    "",
  ].join("\n");
}
