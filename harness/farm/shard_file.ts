/**
 * What a shard is: one phone, one pair of variants, everything it needs by hash.
 *
 * @module
 */
import { z } from "zod";
import { HarnessError } from "../errors.ts";
import { type Target, TARGETS } from "../record/device.ts";
import { RunnerOptionsSchema } from "../run/runner_options.ts";
import { RunCommitsSchema } from "../record/commits.ts";
import { RunImageSchema } from "../record/records.ts";
import { FileRefSchema, filesOf, VariantManifestSchema } from "../record/variant.ts";

const Sha256 = z.string().regex(/^[0-9a-f]{64}$/);

/** Schema of one side of a comparison: a variant, and the program that runs it. */
export const SideSchema = z.strictObject({
  manifest: VariantManifestSchema,
  /** Runner by target, for those that it was built for. */
  runners: z.partialRecord(z.enum(TARGETS), FileRefSchema),
  ncnnVersion: z.string(),
});
/** See {@linkcode SideSchema}. */
export type Side = z.infer<typeof SideSchema>;

/** Schema of what all shards of a run share. */
export const FarmRunSchema = z.strictObject({
  schemaVersion: z.literal(1),
  runId: z.string().regex(/^[A-Za-z0-9._-]{1,80}$/),
  createdAt: z.string(),
  /** The exact command line that began the run; it holds no secret. */
  command: z.array(z.string()),
  /** Sides by the id of their variant. */
  sides: z.record(z.string(), SideSchema),
  /** Images with the hash of their files. */
  images: z.array(RunImageSchema),
  /** Ids of the images that are timed. */
  timedImageIds: z.array(z.string()).min(1),
  /** Ids of the images whose stages are judged one by one. */
  stageImageIds: z.array(z.string()),
  options: RunnerOptionsSchema,
  /** Even: two rounds make a block of the paired experiment. */
  rounds: z.int().positive().multipleOf(2),
  bars: z.strictObject({ maxPx: z.number().nullable(), minOks: z.number().nullable() }),
  launchTimeoutMs: z.int().positive(),
  /** Longest wait for a hot phone before the shard is given back to the engine. */
  coolDownMs: z.int().nonnegative(),
  /** Absent in a run of before. */
  commits: RunCommitsSchema.optional(),
  harness: z.strictObject({
    version: z.string(),
    gitCommit: z.string().nullable(),
    deno: z.string(),
    onnxruntime: z.string(),
  }),
});
/** See {@linkcode FarmRunSchema}. */
export type FarmRun = z.infer<typeof FarmRunSchema>;

/** Schema of a shard's file. */
export const ShardFileSchema = z.strictObject({
  schemaVersion: z.literal(1),
  runId: z.string(),
  index: z.int().nonnegative(),
  /** Address of the store, without a password. */
  store: z.string(),
  /** Folder with artefacts by hash that the phone's host can read; null: they are in the store. */
  artefactDir: z.string().nullable(),
  /** Features that the phone must have, all of them. */
  phone: z.array(z.string()),
  /** Id of the base side's variant. */
  base: z.string(),
  /** Id of the candidate side's variant. */
  candidate: z.string(),
});
/** See {@linkcode ShardFileSchema}. */
export type ShardFile = z.infer<typeof ShardFileSchema>;

/** A file that a shard needs, by its hash. */
export interface Artefact {
  sha256: string;
  /** Name for people and for the file's ending. */
  name: string;
  executable: boolean;
}

/**
 * Returns the files that a shard needs on a target, each once; throws `bad-config` when a side has
 * no runner for it.
 */
export function shardArtefacts(run: FarmRun, shard: ShardFile, target: Target): Artefact[] {
  const artefacts = new Map<string, Artefact>();
  const add = (sha256: string, name: string, executable = false) => {
    Sha256.parse(sha256);
    artefacts.set(sha256, { sha256, name, executable });
  };
  for (const id of [shard.base, shard.candidate]) {
    const { manifest, runner } = sideOf(run, id, target);
    add(runner.sha256, `runner-${target}`, true);
    for (const file of filesOf(manifest)) {
      add(file.sha256, file.file);
    }
  }
  for (const image of run.images) add(image.sha256, image.file);
  return [...artefacts.values()];
}

/**
 * Returns a side of the run and its runner for the target; throws `bad-config` when there is none.
 */
export function sideOf(
  run: FarmRun,
  id: string,
  target: Target,
): Side & { runner: z.infer<typeof FileRefSchema> } {
  const side = run.sides[id];
  const runner = side?.runners[target];
  if (side !== undefined && runner !== undefined) return { ...side, runner };
  throw new HarnessError(
    "bad-config",
    `Cannot run "${id}" of run "${run.runId}": found ${
      side === undefined ? "no such variant" : `no runner for ${target}`
    } in it. Plan the run again with this kind of device among --devices`,
  );
}
