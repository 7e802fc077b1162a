/**
 * ncnn files → their blobs on one tensor, by the runner on this machine: effectful.
 *
 * @module
 */
import * as path from "@std/path";
import { childCommand } from "../../child.ts";
import type { InputSize } from "../../head/head_spec.ts";
import { HarnessError } from "../../errors.ts";

/** A blob with its sizes, outermost first. */
export interface SizedBlob {
  values: Float32Array;
  dims: number[];
}

/** What is run. */
export interface BlobsRequest {
  /** Path of `posemark-runner` for this machine. */
  runner: string;
  param: string;
  bin: string;
  inputBlob: string;
  /** [3, heightPx, widthPx]. */
  tensor: Float32Array;
  size: InputSize;
  /** Names of the blobs. */
  blobs: readonly string[];
  /** Whether layers that are stored as int8 may run. */
  isInt8: boolean;
  signal?: AbortSignal;
}

/**
 * Returns the blobs by name. Throws `HarnessError` `bad-model` with the runner's reason when ncnn
 * can't run the files.
 */
export async function runBlobs(request: BlobsRequest): Promise<Map<string, SizedBlob>> {
  const { runner, param, bin, inputBlob, tensor, size, blobs, isInt8, signal } = request;
  const folder = await Deno.makeTempDir({ prefix: "posemark-blobs-" });
  try {
    const file = path.join(folder, "tensor.f32");
    await Deno.writeFile(file, new Uint8Array(tensor.buffer, tensor.byteOffset, tensor.byteLength));
    const { success, stderr } = await childCommand(runner, {
      args: ["blobs", "--param", param, "--bin", bin, "--input-blob", inputBlob, "--tensor", file]
        .concat(["--shape", `${size.widthPx}x${size.heightPx}`, "--dump-blob", blobs.join(",")])
        .concat(["--dump-dir", folder, ...(isInt8 ? ["--int8", "on"] : [])]),
      stdout: "null",
      stderr: "piped",
      signal,
    }).output();
    if (!success) {
      const lines = new TextDecoder().decode(stderr).trimEnd().split("\n");
      throw new HarnessError(
        "bad-model",
        `Cannot run ${param} with ncnn on this machine: ${
          lines.at(-1)?.replace(/^posemark-runner: /, "") || "it was killed"
        }: \`deno task inspect\` says what ncnn makes of the files`,
        { stderrTail: lines.slice(-20) },
      );
    }
    const index = (await Deno.readTextFile(path.join(folder, "index.tsv"))).trimEnd().split("\n");
    const found = new Map<string, SizedBlob>();
    for (const line of index) {
      const [name, dims, blob] = line.split("\t");
      const bytes = await Deno.readFile(path.join(folder, name));
      found.set(blob, {
        values: new Float32Array(bytes.buffer),
        dims: dims.split("x").map(Number),
      });
    }
    return found;
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}
