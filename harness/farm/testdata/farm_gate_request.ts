/**
 * A run of a farm that is over, its shards' records in a store, and the gate that is asked about
 * it.
 *
 * @module
 */
import { annotationsFixture, PAIR } from "../../gate/testdata/pair_records.ts";
import { DEFAULT_FARM_RULE } from "../../gate/phones/verdict.ts";
import type { AnyRecord } from "../../record/records.ts";
import type { FarmStore } from "../../store/store.ts";
import type { FarmNode } from "../engine.ts";
import type { FarmGateRequest, FarmRunEnd, FarmSide } from "../farm_gate.ts";
import { DEFAULT_FOLLOW } from "../follow.ts";
import { planRun } from "../plan.ts";
import { farmRun, shardFile } from "./farm_run.ts";
import { scriptedEngine } from "./scripted_engine.ts";

/** Records that a shard sent from its phone; null: nothing came back. */
export interface SentShard {
  phone: string;
  records: AnyRecord[] | null;
}

/** Puts the shards, one a phone, into the store; returns the gate and the end of its run. */
export async function farmGateRequest(
  store: FarmStore,
  shards: readonly SentShard[],
  change: Partial<FarmGateRequest> = {},
): Promise<{ request: FarmGateRequest; end: FarmRunEnd }> {
  const run = await farmRun(store);
  await store.putRun(run.runId, run);
  await store.addShards(
    run.runId,
    shards.map((_, index) => ({ index, document: shardFile(index) })),
  );
  const missing = new Map<number, string>();
  for (const [index, { phone, records }] of shards.entries()) {
    if (records === null) {
      missing.set(index, `${phone} is drained`);
      continue;
    }
    const { claim } = (await store.claim(run.runId, index, { device: phone, host: "h" }))!;
    await store.append(claim, records);
    await store.finish(claim, { state: "done", code: null, message: null });
  }
  const nodes = shards.map(({ phone }): FarmNode => ({
    name: phone,
    features: [`phone.${phone.toLowerCase()}`],
    state: "idle",
    reason: null,
  }));
  const side = (id: string): FarmSide => ({
    name: id,
    variant: { manifest: run.sides[id].manifest, dir: "" },
    runners: {},
    ncnnVersion: "1.0",
  });
  const { schemaVersion: _version, sides: _sides, images: _images, ...settings } = run;
  const request: FarmGateRequest = {
    engine: scriptedEngine(store, nodes, () => "done"),
    store,
    artefactDir: null,
    phones: new Map(),
    perKind: null,
    pairs: [{ baseline: side(PAIR.base), candidate: side(PAIR.candidate) }],
    images: [],
    settings,
    config: { gate: {} },
    phonesRule: DEFAULT_FARM_RULE,
    annotations: annotationsFixture(),
    wantsFigures: false,
    follow: {
      ...DEFAULT_FOLLOW,
      name: "gate",
      command: ["posemark-shard"],
      environment: {},
      timeLimitMinutes: null,
      signal: new AbortController().signal,
    },
    ...change,
  };
  const plan = planRun(nodes, new Map(), [PAIR], null);
  const outcome = { missing, seconds: 12, warnings: [], resubmitted: 0 };
  return { request, end: { runId: run.runId, plan, outcome } };
}
