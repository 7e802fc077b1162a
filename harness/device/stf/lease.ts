/**
 * A phone that is ours for a while: taken, extended while we work, and given back whatever happens.
 *
 * @module
 */
import { HarnessError, type Warning } from "../../errors.ts";
import type { StfClient } from "./client.ts";
import { readNotes, takeNote, writeNote } from "./notes.ts";
import { retry } from "../../pause.ts";

/** How a lease behaves. */
export interface LeaseOptions {
  /**
   * The farm takes the phone back when nothing is heard for so long: frees it when this process
   * dies.
   */
  idleTimeoutMs: number;
  /** Longest wait for a phone that another has; 0 does not wait. */
  waitMs: number;
  /**
   * Folder for notes of open leases: what a process that was killed left behind is given back by
   * the next one.
   */
  noteDir: string;
  /** Ends the wait; a lease that is held is ended by disposing of it. */
  signal?: AbortSignal;
  /** Hears of a phone that could not be given back. */
  onWarning?(warning: Warning): void;
  /** First pause between tries; doubles. */
  firstPauseMs?: number;
}

/** Defaults of a lease: the farm takes a dead client's phone back after five minutes. */
export const DEFAULT_LEASE = { idleTimeoutMs: 5 * 60_000, waitMs: 0, firstPauseMs: 500 } as const;

/** A phone that is ours. Dispose of it to give it back; that throws nothing and may be repeated. */
export interface StfLease extends AsyncDisposable {
  readonly serial: string;
  /** Address for `adb connect`. */
  readonly adbAddress: string;
  /**
   * Aborts, with a `HarnessError` `device-lost` as the reason, when the phone is not ours any more.
   */
  readonly lost: AbortSignal;
}

/** Time that giving back is tried, in first pauses: five tries, the pauses doubled. */
const RELEASE_PAUSES = 15;
/** The lease is extended this many times within its idle timeout: one lost request does no harm. */
const EXTENSIONS_PER_TIMEOUT = 4;

/**
 * Returns a lease on the phone.
 *
 * While another has the phone it waits up to `waitMs`, then throws `device-busy`. When the phone
 * can't be connected to after it was taken, or its note can't be written (`bad-option`,
 * `no-space`), it is given back before the error is thrown.
 */
export async function leasePhone(
  client: StfClient,
  serial: string,
  options: LeaseOptions,
): Promise<StfLease> {
  const { idleTimeoutMs, signal } = options;
  await reserveWhenFree(client, serial, options);
  let note: string;
  try {
    note = await writeNote(client, serial, options);
  } catch (error) {
    await release(client, serial, null, options);
    throw error;
  }
  const lost = new AbortController();
  let given: Promise<void> | null = null;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const giveBack = () =>
    given ??= (async () => {
      clearTimeout(timer);
      await release(client, serial, note, options);
    })();

  let adbAddress: string;
  try {
    adbAddress = await client.connect(serial, signal);
  } catch (error) {
    await giveBack();
    throw error;
  }

  let heardAt = performance.now();
  const lose = (reason: HarnessError) => {
    clearTimeout(timer);
    lost.abort(reason);
  };
  const extend = async () => {
    try {
      // Any call that reaches the phone's unit counts as activity there (stf
      // lib/units/device/support/router.js).
      const address = await client.connect(serial);
      heardAt = performance.now();
      await Deno.utime(note, new Date(), new Date()).catch(() => {});
      if (given !== null || lost.signal.aborted) return;
      if (address !== adbAddress) {
        return lose(
          lostError(serial, client, `its address changed from ${adbAddress} to ${address}`),
        );
      }
    } catch (error) {
      if (given !== null || lost.signal.aborted) return;
      const code = error instanceof HarnessError ? error.code : null;
      if (code === "device-lost" || code === "device-not-found") {
        return lose(lostError(serial, client, (error as Error).message));
      }
      if (performance.now() - heardAt >= idleTimeoutMs) {
        const seconds = Math.round(idleTimeoutMs / 1000);
        return lose(
          lostError(
            serial,
            client,
            `nothing was heard from the farm for ${seconds} s (${(error as Error).message})`,
          ),
        );
      }
    }
    timer = setTimeout(extend, idleTimeoutMs / EXTENSIONS_PER_TIMEOUT);
  };
  timer = setTimeout(extend, idleTimeoutMs / EXTENSIONS_PER_TIMEOUT);
  return { serial, adbAddress, lost: lost.signal, [Symbol.asyncDispose]: giveBack };
}

