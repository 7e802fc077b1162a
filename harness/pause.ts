/**
 * A pause that can be ended, and tries with pauses between them.
 *
 * @module
 */

/** Resolves after so long; rejects with the signal's reason when it aborts first. */
export async function pause(ms: number, signal?: AbortSignal): Promise<void> {
  signal?.throwIfAborted();
  await new Promise<void>((resolve, reject) => {
    const stop = () => {
      clearTimeout(timer);
      reject(signal!.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", stop);
      resolve();
    }, ms);
    signal?.addEventListener("abort", stop, { once: true });
  });
}

/** How long something is tried. */
export interface RetryOptions {
  /** From the first try on; 0 tries once. */
  waitMs: number;
  /** Pause after the first try; it doubles with each. */
  firstPauseMs: number;
  mostPauseMs: number;
  /** Whether an error may pass by itself; others are thrown at once. */
  passes(error: unknown): boolean;
  signal?: AbortSignal;
}

/**
 * Returns what `work` gives, tried again while its errors may pass and there is time; the last try
 * is at the end of the time.
 *
 * Throws the error of the last try, and the signal's reason when it aborts.
 */
export async function retry<T>(work: () => Promise<T>, options: RetryOptions): Promise<T> {
  const end = performance.now() + options.waitMs;
  for (let pauseMs = options.firstPauseMs;; pauseMs = Math.min(2 * pauseMs, options.mostPauseMs)) {
    options.signal?.throwIfAborted();
    try {
      return await work();
    } catch (error) {
      const leftMs = end - performance.now();
      // A timer may come a little early: what it leaves over is no time for another try.
      if (leftMs < 2 || !options.passes(error)) throw error;
      await pause(Math.min(pauseMs, leftMs), options.signal);
    }
  }
}
