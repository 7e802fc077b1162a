/**
 * A shard that does as little as a shard can on its device, for the farm's throughput: one launch
 * of each side's real runner.
 *
 * @module
 */
import { openHost } from "../../device/host/host.ts";
import { fixedRounds } from "../../run/schedule.ts";
import { measureRounds } from "../../run/session.ts";
import { openStore } from "../../store/open_store.ts";
import { ShardFileSchema } from "../shard_file.ts";
import { parseStrictly } from "../../record/strict_json.ts";
import { runShard } from "../shard_run.ts";
import { measureShard } from "../shard_work.ts";

await using store = await openStore(Deno.env.get("POSEMARK_STORE")!);
const index = Number(Deno.env.get("POSEMARK_SHARD"));
const stored = await store.shard(Deno.env.get("POSEMARK_RUN")!, index);
Deno.exitCode = await runShard(parseStrictly(ShardFileSchema, stored?.document, `shard ${index}`), {
  store,
  phone: Deno.env.get("SLURMD_NODENAME")!,
  host: Deno.hostname(),
  openDevice: () => Promise.resolve(openHost()),
  cacheDir: `${Deno.env.get("POSEMARK_CACHE")}/artefacts`,
  signal: new AbortController().signal,
  tell: (text) => console.error(text),
  // keypoints are not checked
  work: (job) =>
    measureShard(
      job,
      (session, rounds, cool) => {
        const ids = session.variants.map(({ manifest }) => manifest.id);
        return measureRounds(
          session,
          { schedule: fixedRounds(ids, rounds), benchncnnRounds: 0 },
          cool,
        );
      },
    ),
});
