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
import {
  bytesOnDisk,
  ofSoundModel,
  type OnnxFile,
  type OnnxModel,
  readOnnxFile,
} from "./onnx/onnx_file.ts";
import { cutModel } from "./surgery.ts";

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
  /** What was changed of the export that a reader should know. */
  warnings: Warning[];
}

/**
 * Returns the ONNX file with its head and the activation that it was trained with.
 *
 * Throws `HarnessError` `bad-model` when it is not a pose model as ultralytics exports it.
 */
export async function readSourceModel(file: string): Promise<SourceModel> {
  const onnx = await readOnnxFile(file);
  const { model, head, trained, warnings } = ofSoundModel(file, () => {
    const { model, warnings } = plainExport(expandHalf(onnx.model), file);
    const head = findPoseHead(model, file);
    const cut = cutModel(model, head, "raw-nchw", null);
    return { model, head, trained: trainedActivation(cut.model, file), warnings };
  });
  return {
    path: path.resolve(file),
    stem: safeModelName(path.basename(file).replace(/\.onnx$/i, "")),
    sha256: await hashOf(onnx),
    bytes: bytesOnDisk(onnx),
    model,
    head,
    trained,
    warnings,
  };
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
