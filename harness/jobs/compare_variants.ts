/**
 * Report and records of a comparison → what is known of each variant on each device, and its text
 * for a terminal (pure).
 *
 * @module
 */
import { variantLabels } from "../../reports/template/labels.js";
import { fps, megabytes, ms, place, ratioParts, score } from "../../reports/template/numbers.js";
import { apDifference } from "../parity/ap_difference.ts";
import type { CocoAnnotations } from "../pose/coco_annotations.ts";
import { groundTruthOf } from "../pose/ground_truth.ts";
import { toCocoResults } from "../pose/results.ts";
import type { RunRecords } from "../record/run_records.ts";
import type { Report, ReportVariant } from "../report/report_json.ts";
import type { ComparedVariant, ComparisonResult } from "../stats/comparison.ts";
import { USUAL_COLUMNS, wrapped } from "../text/lines.ts";
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
 * Returns the judgements as lines of at most `columns`: rankings with their gaps, where the order
 * turns, Pareto fronts, sustained load. Lines end in `\n`.
 */
export function comparisonText(
  variants: readonly ComparedVariant[],
  result: ComparisonResult,
  report: Pick<Report, "variants">,
  columns = USUAL_COLUMNS,
): string {
  const lines: string[] = [];
  const { byId } = variantLabels(report.variants);
  const label = (id: string) => byId.get(id) ?? id;
  for (const { device, variants: ranked, pairs } of result.rankings) {
    lines.push(`Ranking on ${device}, fastest first:`);
    for (const { variantId, rank, unranked } of ranked) {
      lines.push(
        `  ${place(rank).padEnd(5)} ${label(variantId)}${unranked === null ? "" : `: ${unranked}`}`,
      );
    }
    for (const { faster, slower, ratio, low, high, certain } of pairs) {
      const { value, bounds } = ratioParts({ value: ratio, low, high });
      const range = bounds === null
        ? ", too few launches for an interval"
        : ` (${bounds.low} to ${bounds.high})`;
      lines.push(
        `  ${label(slower)} takes ×${value}${range} of ${label(faster)}${certain ? "" : ": open"}`,
      );
    }
  }
  for (const { variantId, other, first, second } of result.orderChanges) {
    lines.push(
      `${label(variantId)} is faster than ${label(other)} on ${first}, slower on ${second}`,
    );
  }
  for (const { device, places } of result.pareto) {
    lines.push(`Pareto front on ${device} (time, size, memory, AP):`);
    for (const { variantId, onFront, dominatedBy, notJudged } of places) {
      const own = variants.find((each) => each.variantId === variantId && each.device === device);
      const by = dominatedBy.map((each) =>
        `${label(each.variantId)}${each.certain ? "" : " (not certain)"}`
      );
      const verdict = notJudged !== null
        ? `not judged: ${notJudged}`
        : onFront
        ? "on the front"
        : `beaten by ${by.join(", ")}`;
      lines.push(`  ${label(variantId)}: ${verdict}${own === undefined ? "" : figures(own)}`);
    }
  }
  for (const { device, variantId, load } of result.sustained) {
    lines.push(
      `${label(variantId)} on ${device}: ${fps(load.burstFps)} FPS at first, ${
        fps(load.sustainedFps)
      } FPS in the last third, ${
        load.throttledAtSeconds === null
          ? "never below 90% for long"
          : `below 90% from ${load.throttledAtSeconds.toFixed(0)} s on`
      }`,
    );
  }
  return lines.flatMap((line) => {
    const [inner] = /^ */.exec(line)!;
    return wrapped(line, columns - inner.length, "    ").map((piece) => inner + piece);
  }).join("\n") + "\n";
}

function figures({ timeNs, ap, sizeBytes, peakRssBytes }: ComparedVariant): string {
  const parts = [
    timeNs === null ? null : ms(timeNs.value),
    megabytes(sizeBytes),
    peakRssBytes === null ? null : `${megabytes(peakRssBytes)} of memory`,
    ap === null ? null : `AP ${score(ap.value)} (${score(ap.low)} to ${score(ap.high)})`,
  ];
  return `; ${parts.filter((part) => part !== null).join(", ")}`;
}
