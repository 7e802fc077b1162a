/**
 * A small valid run of a farm, for tests.
 *
 * @module
 */
import { runnerOptions } from "../../run/testdata/records.ts";
import { testManifest } from "../../parity/testdata/manifest.ts";
import type { VariantManifest } from "../../record/variant.ts";
import type { ArtefactStore } from "../../store/store.ts";
import { sha256Hex } from "../../hash.ts";
import type { FarmRun, ShardFile } from "../shard_file.ts";

/** Returns a run of a pair `base`, `candidate` and one image, its files put into the store. */
export async function farmRun(store: ArtefactStore, runId = "run-1"): Promise<FarmRun> {
  const put = async (text: string) => {
    const bytes = new TextEncoder().encode(text);
    const sha256 = await sha256Hex(bytes);
    await store.putArtefact(sha256, bytes);
    return { file: `${text}.file`, bytes: bytes.length, sha256 };
  };
  const side = async (id: string) => ({
    manifest: await variantManifest(id, put),
    runners: { host: await put(`runner of ${id}`) },
    ncnnVersion: "1.0",
  });
  const image = await put("image");
  return {
    schemaVersion: 1,
    runId,
    createdAt: "2026-11-24T00:00:00.000Z",
    command: ["gate"],
    sides: { base: await side("base"), candidate: await side("candidate") },
    images: [{
      id: "image",
      file: "image.png",
      widthPx: 1,
      heightPx: 1,
      sha256: image.sha256,
      cocoImageId: null,
    }],
    timedImageIds: ["image"],
    stageImageIds: ["image"],
    options: runnerOptions({ threads: null }),
    rounds: 4,
    bars: { maxPx: null, minOks: null },
    launchTimeoutMs: 60_000,
    coolDownMs: 0,
    harness: { version: "0.1.0", gitCommit: null, deno: "2.9.6", onnxruntime: "1.30.0" },
  };
}

/** Returns the file of a shard of {@linkcode farmRun}. */
export function shardFile(index: number, change: Partial<ShardFile> = {}): ShardFile {
  return {
    schemaVersion: 1,
    runId: "run-1",
    index,
    store: "sqlite:test.db",
    artefactDir: null,
    phone: [],
    base: "base",
    candidate: "candidate",
    ...change,
  };
}

type FileRef = VariantManifest["bin"];

async function variantManifest(
  id: string,
  put: (text: string) => Promise<FileRef>,
): Promise<VariantManifest> {
  return testManifest({
    id,
    param: { ...await put(`${id} param`), layers: 1, blobs: 1, fusedActivations: 0 },
    bin: await put(`${id} bin`),
    referenceOnnx: await put(`${id} onnx`),
  });
}
