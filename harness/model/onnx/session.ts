/**
 * onnxruntime on the reference graph: input tensor → raw output blobs.
 *
 * @module
 */
import * as ort from "onnxruntime-node";
import { HarnessError } from "../../errors.ts";
import type { InputSize } from "../../head/head_spec.ts";

/** An open onnxruntime session; dispose it to free its memory. */
export interface ReferenceSession extends AsyncDisposable {
  /** Names of the outputs in order of the graph. */
  readonly outputNames: readonly string[];
  /**
   * Returns the output blobs, each flat and row-major, for a tensor [1, 3, heightPx, widthPx] in
   * 0..1.
   */
  blobs(tensor: Float32Array, size: InputSize): Promise<Float32Array[]>;
}

/** Options of {@linkcode openSession}. */
export interface SessionOptions {
  /** Threads of onnxruntime; null lets it choose. */
  threads: number | null;
}

/**
 * Returns a session on an ONNX file (or its bytes); the graph must have one float32 input and
 * float32 outputs.
 *
 * Throws `HarnessError` `bad-model` when onnxruntime cannot load it.
 */
export async function openSession(
  model: string | Uint8Array,
  options: SessionOptions,
): Promise<ReferenceSession> {
  const label = typeof model === "string" ? model : "made in memory";
  let session: ort.InferenceSession;
  try {
    const settings: ort.InferenceSession.SessionOptions = {
      executionProviders: ["cpu"],
      logSeverityLevel: 3,
      ...(options.threads === null ? {} : { intraOpNumThreads: options.threads }),
    };
    session = typeof model === "string"
      ? await ort.InferenceSession.create(model, settings)
      : await ort.InferenceSession.create(model, settings);
  } catch (cause) {
    throw new HarnessError(
      "bad-model",
      `Cannot load the reference model ${label} into onnxruntime: ${
        (cause as Error).message
      }: prepare the variant again (deno task prepare)`,
      { cause },
    );
  }
  const [inputName] = session.inputNames;
  return {
    outputNames: session.outputNames,
    async blobs(tensor, { widthPx, heightPx }) {
      if (tensor.length !== 3 * widthPx * heightPx) {
        throw new RangeError(
          `Cannot run the reference model: the tensor has ${tensor.length} values, expected ${
            3 * widthPx * heightPx
          } for ${widthPx}x${heightPx}`,
        );
      }
      let results: ort.InferenceSession.OnnxValueMapType;
      try {
        results = await session.run({
          [inputName]: new ort.Tensor("float32", tensor, [1, 3, heightPx, widthPx]),
        });
      } catch (cause) {
        throw new HarnessError(
          "bad-model",
          `Cannot run the reference model ${label} at ${widthPx}x${heightPx}: ${
            (cause as Error).message
          }`,
          { cause },
        );
      }
      return session.outputNames.map((name) => {
        const { data } = results[name] as ort.Tensor;
        if (!(data instanceof Float32Array)) {
          throw new HarnessError(
            "bad-model",
            `Cannot use the reference model ${label}: output "${name}" is not float32`,
          );
        }
        return data;
      });
    },
    async [Symbol.asyncDispose]() {
      await session.release();
    },
  };
}
