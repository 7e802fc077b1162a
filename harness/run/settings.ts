/**
 * How an experiment runs on its devices, and the world that it runs in.
 *
 * @module
 */
import type { RunnerOptions } from "./runner_options.ts";
import type { ParityBars } from "../parity/judge.ts";
import type { Progress } from "../progress.ts";

/** How an experiment runs on its devices. */
export interface ExperimentSettings {
  /** `host`, serials, or `all`. */
  devices: string[];
  runner: RunnerOptions;
  /** Folder of images, a data set's folder, or a `data.yaml`. */
  images: string;
  /** File with the annotations; null: what the folder holds. */
  annotations: string | null;
  /** Standard deviations of the joints, a set or a file; null: what follows from the joints. */
  sigmas: string | null;
  /** Which classes stand for which categories; null: by name, else by order. */
  categories: string | null;
  /** Go on without images that can't be read. */
  skipUnreadable: boolean;
  /** Images that are timed, spread over the set. */
  measureImages: number;
  /** Images whose stages are judged one by one. */
  stageImages: number;
  launchTimeoutMs: number;
  /** Longest wait for a hot phone before a launch. */
  coolDownMs: number;
  /** Pin governor and frequencies of a rooted phone. */
  root: boolean;
  bars: ParityBars;
  /** Another ncnn source tree than the pinned one; null: the pinned. */
  ncnnSource: string | null;
  /** The command line, for the record. */
  command: string[];
}

/** Effects on the world outside. */
export interface ExperimentContext {
  progress: Progress;
  signal: AbortSignal;
}
