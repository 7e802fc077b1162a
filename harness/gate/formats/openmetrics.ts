/**
 * OpenMetrics text (openmetrics.io, version 1.0): gauges with labels, base units, ending in `#
 * EOF`.
 *
 * @module
 */
import { METRIC_NAMES, metricOf } from "../../record/metrics.ts";
import type { Figure, FormatInput } from "./figures.ts";

interface Family {
  name: string;
  unit: string;
  help: string;
  samples: string[];
}

/**
 * Returns the exposition: latencies in seconds, throughput in frames per second, memory in bytes,
 * and the gate's verdict and ratios.
 */
export function openMetricsText(input: FormatInput): string {
  const latencies = input.figures.filter(({ unit }) => unit === "ns");
  const families: Family[] = [
    {
      name: "posemark_latency_seconds",
      unit: "seconds",
      help: "Latency by stage and quantile.",
      samples: latencies.map((figure) =>
        sample("posemark_latency_seconds", {
          ...labelsOf(figure),
          ...stageOf(figure),
        }, figure.value / 1e9)
      ),
    },
    {
      name: "posemark_latency_bound_seconds",
      unit: "seconds",
      help: "Bounds of the 95% interval over rounds.",
      samples: latencies.flatMap((figure) =>
        ([["low", figure.low], ["high", figure.high]] as const).flatMap(([bound, value]) =>
          value === null ? [] : [sample("posemark_latency_bound_seconds", {
            ...labelsOf(figure),
            ...stageOf(figure),
            bound,
          }, value / 1e9)]
        )
      ),
    },
    gauge("posemark_throughput_fps", "", "Frames per second: 1 / time per image.", input, "fps"),
    ...METRIC_NAMES.filter((name) => metricOf(name).unit === "bytes").map((name) =>
      gauge(
        `posemark_${name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)}_bytes`,
        "bytes",
        `The ${metricOf(name).label}.`,
        input,
        name,
      )
    ),
    ...gateFamilies(input),
  ];
  const lines = families.filter((family) => family.samples.length > 0).flatMap((family) => [
    `# TYPE ${family.name} gauge`,
    ...(family.unit === "" ? [] : [`# UNIT ${family.name} ${family.unit}`]),
    `# HELP ${family.name} ${family.help}`,
    ...family.samples,
  ]);
  return [...lines, "# EOF", ""].join("\n");
}

function gauge(
  name: string,
  unit: string,
  help: string,
  { figures }: FormatInput,
  metric: string,
): Family {
  const samples = figures.filter((figure) => figure.metric === metric).map((figure) =>
    sample(name, labelsOf(figure), figure.value)
  );
  return { name, unit, help, samples };
}

function gateFamilies({ gate }: FormatInput): Family[] {
  if (gate === null) return [];
  const { device, baseline, candidate } = gate;
  const code = { pass: 0, fail: 1, inconclusive: 4 }[gate.verdict];
  return [
    {
      name: "posemark_gate_exit_code",
      unit: "",
      help: "Verdict of the gate: 0 pass, 1 fail, 4 inconclusive.",
      samples: [sample("posemark_gate_exit_code", { device, baseline, candidate }, code)],
    },
    {
      name: "posemark_gate_ratio",
      unit: "ratio",
      help: "Candidate over baseline.",
      samples: gate.metrics.flatMap(({ device, candidate, name, ratio }) =>
        ratio === null
          ? []
          : [sample("posemark_gate_ratio", { device, baseline, candidate, metric: name }, ratio)]
      ),
    },
  ];
}

/** Stage and percentile of a time; one that is no percentile has its name as the stage. */
function stageOf({ metric }: Figure): Record<string, string> {
  const named = /^(.+)\.(p\d+)$/.exec(metric);
  return named === null ? { stage: metric } : { stage: named[1], percentile: named[2] };
}

function labelsOf({ device, variantId }: Figure): Record<string, string> {
  return { device, variant: variantId };
}

function sample(name: string, labels: Record<string, string>, value: number): string {
  const pairs = Object.entries(labels).map(([key, text]) => `${key}="${escaped(text)}"`);
  return `${name}{${pairs.join(",")}} ${value}`;
}

function escaped(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
}
