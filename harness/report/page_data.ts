/**
 * What the page holds: the report without its samples, figures of every launch taken from all of
 * its samples, and the samples themselves in a packed block as far as they fit.
 *
 * @module
 */
import type { PageExtras } from "./comparison.ts";
import type { Report, ReportLaunch } from "./report_json.ts";
import { quantileOfSorted } from "../stats/quantile.ts";
import { encodeSamples } from "./sample_codec.ts";

/** The largest packed block of raw samples that goes into a page, characters. */
export const RAW_BUDGET_CHARS = 6_000_000;
/** Fewest and most bins of a histogram. */
export const HISTOGRAM_BINS = { fewest: 5, most: 40 };
/** Most pieces that a launch is drawn with in the timeline. */
export const ENVELOPE_PIECES = 16;
/**
 * The timeline draws each sample when there are at most this many in the run, and envelopes
 * otherwise.
 */
const TIMELINE_SAMPLES = 6_000;

/** Order in which stages are packed until the budget is spent. */
const PACKING_ORDER = ["total", "inference", "preprocess", "postprocess"] as const;

/** Quantiles of a launch's total times, nanoseconds. */
export interface LaunchQuantiles {
  min: number;
  p5: number;
  p25: number;
  p50: number;
  p75: number;
  p90: number;
  p95: number;
  p99: number;
  max: number;
}

/** What the charts need of the device's state at one moment. */
export interface StateSummary {
  /** ISO 8601. */
  at: string;
  /** Hottest readable zone. */
  tempC: number | null;
  batteryTempC: number | null;
  /** Mean over the cores that could be read. */
  frequencyMHz: number | null;
  thermalStatus: number | null;
}

/** A launch without its samples. */
export interface LaunchSummary {
  device: string;
  variantId: string;
  round: number;
  position: number;
  startedAt: string;
  marks: string[];
  /** Of a machine with two speeds the one that it met; null else. */
  speed: ReportLaunch["speed"];
  before: StateSummary | null;
  after: StateSummary | null;
  sampleCount: number;
  /** Null for a launch without samples. */
  totalNs: LaunchQuantiles | null;
  /**
   * Pieces of consecutive samples: offset of the first sample from the launch's first, length (both
   * ns), min, median, max (ns).
   */
  envelope: [number, number, number, number, number][];
}

/** Total times of one variant on one device in equal bins, each round for itself. */
export interface Histogram {
  device: string;
  variantId: string;
  /** Left edge of the first bin, ns. */
  lowNs: number;
  /** Width of a bin, ns. */
  stepNs: number;
  /** Samples beyond the right edge (above the pooled p99), in no bin. */
  above: number;
  rounds: { round: number; counts: number[] }[];
}

/** The raw samples as they stand in the page, parsed only when they are asked for. */
export interface RawBlock {
  /**
   * In the order of the launches: image ids with their counts of samples, and the states as
   * recorded.
   */
  launches: {
    images: [string, number][];
    stateBefore: ReportLaunch["stateBefore"];
    stateAfter: ReportLaunch["stateAfter"];
  }[];
  /** See `encodeSamples`: all launches and images in order; null for a stage that did not fit. */
  stages: {
    preprocess: string | null;
    inference: string | null;
    postprocess: string | null;
    total: string | null;
  };
}

/** Everything that the page draws from. */
export interface PageData extends PageExtras {
  report: Omit<Report, "launches">;
  launches: LaunchSummary[];
  histograms: Histogram[];
  samples: {
    /** Samples of the run (each has four times). */
    count: number;
    /** Stages whose raw times are in the page. */
    embedded: ("preprocess" | "inference" | "postprocess" | "total")[];
    /** True when the timeline's pieces are single samples. */
    timelineExact: boolean;
  };
}

/**
 * Returns the page's data and the packed samples of a report. Pure; every figure is taken from all
 * samples.
 */
export function pageData(
  report: Report,
  rawBudgetChars: number = RAW_BUDGET_CHARS,
): { page: PageData; raw: RawBlock } {
  const { launches, ...rest } = report;
  const count = launches.reduce((sum, launch) => sum + sampleCount(launch), 0);
  const timelineExact = count <= TIMELINE_SAMPLES;
  const raw = rawBlock(launches, rawBudgetChars);
  return {
    page: {
      report: rest,
      ...{ comparison: null, tune: null, explanation: null },
      launches: launches.map((launch) => summariseLaunch(launch, timelineExact)),
      histograms: histograms(launches),
      samples: {
        count,
        embedded: PACKING_ORDER.filter((stage) => raw.stages[stage] !== null),
        timelineExact,
      },
    },
    raw,
  };
}

function sampleCount(launch: ReportLaunch): number {
  return launch.images.reduce((sum, image) => sum + image.samplesNs.total.length, 0);
}

