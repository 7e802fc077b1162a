/**
 * A model file that the user named → everything that its variants are made from.
 *
 * @module
 */
import * as path from "@std/path";
import { type Activation, safeModelName } from "../record/variant.ts";
import { trainedActivation } from "./activation.ts";
import type { Warning } from "../errors.ts";
import { plainExport } from "./exported.ts";
import { expandHalf } from "./onnx/half.ts";
import { sha256Hex } from "../hash.ts";
import { findPoseHead, type PoseHead } from "./head.ts";
import { readModelNames } from "./metadata.ts";
import {
  bytesOnDisk,
  ofSoundModel,
  type OnnxFile,
  type OnnxModel,
  readOnnxFile,
} from "./onnx/onnx_file.ts";
import { type FittedDecode, FittedDecodeSchema } from "./fit_decode.ts";
import { proveDecode } from "./prove_decode.ts";
import { proveSelection } from "./prove_selection.ts";
import { parseStrictly } from "../record/strict_json.ts";
import { cached, contentKey } from "../toolchain/cache.ts";
import { cutModel, withKeypointChannels } from "./surgery.ts";

/** A model file, read and understood. */
export interface SourceModel {
  path: string;
  /** Safe stem of the file name. */
  stem: string;
  /** Of the file; with weights in other files, of its hash and theirs. */
  sha256: string;
  /** Of all these files. */
  bytes: number;
  /** With float32 weights. */
  model: OnnxModel;
  head: PoseHead;
  trained: Activation;
  /** The model with its own choice of the best k; null where it has none. */
  selecting: OnnxModel | null;
  /** Of the classes, as the metadata give them; null where they don't. */
  names: string[] | null;
  /** Of the keypoints, as the metadata give them; null where they don't. */
  keypointNames: string[] | null;
  /** What was changed of the export that a reader should know. */
  warnings: Warning[];
}

/** A model whose own decode was reproduced from its head. */
export interface ProvedModel extends SourceModel {
  proof: FittedDecode;
}

/** Raised when the proof changes, so that kept ones are made anew. */
const PROOF_VERSION = 2;

/**
 * Returns the model with its head as its own decode has it, see {@linkcode proveDecode}; the proof
 * is kept in the cache by the file's content. Throws as {@linkcode proveDecode} does.
 */
export async function proved(
  source: SourceModel,
  context: { root?: string; signal?: AbortSignal },
): Promise<ProvedModel> {
  const { model, head, selecting, path: file } = source;
  const { folder } = await cached({
    kind: "proof",
    key: await contentKey({ source: source.sha256, version: `${PROOF_VERSION}` }),
    ...context,
    make: async (folder) => {
      const fitted = await proveDecode(model, head, file);
      const selection = selecting === null ? null : await proveSelection(selecting, head, file);
      const proof: FittedDecode = { ...fitted, selection };
      await Deno.writeTextFile(path.join(folder, PROOF_FILE), JSON.stringify(proof));
    },
  });
  const text = await Deno.readTextFile(path.join(folder, PROOF_FILE));
  const proof = parseStrictly(FittedDecodeSchema, text, path.join(folder, PROOF_FILE));
  const { headCode, keypointChannels } = proof;
  return {
    ...source,
    model: withKeypointChannels(model, head, keypointChannels),
    head: { ...head, headCode },
    warnings: [...source.warnings, ...proofWarnings(head, proof)],
    proof,
  };
}

const PROOF_FILE = "proof.json";

/** Default of `--max-detections`, and what ultralytics exports by default. */
const USUAL_COUNT = 300;

/** A head that is not what its structure suggests is said; a form of its output alone is not. */
function proofWarnings(head: PoseHead, { headCode, notes, selection }: FittedDecode): Warning[] {
  const isAsExpected = headCode.box.origin === head.headCode.box.origin &&
    headCode.keypoint.scale === head.headCode.keypoint.scale &&
    headCode.keypoint.origin === head.headCode.keypoint.origin &&
    headCode.keypoint.visibility === head.headCode.keypoint.visibility;
  const decode = isAsExpected ? [] : [{
    code: "unusual-decode",
    message: `The model's own decode is not the usual one of such a head: ${notes.join("; ")}`,
    advice: "It is measured as the model has it; let your app decode it in the same way.",
  }];
  const cells = head.levels.reduce((sum, level) => sum + level.widthCells * level.heightCells, 0);
  const isUsualCount = selection === null ||
    selection.count === Math.min(USUAL_COUNT, cells * head.classCount);
  const count = isUsualCount ? [] : [{
    code: "top-k-count",
    message:
      `The file keeps the best ${selection.count} of an image, Posemark ${USUAL_COUNT} unless told otherwise`,
    advice: `Give --max-detections ${selection.count} to measure what the file does.`,
  }];
  return [...decode, ...count];
}

/**
 * Returns the ONNX file with its head and the activation that it has most of.
 *
 * What its head is called is by structure alone: {@linkcode proved} measures it. Throws
 * `HarnessError` `bad-model` when it is not a pose or detection model as ultralytics exports it.
 */
export async function readSourceModel(file: string): Promise<SourceModel> {
  const onnx = await readOnnxFile(file);
  const read = ofSoundModel(file, () => {
    const { model, selection, selecting, warnings } = plainExport(expandHalf(onnx.model), file);
    const found = findPoseHead(model, file);
    const head = selection.by === "top-k" ? oneToOne(found) : found;
    const cut = cutModel(model, head, "raw-nchw", null);
    const trained = trainedActivation(cut.model);
    const told = readModelNames(model.metadata, head);
    return { model, head, trained, selecting, ...told, warnings: [...warnings, ...told.warnings] };
  });
  return {
    path: path.resolve(file),
    stem: safeModelName(path.basename(file).replace(/\.onnx$/i, "")),
    sha256: await hashOf(onnx),
    bytes: bytesOnDisk(onnx),
    ...read,
  };
}

function oneToOne(head: PoseHead): PoseHead {
  return { ...head, headCode: { ...head.headCode, select: "top-k", branch: "one-to-one" } };
}

/**
 * The hash of everything that the model is made of; that of the file alone where it holds all
 * weights.
 */
async function hashOf({ bytes, external }: OnnxFile): Promise<string> {
  const own = await sha256Hex(bytes);
  if (external.size === 0) return own;
  const lines = [own];
  for (const location of [...external.keys()].sort()) {
    lines.push(`${await sha256Hex(external.get(location)!)} ${location}`);
  }
  return await sha256Hex(lines.join("\n"));
}
