import { assertEquals, assertThrows } from "@std/assert";
import { HarnessError } from "../errors.ts";
import { contentKey } from "./cache.ts";
import { requireOpenMp } from "./ncnn.ts";
import { buildVariables } from "./toolchain.ts";

Deno.test("buildVariables() puts the caller's flags into a key, and nothing where none is set", async () => {
  const of = (env: Record<string, string>) => buildVariables((name) => env[name]);
  assertEquals(of({ PATH: "/bin", CXXFLAGS: "" }), {});
  assertEquals(of({ LDFLAGS: "-s", CXXFLAGS: "-O0" }), {
    variables: ["CXXFLAGS=-O0", "LDFLAGS=-s"],
  });
  const keys = new Set<string>();
  for (const env of [{}, { CXXFLAGS: "-O0" }, { CFLAGS: "-O0" }, { CXXFLAGS: "-O1" }]) {
    keys.add(await contentKey({ compiler: "c++ 12", ...of(env as Record<string, string>) }));
  }
  assertEquals(keys.size, 4);
});

Deno.test("requireOpenMp() refuses a compiler for which CMake found no OpenMP", () => {
  requireOpenMp("OpenMP_CXX_FLAGS:STRING=-fopenmp\n", "c++ 12");
  requireOpenMp("OpenMP_CXX_FLAGS:STRING=-Xclang -fopenmp\n", "c++ 12");
  for (const cache of ["OpenMP_CXX_FLAGS:STRING=NOTFOUND\n", "OpenMP_CXX_FLAGS:STRING=\n", ""]) {
    assertThrows(() => requireOpenMp(cache, "Apple clang 17"), HarnessError, "brew install libomp");
  }
});
