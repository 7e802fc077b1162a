/**
 * The report as a table for the terminal (pure).
 *
 * @module
 */
import { formatTable } from "../text/table.ts";
import { accuracyLines } from "./accuracy_text.ts";
import type { Report, ReportVariant } from "./report_json.ts";

/**
 * Returns a table of the variants, the warnings, and one sentence on the fastest; lines end in
 * `\n`.
 */
export function summaryText(report: Report): string {
  const lines: string[] = [];
  for (const device of report.devices) {
    const name = [device.model, device.soc].filter(Boolean).join(", ") || device.serial;
    lines.push(
      `Device ${device.serial} (${name})${
        device.emulated ? ": emulated, its times mean nothing" : ""
      }`,
    );
    const variants = report.variants.filter((variant) => variant.device === device.serial)
      .toSorted((a, b) => (a.rank ?? Infinity) - (b.rank ?? Infinity));
    lines.push(formatTable(
      [
        "rank",
        "variant",
        "ran as",
        "p50 ms",
        "p90 ms",
        "p99 ms",
        "FPS",
        "speed-up (95% CI)",
        "parity",
        "p99 px",
        "min OKS",
        "AP",
        "reference AP",
      ],
      variants.map(row),
    ));
  }
  lines.push(...notes(report));
  return lines.join("\n") + "\n";
}

function row(variant: ReportVariant): string[] {
  const ms = (ns: number | undefined) => ns === undefined ? "–" : (ns / 1e6).toFixed(2);
  const { latencyNs, ratio, parity, accuracy } = variant;
  return [
    variant.rank === null ? "–" : String(variant.rank),
    variant.id + (variant.variant.speedOnly ? " (speed only)" : ""),
    variant.precision.effective ?? "did not run",
    ms(variant.timeNs ?? undefined),
    ms(latencyNs?.total.p90),
    ms(latencyNs?.total.p99),
    variant.fps?.toFixed(1) ?? "–",
    ratio === null ? "–" : interval(ratio),
    parity.verdict,
    parity.p99Px?.toPrecision(2) ?? "–",
    parity.minOks?.toFixed(5) ?? "–",
    accuracy?.ap.toFixed(3) ?? "–",
    accuracy?.referenceAp.toFixed(3) ?? "–",
  ];
}

function interval(
  { value, low, high }: { value: number; low: number | null; high: number | null },
) {
  const range = low === null || high === null ? "" : ` (${low.toFixed(3)}–${high.toFixed(3)})`;
  return `${value.toFixed(3)}×${range}`;
}

function notes(report: Report): string[] {
  const lines = accuracyLines(report.variants);
  for (const variant of report.variants) {
    if (variant.parity.verdict !== "pass") {
      lines.push(`parity ${variant.parity.verdict}: ${variant.id}: ${variant.parity.reason}`);
    }
    if (variant.benchncnn) {
      lines.push(
        `benchncnn: ${variant.id}: ${variant.benchncnn.avgMs.toFixed(2)} ms, ours is ${
          variant.benchncnn.ratio.toFixed(3)
        }× of it`,
      );
    }
  }
  const told = [
    ...report.warnings.map((warning) => ({ ...warning, about: "" })),
    ...report.variants.flatMap(({ id, warnings }) =>
      warnings.map((warning) => ({ ...warning, about: id }))
    ),
  ];
  for (const [message, all] of Map.groupBy(told, (warning) => warning.message)) {
    const about = [...new Set(all.map((warning) => warning.about))].join(", ");
    lines.push(`warning: ${about}${about && ": "}${message} ${all[0].advice}`);
  }
  return lines;
}
