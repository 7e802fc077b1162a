import { assertEquals, assertThrows } from "@std/assert";
import { HarnessError } from "../errors.ts";
import { benchncnnCommand, parseBenchncnn } from "./benchncnn.ts";

const HEAD = "loop_count = 8\nnum_threads = 2\npowersave = 0\ngpu_device = -1\ncooling_down = 0\n";
const FIGURES = "   /tmp/model.param  min =   60.12  max =  165.00  avg =   61.50\n";

Deno.test("benchncnnCommand() gives shape as width, height, channels", () => {
  assertEquals(
    benchncnnCommand({
      benchncnn: "/b/benchncnn",
      param: "/m/a.param",
      loops: 8,
      threads: 2,
      powersave: 0,
      widthPx: 640,
      heightPx: 384,
      precision: "fp32",
    }),
    ["/b/benchncnn", "8", "2", "0", "-1", "0", "param=/m/a.param"]
      .concat(["shape=[640,384,3]", "fp16-packed=0", "fp16-storage=0", "fp16-arithmetic=0"])
      .concat(["bf16-storage=0", "int8=0"]),
  );
});

Deno.test("parseBenchncnn() reads the three figures", () => {
  assertEquals(parseBenchncnn(HEAD + FIGURES), { minMs: 60.12, maxMs: 165, avgMs: 61.5 });
});

Deno.test("parseBenchncnn() throws when no figures or figures of a default list are there", () => {
  for (const text of ["", HEAD, HEAD + FIGURES + FIGURES]) {
    const error = assertThrows(() => parseBenchncnn(text), HarnessError);
    assertEquals(error.code, "bad-device-output");
  }
});

Deno.test("parseBenchncnn() throws when the graph could not be loaded", () => {
  const layer = "layer GridSample not exists or registered\n";
  assertThrows(() => parseBenchncnn(layer + FIGURES), HarnessError, "GridSample");
  const nothing = "  m.param  min =    0.00  max =    0.00  avg =    0.00\n";
  assertThrows(() => parseBenchncnn(nothing), HarnessError, "did not run");
});
