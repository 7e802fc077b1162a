/**
 * `posemark shard`: runs one shard on the phone of this node, once however often it is started.
 *
 * @module
 */
import * as path from "@std/path";
import type { Device } from "../device/device.ts";
import { EXIT, HarnessError } from "../errors.ts";
import { RecordLog } from "../record/record_log.ts";
import type { FarmStore, ShardClaim, ShardOutcome } from "../store/store.ts";
import { fetchArtefacts, folderArtefacts } from "./artefacts.ts";
import { EXIT_TRY_AGAIN } from "./nodes.ts";
import { type FarmRun, FarmRunSchema, shardArtefacts, type ShardFile } from "./shard_file.ts";
import { parseStrictly } from "../record/strict_json.ts";
import { uploader } from "./shard_upload.ts";
import { openWorkFolder } from "../work_folder.ts";
import { measureShard, type ShardJob, shardRunRecord } from "./shard_work.ts";

/** The world of a shard. */
export interface ShardContext {
  store: FarmStore;
  /** Name of the phone on the farm: of its node, or its serial. */
  phone: string;
  /** Name of this host. */
  host: string;
  openDevice(): Promise<Device>;
  /** Folder for artefacts that were fetched; kept between shards. */
  cacheDir: string;
  signal: AbortSignal;
  /** Hears sentences for people. */
  tell(text: string): void;
  /** What is done on the phone. Default: {@linkcode measureShard}. */
  work?(job: ShardJob): Promise<void>;
}

/** Longest time between two uploads while a shard runs. */
const UPLOAD_EVERY_MS = 5000;

/**
 * Runs the shard and returns the exit code.
 *
 * 0: it is done, now or before. 75: phone, host or network was in the way, the engine shall try
 * again. 2 and others: it would fail again. Everything measured is in the store; records of an
 * earlier attempt on the same phone are gone on from.
 */
export async function runShard(shard: ShardFile, context: ShardContext): Promise<number> {
  const { store, tell } = context;
  const claimed = await store.claim(shard.runId, shard.index, {
    device: context.phone,
    host: context.host,
  });
  if (claimed === null) {
    tell(`shard ${shard.index} of run ${shard.runId} is done already`);
    return EXIT.pass;
  }
  const { claim, earlier } = claimed;
  let outcome: ShardOutcome & { exitCode: number };
  try {
    const run = await readRun(shard, store);
    const sent = await runClaimed(run, shard, claim, earlier, context);
    outcome = { state: "done", code: null, message: null, exitCode: EXIT.pass };
    tell(`shard ${shard.index} of run ${shard.runId}: ${sent} records kept`);
  } catch (error) {
    outcome = outcomeOf(error);
    tell(`shard ${shard.index} of run ${shard.runId}: ${outcome.message}`);
  }
  try {
    await store.finish(claim, outcome);
  } catch (error) {
    tell((error as Error).message);
    const now = await store.shard(shard.runId, shard.index).catch(() => null);
    // A newer attempt is at work: this one must not be queued again.
    if (now !== null && now.attempts > claim.attempt) return EXIT.pass;
    return EXIT_TRY_AGAIN;
  }
  return outcome.exitCode;
}

/**
 * Returns how an attempt that threw ended: everything that lies in the environment is worth another
 * try.
 */
export function outcomeOf(error: unknown): ShardOutcome & { exitCode: number } {
  const message = error instanceof Error ? error.message : String(error);
  if (!(error instanceof HarnessError)) {
    return { state: "failed", code: "defect", message, exitCode: EXIT.failure };
  }
  const again = error.exitCode === EXIT.environment;
  return {
    state: again ? "returned" : "failed",
    code: error.code,
    message,
    exitCode: again ? EXIT_TRY_AGAIN : error.exitCode,
  };
}

async function readRun(shard: ShardFile, store: FarmStore): Promise<FarmRun> {
  const document = await store.run(shard.runId);
  if (document === null) {
    throw new HarnessError(
      "store-failed",
      `Cannot find run "${shard.runId}" in ${store.address}: is it the store that the run was planned in?`,
    );
  }
  return parseStrictly(FarmRunSchema, document, `run "${shard.runId}" of ${store.address}`);
}

/** Runs the work under the claim; returns the number of records that are new in the store. */
async function runClaimed(
  run: FarmRun,
  shard: ShardFile,
  claim: ShardClaim,
  earlier: ShardJob["earlier"],
  context: ShardContext,
): Promise<number> {
  const { store, tell } = context;
  await using stack = new AsyncDisposableStack();
  const device = stack.use(await context.openDevice());
  const description = await device.describe();
  const from = shard.artefactDir === null ? store : folderArtefacts(shard.artefactDir);
  const wanted = shardArtefacts(run, shard, description.target);
  const artefacts = await fetchArtefacts(wanted, from, context.cacheDir, context.signal);
  const { path: work } = stack.use(await openWorkFolder("shard"));
  const logPath = path.join(work, "records.jsonl");
  const log = stack.use(RecordLog.create(logPath));
  log.append(shardRunRecord(run, shard, description));

  const upload = uploader(logPath, store, claim);
  // A lost claim, or a store that stays away, ends the work: it would be for nothing.
  const stop = new AbortController();
  let broken: unknown = null;
  const flush = () =>
    void upload.flush().catch((error) => {
      broken ??= error;
      stop.abort(error);
    });
  const timer = setInterval(flush, UPLOAD_EVERY_MS);
  stack.defer(() => clearInterval(timer));
  try {
    await (context.work ?? measureShard)({
      run,
      shard,
      device,
      description,
      artefacts,
      earlier,
      log,
      work,
      signal: AbortSignal.any([context.signal, stop.signal]),
      onProgress: (text) => {
        tell(text);
        flush();
      },
    });
  } finally {
    clearInterval(timer);
    // What was measured before an error counts too.
    if (broken === null) await upload.flush();
  }
  if (broken !== null) throw broken;
  return upload.sent;
}
