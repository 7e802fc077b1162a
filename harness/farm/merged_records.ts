/**
 * Records of all shards as one `records.jsonl`, which every later step reads as that of any run.
 *
 * @module
 */
import { type AnyRecord, RECORD_VERSION, type RunRecord } from "../record/records.ts";
import { type FarmStore, recordKey, type ShardRecords } from "../store/store.ts";
import type { FarmRun } from "./shard_file.ts";

/**
 * Yields the run record, then all others shard by shard.
 *
 * Devices are keyed by the phone's name on the farm where several would have one key (hosts). A
 * phone's base variant runs in a shard for each candidate: shards of one phone get rounds that
 * follow each other, so that no two launches are the same and pairs stay in one round. Of the
 * detections and parity of one variant on one phone and image the first are kept.
 */
export async function* mergedRecords(store: FarmStore, run: FarmRun): AsyncGenerator<AnyRecord> {
  yield await mergedRun(store, run);
  const shardsOfPhone = new Map<string, number>();
  const seen = new Set<string>();
  for await (const { shard, records } of store.shardRecords(run.runId)) {
    const device = deviceKey(shard, records);
    if (device === null) continue;
    const before = shardsOfPhone.get(device) ?? 0;
    shardsOfPhone.set(device, before + 1);
    for (const record of records) {
      if (record.kind === "run") continue;
      if (record.kind === "turns") {
        // launches of another shard have the same names
        const turns = { ...record.turns, launch: `${before}.${record.turns.launch}` };
        yield { ...record, device, turns, round: record.round + before * run.rounds };
        continue;
      }
      if ("round" in record) {
        yield { ...record, device, round: record.round + before * run.rounds };
        continue;
      }
      const key = `${device} ${recordKey(record)}`;
      if (seen.has(key)) continue;
      seen.add(key);
      yield { ...record, device };
    }
  }
}

/** The run record over all phones that gave records. */
async function mergedRun(store: FarmStore, run: FarmRun): Promise<RunRecord> {
  const devices = new Map<string, RunRecord["devices"][number]>();
  const runnerSha256: Record<string, string> = {};
  let ncnn = "";
  for await (const { shard, records } of store.shardRecords(run.runId)) {
    const own = records.find((record) => record.kind === "run");
    const device = deviceKey(shard, records);
    if (own === undefined || device === null) continue;
    devices.set(device, { ...own.devices[0], serial: device });
    runnerSha256[device] = Object.values(own.harness.runnerSha256)[0];
    ncnn ||= own.harness.ncnn;
  }
  const variants = Object.values(run.sides).map(({ manifest }) => manifest);
  return {
    kind: "run",
    schemaVersion: RECORD_VERSION,
    runId: run.runId,
    createdAt: run.createdAt,
    command: run.command,
    options: { farm: true, rounds: run.rounds, runner: run.options },
    devices: [...devices.values()],
    variants,
    baseVariantId: variants[0].id,
    images: run.images,
    commits: run.commits,
    harness: { ...run.harness, ncnn, runnerSha256 },
  };
}

/** Returns the key of the device in the merged records; null for a shard without a run record. */
export function deviceKey(
  shard: ShardRecords["shard"],
  records: readonly AnyRecord[],
): string | null {
  const device = records.find((record) => record.kind === "run")?.devices[0];
  if (device === undefined) return null;
  return device.target === "host" ? shard.device ?? device.serial : device.serial;
}
