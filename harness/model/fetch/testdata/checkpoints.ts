/**
 * Checkpoints of a few hundred bytes for tests, and programs that answer as Pythons do.
 *
 * @module
 */
import * as path from "@std/path";
import { deflateRawSync } from "node:zlib";

/** Returns one array with the bytes of all parts, a string's characters as bytes. */
export function bytesOf(...parts: (string | Uint8Array | number[])[]): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(
    parts.flatMap((part) =>
      typeof part === "string" ? [...new TextEncoder().encode(part)] : [...part]
    ),
  );
}

const u16 = (value: number) => [value & 255, value >> 8];
const u32 = (value: number) => [...u16(value & 0xffff), ...u16(value >>> 16)];

/** Returns a zip archive of the files, stored or deflated; checksums are left at 0. */
export function zipOf(
  files: Record<string, Uint8Array>,
  packing: "stored" | "deflated" = "stored",
): Uint8Array<ArrayBuffer> {
  let archive = bytesOf();
  let directory = bytesOf();
  const isDeflated = packing === "deflated";
  for (const [name, content] of Object.entries(files)) {
    const packed = isDeflated ? new Uint8Array(deflateRawSync(content)) : content;
    const common = [...u16(isDeflated ? 8 : 0), ...u32(0), ...u32(0), ...u32(packed.length)]
      .concat([...u32(content.length), ...u16(name.length)]);
    directory = bytesOf(
      directory,
      "PK\x01\x02",
      [...u16(20), ...u16(20), ...u16(0), ...common, ...u16(0), ...u16(0)],
      [...u16(0), ...u16(0), ...u32(0), ...u32(archive.length)],
      name,
    );
    // torch aligns contents by an extra field in the local header alone
    archive = bytesOf(
      archive,
      "PK\x03\x04",
      [...u16(20), ...u16(0), ...common, ...u16(3)],
      name,
      "FB\0",
      packed,
    );
  }
  const count = u16(Object.keys(files).length);
  return bytesOf(
    archive,
    directory,
    "PK\x05\x06",
    [...u16(0), ...u16(0), ...count, ...count, ...u32(directory.length), ...u32(archive.length)],
    u16(0),
  );
}

/** What a checkpoint of a test is to say of itself. */
export interface FakeCheckpoint {
  /** Classes as `module name`. */
  globals?: string[];
  /** Null leaves it out. */
  version?: string | null;
  /** Names of tensors and attributes. */
  strings?: string[];
}

/** The classes of a checkpoint for pose as ultralytics saves one. */
export const POSE_GLOBALS = [
  "ultralytics.nn.tasks PoseModel",
  "ultralytics.nn.modules.conv Conv",
  "ultralytics.nn.modules.head Pose",
  "torch._utils _rebuild_tensor_v2",
  "__builtin__ set",
];

/** Returns a checkpoint: an archive with a pickle of protocol 2, as torch.save writes it. */
export function checkpointOf(
  { globals = POSE_GLOBALS, version = "8.3.5", strings = [] }: FakeCheckpoint = {},
): Uint8Array<ArrayBuffer> {
  const text = (value: string) => bytesOf("X", u32(value.length), value, "q\x01");
  const pickle = bytesOf(
    [0x80, 2],
    "}(",
    ...globals.map((name) => `c${name.replace(" ", "\n")}\n`),
    ...strings.flatMap((value) => [text(value), "N"]),
    ...(version === null ? [] : [text("version"), text(version)]),
    "u.",
  );
  return zipOf({ "best/data.pkl": pickle, "best/version": bytesOf("3\n") });
}

/**
 * Writes a program that is called as a Python is, and returns its path.
 *
 * @param script Lines of sh; `$1` and on are the arguments.
 */
export async function fakePython(folder: string, script: string): Promise<string> {
  const file = path.join(folder, "python");
  await Deno.writeTextFile(file, `#!/bin/sh\n${script}\n`);
  await Deno.chmod(file, 0o755);
  return file;
}

/** What a fake interpreter does beside telling its version. */
export interface FakeInterpreter {
  version?: [number, number, number];
  venv?: boolean;
  /** Lines of sh in place of `-m venv`: by default a folder with a Python is made. */
  makeVenv?: string;
  /** Lines of sh that the environment's Python runs for `-m pip`. */
  pip?: string;
  /** Lines of sh that the environment's Python runs for the script of the export. */
  script?: string;
}

/** Writes an interpreter that makes environments with the given faults; returns its path. */
export async function fakeInterpreter(
  folder: string,
  { version = [3, 11, 7], venv = true, makeVenv, pip = ":", script = 'cp "$3" "$5"' }:
    FakeInterpreter = {},
): Promise<string> {
  const inside = path.join(folder, "python-inside");
  await Deno.writeTextFile(
    inside,
    `#!/bin/sh\nif [ "$2" = pip ]; then\n${pip}\nelse\n${script}\nfi\n`,
  );
  await Deno.chmod(inside, 0o755);
  const made = makeVenv ?? `mkdir -p "$4/bin" && cp "${inside}" "$4/bin/python"`;
  const answer = JSON.stringify({ version, venv });
  return await fakePython(
    folder,
    `if [ "$1" = -c ]; then\necho '${answer}'\nelse\n${made}\nfi`,
  );
}
