/**
 * Reports of earlier versions → the newest version (pure).
 *
 * What a report of before does not tell is filled in by the schema's defaults.
 *
 * @module
 */
import { z } from "zod";
import { DEFAULT_MAX_AP_DROP, NEAR_ZERO_AP } from "../parity/ap_verdict.ts";
import { migrate } from "../record/migrate.ts";
import { EFFECTIVE_PRECISIONS } from "../record/precision.ts";
import { NO_SETTINGS } from "../record/run_settings.ts";
import { CONVERTED, MANIFEST_VERSION, VariantProperties } from "../record/variant.ts";
import { qualityOf, variantFacts } from "./variant_facts.ts";

const { model, activation, swapped, speedOnly, head, shape, converter, parameterCount, macs } =
  VariantProperties.shape;
/** A variant of a report of before 0.2.0, whose manifest stood beside the figures, in parts. */
const FlatVariantSchema = z.looseObject({
  ...{ model, activation, swapped, speedOnly, head, shape, converter, parameterCount, macs },
  id: z.string(),
  precision: z.looseObject({
    requested: VariantProperties.shape.precision,
    effective: z.enum(EFFECTIVE_PRECISIONS).nullable(),
  }),
  weights: CONVERTED.bin,
  param: z.looseObject({}),
  layers: z.int(),
  fusedActivations: z.int(),
  latencyNs: z.record(z.string(), z.looseObject({ p50: z.number() })).nullable(),
  fps: z.number().nullable(),
  medianTotalNs: z.looseObject({ value: z.number() }).nullable(),
  peakRssBytes: z.number().nullable(),
});
type FlatVariant = z.infer<typeof FlatVariantSchema>;

/**
 * Returns a report in the newest version. A value that is no report of an earlier version comes
 * back as it is, for the schema to judge.
 */
export function migrateReport(report: unknown): unknown {
  const newest = migrate(report, { 1: (first) => first });
  if (typeof newest !== "object" || newest === null) return newest;
  const { variants, base } = newest as { variants?: unknown; base?: unknown };
  if (!Array.isArray(variants)) return newest;
  const newer = variants.map(lifted);
  return { ...newest, variants: newer.map((variant) => withQuality(variant, base, newer)) };
}

const QualitySchema = z.looseObject({
  id: z.string(),
  device: z.string(),
  variant: z.looseObject({ speedOnly: z.boolean() }),
  parity: z.looseObject({ verdict: z.enum(["pass", "fail", "inconclusive"]), matched: z.number() }),
  accuracy: z.looseObject({ ap: z.number() }).nullable(),
});

/** A variant of before the two questions of correctness were told apart, with what it tells. */
function withQuality(value: unknown, base: unknown, variants: readonly unknown[]): unknown {
  if (typeof value !== "object" || value === null || "quality" in value) return value;
  const known = QualitySchema.safeParse(value);
  if (!known.success) return value;
  const { id, device, variant, parity, accuracy } = known.data;
  const reference = variants.map((each) => QualitySchema.safeParse(each).data).find((each) =>
    each?.id === base && each?.device === device
  )?.accuracy;
  const isCompared = accuracy !== null && reference && id !== base && reference.ap >= NEAR_ZERO_AP;
  const againstBase = isCompared
    ? { value: accuracy.ap - reference.ap, low: null, high: null }
    : null;
  return {
    ...value,
    accuracy: accuracy && { ...accuracy, againstBase },
    quality: qualityOf({
      ...{ isBase: id === base, speedOnly: variant.speedOnly, parity },
      accuracy: accuracy && { ap: accuracy.ap, againstBase },
    }, DEFAULT_MAX_AP_DROP),
  };
}

/** A variant with its manifest embedded, and with the metrics that it tells under other names. */
function lifted(value: unknown): unknown {
  const flat = FlatVariantSchema.safeParse(value);
  if (!flat.success) return value;
  // deno-fmt-ignore
  const {
    model, swapped, speedOnly, shape, converter, parameterCount, macs,
    weights, param, layers, fusedActivations, peakRssBytes, ...rest
  } = flat.data;
  const { id, activation, head, precision, medianTotalNs } = rest;
  const variant = {
    schemaVersion: MANIFEST_VERSION,
    ...{ id, model, activation, swapped, speedOnly, head, precision: precision.requested },
    ...{ branch: "o2m" as const, shape, converter, parameterCount, macs, bin: weights },
    param: { ...param, layers, fusedActivations },
    settings: NO_SETTINGS,
  };
  const facts = variantFacts({
    variant,
    effective: precision.effective,
    medianTotalNs,
  });
  return {
    ...{ figures: figuresOf(rest, peakRssBytes), ...rest, variant, ...facts },
    ...(rest.fps !== null && facts.timeNs !== null ? { fps: 1e9 / facts.timeNs } : {}),
  };
}

function figuresOf(
  { latencyNs, medianTotalNs }: Pick<FlatVariant, "latencyNs" | "medianTotalNs">,
  peakRssBytes: number | null,
): Record<string, unknown> {
  // of the stages a report of before told the median of all samples alone
  const stages = Object.entries(latencyNs ?? {}).filter(([stage]) => stage !== "total").map((
    [stage, { p50 }],
  ) => [`${stage}.p50`, { unit: "ns", value: p50, low: null, high: null }]);
  return {
    ...Object.fromEntries(stages),
    ...(medianTotalNs && { "total.p50": { unit: "ns", ...medianTotalNs } }),
    ...(peakRssBytes !== null &&
      { peakRss: { unit: "bytes", value: peakRssBytes, low: null, high: null } }),
  };
}
