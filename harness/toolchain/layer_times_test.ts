import { assertEquals, assertThrows } from "@std/assert";
import { HarnessError } from "../errors.ts";
import { parseLayerTimes, summarizeLayerTimes } from "./layer_times.ts";

const line = (type: string, name: string, ms: string) =>
  `${type.padEnd(24)} ${name.padEnd(30)} ${
    ms.padStart(8)
  }ms    | [640, 640,   3 *1] -> [320, 320,   2 *8]\n`;

const run = (id: string, iteration: number, a: string, b: string) =>
  `posemark-layers ${id} ${iteration}\n` + line("Convolution", "conv_0", a) +
  `${"Split".padEnd(24)} ${"split".padEnd(30)} ${b.padStart(8)}ms    |\n`;

Deno.test("parseLayerTimes() takes marked inferences and leaves out the probe and the warm-up", () => {
  const text = line("Convolution", "conv_0", "9.00") + "a warning of ncnn\n" +
    run("bus", -1, "2.00", "0.01") + run("bus", 0, "1.25", "0.00") + "posemark-layers - -1\n" +
    line("Convolution", "conv_0", "7.00");
  assertEquals(parseLayerTimes(text), [
    {
      imageId: "bus",
      iteration: -1,
      layers: [
        { type: "Convolution", name: "conv_0", timeNs: 2_000_000 },
        { type: "Split", name: "split", timeNs: 10_000 },
      ],
    },
    {
      imageId: "bus",
      iteration: 0,
      layers: [
        { type: "Convolution", name: "conv_0", timeNs: 1_250_000 },
        { type: "Split", name: "split", timeNs: 0 },
      ],
    },
  ]);
});

Deno.test("parseLayerTimes() throws when the build is no profiling build", () => {
  for (const text of ["", "posemark-layers bus 0\n"]) {
    const error = assertThrows(() => parseLayerTimes(text), HarnessError, "profile");
    assertEquals(error.code, "bad-device-output");
  }
});

Deno.test("summarizeLayerTimes() gives medians and shares by hand", () => {
  const text = run("a", -1, "99.00", "99.00") + run("a", 0, "1.00", "1.00") +
    run("a", 1, "3.00", "1.00") + run("b", 0, "5.00", "1.00") + run("b", 1, "3.00", "1.00");
  assertEquals(summarizeLayerTimes(parseLayerTimes(text)), [
    {
      type: "Convolution",
      name: "conv_0",
      samplesNs: [1e6, 3e6, 5e6, 3e6],
      medianNs: 3e6,
      share: 0.75,
    },
    { type: "Split", name: "split", samplesNs: [1e6, 1e6, 1e6, 1e6], medianNs: 1e6, share: 0.25 },
  ]);
});

Deno.test("summarizeLayerTimes() has no share when all times are 0", () => {
  const summary = summarizeLayerTimes(parseLayerTimes(run("a", 0, "0.00", "0.00")));
  assertEquals(summary.map((layer) => layer.share), [null, null]);
});

Deno.test("summarizeLayerTimes() throws when an inference lacks a layer", () => {
  const cut = "posemark-layers b 0\n" + line("Convolution", "conv_0", "1.00");
  assertThrows(
    () => summarizeLayerTimes(parseLayerTimes(run("a", 0, "1.00", "1.00") + cut)),
    HarnessError,
    'image "b"',
  );
  assertThrows(() => summarizeLayerTimes([]), RangeError);
});
