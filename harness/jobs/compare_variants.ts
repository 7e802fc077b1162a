/**
 * Report and records of a comparison → what is known of each variant on each device, and its text
 * for a terminal (pure).
 *
 * @module
 */
import { apDifference } from "../parity/ap_difference.ts";
import type { CocoAnnotations } from "../pose/coco_annotations.ts";
import { groundTruthOf } from "../pose/ground_truth.ts";
import { toCocoResults } from "../pose/results.ts";
import type { RunRecords } from "../record/run_records.ts";
import type { Report, ReportVariant } from "../report/report_json.ts";
import type { ComparedVariant, ComparisonResult } from "../stats/comparison.ts";
import type { Bounded } from "../stats/pareto.ts";

/**
 * Returns each variant on each device as the judgements want it.
 *
 * The interval of the AP is a bootstrap over images: the difference to a model that finds nobody,
 * whose AP is 0.
 */
export function comparedVariants(
  report: Report,
  records: RunRecords,
  annotations: CocoAnnotations | null,
): ComparedVariant[] {
  return report.variants.map((variant) => ({
    variantId: variant.id,
    device: variant.device,
    // what the launches say is judged of the launches that are compared: burst and end apart
    unranked: variant.unranked?.code === "noise" ? null : variant.unranked?.message ?? null,
    timeNs: variant.medianTotalNs === null ? null : bounded(variant.medianTotalNs),
    ap: variant.accuracy === null || annotations === null
      ? null
      : apOf(variant, records, annotations),
    sizeBytes: variant.variant.bin.bytes,
    peakRssBytes: variant.figures.peakRss?.value ?? null,
  }));
}

/** Unknown bounds exclude nothing. */
function bounded(
  { value, low, high }: { value: number; low: number | null; high: number | null },
): Bounded {
  return { value, low: low ?? 0, high: high ?? Number.MAX_VALUE };
}

function apOf(
  variant: ReportVariant,
  { run, parity }: RunRecords,
  annotations: CocoAnnotations,
): Bounded | null {
  const cocoIds = new Map(run.images.map(({ id, cocoImageId }) => [id, cocoImageId]));
  const manifest = run.variants.find(({ id }) => id === variant.id);
  if (manifest === undefined) return null;
  const truth = groundTruthOf(annotations, manifest);
  const results = parity.flatMap((record) => {
    const cocoId = cocoIds.get(record.imageId) ?? null;
    const isOwn = record.device === variant.device && record.variantId === variant.id;
    return isOwn && cocoId !== null ? toCocoResults(cocoId, record.candidate, truth.classes) : [];
  });
  const found = apDifference(truth.annotations, results, [], truth.kind);
  if (found === null) return null;
  return { value: found.value, low: found.low ?? 0, high: found.high ?? 1 };
}

/**
 * Returns the judgements as text: rankings with their gaps, where the order turns, Pareto fronts,
 * sustained load. Lines end in `\n`.
 */
export function comparisonText(
  variants: readonly ComparedVariant[],
  result: ComparisonResult,
): string {
  const lines: string[] = [];
  for (const { device, variants: ranked, pairs, undecided } of result.rankings) {
    lines.push(`Ranking on ${device}, fastest first:`);
    for (const { variantId, rank, unranked } of ranked) {
      const place = rank === null
        ? "–"
        : rank.best === rank.worst
        ? String(rank.best)
        : `${rank.best}–${rank.worst}`;
      lines.push(`  ${place.padEnd(5)} ${variantId}${unranked === null ? "" : `: ${unranked}`}`);
    }
    for (const { faster, slower, ratio, low, high, certain } of pairs) {
      const bounds = low === null || high === null
        ? ", too few rounds for an interval"
        : ` (${low.toFixed(3)} to ${high.toFixed(3)})`;
      lines.push(
        `  ${slower} takes ×${ratio.toFixed(3)}${bounds} of ${faster}${certain ? "" : ": open"}`,
      );
    }
    for (const reason of undecided) lines.push(`  - ${reason}`);
  }
  for (const { variantId, other, first, second } of result.orderChanges) {
    lines.push(`${variantId} is faster than ${other} on ${first}, slower on ${second}`);
  }
  for (const { device, places } of result.pareto) {
    lines.push(`Pareto front on ${device} (time, size, memory, AP):`);
    for (const { variantId, onFront, dominatedBy, notJudged } of places) {
      const own = variants.find((each) => each.variantId === variantId && each.device === device);
      const verdict = notJudged !== null
        ? `not judged: ${notJudged}`
        : onFront
        ? "on the front"
        : `beaten by ${
          dominatedBy.map((each) => `${each.variantId}${each.certain ? "" : " (not certain)"}`)
            .join(", ")
        }`;
      lines.push(`  ${variantId}: ${verdict}${own === undefined ? "" : figures(own)}`);
    }
  }
  for (const { device, variantId, load } of result.sustained) {
    lines.push(
      `${variantId} on ${device}: ${load.burstFps.toFixed(1)} FPS at first, ${
        load.sustainedFps.toFixed(1)
      } FPS in the last third, ${
        load.throttledAtSeconds === null
          ? "never below 90% for long"
          : `below 90% from ${load.throttledAtSeconds.toFixed(0)} s on`
      }`,
    );
  }
  return lines.join("\n") + "\n";
}

function figures({ timeNs, ap, sizeBytes, peakRssBytes }: ComparedVariant): string {
  const parts = [
    timeNs === null ? null : `${(timeNs.value / 1e6).toFixed(2)} ms`,
    `${(sizeBytes / 1e6).toFixed(1)} MB`,
    peakRssBytes === null ? null : `${(peakRssBytes / 1e6).toFixed(0)} MB of memory`,
    ap === null
      ? null
      : `AP ${ap.value.toFixed(3)} (${ap.low.toFixed(3)} to ${ap.high.toFixed(3)})`,
  ];
  return `; ${parts.filter((part) => part !== null).join(", ")}`;
}
