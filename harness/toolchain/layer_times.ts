/**
 * What a profiling build prints about its layers → times per layer (pure).
 *
 * Such a build is slower than the one that gives the headline figures: its times say how the layers
 * share, not how long an inference takes.
 *
 * @module
 */
import { HarnessError } from "../errors.ts";

/** One layer in one inference. */
export interface LayerTime {
  /** ncnn's layer type. */
  type: string;
  /** Name in the `.param`. */
  name: string;
  /** ncnn measures microseconds. */
  timeNs: number;
}

/** All layers of one inference, in the order of execution. */
export interface LayerRun {
  imageId: string;
  /** Counts from 0; -1 for the first iteration on an image, which is kept apart. */
  iteration: number;
  layers: LayerTime[];
}

/** A layer over all iterations. */
export interface LayerSummary {
  type: string;
  name: string;
  /** Nanoseconds of every iteration, in order. */
  samplesNs: number[];
  medianNs: number;
  /** Share of the sum of all layers' medians, 0 to 1; null when that sum is 0. */
  share: number | null;
}

const MARK = /^posemark-layers (\S+) (-?\d+)\s*$/;
const LAYER = /^(\S+)\s+(\S+)\s+(\d+(?:\.\d+)?)ms\s+\|/;

/**
 * Returns the inferences in the stderr of `posemark-runner run` of a profiling build, in their
 * order.
 *
 * Throws `HarnessError` `bad-device-output` when there is none, or when one of them has no layers.
 *
 * @example
 * ```ts
 * parseLayerTimes("posemark-layers bus 0\nConvolution   conv_1      1.25ms    | [640]\n");
 * // [{ imageId: "bus", iteration: 0, layers: [{ type: "Convolution", name: "conv_1", timeNs: 1250000 }] }]
 * ```
 */
export function parseLayerTimes(stderr: string): LayerRun[] {
  const runs: LayerRun[] = [];
  let current: LayerRun | null = null;
  for (const line of stderr.split(/\r?\n/)) {
    const mark = MARK.exec(line);
    if (mark) {
      current = mark[1] === "-"
        ? null
        : { imageId: mark[1], iteration: Number(mark[2]), layers: [] };
      if (current) runs.push(current);
      continue;
    }
    const layer = LAYER.exec(line);
    if (!layer || !current) continue;
    const timeNs = Math.round(Number(layer[3]) * 1e6);
    current.layers.push({ type: layer[1], name: layer[2], timeNs });
  }
  const empty = runs.find((run) => run.layers.length === 0);
  if (runs.length === 0 || empty) {
    throw new HarnessError(
      "bad-device-output",
      `Cannot read the layers' times: found ${
        empty
          ? `none for image "${empty.imageId}", iteration ${empty.iteration}`
          : "no inference in the runner's stderr"
      }, expected lines of a profiling build: build the runner with the kind "profile"`,
      { stderrTail: stderr.split(/\r?\n/).slice(-12) },
    );
  }
  return runs;
}

/**
 * Returns every layer's samples and median over the runs, in the order of execution. Iterations
 * that are kept apart (-1) do not count.
 *
 * Throws `HarnessError` `bad-device-output` when the runs do not have the same layers, and
 * `RangeError` when no run counts.
 */
export function summarizeLayerTimes(runs: readonly LayerRun[]): LayerSummary[] {
  const counted = runs.filter((run) => run.iteration >= 0);
  if (counted.length === 0) throw new RangeError("no iteration to summarize");
  const first = counted[0].layers;
  for (const run of counted) {
    const same = run.layers.length === first.length &&
      run.layers.every((layer, i) => layer.name === first[i].name);
    if (same) continue;
    throw new HarnessError(
      "bad-device-output",
      `Cannot compare the layers' times: image "${run.imageId}", iteration ${run.iteration} ran ${run.layers.length} layers, expected the same ${first.length} as in "${
        counted[0].imageId
      }": the output is cut off or mixed up`,
    );
  }
  const layers = first.map(({ type, name }, i) => {
    const samplesNs = counted.map((run) => run.layers[i].timeNs);
    return { type, name, samplesNs, medianNs: median(samplesNs) };
  });
  const sumNs = layers.reduce((sum, layer) => sum + layer.medianNs, 0);
  return layers.map((layer) => ({ ...layer, share: sumNs > 0 ? layer.medianNs / sumNs : null }));
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}
