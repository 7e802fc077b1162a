/**
 * Reads as much of an ELF file as tells whether a phone or a board could start it (pure).
 *
 * Format: Tool Interface Standard, Executable and Linking Format 1.2, and its 64-bit extension.
 *
 * @module
 */
import { HarnessError } from "../errors.ts";
import type { Target } from "../record/device.ts";
import { MAX_PAGE_BYTES, TARGET_PLACES } from "./toolchain.ts";

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

/** A CPU of phones and boards: what a program for it must be. */
interface Cpu {
  /** `e_machine`. */
  machine: number;
  /** Names of its ABI, as Android and as Linux give them. */
  abis: readonly string[];
  /** Largest page that its kernels have: segments must be aligned to it. */
  pageBytes: number;
}

const CPUS = {
  arm64: { machine: 183, abis: ["arm64-v8a", "aarch64", "arm64"], pageBytes: MAX_PAGE_BYTES },
  "x86-64": { machine: 62, abis: ["x86_64", "amd64"], pageBytes: 4096 },
} as const satisfies Record<string, Cpu>;

/** Name of a CPU that programs are built for. */
export type CpuName = keyof typeof CPUS;

/** CPU of each target besides this machine. */
const TARGET_CPUS: Record<Exclude<Target, "host">, CpuName> = {
  "aarch64-android": "arm64",
  "aarch64-linux": "arm64",
  "x86_64-linux": "x86-64",
};

/** Returns the CPU of a target besides this machine. */
export function cpuOfTarget(target: Exclude<Target, "host">): CpuName {
  return TARGET_CPUS[target];
}

/** Returns the CPU that an ABI is of; null for one that no program is built for. */
export function cpuOfAbi(abi: string): CpuName | null {
  const names = Object.keys(CPUS) as CpuName[];
  return names.find((name) => (CPUS[name].abis as readonly string[]).includes(abi)) ?? null;
}

/**
 * Returns why a phone or a board with this CPU could not start the program; null when nothing
 * stands in the way.
 *
 * It needs code of its CPU, Android's linker (`/system/bin/linker64`) or none, and segments aligned
 * to the largest page (16 KiB on arm64: https://developer.android.com/guide/practices/page-sizes).
 */
export function startObstacle(elf: ElfSummary | null, cpu: CpuName): string | null {
  const { machine, pageBytes } = CPUS[cpu];
  if (elf === null) return "it is no complete ELF program";
  if (elf.bits !== 64 || !elf.littleEndian || elf.machine !== machine) {
    const found = MACHINES[elf.machine] ?? `machine ${elf.machine}`;
    return `it is for ${found} (${elf.bits}-bit), expected ${cpu}`;
  }
  if (elf.interpreter !== null && !elf.interpreter.startsWith("/system/bin/linker")) {
    return `it needs ${elf.interpreter}, which no phone has and a board may lack: expected a static binary, or one of the Android NDK`;
  }
  if (elf.loadAlignmentBytes === null) return "it has no loadable segment";
  if (elf.loadAlignmentBytes < pageBytes) {
    return `its segments are aligned to ${elf.loadAlignmentBytes} bytes, expected at least ${pageBytes}: kernels with pages of ${
      pageBytes >> 10
    } KiB refuse it`;
  }
  return null;
}

/**
 * Throws `HarnessError` `device-unsuitable` when a phone or board of this target could not start
 * the program with these bytes.
 */
export function requireStartable(
  bytes: Uint8Array,
  name: string,
  target: Exclude<Target, "host">,
): void {
  const obstacle = startObstacle(readElf(bytes), cpuOfTarget(target));
  if (obstacle === null) return;
  const remedy = target === "x86_64-linux"
    ? "build it with g++ and a static C library"
    : "build it with the Android NDK (ANDROID_NDK_HOME) or with aarch64-linux-gnu-g++";
  throw new HarnessError(
    "device-unsuitable",
    `Cannot use ${name} on ${TARGET_PLACES[target]}: ${obstacle}: ${remedy}`,
  );
}
