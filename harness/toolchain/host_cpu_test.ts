import { assert, assertEquals } from "@std/assert";
import { boardCpuOptions, cpuinfoFlags, x86Options } from "./host_cpu.ts";

const HASWELL = "fpu sse2 avx fma f16c avx2 bmi1";
const ICE_LAKE = `${HASWELL} avx512f avx512cd avx512bw avx512dq avx512vl avx512_vnni`;

const on = (options: string[]) =>
  options.filter((option) => option.endsWith("=ON"))
    .map((option) => option.slice("-DNCNN_".length, -"=ON".length));

Deno.test("x86Options() switches on what the CPU has and dispatch off", () => {
  const options = x86Options(new Set(HASWELL.split(" ")));
  assert(options.includes("-DNCNN_RUNTIME_CPU=OFF"));
  assertEquals(on(options), ["AVX", "FMA", "F16C", "AVX2"]);
  assert(options.includes("-DNCNN_AVX512=OFF"));
});

Deno.test("x86Options() takes AVX-512 only with all of its parts", () => {
  assertEquals(on(x86Options(new Set(ICE_LAKE.split(" ")))).slice(-2), ["AVX512", "AVX512VNNI"]);
  const part = ICE_LAKE.replace(" avx512vl", "").split(" ");
  assert(!on(x86Options(new Set(part))).includes("AVX512"));
});

Deno.test("x86Options() keeps run-time dispatch on a CPU without AVX2", () => {
  assertEquals(x86Options(new Set(["sse2", "avx"])), ["-DNCNN_RUNTIME_CPU=ON"]);
});

Deno.test("cpuinfoFlags() reads the first CPU, and nothing of another architecture's text", () => {
  assertEquals(
    [...cpuinfoFlags("processor\t: 0\nflags\t\t: fpu avx  avx2\n\nflags\t: other\n")],
    ["fpu", "avx", "avx2"],
  );
  assertEquals(cpuinfoFlags("Features : fp asimd\n").size, 0);
});

Deno.test("boardCpuOptions() builds for the board's features, and for all when they are not known", () => {
  assertEquals(boardCpuOptions(undefined), ["-DNCNN_RUNTIME_CPU=ON"]);
  assertEquals(boardCpuOptions([]), ["-DNCNN_RUNTIME_CPU=ON"]);
  // As a description lists them: AVX-512's CD and DQ are not among them.
  const listed = ["avx", "avx2", "fma", "f16c", "avx512f", "avx512bw", "avx512vl", "avx512_vnni"];
  assertEquals(on(boardCpuOptions(listed)).slice(-2), ["AVX512", "AVX512VNNI"]);
  assert(!on(boardCpuOptions(listed.slice(0, 4))).includes("AVX512"));
});
