/**
 * GitHub Actions: the step summary in Markdown and workflow commands that annotate.
 *
 * @module
 */
import { markdownTable } from "../../text/table.ts";
import { type GateMetric, isVerdictUntold, type Verdict } from "../verdict.ts";
import { type FormatInput, metricLabel } from "./figures.ts";

/** GitHub takes 1 MiB of summary per step. */
const MOST_SUMMARY_BYTES = 1_048_576;
const CUT = "\n\n_Cut: the summary was longer than GitHub takes._\n";
const SIGNS: Record<Verdict, string> = { pass: "✅", fail: "❌", inconclusive: "❔" };

/** Returns the Markdown for `$GITHUB_STEP_SUMMARY`, at most 1 MiB. */
export function githubSummary(input: FormatInput): string {
  const { gate, figures, environmentError } = input;
  const parts: string[] = [];
  if (environmentError !== null) {
    parts.push(`## ⚠️ Posemark could not measure\n`, `${text(environmentError.message)}\n`);
  }
  if (gate !== null) {
    parts.push(
      `## ${SIGNS[gate.verdict]} Posemark: ${gate.verdict}\n`,
      `${text(gate.candidate)} against ${text(gate.baseline)} on ${text(gate.device)}${
        gate.paired ? `, ${gate.blocks} blocks in ${gate.seconds.toFixed(0)} s` : ", saved runs"
      }\n`,
      table(
        [
          ...["device", "candidate", "metric", "candidate / baseline", "interval", "threshold"],
          ...["detectable", "verdict"],
        ],
        gate.metrics.map((metric) => [
          metric.device,
          metric.candidate,
          metric.name,
          ratio(metric.ratio),
          interval(metric),
          ratio(metric.threshold),
          ratio(metric.detectable),
          `${SIGNS[metric.verdict]} ${metric.verdict}`,
        ]),
      ),
      `**Correctness**: ${SIGNS[gate.parity.verdict]} ${text(gate.parity.reason)}\n`,
      ...gate.reasons.map((reason) => `- ${text(reason)}`),
      ``,
    );
  }
  const shown = figures.filter(({ metric }) => metric === "total.p50");
  if (shown.length > 0) {
    parts.push(table(
      ["device", "variant", "time per image", "95% interval", "FPS"],
      shown.map(({ device, variantId, value, low, high }) => [
        device,
        variantId,
        milliseconds(value),
        low === null || high === null ? "–" : `${milliseconds(low)} – ${milliseconds(high)}`,
        (1e9 / value).toFixed(1),
      ]),
    ));
  }
  return limited(parts.join("\n"));
}

/**
 * Returns workflow commands, one a line: an error for a failure, a warning for what is
 * inconclusive, a notice for a pass.
 */
export function githubAnnotations(input: FormatInput): string {
  const { gate, environmentError } = input;
  const lines: string[] = [];
  if (environmentError !== null) {
    lines.push(command("error", "Posemark could not measure", environmentError.message));
  }
  if (gate !== null) {
    const level = { pass: "notice", fail: "error", inconclusive: "warning" } as const;
    for (const metric of gate.metrics.filter(({ verdict }) => verdict !== "pass")) {
      lines.push(
        command(
          level[metric.verdict],
          `Posemark: ${metricLabel(gate, metric)} on ${metric.device}`,
          metric.reason,
        ),
      );
    }
    if (gate.parity.verdict !== "pass") {
      lines.push(
        command(level[gate.parity.verdict], "Posemark: correctness", gate.parity.reason),
      );
    }
    if (isVerdictUntold(gate)) {
      lines.push(command(level[gate.verdict], "Posemark: verdict", gate.reasons.join("\n")));
    }
    if (gate.verdict === "pass") {
      lines.push(command("notice", "Posemark: pass", gate.reasons.join("\n")));
    }
  }
  return lines.map((line) => `${line}\n`).join("");
}

/** Escapes as the runner's toolkit does (actions/toolkit, packages/core/src/command.ts). */
function command(level: "error" | "warning" | "notice", title: string, message: string): string {
  const data = (value: string) =>
    value.replaceAll("%", "%25").replaceAll("\r", "%0D").replaceAll("\n", "%0A");
  const property = (value: string) => data(value).replaceAll(":", "%3A").replaceAll(",", "%2C");
  return `::${level} title=${property(title)}::${data(message)}`;
}

function table(header: string[], rows: string[][]): string {
  return markdownTable(header, rows.map((row) => row.map(text))) + "\n";
}

/** Text that Markdown shows as it is, in a table too. */
function text(value: string): string {
  return value.replace(/[\\`*_{}\[\]<>|#$~]/g, (mark) => `\\${mark}`).replace(/\s*\n\s*/g, " ");
}

function ratio(value: number | null): string {
  return value === null ? "–" : value.toFixed(3);
}

function interval({ low, high }: GateMetric): string {
  return low === null && high === null ? "–" : `${ratio(low)} – ${ratio(high)}`;
}

function milliseconds(ns: number): string {
  return `${(ns / 1e6).toFixed(2)} ms`;
}

function limited(markdown: string): string {
  const encoder = new TextEncoder();
  const bytes = encoder.encode(markdown);
  if (bytes.length <= MOST_SUMMARY_BYTES) return markdown;
  const room = MOST_SUMMARY_BYTES - encoder.encode(CUT).length;
  const kept = new TextDecoder().decode(bytes.slice(0, room), { stream: true });
  return kept.slice(0, kept.lastIndexOf("\n")) + CUT;
}
