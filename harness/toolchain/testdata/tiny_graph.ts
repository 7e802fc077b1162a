/**
 * A graph of three convolutions that looks like a raw pose head: every cell gives the same values,
 * its biases.
 *
 * @module
 */
import * as path from "@std/path";

/** Values per cell: one class, 4 × 16 box bins, 17 × 3 keypoint values. */
export const TINY_CHANNELS = 1 + 64 + 51;

/** `--outputs` for the tiny graph. */
export const TINY_OUTPUTS = "out0:raw:8,out1:raw:16,out2:raw:32";

/** Returns the text of the tiny graph's `.param`. */
export function tinyParam(): string {
  const levels = [8, 16, 32];
  const lines = [
    "Input in0 0 1 in0",
    "Split split 1 3 in0 s0 s1 s2",
    ...levels.flatMap((stride, i) => [
      `Convolution conv${i} 1 1 s${i} c${i} 0=${TINY_CHANNELS} 1=${stride} 3=${stride} 5=1 6=${
        TINY_CHANNELS * 3 * stride * stride
      }`,
      `Permute permute${i} 1 1 c${i} out${i} 0=3`,
    ]),
  ];
  return `7767517\n${lines.length} 10\n${lines.join("\n")}\n`;
}

/** Returns the bytes of the tiny graph's `.bin`: weights 0, and these biases in every level. */
export function tinyBin(biases: Float32Array): Uint8Array {
  const parts: Uint8Array[] = [];
  for (const stride of [8, 16, 32]) {
    parts.push(new Uint8Array(4 + 4 * TINY_CHANNELS * 3 * stride * stride));
    parts.push(new Uint8Array(biases.buffer.slice(0)));
  }
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    bytes.set(part, offset);
    offset += part.length;
  }
  return bytes;
}

/** Returns biases with this class logit, everything else 0: boxes reach 7.5 cells to each side. */
export function tinyBiases(classLogit: number): Float32Array {
  const biases = new Float32Array(TINY_CHANNELS);
  biases[0] = classLogit;
  return biases;
}

/**
 * Writes graph, weights, one grey image of 64 × 64 and its list to the folder, and returns the
 * arguments that name them.
 */
export async function writeTinyRun(folder: string, biases: Float32Array): Promise<string[]> {
  const file = (name: string) => path.join(folder, name);
  await Deno.writeTextFile(file("tiny.param"), tinyParam());
  await Deno.writeFile(file("tiny.bin"), tinyBin(biases));
  await Deno.writeFile(file("grey.rgb"), new Uint8Array(64 * 64 * 3).fill(128));
  await Deno.writeTextFile(file("images.tsv"), "grey\t64\t64\tgrey.rgb\n");
  return [
    ...["--param", file("tiny.param"), "--bin", file("tiny.bin"), "--outputs", TINY_OUTPUTS],
    ...["--images", file("images.tsv"), "--shape", "64x64", "--iterations", "2", "--warmup", "1"],
  ];
}
