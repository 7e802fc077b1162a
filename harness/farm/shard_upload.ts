/**
 * Records on their way from a shard's log to the store, while the shard runs.
 *
 * @module
 */
import { parseRecord } from "../record/records.ts";
import type { FarmStore, ShardClaim } from "../store/store.ts";

/** Sends what a log gained since the last time. */
export interface Uploader {
  /**
   * Sends all complete lines that were not sent yet; waits for a sending that is under way first.
   */
  flush(): Promise<void>;
  /** Records that the store took as new. */
  readonly sent: number;
}

/**
 * Returns an uploader for a log.
 *
 * The log on the disk is the truth: what could not be sent is sent by the next flush. Throws what
 * the store throws.
 */
export function uploader(logPath: string, store: FarmStore, claim: ShardClaim): Uploader {
  let offset = 0;
  let line = 0;
  let sent = 0;
  let last: Promise<void> = Promise.resolve();
  const send = async () => {
    const bytes = await Deno.readFile(logPath);
    const end = bytes.lastIndexOf(0x0a) + 1;
    if (end <= offset) return;
    const lines = new TextDecoder().decode(bytes.subarray(offset, end)).split("\n");
    lines.pop();
    const records = lines.map((text, index) =>
      parseRecord(text, `${logPath}, line ${line + index + 1}`)
    ).filter((record) => record !== null);
    sent += await store.append(claim, records);
    offset = end;
    line += lines.length;
  };
  return {
    flush() {
      const next = last.then(send, send);
      last = next.catch(() => {});
      return next;
    },
    get sent() {
      return sent;
    },
  };
}
