/**
 * Files of the `stages` command: what the reference hands to the runner, and what the runner hands
 * back.
 *
 * All are raw little-endian values without a header, see the runner's interface in
 * `runner-cpp/README.md`.
 *
 * @module
 */
import * as path from "@std/path";
import type { Candidates } from "../head/candidates.ts";
import type { Reference } from "./reference.ts";

/** What the runner computed per stage; null where it left no file. */
export interface RunnerStages {
  /** Its own letterboxed tensor. */
  preprocess: Float32Array | null;
  /** Its outputs on the reference's tensor, in the order of the manifest. */
  blobs: (Float32Array | null)[];
  /** Candidates that it decoded from the reference's blobs: rows as in `Candidates`. */
  decode: Float32Array | null;
  /** Indices of the reference's candidates that its NMS keeps. */
  nms: Int32Array | null;
}

/** True where float32 and int32 arrays have the byte order of the files. */
const IS_LITTLE_ENDIAN = new Uint8Array(Uint32Array.of(1).buffer)[0] === 1;

/** Returns the bytes of the values in little-endian order. */
function toBytes(values: Float32Array | Int32Array): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(values.byteLength);
  if (IS_LITTLE_ENDIAN) {
    bytes.set(new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
    return bytes;
  }
  const view = new DataView(bytes.buffer);
  for (let at = 0; at < values.length; at++) {
    if (values instanceof Float32Array) view.setFloat32(4 * at, values[at], true);
    else view.setInt32(4 * at, values[at], true);
  }
  return bytes;
}

async function readValues(file: string): Promise<DataView | null> {
  try {
    const bytes = await Deno.readFile(file);
    return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength - bytes.byteLength % 4);
  } catch (cause) {
    if (cause instanceof Deno.errors.NotFound) return null;
    throw cause;
  }
}

/** Returns the float32 values of a file, null when it is not there. */
export async function readFloats(file: string): Promise<Float32Array | null> {
  const view = await readValues(file);
  if (view === null) return null;
  if (IS_LITTLE_ENDIAN && view.byteOffset % 4 === 0) {
    return new Float32Array(view.buffer, view.byteOffset, view.byteLength / 4);
  }
  return Float32Array.from(
    { length: view.byteLength / 4 },
    (_, at) => view.getFloat32(4 * at, true),
  );
}

/** Returns the int32 values of a file, null when it is not there. */
export async function readIntegers(file: string): Promise<Int32Array | null> {
  const view = await readValues(file);
  return view === null
    ? null
    : Int32Array.from({ length: view.byteLength / 4 }, (_, at) => view.getInt32(4 * at, true));
}

/** Writes the float32 values of a file. */
export async function writeFloats(file: string, values: Float32Array): Promise<void> {
  await Deno.writeFile(file, toBytes(values));
}

/**
 * Writes the reference's files of one image: `<id>.input.f32`, `<id>.out<k>.f32` in the head's
 * layout (see `headBlobs`) and `<id>.candidates.f32`.
 *
 * `candidates` are those of the same head: of the blobs as they are written.
 */
export async function writeReferenceFiles(
  folder: string,
  imageId: string,
  reference: Pick<Reference, "tensor">,
  blobs: readonly Float32Array[],
  candidates: Candidates,
): Promise<void> {
  const file = (suffix: string) => path.join(folder, `${imageId}.${suffix}.f32`);
  await writeFloats(file("input"), reference.tensor);
  for (const [index, blob] of blobs.entries()) await writeFloats(file(`out${index}`), blob);
  await writeFloats(file("candidates"), candidates.rows);
}

/** Returns what the runner's `stages` command left for an image in its dump folder. */
export async function readRunnerStages(
  folder: string,
  imageId: string,
  outputCount: number,
): Promise<RunnerStages> {
  const file = (suffix: string) => path.join(folder, `${imageId}.${suffix}`);
  const blobs: (Float32Array | null)[] = [];
  for (let index = 0; index < outputCount; index++) {
    blobs.push(await readFloats(file(`out${index}.f32`)));
  }
  return {
    preprocess: await readFloats(file("preprocess.f32")),
    blobs,
    decode: await readFloats(file("decode.f32")),
    nms: await readIntegers(file("nms.i32")),
  };
}
