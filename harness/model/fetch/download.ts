/**
 * One file from the web to disk: resumed where it broke off, checked by its hash, complete or not
 * there.
 *
 * @module
 */
import * as path from "@std/path";
import { encodeHex } from "@std/encoding";
import { createHash } from "node:crypto";
import { HarnessError } from "../../errors.ts";
import { fileSha256 } from "../../hash.ts";
import type { Progress } from "../../progress.ts";

/** What is to be downloaded. */
export interface DownloadRequest {
  url: string;
  /** Where the file is to lie; until it is complete it lies beside it as `<file>.part`. */
  file: string;
  /** SHA-256 that it must have; null accepts any and returns what it is. */
  sha256: string | null;
  /** What to do when the network is in the way: the end of the error's message. */
  advice: string;
  progress: Progress;
  signal?: AbortSignal;
}

/** How often a transfer that broke off is taken up again, and the wait before each. */
const RETRY_WAITS_MS = [500, 2000, 5000];

/** Longest wait for the next bytes. */
const STALL_MS = 30_000;

/**
 * Downloads the file and returns its SHA-256.
 *
 * What an earlier, interrupted call left is kept and only the rest is asked for; a server that
 * can't send a part sends all again. Throws `HarnessError`: `download-failed` (no network, not
 * found, broken off more often than is retried), `hash-mismatch` (the part is deleted), `no-space`,
 * `interrupted` (what came so far stays).
 */
export async function download(request: DownloadRequest): Promise<string> {
  const { url, file, sha256, progress } = request;
  const part = `${file}.part`;
  await Deno.mkdir(path.dirname(file), { recursive: true });
  const step = progress.step(`Downloading ${path.basename(file)} from ${new URL(url).host}`, 10);
  const held = await holdPart(part, request, (text) => step.update(null, text));
  if (held === null) {
    const hash = await fileSha256(file);
    if (sha256 === null || hash === sha256) {
      step.done("by another Posemark");
      return hash;
    }
    // what lies there is another file: this one takes its place
    return await download({ ...request, progress });
  }
  using target = held;
  for (let attempt = 0;; attempt++) {
    const outcome = await transfer(request, target, (fraction) => step.update(fraction));
    if (outcome === null) break;
    const wait = RETRY_WAITS_MS[attempt];
    if (wait === undefined) throw failed(request, `it broke off ${attempt + 1} times (${outcome})`);
    step.update(null, `${outcome}, going on`);
    await sleep(wait, request.signal);
  }
  const actual = await hashOf(target);
  if (sha256 !== null && actual !== sha256) {
    await Deno.remove(part);
    throw new HarnessError(
      "hash-mismatch",
      `Cannot use ${
        path.basename(file)
      } from ${url}: its SHA-256 is ${actual}, expected ${sha256}: the file there is another one, or was changed on the way; nothing of it was kept`,
    );
  }
  await Deno.rename(part, file);
  step.done();
  return actual;
}

/** Pause between two looks whether another process is done with the same file. */
const WAIT_MS = 200;

/**
 * Returns the part, locked for this process; null when another process, which had the lock, has
 * completed the file meanwhile.
 */
async function holdPart(
  part: string,
  { signal }: DownloadRequest,
  tell: (text: string) => void,
): Promise<Deno.FsFile | null> {
  let waited = false;
  for (;;) {
    const target = await Deno.open(part, { create: true, read: true, write: true });
    try {
      while (!await target.tryLock(true)) {
        if (!waited) tell("waiting for another Posemark that downloads it");
        waited = true;
        await sleep(WAIT_MS, signal);
      }
      // the one before may have renamed what was opened here
      const [opened, there] = [await target.stat(), await statOrNull(part)];
      if (there !== null && there.ino === opened.ino) return target;
    } catch (error) {
      target.close();
      throw error;
    }
    target.close();
    if (await statOrNull(part.slice(0, -".part".length)) !== null) return null;
  }
}

async function statOrNull(file: string): Promise<Deno.FileInfo | null> {
  try {
    return await Deno.stat(file);
  } catch (cause) {
    if (cause instanceof Deno.errors.NotFound) return null;
    throw cause;
  }
}

