import { assert, assertEquals, assertThrows } from "@std/assert";
import { HarnessError } from "../errors.ts";
import { type CpuName, cpuOfAbi, readElf, requireStartable, startObstacle } from "./elf.ts";

interface Crafted {
  bits?: 32 | 64;
  machine?: number;
  interpreter?: string;
  alignments?: number[];
}

/** Returns the bytes of a small ELF file: header, program headers, interpreter. */
function craft({ bits = 64, machine = 183, interpreter, alignments = [16384] }: Crafted) {
  const count = alignments.length + (interpreter === undefined ? 0 : 1);
  const text = new TextEncoder().encode(interpreter === undefined ? "" : `${interpreter}\0`);
  const bytes = new Uint8Array(64 + 56 * count + text.length);
  const view = new DataView(bytes.buffer);
  bytes.set([0x7f, 0x45, 0x4c, 0x46, bits === 64 ? 2 : 1, 1, 1]);
  view.setUint16(18, machine, true);
  view.setBigUint64(32, 64n, true);
  view.setUint16(54, 56, true);
  view.setUint16(56, count, true);
  alignments.forEach((alignment, i) => {
    view.setUint32(64 + 56 * i, 1, true);
    view.setBigUint64(64 + 56 * i + 48, BigInt(alignment), true);
  });
  if (interpreter !== undefined) {
    const entry = 64 + 56 * alignments.length;
    view.setUint32(entry, 3, true);
    view.setBigUint64(entry + 8, BigInt(64 + 56 * count), true);
    view.setBigUint64(entry + 32, BigInt(text.length), true);
    bytes.set(text, 64 + 56 * count);
  }
  return bytes;
}

Deno.test("readElf() reads machine, interpreter and the smallest alignment", () => {
  const bytes = craft({ interpreter: "/system/bin/linker64", alignments: [65536, 16384] });
  assertEquals(readElf(bytes), {
    bits: 64,
    littleEndian: true,
    machine: 183,
    interpreter: "/system/bin/linker64",
    loadAlignmentBytes: 16384,
  });
});

Deno.test("readElf() is null when the bytes are no ELF file or are cut off", () => {
  assertEquals(readElf(new Uint8Array()), null);
  assertEquals(readElf(new TextEncoder().encode("#!/bin/sh\n".repeat(20))), null);
  assertEquals(readElf(craft({ alignments: [16384, 16384] }).subarray(0, 120)), null);
  assertEquals(readElf(craft({ interpreter: "/system/bin/linker64" }).slice(0, -3)), null);
});

/** Returns the obstacle of a crafted program. */
const obstacleOf = (crafted: Crafted, cpu: CpuName = "arm64") =>
  startObstacle(readElf(craft(crafted)), cpu);

Deno.test("startObstacle() is null for a static binary and for Android's linker", () => {
  assertEquals(obstacleOf({}), null);
  assertEquals(obstacleOf({ interpreter: "/system/bin/linker64" }), null);
  assertEquals(obstacleOf({ alignments: [65536] }), null);
  assertEquals(obstacleOf({ machine: 62, alignments: [4096] }, "x86-64"), null);
});

Deno.test("startObstacle() names the wrong machine", () => {
  assert(obstacleOf({ machine: 62 })!.includes("x86-64"));
  assert(obstacleOf({ machine: 40, bits: 32 })!.includes("32-bit ARM"));
  assert(obstacleOf({}, "x86-64")!.includes("expected x86-64"));
});

Deno.test("startObstacle() names glibc's linker", () => {
  const obstacle = obstacleOf({ interpreter: "/lib/ld-linux-aarch64.so.1" });
  assert(obstacle!.includes("/lib/ld-linux-aarch64.so.1"));
});

Deno.test("startObstacle() names an alignment of 4 KiB and a file without segments", () => {
  assert(obstacleOf({ alignments: [65536, 4096] })!.includes("4096"));
  assert(obstacleOf({ alignments: [] })!.includes("no loadable segment"));
});

Deno.test("cpuOfAbi() knows Android's and Linux' names, and no 32-bit ones", () => {
  assertEquals(["arm64-v8a", "aarch64", "x86_64"].map(cpuOfAbi), ["arm64", "arm64", "x86-64"]);
  assertEquals(["armeabi-v7a", "armv7l", "riscv64", ""].map(cpuOfAbi), [null, null, null, null]);
});

Deno.test("requireStartable() throws device-unsuitable for this machine's own program", () => {
  const own = Deno.readFileSync(Deno.execPath());
  if (readElf(own)?.machine === 183) return;
  const error = assertThrows(
    () => requireStartable(own, "deno", "aarch64-android"),
    HarnessError,
    "Cannot use deno",
  );
  assertEquals(error.code, "device-unsuitable");
});
