/**
 * A shard as `posemark shard` runs it, for tests of the farm: named by the environment that the
 * engine sets.
 *
 * @module
 */
import { HarnessError } from "../../errors.ts";
import { startShard } from "../start_shard.ts";

const stop = new AbortController();
Deno.addSignalListener("SIGTERM", () => stop.abort(new HarnessError("interrupted", "SIGTERM")));
try {
  Deno.exit(
    await startShard({
      file: null,
      store: Deno.env.get("POSEMARK_STORE")!,
      run: Deno.env.get("POSEMARK_RUN")!,
      index: Number(Deno.env.get("POSEMARK_SHARD")),
      device: undefined,
      signal: stop.signal,
    }),
  );
} catch (error) {
  console.error(error);
  Deno.exit(error instanceof HarnessError ? error.exitCode : 1);
}