/** Transfers what is missing; returns null when the file is complete, or why it broke off. */
async function transfer(
  request: DownloadRequest,
  target: Deno.FsFile,
  onFraction: (fraction: number | null) => void,
): Promise<string | null> {
  const have = (await target.stat()).size;
  const headers = have > 0 ? { Range: `bytes=${have}-` } : undefined;
  const stalled = new AbortController();
  const signals = request.signal ? [request.signal, stalled.signal] : [stalled.signal];
  const signal = AbortSignal.any(signals);
  let timer = setTimeout(() => stalled.abort(), STALL_MS);
  try {
    const response = await fetch(request.url, { headers, signal });
    const downgraded = request.url.startsWith("https:") && response.url.startsWith("http:");
    if (downgraded) {
      await response.body?.cancel();
      throw failed(request, `it leads to ${response.url}, which is not encrypted`);
    }
    if (response.status === 416) {
      // what is here is as long as the file or longer: its hash tells, and a wrong one starts anew
      await response.body?.cancel();
      const total = Number(/\*\/(\d+)$/.exec(response.headers.get("content-range") ?? "")?.[1]);
      if (have === total) return null;
      await target.truncate(0);
      return "the part on disk did not fit";
    }
    if (!response.ok || !response.body) {
      await response.body?.cancel();
      if (response.status >= 500) return `the server answered ${response.status}`;
      throw failed(request, `the server answered ${response.status} ${response.statusText}`);
    }
    const start = resumedAt(response);
    const isResumed = response.status === 206 && start === have;
    if (!isResumed && have > 0) await target.truncate(0);
    let at = isResumed ? have : 0;
    await target.seek(at, Deno.SeekMode.Start);
    const length = Number(response.headers.get("content-length") ?? NaN);
    const total = at + length;
    for await (const chunk of response.body) {
      clearTimeout(timer);
      timer = setTimeout(() => stalled.abort(), STALL_MS);
      await writeAll(target, chunk);
      at += chunk.length;
      onFraction(Number.isNaN(total) ? null : at / total);
    }
    return Number.isNaN(total) || at >= total ? null : `${at} of ${total} bytes came`;
  } catch (cause) {
    if (cause instanceof HarnessError) throw cause;
    if (request.signal?.aborted) {
      throw new HarnessError(
        "interrupted",
        `The download of ${request.url} was interrupted: run again, it goes on where it stopped`,
        { cause },
      );
    }
    const code = (cause as { code?: string }).code;
    if (code === "ENOSPC" || code === "EDQUOT" || /No space left/.test(String(cause))) {
      throw new HarnessError(
        "no-space",
        `Cannot write ${request.file}.part: no space left on the disk: free some, or set POSEMARK_CACHE to a folder on another disk`,
        { cause },
      );
    }
    if (stalled.signal.aborted) return `nothing came for ${STALL_MS / 1000} s`;
    const text = innermostMessage(cause);
    if (/dns error|name resolution|failed to lookup|refused|unreachable/i.test(text)) {
      throw failed(request, text, cause);
    }
    return text;
  } finally {
    clearTimeout(timer);
  }
}

/** Returns the first byte's place that a partial response starts at; NaN when it doesn't say. */
function resumedAt(response: Response): number {
  return Number(/^bytes (\d+)-/.exec(response.headers.get("content-range") ?? "")?.[1]);
}

/**
 * Returns the message of the error that others were raised for: "fetch failed" alone says nothing.
 */
function innermostMessage(error: unknown): string {
  let inner = error;
  while (inner instanceof Error && inner.cause instanceof Error) inner = inner.cause;
  return inner instanceof Error ? inner.message : String(inner);
}

async function writeAll(file: Deno.FsFile, bytes: Uint8Array): Promise<void> {
  for (let written = 0; written < bytes.length;) {
    written += await file.write(bytes.subarray(written));
  }
}

async function hashOf(file: Deno.FsFile): Promise<string> {
  await file.seek(0, Deno.SeekMode.Start);
  const hash = createHash("sha256");
  const chunk = new Uint8Array(1 << 20);
  for (let count = await file.read(chunk); count !== null; count = await file.read(chunk)) {
    hash.update(chunk.subarray(0, count));
  }
  return encodeHex(hash.digest());
}

function failed(request: DownloadRequest, found: string, cause?: unknown): HarnessError {
  return new HarnessError(
    "download-failed",
    `Cannot download ${request.url}: ${found}: ${request.advice}`,
    { cause },
  );
}

async function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const timer = setTimeout(resolve, ms);
    signal?.addEventListener("abort", () => {
      clearTimeout(timer);
      reject(new HarnessError("interrupted", "The download was interrupted: run again"));
    }, { once: true });
  });
}