/**
 * Gives back phones whose lease was held by a process of this host that is no more; returns their
 * serials.
 *
 * `isAlive` tells whether a process runs. Notes of other farms and hosts are left alone. A note
 * that is older than the lease's idle timeout is only removed: the farm has taken that phone back,
 * and may have lent it to another run with the same token. Others may do the same at the same time.
 * A phone that can't be given back keeps its note, and `onWarning` is called: other phones are
 * not in its way.
 */
export async function releaseAbandoned(
  client: StfClient,
  noteDir: string,
  isAlive: (pid: number) => Promise<boolean>,
  onWarning: (warning: Warning) => void = () => {},
): Promise<string[]> {
  const released: string[] = [];
  for (const found of await readNotes(noteDir)) {
    const { note, file } = found;
    if (note.address !== client.address || note.hostName !== Deno.hostname()) continue;
    if (note.pid === Deno.pid || await isAlive(note.pid)) continue;
    const taken = await takeNote(found);
    if (taken === null) continue;
    if (Date.now() - taken.heardAtMs < note.idleTimeoutMs) {
      try {
        await client.release(note.serial);
      } catch (error) {
        await Deno.rename(taken.file, file).catch(() => {});
        if (!(error instanceof HarnessError)) throw error;
        onWarning(notGivenBack(note.serial, client, error, note.idleTimeoutMs));
        continue;
      }
      released.push(note.serial);
    }
    await Deno.remove(taken.file).catch(() => {});
  }
  return released;
}

async function reserveWhenFree(
  client: StfClient,
  serial: string,
  options: LeaseOptions,
): Promise<void> {
  const reserve = () => client.reserve(serial, options.idleTimeoutMs, options.signal);
  // A request whose answer was lost may have taken the phone. It is not given back here: it could
  // be that of another run with the same token; idle as it is, the farm takes it back.
  const isBusy = (error: unknown): error is HarnessError =>
    error instanceof HarnessError && error.code === "device-busy";
  try {
    await retry(reserve, {
      waitMs: options.waitMs,
      firstPauseMs: options.firstPauseMs ?? DEFAULT_LEASE.firstPauseMs,
      mostPauseMs: 15_000,
      passes: isBusy,
      signal: options.signal,
    });
  } catch (error) {
    throw isBusy(error) ? await withOwner(error, client, serial) : error;
  }
}

/** The error, with the name of who has the phone where the farm tells it. */
async function withOwner(
  error: HarnessError,
  client: StfClient,
  serial: string,
): Promise<HarnessError> {
  const phones = await client.phones().catch(() => []);
  const phone = phones.find((phone) => phone.serial === serial);
  if (phone === undefined || (phone.owner === null && phone.state !== "away")) return error;
  const found = phone.state === "away"
    ? "it is not plugged in or not ready"
    : `"${phone.owner}" has it`;
  return new HarnessError("device-busy", `${error.message} (${found})`);
}

async function release(
  client: StfClient,
  serial: string,
  note: string | null,
  options: LeaseOptions,
): Promise<void> {
  await client.disconnect(serial).catch(() => {
    // Giving the phone back ends remote debugging too.
  });
  const firstPauseMs = options.firstPauseMs ?? DEFAULT_LEASE.firstPauseMs;
  try {
    await retry(() => client.release(serial), {
      waitMs: RELEASE_PAUSES * firstPauseMs,
      firstPauseMs,
      mostPauseMs: Infinity,
      passes: () => true,
    });
    if (note !== null) await Deno.remove(note).catch(() => {});
  } catch (error) {
    options.onWarning?.(notGivenBack(serial, client, error as Error, options.idleTimeoutMs));
  }
}

function notGivenBack(
  serial: string,
  client: StfClient,
  error: Error,
  idleTimeoutMs: number,
): Warning {
  return {
    code: "phone-not-given-back",
    message: `Phone "${serial}" could not be given back to ${client.address}: ${error.message}`,
    advice: `The farm takes it back by itself after ${
      Math.round(idleTimeoutMs / 1000)
    } s without activity, or the next run from this host does`,
  };
}

function lostError(serial: string, client: StfClient, found: string): HarnessError {
  return new HarnessError(
    "device-lost",
    `Cannot go on with phone "${serial}" of ${client.address}: the lease is lost (${found}). Finished rounds are kept: run again with --resume when the phone is free`,
  );
}
