import { assertEquals, assertStringIncludes } from "@std/assert";
import * as path from "@std/path";
import { testManifest } from "../parity/testdata/manifest.ts";
import { YOLO26 } from "../record/head_code.ts";
import { inTempFolder } from "../testdata/temp_folder.ts";
import { appSettings, cppSnippet, type RanWith } from "./snippet.ts";

const RAN: RanWith = {
  ...{ threads: 2, powersave: 0, coreMask: null, winograd: true, sgemm: false, packing: true },
  ...{ scoreThreshold: 0.25, nmsIou: 0.7, maxDetections: 300 },
};
/** As much of ncnn as the snippet names. */
const NCNN = `namespace ncnn {
struct Option { int num_threads; bool lightmode, use_vulkan_compute, use_winograd_convolution,
  use_sgemm_convolution, use_packing_layout, use_fp16_packed, use_fp16_storage,
  use_fp16_arithmetic, use_bf16_storage, use_int8_inference; };
struct Net { Option opt; int load_param(const char*) { return 0; } int load_model(const char*) { return 0; } };
struct CpuSet { void disable_all() {} void enable(int) {} };
inline int set_cpu_powersave(int) { return 0; }
inline int set_cpu_thread_affinity(const CpuSet&) { return 0; }
inline void set_omp_num_threads(int) {}
}
`;

Deno.test("appSettings() tells what ran: switches of the precision, settings, and the head's constants", () => {
  const settings = appSettings(testManifest({ precision: "fp16", headCode: YOLO26 }), RAN);
  assertEquals(settings.options.use_fp16_arithmetic, true);
  assertEquals(settings.options.use_sgemm_convolution, false);
  assertEquals([settings.powersave, settings.coreMask], [0, null]);
  assertEquals([settings.head.keypointScale, settings.head.keypointOrigin], [1, 0.5]);
  assertEquals(settings.nmsIou, 0.7);
  const best = appSettings(
    testManifest({ headCode: { ...YOLO26, select: "top-k", branch: "one-to-one" } }),
    { ...RAN, coreMask: "f0" },
  );
  assertEquals([best.nmsIou, best.powersave, best.coreMask], [null, null, "f0"]);
});

Deno.test({
  name: "cppSnippet() compiles, with a mask and without",
  fn: () =>
    inTempFolder(async (folder) => {
      for (const header of ["net.h", "cpu.h"]) {
        await Deno.writeTextFile(path.join(folder, header), "#pragma once\n");
      }
      await Deno.writeTextFile(path.join(folder, "net.h"), `#pragma once\n${NCNN}`);
      for (const coreMask of [null, "81"]) {
        const text = cppSnippet(appSettings(testManifest(), { ...RAN, coreMask }), "test");
        if (coreMask !== null) assertStringIncludes(text, "cores.enable(7);");
        const file = path.join(folder, "main.cpp");
        await Deno.writeTextFile(
          file,
          `${text}int main() { ncnn::Net net; return load_pose(net); }\n`,
        );
        const { code, stderr } = await new Deno.Command("c++", {
          args: [
            "-std=c++17",
            "-Wall",
            "-Werror",
            "-Wno-unused",
            "-fsyntax-only",
            `-I${folder}`,
            file,
          ],
        }).output();
        assertEquals(code, 0, new TextDecoder().decode(stderr));
      }
    }),
});
