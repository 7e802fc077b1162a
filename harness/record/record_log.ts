/**
 * `records.jsonl` on disk: appended and flushed a record at a time, read back strictly.
 *
 * @module
 */
import * as path from "@std/path";
import { AnyRecord, FailureRecord, parseRecord, RECORD_VERSION } from "./records.ts";
import { asWriteError, makeFolder } from "../disk.ts";
import { HarnessError } from "../errors.ts";

/** An open `records.jsonl`; close it by `using`. */
export class RecordLog implements Disposable {
  readonly path: string;
  readonly #file: Deno.FsFile;

  private constructor(path: string, file: Deno.FsFile) {
    this.path = path;
    this.#file = file;
  }

  /**
   * Returns a new log, its folder made when it is missing; throws `output-exists` when the file is
   * already there.
   */
  static create(file: string): RecordLog {
    makeFolder(path.dirname(file));
    try {
      return RecordLog.#locked(file, Deno.openSync(file, { createNew: true, append: true }));
    } catch (cause) {
      if (cause instanceof Deno.errors.AlreadyExists) {
        throw new HarnessError(
          "output-exists",
          `Cannot start a run in ${file}: it already holds records. Go on with it by --resume, or name another folder by --out`,
          { cause },
        );
      }
      throw asWriteError(cause, file);
    }
  }

  /** Keeps other processes from the file for as long as it is open. */
  static #locked(path: string, file: Deno.FsFile): RecordLog {
    let isFree = true;
    try {
      isFree = file.tryLockSync(true);
    } catch { /* a file system without locks */ }
    if (isFree) return new RecordLog(path, file);
    file.close();
    throw new HarnessError(
      "output-exists",
      `Cannot go on with the run in ${path}: another process is writing to it. Wait until it ends, or name another folder by --out`,
    );
  }

  /**
   * Returns the log of an earlier run, opened to go on, and its records. A last line that was cut
   * off (power loss, full disk) is removed from the file and counted in `droppedBytes`. Throws
   * `output-exists` when another process is writing to it.
   */
  static resume(file: string): { log: RecordLog; records: AnyRecord[]; droppedBytes: number } {
    const opened = ofRun(file, () => Deno.openSync(file, { append: true }));
    const log = RecordLog.#locked(file, opened);
    try {
      const { records, completeBytes, droppedBytes } = readRecords(file);
      if (droppedBytes > 0) Deno.truncateSync(file, completeBytes);
      return { log, records, droppedBytes };
    } catch (error) {
      log[Symbol.dispose]();
      throw error;
    }
  }

  /**
   * Writes one record as a line and flushes it to the disk; throws `no-space` when the disk is
   * full.
   */
  append(record: AnyRecord): void {
    const bytes = new TextEncoder().encode(JSON.stringify(record) + "\n");
    const before = this.#file.statSync().size;
    try {
      for (let written = 0; written < bytes.length;) {
        written += this.#file.writeSync(bytes.subarray(written));
      }
      this.#file.syncDataSync();
    } catch (cause) {
      // A line that was written in part would be in the way of --resume.
      try {
        this.#file.truncateSync(before);
      } catch { /* resume() drops the partial line */ }
      throw asWriteError(cause, this.path);
    }
  }

  [Symbol.dispose](): void {
    this.#file.close();
  }
}

/**
 * Returns all complete records of a file, and how many bytes of a cut-off last line follow them.
 */
export function readRecords(
  path: string,
): { records: AnyRecord[]; completeBytes: number; droppedBytes: number } {
  const bytes = ofRun(path, () => Deno.readFileSync(path));
  const completeBytes = bytes.lastIndexOf(0x0a) + 1;
  const lines = new TextDecoder().decode(bytes.subarray(0, completeBytes)).split("\n");
  lines.pop();
  const records = lines.map((line, index) => parseRecord(line, `${path}, line ${index + 1}`))
    .filter((record) => record !== null);
  if (records.length > 0 && records[0].kind !== "run") {
    throw new HarnessError(
      "bad-record",
      `Cannot read ${path}: line 1 is a record of kind "${
        records[0].kind
      }", expected the run record. Was the file cut at its start?`,
    );
  }
  return { records, completeBytes, droppedBytes: bytes.length - completeBytes };
}

/** Returns what `open` returns; throws `bad-record` when there is no such file. */
function ofRun<T>(path: string, open: () => T): T {
  try {
    return open();
  } catch (cause) {
    if (!(cause instanceof Deno.errors.NotFound)) throw cause;
    throw new HarnessError(
      "bad-record",
      `Cannot read records from ${path}: there is no such file. Name the folder of a run (the one given by --out)`,
      { cause },
    );
  }
}

/**
 * Throws `output-exists` when the folder already holds records, or the file given; `advice` is what
 * can be done besides another folder.
 */
export function requireNewFolder(out: string, file?: string, advice = ""): void {
  if (!hasRecords(out, file)) return;
  throw new HarnessError(
    "output-exists",
    `Cannot write records to ${out}: it already holds a run. ${advice}Name another folder by --out`,
  );
}

/** Returns the record of a launch that failed; `before` stands before the error's own words. */
export function failureRecord(
  where: Pick<FailureRecord, "runId" | "device" | "variantId" | "round">,
  error: HarnessError,
  before = "",
): FailureRecord {
  return {
    kind: "failure",
    schemaVersion: RECORD_VERSION,
    runId: where.runId,
    device: where.device,
    variantId: where.variantId,
    round: where.round,
    at: new Date().toISOString(),
    code: error.code,
    message: before + error.message,
    stderrTail: error.stderrTail,
  };
}

/** Returns true when a folder holds the records of a run, or another file by which it is taken. */
export function hasRecords(out: string, file = "records.jsonl"): boolean {
  try {
    Deno.statSync(path.join(out, file));
    return true;
  } catch (cause) {
    if (cause instanceof Deno.errors.NotFound || cause instanceof Deno.errors.NotADirectory) {
      return false;
    }
    throw cause;
  }
}
