import { assertEquals, assertRejects } from "@std/assert";
import { pause, retry } from "./pause.ts";

const FAST = { waitMs: 1000, firstPauseMs: 1, mostPauseMs: 2, passes: () => true };

/** Work that fails so often before it gives how often it was tried. */
function failing(times: number) {
  let tries = 0;
  return () => ++tries > times ? Promise.resolve(tries) : Promise.reject(new Error(`try ${tries}`));
}

Deno.test("retry() tries again until it is done", async () => {
  assertEquals(await retry(failing(3), FAST), 4);
});

Deno.test("retry() throws at once what will not pass, and the last error when the time is over", async () => {
  await assertRejects(() => retry(failing(3), { ...FAST, passes: () => false }), Error, "try 1");
  await assertRejects(() => retry(failing(3), { ...FAST, waitMs: 0 }), Error, "try 1");
  // Pauses of 20 and 40 ms fill the time: three tries.
  const slow = { ...FAST, waitMs: 60, firstPauseMs: 20, mostPauseMs: 1000 };
  await assertRejects(() => retry(failing(9), slow), Error, "try 3");
});

Deno.test("retry() and pause() end when the signal aborts, with its reason", async () => {
  const stop = new AbortController();
  setTimeout(() => stop.abort(new Error("Ctrl-C")), 20);
  const long = { ...FAST, waitMs: 60_000, firstPauseMs: 60_000, mostPauseMs: 60_000 };
  await assertRejects(
    () => retry(failing(9), { ...long, signal: stop.signal }),
    Error,
    "Ctrl-C",
  );
  await assertRejects(() => pause(60_000, stop.signal), Error, "Ctrl-C");
});
