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
  RunnerTurns,
  RunnerTurnsSchema,
} from "./records.ts";
import { parseStrictly } from "./strict_json.ts";
import { HarnessError } from "../errors.ts";

/** What one launch of `posemark-runner run` printed. */
export interface RunnerOutput {
  header: RunnerHeader;
  images: RunnerImage[];
  end: RunnerEnd;
}

/** What one launch of `posemark-runner turns` printed. */
export interface TurnsOutput {
  turns: RunnerTurns;
  /** In the order in which they were loaded. */
  contestants: {
    header: RunnerHeader;
    images: RunnerImage[];
    /** For each image the place of its turn among all turns of the launch, from 0. */
    turnOfImage: number[];
  }[];
  end: RunnerEnd;
}

/** What the output of a launch must hold. */
export interface ExpectedOutput {
  imageIds: string[];
  iterations: number;
  /** How messages name the launch. */
  where: string;
}

const RunnerLineSchema = z.discriminatedUnion("kind", [
  RunnerHeaderSchema,
  RunnerImageSchema,
  RunnerEndSchema,
]);

const Place = z.int().nonnegative();
const TurnsLineSchema = z.discriminatedUnion("kind", [
  RunnerTurnsSchema,
  RunnerHeaderSchema.extend({ contestant: Place }),
  RunnerImageSchema.extend({ contestant: Place, turn: Place }),
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
export function parseRunnerOutput(text: string, expected: ExpectedOutput): RunnerOutput {
  const fail = failing(expected);
  const { lines: [header, ...lines], end } = wholeLines(text, RunnerLineSchema, fail);
  if (header.kind !== "runner") return fail("its first line is not the runner's header");
  const images = lines.map((line) =>
    line.kind === "image" ? line : fail(`a line of kind "${line.kind}" in the middle`)
  );
  requireImages(images, end, expected, fail);
  return { header, images, end };
}

/**
 * Returns the parsed output of a launch that `contestantCount` contestants shared.
 *
 * Throws as {@linkcode parseRunnerOutput}, and when a turn of a contestant is missing.
 */
export function parseTurnsOutput(
  text: string,
  expected: ExpectedOutput & { contestantCount: number },
): TurnsOutput {
  const fail = failing(expected);
  const { lines: [turns, ...lines], end } = wholeLines(text, TurnsLineSchema, fail);
  if (turns.kind !== "turns") return fail("its first line does not tell the turns");
  const headers = lines.slice(0, expected.contestantCount).map((line, index) => {
    if (line.kind !== "runner" || line.contestant !== index) {
      return fail(`line ${index + 2} is not the header of contestant ${index}`);
    }
    const { contestant: _, ...header } = line;
    return header;
  });
  if (headers.length !== expected.contestantCount) fail("headers of contestants are missing");
  const contestants = headers.map((header): TurnsOutput["contestants"][number] => ({
    header,
    images: [],
    turnOfImage: [],
  }));
  for (const [place, line] of lines.slice(headers.length).entries()) {
    if (line.kind !== "image") return fail(`a line of kind "${line.kind}" in the middle`);
    const { contestant, turn, ...image } = line;
    const own = contestants[contestant];
    if (own === undefined || turn !== place) return fail(`turn ${place} is not in its place`);
    own.images.push(image);
    own.turnOfImage.push(turn);
  }
  for (const { images } of contestants) requireImages(images, end, expected, fail);
  return { turns, contestants, end };
}

type Fail = (found: string) => never;

function failing({ where }: Pick<ExpectedOutput, "where">): Fail {
  return (found) => {
    throw new HarnessError(
      "bad-device-output",
      `Cannot use the output of ${where}: ${found}. The launch is not recorded: run again with --resume`,
    );
  };
}

/** The lines before the end marker, which vouches for them. */
function wholeLines<L extends { kind: string }>(
  text: string,
  schema: z.ZodType<L>,
  fail: Fail,
): { lines: Exclude<L, RunnerEnd>[]; end: RunnerEnd } {
  const lines = text.split("\n");
  if (lines.pop() !== "") fail("the last line was cut off");
  if (lines.length < 2) fail(`found ${lines.length} lines, expected a header, images and an end`);
  const parsed = lines.map((line, index) => {
    try {
      return parseStrictly(schema, line, `line ${index + 1}`);
    } catch (error) {
      return fail((error as Error).message);
    }
  });
  const end = parsed.at(-1)! as L | RunnerEnd;
  if (!isEnd(end)) return fail("the end marker is missing");
  const body = new TextEncoder().encode(lines.slice(0, -1).join("\n") + "\n");
  const hash = fnv1a64(body);
  if (hash !== end.fnv1a64) fail(`its hash is ${hash}, the end marker says ${end.fnv1a64}`);
  return { lines: parsed.slice(0, -1) as Exclude<L, RunnerEnd>[], end };
}

function isEnd(line: { kind: string }): line is RunnerEnd {
  return line.kind === "end";
}

function requireImages(
  images: readonly RunnerImage[],
  end: RunnerEnd,
  expected: ExpectedOutput,
  fail: Fail,
): void {
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
}
