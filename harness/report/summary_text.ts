/**
 * The report for a terminal: what ran, a table as wide as the terminal, one line a fact, the answer
 * last (pure).
 *
 * @module
 */
import { answerFor, answerParts } from "../../reports/template/answer.js";
import { ranParts, stateParts } from "../../reports/template/conditions.js";
import { orderOf } from "../../reports/template/context.js";
import { deviceNames, variantLabels } from "../../reports/template/labels.js";
import {
  fps,
  MISSING,
  ms,
  msBounds,
  msNumber,
  place,
  pxNumber,
  ratioParts,
  score,
  signed,
} from "../../reports/template/numbers.js";
import { cutMiddle, textWidth, USUAL_COLUMNS, wrapped } from "../text/lines.ts";
import { formatTable } from "../text/table.ts";
import { accuracyLines } from "./accuracy_text.ts";
import { inEnglish } from "./english.ts";
import type { Report, ReportVariant } from "./report_json.ts";

/** A column of the table; of those that don't fit the last in `DROPPED` go first. */
interface Column {
  head: string;
  cell(variant: ReportVariant): string;
}

/**
 * Returns the report as lines of at most `columns`: each device with what its variants share, what
 * ran and the machine's states, its table, then warnings, then the answer of each device. Lines end
 * in `\n`.
 */
export function summaryText(report: Report, columns = USUAL_COLUMNS): string {
  const lines: string[] = [];
  const { common, byId } = variantLabels(report.variants);
  const label = (id: string) => byId.get(id) ?? id;
  const names = deviceNames(report);
  if (common.length > 0) lines.push(...wrapped(common.join(" · "), columns), "");
  const serials = [...names.keys()];
  for (const serial of serials) {
    const isEmulated = report.devices.some((device) => device.serial === serial && device.emulated);
    const name = names.get(serial)!;
    lines.push(
      ...wrapped(
        `Device ${serial}${name === serial ? "" : ` (${name})`}${
          isEmulated ? ": emulated, its times mean nothing" : ""
        }`,
        columns,
      ),
      ...wrapped(ranParts(report, serial).map(inEnglish).join(" · "), columns),
      ...stateParts(report, serial).flatMap((part) => wrapped(inEnglish(part), columns)),
    );
    const variants = report.variants.filter(({ device }) => device === serial)
      .toSorted(orderOf(report));
    lines.push(...fittedTable(variants, label, columns), "");
  }
  for (const note of notes(report, label)) lines.push(...wrapped(note, columns));
  for (const serial of serials) {
    const sentence = answerParts(report, answerFor(report, serial)).map(inEnglish).join("; ");
    lines.push("", ...wrapped(`${sentence}.`, columns, ""));
  }
  return lines.join("\n") + "\n";
}

/** Columns that go where the terminal is narrow, the first to go first. */
const DROPPED = ["px", "p90 of all", "95%", "FPS", "AP"];

/** The table without the columns for which there is no room, names cut as a last resort. */
function fittedTable(
  variants: readonly ReportVariant[],
  label: (id: string) => string,
  columns: number,
): string[] {
  let shown = allColumns(variants);
  const name = { head: "variant", cell: ({ id }: ReportVariant) => label(id) };
  const table = (named: Column) => {
    const [first, ...rest] = shown;
    const kept = [first, named, ...rest];
    return formatTable(
      kept.map(({ head }) => head),
      variants.map((variant) => kept.map(({ cell }) => cell(variant))),
    ).trimEnd().split("\n");
  };
  const widest = (lines: readonly string[]) => Math.max(...lines.map(textWidth));
  let lines = table(name);
  for (const head of DROPPED) {
    if (widest(lines) <= columns) return lines;
    shown = shown.filter((column) => column.head !== head);
    lines = table(name);
  }
  const over = widest(lines) - columns;
  if (over <= 0) return lines;
  const room = Math.max(...variants.map(({ id }) => textWidth(label(id)))) - over;
  return table({ ...name, cell: ({ id }) => cutMiddle(label(id), Math.max(8, room)) });
}

function allColumns(variants: readonly ReportVariant[]): Column[] {
  const isAnnotated = variants.some(({ accuracy }) => accuracy !== null);
  return [
    { head: "#", cell: ({ rank }) => place(rank) },
    { head: "ms", cell: ({ timeNs }) => msNumber(timeNs) },
    {
      head: "95%",
      cell: ({ medianTotalNs }) => between(medianTotalNs && msBounds(medianTotalNs)),
    },
    { head: "FPS", cell: (variant) => fps(variant.fps) },
    { head: "p90 of all", cell: ({ latencyNs }) => msNumber(latencyNs?.total.p90 ?? null) },
    { head: "speed-up (95%)", cell: ratioText },
    { head: "converted", cell: ({ quality }) => quality.converted.replace("-", " ") },
    { head: "px", cell: ({ parity }) => pxNumber(parity.maxPx) },
    ...(isAnnotated ? [{ head: "AP", cell: accuracyText }] : []),
  ];
}

function between(bounds: { low: string; high: string } | null): string {
  return bounds === null ? MISSING : `${bounds.low}–${bounds.high}`;
}

function ratioText({ ratio, id }: ReportVariant): string {
  if (ratio === null) return MISSING;
  if (ratio.base === id) return "1";
  const { value, bounds } = ratioParts(ratio);
  if (bounds === null) return "too few launches";
  return ratio.useless ? `can't tell (${between(bounds)})` : `${value}× (${between(bounds)})`;
}

function accuracyText({ accuracy, quality }: ReportVariant): string {
  if (accuracy === null) return MISSING;
  const change = accuracy.againstBase;
  return change === null
    ? score(accuracy.ap)
    : `${signed(change.value, 3)} ${quality.accurate === "not-judged" ? "?" : quality.accurate}`;
}

/** What a reader should know besides, one fact each. */
function notes(report: Report, label: (id: string) => string): string[] {
  const lines = accuracyLines(report.variants.map((each) => ({ ...each, id: label(each.id) })));
  const several = new Set(report.variants.map(({ device }) => device)).size > 1;
  const named = ({ id, device }: ReportVariant) =>
    several ? `${label(id)} on ${device}` : label(id);
  for (const variant of report.variants) {
    if (variant.parity.verdict !== "pass") {
      lines.push(`parity ${variant.parity.verdict}: ${named(variant)}: ${variant.parity.reason}`);
    }
    if (variant.benchncnn) {
      lines.push(
        `benchncnn: ${named(variant)}: ${ms(variant.benchncnn.avgMs * 1e6)}, our network ${
          ms(variant.figures["inference.p50"]?.value ?? null)
        }`,
      );
    }
  }
  const told = [
    ...report.warnings.map((warning) => ({ ...warning, about: "" })),
    ...report.variants.flatMap((variant) =>
      variant.warnings.map((warning) => ({ ...warning, about: label(variant.id) }))
    ),
  ];
  for (const [message, all] of Map.groupBy(told, (warning) => warning.message)) {
    const about = [...new Set(all.map((warning) => warning.about))].join(", ");
    lines.push(`warning: ${about}${about && ": "}${message} ${all[0].advice}`);
  }
  return lines;
}
