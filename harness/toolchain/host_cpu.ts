/**
 * CPU extensions of this machine → ncnn's CMake options, so that one variant is built and not all.
 *
 * @module
 */
import { childCommand } from "../child.ts";

/**
 * ncnn's x86 options by the names in /proc/cpuinfo that all must be there. Order and nesting as in
 * ncnn's CMakeLists.txt.
 */
const X86_OPTIONS: [option: string, flags: string[]][] = [
  ["AVX", ["avx"]],
  ["FMA", ["avx", "fma"]],
  ["XOP", ["avx", "xop"]],
  ["F16C", ["avx", "f16c"]],
  ["AVX2", ["avx2", "fma", "f16c"]],
  ["AVXVNNI", ["avx2", "avx_vnni"]],
  ["AVXVNNIINT8", ["avx_vnni", "avx_vnni_int8"]],
  ["AVXVNNIINT16", ["avx_vnni", "avx_vnni_int16"]],
  ["AVXNECONVERT", ["avx2", "avx_ne_convert"]],
  ["AVX512", ["avx2", "avx512f", "avx512cd", "avx512bw", "avx512dq", "avx512vl"]],
  ["AVX512VNNI", ["avx512f", "avx512_vnni"]],
  ["AVX512BF16", ["avx512f", "avx512_bf16"]],
  ["AVX512FP16", ["avx512f", "avx512_fp16"]],
];

/**
 * Returns ncnn's CMake options for an x86-64 CPU with these flags (names as in /proc/cpuinfo):
 * run-time dispatch off and each extension on or off.
 *
 * Without AVX, FMA and AVX2 dispatch stays on: such a machine is rare, and the safe way is cheap
 * for it.
 */
export function x86Options(flags: ReadonlySet<string>): string[] {
  if (!["avx", "fma", "avx2", "f16c"].every((flag) => flags.has(flag))) {
    return ["-DNCNN_RUNTIME_CPU=ON"];
  }
  return [
    "-DNCNN_RUNTIME_CPU=OFF",
    ...X86_OPTIONS.map(([option, needed]) =>
      `-DNCNN_${option}=${needed.every((flag) => flags.has(flag)) ? "ON" : "OFF"}`
    ),
  ];
}

/**
 * Returns ncnn's CMake options for an x86-64 board with these features, of those that a device's
 * description names; undefined: every extension is compiled in and chosen there at run time.
 *
 * A CPU with AVX-512 BW and VL has CD and DQ as well (all since Skylake-X).
 */
export function boardCpuOptions(features: readonly string[] | undefined): string[] {
  if (features === undefined || features.length === 0) return ["-DNCNN_RUNTIME_CPU=ON"];
  const flags = new Set(features);
  if (flags.has("avx512bw") && flags.has("avx512vl")) flags.add("avx512cd").add("avx512dq");
  return x86Options(flags);
}

/** Returns the flags of the first CPU in the text of /proc/cpuinfo. */
export function cpuinfoFlags(cpuinfo: string): Set<string> {
  const line = /^flags\s*:\s*(.*)$/m.exec(cpuinfo);
  return new Set(line ? line[1].trim().split(/\s+/) : []);
}

/**
 * Returns ncnn's CMake options for this machine. Where its CPU is not known, all variants are built
 * and chosen at run time.
 */
export async function hostCpuOptions(): Promise<string[]> {
  if (Deno.build.arch !== "x86_64" || Deno.build.os !== "linux") return ["-DNCNN_RUNTIME_CPU=ON"];
  // Deno itself opens files under /proc only with every permission.
  const { stdout } = await childCommand("cat", { args: ["/proc/cpuinfo"] }).output();
  return x86Options(cpuinfoFlags(new TextDecoder().decode(stdout)));
}
