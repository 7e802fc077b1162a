/**
 * Reads as much of an ELF file as tells whether a phone could start it (pure).
 *
 * Format: Tool Interface Standard, Executable and Linking Format 1.2, and its 64-bit extension.
 *
 * @module
 */
import { HarnessError } from "../errors.ts";
import { MAX_PAGE_BYTES } from "./toolchain.ts";

/** What is read of an ELF file. */
export interface ElfSummary {
  /** 32 or 64. */
  bits: number;
  littleEndian: boolean;
  /** `e_machine`: 183 is 64-bit ARM, 62 x86-64. */
  machine: number;
  /** Program interpreter, for instance `/lib/ld-linux-aarch64.so.1`; null for a static binary. */
  interpreter: string | null;
  /** Smallest alignment of a loadable segment in bytes; null when there is none. */
  loadAlignmentBytes: number | null;
}

const MACHINE_AARCH64 = 183;
const PT_LOAD = 1;
const PT_INTERP = 3;
const HEADER_BYTES_64 = 64;

/** Names of the machines that a mix-up is likely with. */
const MACHINES: Record<number, string> = { 3: "x86", 40: "32-bit ARM", 62: "x86-64", 183: "arm64" };

/**
 * Returns the summary of the bytes of a 64-bit ELF file; null when the bytes are no such file or
 * are cut off.
 */
export function readElf(bytes: Uint8Array): ElfSummary | null {
  if (bytes.length < HEADER_BYTES_64) return null;
  if (bytes[0] !== 0x7f || String.fromCharCode(...bytes.subarray(1, 4)) !== "ELF") return null;
  const bits = bytes[4] === 2 ? 64 : 32;
  const littleEndian = bytes[5] === 1;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const machine = view.getUint16(18, littleEndian);
  if (bits === 32) {
    return { bits, littleEndian, machine, interpreter: null, loadAlignmentBytes: null };
  }
  const tableOffset = Number(view.getBigUint64(32, littleEndian));
  const entryBytes = view.getUint16(54, littleEndian);
  const entryCount = view.getUint16(56, littleEndian);
  if (entryCount > 0 && entryBytes < 56) return null;
  if (tableOffset + entryBytes * entryCount > bytes.length) return null;

  let interpreter: string | null = null;
  let loadAlignmentBytes: number | null = null;
  for (let i = 0; i < entryCount; i++) {
    const entry = tableOffset + i * entryBytes;
    const type = view.getUint32(entry, littleEndian);
    if (type === PT_LOAD) {
      const alignment = Number(view.getBigUint64(entry + 48, littleEndian));
      loadAlignmentBytes = Math.min(loadAlignmentBytes ?? Infinity, alignment);
    }
    if (type === PT_INTERP) {
      const offset = Number(view.getBigUint64(entry + 8, littleEndian));
      const size = Number(view.getBigUint64(entry + 32, littleEndian));
      if (offset + size > bytes.length) return null;
      const text = new TextDecoder().decode(bytes.subarray(offset, offset + size));
      interpreter = text.replace(/\0[\s\S]*$/, "");
    }
  }
  return { bits, littleEndian, machine, interpreter, loadAlignmentBytes };
}

/**
 * Returns why an arm64 phone could not start the program; null when nothing stands in the way.
 *
 * A phone needs 64-bit ARM code, Android's linker (`/system/bin/linker64`) or none, and segments
 * aligned to 16 KiB (https://developer.android.com/guide/practices/page-sizes).
 */
export function phoneObstacle(elf: ElfSummary | null): string | null {
  if (elf === null) return "it is no complete ELF program";
  if (elf.bits !== 64 || !elf.littleEndian || elf.machine !== MACHINE_AARCH64) {
    const found = MACHINES[elf.machine] ?? `machine ${elf.machine}`;
    return `it is for ${found} (${elf.bits}-bit), expected arm64`;
  }
  if (elf.interpreter !== null && !elf.interpreter.startsWith("/system/bin/linker")) {
    return `it needs ${elf.interpreter}, which no phone has: expected a static binary, or one of the Android NDK`;
  }
  if (elf.loadAlignmentBytes === null) return "it has no loadable segment";
  if (elf.loadAlignmentBytes < MAX_PAGE_BYTES) {
    return `its segments are aligned to ${elf.loadAlignmentBytes} bytes, expected at least ${MAX_PAGE_BYTES}: phones with pages of 16 KiB refuse it`;
  }
  return null;
}

/**
 * Throws `HarnessError` `device-unsuitable` when an arm64 phone could not start the program with
 * these bytes.
 */
export function requirePhoneBinary(bytes: Uint8Array, name: string): void {
  const obstacle = phoneObstacle(readElf(bytes));
  if (obstacle === null) return;
  throw new HarnessError(
    "device-unsuitable",
    `Cannot use ${name} on a phone: ${obstacle}: build it with the Android NDK (ANDROID_NDK_HOME) or with aarch64-linux-gnu-g++`,
  );
}
