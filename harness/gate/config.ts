/**
 * `posemark.json`: what the gate tolerates, per metric, device and variant.
 *
 * @module
 */
import { z } from "zod";
import { withoutByteOrderMark } from "../text/byte_order_mark.ts";
import { HarnessError } from "../errors.ts";
import { DEFAULT_MAX_AP_DROP } from "../parity/ap_verdict.ts";
import { METRIC_NAMES, type MetricName } from "../record/metrics.ts";

/**
 * Schema of the thresholds: per metric the increase in percent from which it must be found; null
 * switches a metric off.
 */
const ThresholdsSchema = z.strictObject(
  Object.fromEntries(
    METRIC_NAMES.map((name) => [
      name,
      z.number().gt(0).max(1000).nullable().optional()
        .describe(`Increase of ${name} in percent from which the gate must fail; null: not gated.`),
    ]),
  ) as Record<MetricName, z.ZodOptional<z.ZodNullable<z.ZodNumber>>>,
).describe("Thresholds per metric, in percent.");

/** Schema of what can be said for all, and again for one device or variant. */
const RulesSchema = z.strictObject({
  thresholdsPercent: ThresholdsSchema.optional(),
  maxApDrop: z.number().gt(0).lt(1).nullable().optional()
    .describe(
      "Loss of keypoint AP (0 to 1) from which the gate must fail; null: not gated. Default: 0.02 where the AP of both sides is known, else not gated.",
    ),
  budgetSeconds: z.number().gt(0).max(86_400).optional()
    .describe("Device time after which an undecided gate ends as inconclusive."),
});

/** Schema of `posemark.json`; unknown keys are errors. */
export const GateConfigSchema = z.strictObject({
  $schema: z.string().optional(),
  devices: z.array(z.string()).optional().describe(
    "Boards, as ssh://user@host: `deno task devices` lists them beside what adb knows.",
  ),
  gate: RulesSchema.extend({
    falseAlarmPercent: z.number().gt(0).lt(50).optional()
      .describe(
        "Chance of a failure when nothing changed, over all metrics, variants and devices of a gate; 5.",
      ),
    missPercent: z.number().gt(0).lt(50).optional()
      .describe("Chance of a pass when a change is as large as the threshold, per metric; 5."),
    devices: z.record(z.string(), RulesSchema).optional()
      .describe("Rules of one device, by serial; they win over the general ones."),
    variants: z.record(z.string(), RulesSchema).optional()
      .describe("Rules of one variant, by id; they win over those of the device."),
  }),
}).describe("What Posemark's gate tolerates.");
/** See {@linkcode GateConfigSchema}. */
export type GateConfig = z.infer<typeof GateConfigSchema>;

/** Returns the devices that the configuration names: those listed, and those with rules. */
export function namedDevices({ devices, gate }: GateConfig): string[] {
  return [...new Set([...devices ?? [], ...Object.keys(gate.devices ?? {})])];
}

/** The rules that hold for one variant on one device. */
export interface GateRules {
  /** Candidate over baseline from which a metric must fail, above 1, by metric; at least one. */
  thresholds: { name: MetricName; ratio: number }[];
  maxApDrop: number | null;
  /**
   * True when the configuration itself asks for the AP: what can't be told is inconclusive then.
   */
  isApRequired: boolean;
  budgetSeconds: number;
  /** Over all metrics of this variant on this device together. */
  falseAlarmRate: number;
  /** Per metric. */
  missRate: number;
}

/**
 * Returns the rules for a candidate's variant on a device; device null: what holds for phones
 * together.
 */
export type RulesOf = (device: string | null, candidateId: string) => GateRules;

/** What holds when `posemark.json` says nothing: 5% of the median of the total, 5 minutes. */
export const DEFAULT_GATE_CONFIG: GateConfig = {
  gate: { thresholdsPercent: { "total.p50": 5 }, budgetSeconds: 300 },
};

/**
 * Returns the configuration that the JSON text holds.
 *
 * Throws `HarnessError` `bad-config` that names the file and the key at fault; unknown keys are
 * errors.
 */
export function parseGateConfig(text: string, file: string): GateConfig {
  let json: unknown;
  try {
    json = JSON.parse(withoutByteOrderMark(text));
  } catch (cause) {
    throw new HarnessError(
      "bad-config",
      `Cannot read ${file}: found text that is not JSON (${(cause as Error).message})`,
      { cause },
    );
  }
  const result = GateConfigSchema.safeParse(json);
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  const key = issue.path.join(".") || "(top level)";
  throw new HarnessError(
    "bad-config",
    `Cannot read ${file}: key "${key}": ${issue.message}. Expected the keys of posemark.schema.json; metrics are ${
      METRIC_NAMES.join(", ")
    }`,
  );
}

/**
 * Returns the rules for one variant on one device: those of the variant win over those of the
 * device, these over the general ones, and these over {@linkcode DEFAULT_GATE_CONFIG}, key by key
 * and metric by metric. Device null: what holds for phones together. `gateCount` is how many
 * verdicts are given at once (variants × devices): they share the false alarm rate (Bonferroni).
 *
 * Throws `HarnessError` `bad-config` when no metric is left to be gated.
 */
export function gateRules(
  config: GateConfig,
  device: string | null,
  variantId: string,
  gateCount: number,
): GateRules {
  const { gate } = config;
  const layers = [
    DEFAULT_GATE_CONFIG.gate,
    gate,
    device === null ? undefined : gate.devices?.[device],
    gate.variants?.[variantId],
  ]
    .filter((layer) => layer !== undefined);
  const percents = Object.assign(
    {},
    ...layers.map((layer) => layer.thresholdsPercent ?? {}),
  ) as Partial<Record<MetricName, number | null>>;
  const thresholds = METRIC_NAMES.flatMap((name) => {
    const percent = percents[name];
    return percent === undefined || percent === null ? [] : [{ name, ratio: 1 + percent / 100 }];
  });
  if (thresholds.length === 0) {
    throw new HarnessError(
      "bad-config",
      `Cannot gate "${variantId}" on ${
        device === null ? "phones" : `"${device}"`
      }: every metric is switched off, expected a threshold for at least one in posemark.json`,
    );
  }
  const maxApDrop = layers.findLast((layer) => layer.maxApDrop !== undefined)?.maxApDrop;
  return {
    thresholds,
    maxApDrop: maxApDrop === undefined ? DEFAULT_MAX_AP_DROP : maxApDrop,
    isApRequired: typeof maxApDrop === "number",
    budgetSeconds: layers.findLast((layer) => layer.budgetSeconds !== undefined)!.budgetSeconds!,
    falseAlarmRate: (gate.falseAlarmPercent ?? 5) / 100 / gateCount,
    missRate: (gate.missPercent ?? 5) / 100,
  };
}

/** Returns the JSON schema of `posemark.json` (draft 2020-12), for editors. */
export function gateConfigJsonSchema(): Record<string, unknown> {
  return z.toJSONSchema(GateConfigSchema, { target: "draft-2020-12" });
}