function totals(launch: ReportLaunch): number[] {
  return launch.images.flatMap((image) => image.samplesNs.total);
}

function summariseLaunch(launch: ReportLaunch, exact: boolean): LaunchSummary {
  const samples = totals(launch);
  const sorted = Float64Array.from(samples).sort();
  const at = (p: number) => Math.round(quantileOfSorted(sorted, p));
  return {
    device: launch.device,
    variantId: launch.variantId,
    round: launch.round,
    position: launch.position,
    startedAt: launch.startedAt,
    marks: launch.marks,
    speed: launch.speed,
    before: summariseState(launch.stateBefore),
    after: summariseState(launch.stateAfter),
    sampleCount: samples.length,
    totalNs: samples.length === 0 ? null : {
      min: at(0),
      p5: at(0.05),
      p25: at(0.25),
      p50: at(0.5),
      p75: at(0.75),
      p90: at(0.9),
      p95: at(0.95),
      p99: at(0.99),
      max: at(1),
    },
    envelope: envelope(samples, exact ? samples.length : ENVELOPE_PIECES),
  };
}

function envelope(samplesNs: number[], pieces: number): LaunchSummary["envelope"] {
  const out: LaunchSummary["envelope"] = [];
  const size = Math.max(1, Math.ceil(samplesNs.length / Math.max(1, pieces)));
  let offsetNs = 0;
  for (let start = 0; start < samplesNs.length; start += size) {
    const piece = samplesNs.slice(start, start + size);
    const lengthNs = piece.reduce((sum, value) => sum + value, 0);
    piece.sort((a, b) => a - b);
    out.push([
      offsetNs,
      lengthNs,
      piece[0],
      Math.round(quantileOfSorted(piece, 0.5)),
      piece[piece.length - 1],
    ]);
    offsetNs += lengthNs;
  }
  return out;
}

function summariseState(state: ReportLaunch["stateBefore"]): StateSummary | null {
  if (state === null) return null;
  const temperatures = state.temperatures.map((zone) => zone.tempC);
  const frequencies = state.frequenciesKHz.filter((value) => value !== null);
  return {
    at: state.at,
    tempC: temperatures.length === 0 ? null : Math.max(...temperatures),
    batteryTempC: state.batteryTempC,
    frequencyMHz: frequencies.length === 0
      ? null
      : Math.round(frequencies.reduce((sum, value) => sum + value, 0) / frequencies.length / 1000),
    thermalStatus: state.thermalStatus,
  };
}

function histograms(launches: ReportLaunch[]): Histogram[] {
  const groups = new Map<string, ReportLaunch[]>();
  for (const launch of launches) {
    if (sampleCount(launch) === 0) continue;
    const key = JSON.stringify([launch.device, launch.variantId]);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [launch]);
    else group.push(launch);
  }
  return [...groups.values()].map((group) => {
    const perRound = group.map((launch) => ({ round: launch.round, samples: totals(launch) }));
    const sorted = Float64Array.from(perRound.flatMap(({ samples }) => samples)).sort();
    const lowNs = Math.floor(sorted[0]);
    const highNs = Math.ceil(quantileOfSorted(sorted, 0.99));
    const bins = binCount(sorted.length);
    const stepNs = Math.max(1, Math.ceil((highNs - lowNs + 1) / bins));
    let above = 0;
    const rounds = perRound.map(({ round, samples }) => {
      const counts: number[] = new Array(bins).fill(0);
      for (const sample of samples) {
        const bin = Math.floor((sample - lowNs) / stepNs);
        if (bin < bins) counts[bin]++;
        else above++;
      }
      return { round, counts };
    });
    return {
      device: group[0].device,
      variantId: group[0].variantId,
      lowNs,
      stepNs,
      above,
      rounds,
    };
  });
}

/** Rice's rule, 2·∛n, within the bounds. */
function binCount(samples: number): number {
  const { fewest, most } = HISTOGRAM_BINS;
  return Math.min(most, Math.max(fewest, Math.ceil(2 * Math.cbrt(samples))));
}

function rawBlock(launches: ReportLaunch[], budgetChars: number): RawBlock {
  const stages: RawBlock["stages"] = {
    preprocess: null,
    inference: null,
    postprocess: null,
    total: null,
  };
  let left = budgetChars;
  for (const stage of PACKING_ORDER) {
    const text = encodeSamples(function* () {
      for (const launch of launches) {
        for (const image of launch.images) yield* image.samplesNs[stage];
      }
    }());
    if (text.length > left) break;
    stages[stage] = text;
    left -= text.length;
  }
  return {
    launches: launches.map((launch) => ({
      images: launch.images.map((image) => [image.imageId, image.samplesNs.total.length]),
      stateBefore: launch.stateBefore,
      stateAfter: launch.stateAfter,
    })),
    stages,
  };
}
