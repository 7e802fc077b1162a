/**
 * Local files to push: read once for hash and head, streamed at each attempt.
 *
 * @module
 */
import { createHash } from "node:crypto";
import * as path from "@std/path";
import { cpuOfAbi, readElf, startObstacle } from "../../toolchain/elf.ts";
import { HarnessError } from "../../errors.ts";

/** Bytes of one read of a local file. */
const CHUNK_BYTES = 1 << 16;
/** Bytes of a program that its ELF headers and interpreter lie in. */
const HEAD_BYTES = 1 << 16;

/**
 * Returns why a device of this ABI can't start a program, from the program's first bytes; null when
 * nothing speaks against it.
 *
 * What is no ELF file (a script) passes.
 */
export function programObstacle(head: Uint8Array, abi: string): string | null {
  const isElf = head.length >= 20 && new TextDecoder().decode(head.subarray(1, 4)) === "ELF";
  if (!isElf) return null;
  const cpu = cpuOfAbi(abi);
  if (cpu === null) {
    return `it is an ELF program, and the device's ABI is ${abi}, expected arm64-v8a, aarch64 or x86_64`;
  }
  return startObstacle(readElf(head), cpu);
}

/** Something to push. */
export interface Source {
  name: string;
  bytes: number;
  sha256: string;
  /** First bytes, for the ELF check. */
  head: Uint8Array;
  /** A fresh stream of the content; `progress` is called for each chunk that was taken. */
  stream(progress: () => void): ReadableStream<Uint8Array>;
}

/** Returns a local file as a source; throws `device-unsuitable` when it is none. */
export async function fileSource(localPath: string): Promise<Source> {
  let file: Deno.FsFile;
  try {
    file = await Deno.open(localPath);
  } catch (cause) {
    if (!(cause instanceof Deno.errors.NotFound)) throw cause;
    throw new HarnessError(
      "device-unsuitable",
      `Cannot push "${localPath}": found no such file, expected one that was built or prepared before: run the build again`,
      { cause },
    );
  }
  const hash = createHash("sha256");
  const head = new Uint8Array(HEAD_BYTES);
  let bytes = 0;
  for await (const chunk of file.readable) {
    if (bytes < HEAD_BYTES) head.set(chunk.subarray(0, HEAD_BYTES - bytes), bytes);
    bytes += chunk.length;
    hash.update(chunk);
  }
  return {
    name: path.basename(localPath),
    bytes,
    sha256: hash.digest("hex"),
    head: head.subarray(0, Math.min(bytes, HEAD_BYTES)),
    stream: (progress) => {
      let open: Deno.FsFile | undefined;
      return new ReadableStream({
        pull: async (controller) => {
          open ??= await Deno.open(localPath);
          const chunk = new Uint8Array(CHUNK_BYTES);
          const length = await open.read(chunk);
          progress();
          if (length === null) {
            open.close();
            controller.close();
          } else controller.enqueue(chunk.subarray(0, length));
        },
        cancel: () => open?.close(),
      });
    },
  };
}

/** Returns the SHA-256 in hexadecimal digits. */
export function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}
