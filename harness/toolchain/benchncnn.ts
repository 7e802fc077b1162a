/**
 * ncnn's own benchmark as a second opinion on speed: its command line and its output (pure).
 *
 * It runs all-zero weights on a constant input, 8 warm-ups and `loops` iterations, and prints
 * minimum, maximum and average.
 *
 * @module
 */
import { HarnessError } from "../errors.ts";
import { namedSwitches, type Precision } from "../record/precision.ts";

/** What benchncnn is to run. */
export interface BenchncnnRequest {
  /** Path of the program where it runs. */
  benchncnn: string;
  /** Path of the `.param` where it runs. */
  param: string;
  loops: number;
  threads: number;
  /** ncnn's powersave: 0 all cores, 1 little, 2 big. */
  powersave: number;
  widthPx: number;
  heightPx: number;
  /** Upstream has no switches for it; ours are added by runner-cpp/benchncnn.cmake. */
  precision: Precision;
}

/** What benchncnn measured. */
export interface BenchncnnFigures {
  minMs: number;
  maxMs: number;
  avgMs: number;
}

/** Returns the command that runs benchncnn on the CPU, without its pause of 10 s for cooling. */
export function benchncnnCommand(request: BenchncnnRequest): string[] {
  const { loops, threads, powersave, widthPx, heightPx } = request;
  const noGpu = "-1";
  const noPause = "0";
  return [
    request.benchncnn,
    String(loops),
    String(threads),
    String(powersave),
    noGpu,
    noPause,
    `param=${request.param}`,
    `shape=[${widthPx},${heightPx},3]`,
    ...namedSwitches(request.precision).map(([name, on]) => `${name}=${on ? 1 : 0}`),
  ];
}

/**
 * Returns the figures in what benchncnn printed to stderr.
 *
 * benchncnn checks no return code: a graph that it could not load gives a time near 0, and the
 * reason stands above it. Throws `HarnessError` `bad-device-output` for that, and when there is not
 * exactly one line of figures.
 *
 * @example
 * ```ts
 * parseBenchncnn("m.param  min =   60.12  max =   65.00  avg =   61.50\n");
 * // { minMs: 60.12, maxMs: 65, avgMs: 61.5 }
 * ```
 */
export function parseBenchncnn(stderr: string): BenchncnnFigures {
  const pattern =
    /min =\s*(\d+(?:\.\d+)?)\s+max =\s*(\d+(?:\.\d+)?)\s+avg =\s*(\d+(?:\.\d+)?)\s*$/gm;
  const found = [...stderr.matchAll(pattern)];
  const stderrTail = stderr.split(/\r?\n/).filter((line) => line.trim() !== "").slice(-12);
  const trouble = stderrTail.find((line) =>
    /not exists or registered|failed|unrecognized arg|invalid|too old|while model has/.test(line)
  );
  if (found.length !== 1 || trouble !== undefined) {
    throw new HarnessError(
      "bad-device-output",
      `Cannot read benchncnn's figures: found ${
        trouble === undefined ? `${found.length} lines of figures` : `"${trouble.trim()}"`
      }, expected one line "min = … max = … avg = …": check the .param with the runner`,
      { stderrTail },
    );
  }
  const [minMs, maxMs, avgMs] = found[0].slice(1).map(Number);
  if (!(minMs > 0 && minMs <= avgMs + 0.01 && avgMs <= maxMs + 0.01)) {
    throw new HarnessError(
      "bad-device-output",
      `Cannot use benchncnn's figures: found min ${minMs}, avg ${avgMs}, max ${maxMs} ms, expected 0 < min ≤ avg ≤ max: the graph did not run`,
      { stderrTail },
    );
  }
  return { minMs, maxMs, avgMs };
}
