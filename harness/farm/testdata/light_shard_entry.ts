/**
 * A shard that does as little as a shard can on its device, for the farm's throughput: one launch
 * of each side's real runner.
 *
 * @module
 */
import { openHost } from "../../device/host/host.ts";
import { deploy, deployImages } from "../../run/deploy.ts";
import { measure } from "../../run/measure.ts";
import { loadRunImage, writeRgbFile } from "../../images/rgb_files.ts";
import { openStore } from "../../store/open_store.ts";
import { ShardFileSchema, sideOf } from "../shard_file.ts";
import { parseStrictly } from "../../record/strict_json.ts";
import { runShard } from "../shard_run.ts";
import { joinSides, type ShardJob, sideFolder } from "../shard_work.ts";

/** Deploys both sides and measures the run's rounds; keypoints are not checked. */
async function measureOnly(job: ShardJob): Promise<void> {
  const { run, shard, device, description, signal, log, earlier } = job;
  const setups = [];
  for (const id of [shard.base, shard.candidate]) {
    const { manifest, runner } = sideOf(run, id, "host");
    const binaries = { runner: job.artefacts.get(runner.sha256)!, benchncnn: null };
    const variant = { manifest, dir: await sideFolder(job, id) };
    const context = { runId: `${run.runId}-${shard.index}`, options: run.options, signal };
    setups.push(await deploy(device, description, binaries, [variant], context));
  }
  const setup = joinSides(setups);
  const [image] = run.images;
  const file = job.artefacts.get(image.sha256)!;
  const pixels = await loadRunImage(
    { id: image.id, file, cocoImageId: null, annotatedSize: null },
    image,
  );
  const files = [await writeRgbFile(image, pixels, job.work)];
  await measure(setup, {
    runId: run.runId,
    variants: [shard.base, shard.candidate].map((id) => run.sides[id].manifest),
    images: run.images,
    imageList: (await deployImages(setup, files, "timed", job.work, signal)).list,
    rounds: run.rounds,
    benchncnnRounds: 0,
    launchTimeoutMs: run.launchTimeoutMs,
  }, {
    log,
    earlier,
    signal,
    beforeLaunch: async () => ({ state: await device.state(), marks: [] }),
  });
  await device.removeRunDir(setup.runDir);
}

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
  work: measureOnly,
});
