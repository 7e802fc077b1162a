/**
 * Reading what the runner printed: lines → header, images, end; nothing passes by absence.
 *
 * @module
 */
import { z } from "zod";
import {
  RunnerEnd,
  RunnerEndSchema,
  RunnerHeader,
  RunnerHeaderSchema,
  RunnerImage,
  RunnerImageSchema,
} from "./records.ts";
import { parseStrictly } from "./strict_json.ts";
import { HarnessError } from "../errors.ts";

/** What one launch of `posemark-runner run` printed. */
export interface RunnerOutput {
  header: RunnerHeader;
  images: RunnerImage[];
  end: RunnerEnd;
}

const RunnerLineSchema = z.discriminatedUnion("kind", [
  RunnerHeaderSchema,
  RunnerImageSchema,
  RunnerEndSchema,
]);

/** Returns the FNV-1a hash (64 bit) of the bytes as 16 hexadecimal digits. Source: RFC 9923. */
export function fnv1a64(bytes: Uint8Array): string {
  // Two 32-bit halves: BigInt is some 50 times slower. prime = 2^40 + 0x1b3.
  let high = 0xcbf29ce4, low = 0x84222325;
  for (const byte of bytes) {
    low = (low ^ byte) >>> 0;
    const product = low * 0x1b3;
    const carry = Math.floor(product / 0x100000000);
    high = (Math.imul(high, 0x1b3) + carry + (low << 8)) >>> 0;
    low = product >>> 0;
  }
  return high.toString(16).padStart(8, "0") + low.toString(16).padStart(8, "0");
}

/**
 * Returns the parsed output of a launch.
 *
 * Throws `bad-device-output` when the end marker, its hash, an image or a sample is missing, or
 * when a detection is not a finite number: a record that is not whole is no record.
 */
export function parseRunnerOutput(
  text: string,
  expected: { imageIds: string[]; iterations: number; where: string },
): RunnerOutput {
  const fail = (found: string): never => {
    throw new HarnessError(
      "bad-device-output",
      `Cannot use the output of ${expected.where}: ${found}. The launch is not recorded: run again with --resume`,
    );
  };
  const lines = text.split("\n");
  if (lines.pop() !== "") fail("the last line was cut off");
  if (lines.length < 2) fail(`found ${lines.length} lines, expected a header, images and an end`);
  const parsed = lines.map((line, index) => {
    try {
      return parseStrictly(RunnerLineSchema, line, `line ${index + 1}`);
    } catch (error) {
      return fail((error as Error).message);
    }
  });
  const header = parsed[0], end = parsed.at(-1)!;
  if (header.kind !== "runner") return fail("its first line is not the runner's header");
  if (end.kind !== "end") return fail("the end marker is missing");
  const body = new TextEncoder().encode(lines.slice(0, -1).join("\n") + "\n");
  const hash = fnv1a64(body);
  if (hash !== end.fnv1a64) fail(`its hash is ${hash}, the end marker says ${end.fnv1a64}`);
  const images = parsed.slice(1, -1).map((line) =>
    line.kind === "image" ? line : fail(`a line of kind "${line.kind}" in the middle`)
  );
  const ids = images.map((image) => image.imageId);
  if (ids.join("\n") !== expected.imageIds.join("\n") || end.imageCount !== ids.length) {
    fail(`found ${ids.length} images, expected ${expected.imageIds.length} in the same order`);
  }
  for (const image of images) {
    for (const [stage, samples] of Object.entries(image.samplesNs)) {
      if (samples.length !== expected.iterations) {
        fail(
          `image ${image.imageId} has ${samples.length} ${stage} samples, expected ${expected.iterations}`,
        );
      }
    }
  }
  return { header, images, end };
}
