/**
 * What an app wrote of its stages → tensors and people. Such folders are untrusted: every size is
 * checked before it is believed.
 *
 * ```
 * ID.image.npy          [H,W,3] uint8: the picture as the app has it, R G B
 * ID.input.npy          [3,H,W] or [H,W,3] float32: what it feeds the network
 * ID.output.NAME.npy    what the network gave, one file a blob
 * ID.people.json        {"people": [{"score", "class", "box": [x1,y1,x2,y2], "keypoints": [[x,y,confidence], …]}]}
 * ```
 *
 * Each is optional; arrays may be `.json` ({"shape": […], "data": […]}) as well.
 *
 * @module
 */
import * as path from "@std/path";
import { z } from "zod";
import { HarnessError } from "../errors.ts";
import type { RgbImage } from "../pose/letterbox.ts";
import type { Detection } from "../record/records.ts";
import { parseNpy, type SizedArray } from "./npy.ts";

/** What an app wrote of one picture; null for what it did not. */
export interface AppDump {
  imageId: string;
  image: RgbImage | null;
  /** Planes R, G, B as the app calls them. */
  input: { values: Float32Array; widthPx: number; heightPx: number } | null;
  outputs: Map<string, SizedArray>;
  /** In pixels of the picture. */
  people: Detection[] | null;
}

/** Most files, and bytes of one. */
const MOST = { files: 20_000, bytes: 2 ** 28 };

const ArraySchema = z.object({
  shape: z.array(z.int().nonnegative()).max(6),
  data: z.array(z.number()),
});

const Point = z.array(z.number()).min(2).max(3);
const PeopleSchema = z.object({
  people: z.array(z.object({
    score: z.number(),
    class: z.int().nonnegative().default(0),
    box: z.tuple([z.number(), z.number(), z.number(), z.number()]),
    keypoints: z.array(Point).max(1000).default([]),
  })).max(10_000),
});

const NAME = /^(.+?)\.(image|input|people|output\.(.+))\.(npy|json)$/;

/**
 * Returns the dumps of a folder by picture, in the order of their ids.
 *
 * Throws `HarnessError` `bad-option` that names the file at fault, and when there is none.
 */
export async function readDumps(folder: string): Promise<AppDump[]> {
  const names: string[] = [];
  try {
    for await (const { name, isDirectory } of Deno.readDir(folder)) {
      if (!isDirectory && NAME.test(name)) names.push(name);
      if (names.length > MOST.files) throw bad(folder, `it has more than ${MOST.files} files`);
    }
  } catch (cause) {
    if (!(cause instanceof Deno.errors.NotFound)) throw cause;
    throw bad(folder, "there is no such folder");
  }
  if (names.length === 0) {
    throw bad(
      folder,
      "found no file such as ID.people.json or ID.input.npy: write them by posemark_dump.h, or as docs/judge.md shows",
    );
  }
  const dumps = new Map<string, AppDump>();
  for (const name of names.sort()) {
    const [, imageId, what, output] = NAME.exec(name)!;
    const dump: AppDump = dumps.get(imageId) ??
      { imageId, image: null, input: null, outputs: new Map(), people: null };
    dumps.set(imageId, dump);
    const file = path.join(folder, name);
    try {
      await readInto(dump, what, output, file);
    } catch (cause) {
      if (cause instanceof HarnessError) throw cause;
      const reason = cause instanceof z.ZodError
        ? z.prettifyError(cause).split("\n").slice(0, 2).join(" ")
        : (cause as Error).message;
      throw bad(file, reason);
    }
  }
  return [...dumps.values()];
}

function bad(file: string, reason: string): HarnessError {
  return new HarnessError("bad-option", `Cannot read the dump ${file}: ${reason}`);
}

async function readInto(
  dump: AppDump,
  what: string,
  output: string | undefined,
  file: string,
): Promise<void> {
  const { size } = await Deno.stat(file);
  if (size > MOST.bytes) throw new RangeError(`it has ${size} bytes, more than ${MOST.bytes}`);
  if (what === "people") {
    dump.people = peopleOf(JSON.parse(await Deno.readTextFile(file)));
    return;
  }
  const array = file.endsWith(".npy")
    ? parseNpy(await Deno.readFile(file))
    : arrayOf(JSON.parse(await Deno.readTextFile(file)));
  if (what === "image") dump.image = imageOf(array);
  else if (what === "input") dump.input = inputOf(array);
  else dump.outputs.set(output!, array);
}

function arrayOf(value: unknown): SizedArray {
  const { shape, data } = ArraySchema.parse(value);
  const count = shape.reduce((product, size) => product * size, 1);
  if (count !== data.length) {
    throw new RangeError(
      `it has ${data.length} values, expected ${count} for [${shape.join(", ")}]`,
    );
  }
  return { shape, values: Float32Array.from(data) };
}

function withoutBatch(shape: readonly number[]): readonly number[] {
  return shape.length === 4 && shape[0] === 1 ? shape.slice(1) : shape;
}

function imageOf({ shape, values }: SizedArray): RgbImage {
  const [heightPx, widthPx, channels] = withoutBatch(shape);
  if (channels !== 3 || shape.length < 3) {
    throw new RangeError(`its shape is [${shape.join(", ")}], expected [height, width, 3]`);
  }
  return { widthPx, heightPx, rgb: Uint8Array.from(values) };
}

function inputOf({ shape, values }: SizedArray): AppDump["input"] {
  const [first, second, third] = withoutBatch(shape);
  if (first === 3 && third !== undefined) return { values, widthPx: third, heightPx: second };
  if (third !== 3) {
    throw new RangeError(
      `its shape is [${shape.join(", ")}], expected [3, height, width] or [height, width, 3]`,
    );
  }
  const plane = first * second;
  const planes = new Float32Array(3 * plane);
  for (let at = 0; at < values.length; at++) {
    planes[(at % 3) * plane + Math.floor(at / 3)] = values[at];
  }
  return { values: planes, widthPx: second, heightPx: first };
}

function peopleOf(value: unknown): Detection[] {
  return PeopleSchema.parse(value).people.map((person) => ({
    score: person.score,
    classIndex: person.class,
    boxXyxyPx: person.box,
    keypoints: person.keypoints.map(([x, y, confidence = 1]) => [x, y, confidence]),
  }));
}
