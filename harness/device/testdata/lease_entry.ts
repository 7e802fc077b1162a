/**
 * A process that leases a phone and holds it until a signal comes, for tests of what happens then.
 *
 * Arguments: address of the farm, serial, folder for notes.
 *
 * @module
 */
import { makeSecret } from "../../secret.ts";
import { stfClient } from "../stf/client.ts";
import { leasePhone } from "../stf/lease.ts";

const [address, serial, noteDir] = Deno.args;
const client = stfClient({
  address: new URL(address),
  token: makeSecret("tok-0123456789abcdef"),
  timeoutMs: 2000,
});
const stop = new AbortController();
Deno.addSignalListener("SIGINT", () => stop.abort(new Error("Ctrl-C")));
try {
  await using _lease = await leasePhone(client, serial, {
    idleTimeoutMs: 60_000,
    waitMs: 0,
    noteDir,
    signal: stop.signal,
  });
  console.log("leased");
  await new Promise((_, reject) =>
    stop.signal.addEventListener("abort", () => reject(stop.signal.reason))
  );
} catch (error) {
  console.error(error);
  Deno.exit(3);
}
