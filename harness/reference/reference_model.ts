/**
 * The reference graph of a variant, opened, with the rounded graphs that tolerances are measured
 * by.
 *
 * @module
 */
import type { VariantManifest } from "../record/variant.ts";
import { EFFECTIVE, type EffectivePrecision, type StorageSimulation } from "../record/precision.ts";
import { encodeOnnx, readOnnxFile } from "../model/onnx/onnx_file.ts";
import type { InputSize } from "../head/head_spec.ts";
import { type DotLengths, dotLengths } from "./dot_lengths.ts";
import type { Reference } from "./reference.ts";
import { openSession, type ReferenceSession, type SessionOptions } from "../model/onnx/session.ts";
import {
  type HalfWeights,
  type SimulatedPrecision,
  simulatePrecision,
} from "./simulated_precision.ts";

/** Raw blobs of the reference graph with roundings, on the reference's tensor of one image. */
export interface RoundedRawBlobs {
  /** With the weights of convolutions rounded to fp16. */
  fp16Weights: readonly Float32Array[];
  /**
   * With the weights rounded as coarsely as in fp16, but to other numbers: a change that is never
   * 0.
   */
  perturbed: readonly Float32Array[];
  /**
   * With stored blobs rounded as the effective precision does, or in steps of int8; null when blobs
   * stay float32.
   */
  storage: readonly Float32Array[] | null;
  dots: DotLengths;
}

/** An open reference graph; dispose it to free its sessions. */
export interface ReferenceModel extends AsyncDisposable {
  /** Returns the raw blobs of a tensor, as `ReferenceSession.blobs`. */
  blobs(tensor: Float32Array, size: InputSize): Promise<Float32Array[]>;
  /**
   * Returns the rounded blobs that judging a variant of that effective precision needs; kept as
   * long as the reference is.
   */
  measureRounding(
    reference: Reference,
    precision: EffectivePrecision,
  ): Promise<RoundedRawBlobs>;
}

/**
 * Precision whose storage has to be simulated; null where blobs stay float32 or can't be simulated.
 */
export function storageOf(precision: EffectivePrecision): StorageSimulation | null {
  const { simulation } = EFFECTIVE[precision];
  return simulation === "fp16-weights" ? null : simulation;
}

/**
 * Returns how a variant's weights were rounded to fp16: pnnx writes them itself, else ncnnoptimize
 * does.
 */
export function halfWeightsOf({ converter }: Pick<VariantManifest, "converter">): HalfWeights {
  // given files are mostly pnnx's: ultralytics' export calls it
  return ["pnnx", "pnnx-plain", "given"].includes(converter) ? "pnnx" : "ieee";
}

/**
 * Returns the reference graph of an ONNX file with raw NHWC heads, opened by onnxruntime.
 *
 * Rounded graphs are made and opened when they are first asked for. Throws `HarnessError`
 * `bad-model` when the file can't be read or loaded.
 */
export async function openReferenceModel(
  file: string,
  options: SessionOptions & { halfWeights?: HalfWeights },
): Promise<ReferenceModel> {
  const { model } = await readOnnxFile(file);
  const exact = await openSession(file, options);
  const rounded = new Map<SimulatedPrecision, Promise<ReferenceSession>>();
  const measured = new WeakMap<Reference, Map<SimulatedPrecision, Promise<Float32Array[]>>>();
  const run = (reference: Reference, precision: SimulatedPrecision): Promise<Float32Array[]> => {
    const known = measured.get(reference) ?? new Map<SimulatedPrecision, Promise<Float32Array[]>>();
    measured.set(reference, known);
    const made = known.get(precision) ?? (async () => {
      const session = rounded.get(precision) ??
        openSession(encodeOnnx(simulatePrecision(model, precision, options.halfWeights)), options);
      rounded.set(precision, session);
      return await (await session).blobs(reference.tensor, reference.geometry);
    })();
    known.set(precision, made);
    return made;
  };
  const dots = dotLengths(model);
  return {
    blobs: (tensor, size) => exact.blobs(tensor, size),
    async measureRounding(reference, precision) {
      const storage = storageOf(precision);
      return {
        fp16Weights: await run(reference, "fp16-weights"),
        perturbed: await run(reference, "shifted-fp16-weights"),
        storage: storage === null ? null : await run(reference, storage),
        dots,
      };
    },
    async [Symbol.asyncDispose]() {
      for (const session of rounded.values()) await (await session)[Symbol.asyncDispose]();
      await exact[Symbol.asyncDispose]();
    },
  };
}
