/**
 * Progress for people: what is being done, how far it is, how long it may take. Written to stderr.
 *
 * @module
 */

import { printable, printableLines } from "./text/printable.ts";

/** One piece of work that takes time. */
export interface ProgressStep {
  /**
   * Says how far the step is: a share from 0 to 1, or null when that is not known, and what is
   * being done.
   */
  update(fraction: number | null, text?: string): void;
  /** Says that the step is done. */
  done(text?: string): void;
}

/** Where steps are announced. */
export interface Progress {
  /**
   * Announces a step; `expectedSeconds` is how long it usually takes on two cores, null when that
   * is not known.
   */
  step(title: string, expectedSeconds?: number | null): ProgressStep;
}

/** Says nothing. */
export const SILENT: Progress = { step: () => ({ update() {}, done() {} }) };

/** Least time between two lines of one step that is not on a terminal. */
const LINE_INTERVAL_MS = 10_000;
/** Least time between two updates of a line on a terminal. */
const REDRAW_INTERVAL_MS = 100;

/**
 * Returns a progress that writes to the stream: a line that is redrawn on a terminal, else a line
 * now and then.
 */
export function writeProgress(
  write: (text: string) => void,
  isTerminal: boolean,
  now: () => number = () => performance.now(),
): Progress {
  return {
    step(title, expectedSeconds = null) {
      const startedMs = now();
      let shownMs = -Infinity;
      const expected = expectedSeconds !== null && expectedSeconds >= 2
        ? ` (takes about ${seconds(expectedSeconds)})`
        : "";
      const line = (text: string) => {
        const shown = printable(text);
        write(isTerminal ? `\r\x1b[2K${shown}` : `${printableLines(shown)}\n`);
      };
      line(`… ${title}${expected}`);
      return {
        update(fraction, text = "") {
          const atMs = now();
          if (atMs - shownMs < (isTerminal ? REDRAW_INTERVAL_MS : LINE_INTERVAL_MS)) return;
          shownMs = atMs;
          const share = fraction === null ? "" : ` ${Math.round(fraction * 100)}%`;
          const spent = (atMs - startedMs) / 1000;
          const left = fraction !== null && fraction > 0.05 && spent > 2
            ? `, about ${seconds(spent / fraction - spent)} left`
            : "";
          line(`… ${title}${share}${left}${text === "" ? "" : `: ${text}`}`.slice(0, 160));
        },
        done(text = "") {
          const spent = (now() - startedMs) / 1000;
          line(`✓ ${title}${text === "" ? "" : `: ${text}`} (${seconds(spent)})`);
          if (isTerminal) write("\n");
        },
      };
    },
  };
}

/** Returns the progress of a command: on stderr. */
export function stderrProgress(): Progress {
  const encoder = new TextEncoder();
  return writeProgress((text) => {
    try {
      Deno.stderr.writeSync(encoder.encode(text));
    } catch (cause) {
      // who reads no more (`| head`) must not end a run
      if (!(cause instanceof Deno.errors.BrokenPipe)) throw cause;
    }
  }, Deno.stderr.isTerminal());
}

function seconds(value: number): string {
  if (value < 10) return `${value.toFixed(1)} s`;
  return value < 90 ? `${Math.round(value)} s` : `${Math.round(value / 60)} min`;
}
