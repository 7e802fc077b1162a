/**
 * From the arguments of `posemark shard` to the shard and the world that it runs in.
 *
 * @module
 */
import * as path from "@std/path";
import { cacheRoot } from "../toolchain/cache.ts";
import { EXIT, HarnessError } from "../errors.ts";
import { tell, tellError } from "../terminal.ts";
import { openStore } from "../store/open_store.ts";
import { type FarmStore, isStoreFailure, isStoreRefusal } from "../store/store.ts";
import { findNodeDevice, openNodeDevice } from "./node_device.ts";
import { EXIT_TRY_AGAIN } from "./nodes.ts";
import { type ShardFile, ShardFileSchema } from "./shard_file.ts";
import { parseStrictly } from "../record/strict_json.ts";
import { runShard } from "./shard_run.ts";

/** What names a shard: its file, or run and index in a store. */
export interface ShardArguments {
  file: string | null;
  store: string | null;
  run: string | null;
  index: number | null;
  device: string | undefined;
  signal: AbortSignal;
}

/**
 * Runs the shard and returns its exit code, see `runShard()`; 75 too when the store can't be
 * reached, 2 when it refuses the user or the password: no other try will change that.
 *
 * Throws `bad-option` when no shard is named, `bad-config` for a file that is not one.
 */
export async function startShard(asked: ShardArguments): Promise<number> {
  const device = await findNodeDevice(asked.device);
  const fromFile = asked.file === null ? null : await readShardFile(asked.file);
  const address = asked.store ?? fromFile?.store ?? null;
  if (address === null) {
    throw new HarnessError(
      "bad-option",
      "Cannot run a shard: no store is named. Name its file, or set POSEMARK_STORE (or --store)",
    );
  }
  try {
    await using store = await openStore(address);
    const stored = await storedShard(
      store,
      fromFile === null ? asked : {
        run: fromFile.runId,
        index: fromFile.index,
      },
    );
    return await runShard(fromFile ?? stored, {
      store,
      phone: device.phone,
      host: Deno.hostname(),
      openDevice: () => openNodeDevice(device),
      cacheDir: path.join(cacheRoot(), "artefacts"),
      signal: asked.signal,
      tell,
    });
  } catch (error) {
    if (!isStoreFailure(error)) throw error;
    tellError(error.message);
    return isStoreRefusal(error) ? EXIT.usage : EXIT_TRY_AGAIN;
  }
}

async function readShardFile(file: string): Promise<ShardFile> {
  let text: string;
  try {
    text = await Deno.readTextFile(file);
  } catch (cause) {
    throw new HarnessError(
      "bad-option",
      `Cannot read the shard ${file}: ${(cause as Error).message}`,
      { cause },
    );
  }
  return parseStrictly(ShardFileSchema, text, file);
}

async function storedShard(
  store: FarmStore,
  asked: Pick<ShardArguments, "run" | "index">,
): Promise<ShardFile> {
  if (asked.run === null || asked.index === null) {
    throw new HarnessError(
      "bad-option",
      "Cannot run a shard: found neither its file nor run and index. Set POSEMARK_RUN and POSEMARK_SHARD (or --run and --index)",
    );
  }
  const stored = await store.shard(asked.run, asked.index);
  if (stored === null) {
    throw new HarnessError(
      "bad-option",
      `Cannot find shard ${asked.index} of run "${asked.run}" in ${store.address}: is it the store that the run was planned in?`,
    );
  }
  return parseStrictly(
    ShardFileSchema,
    stored.document,
    `shard ${asked.index} of run "${asked.run}"`,
  );
}
