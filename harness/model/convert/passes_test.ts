import { assertEquals } from "@std/assert";
import { parseParam, writeParam } from "../ncnn/param_file.ts";
import { applyPasses } from "./passes.ts";

/** Returns the lines of layers after the passes, without padding, and what the passes say. */
function passed(...lines: string[]) {
  const before = parseParam(`7767517\n${lines.length} 99\n${lines.join("\n")}\n`, "test");
  const { layers, passes } = applyPasses(before.layers);
  const text = writeParam(layers);
  assertEquals(writeParam(parseParam(text, "after the passes").layers), text);
  return {
    lines: text.trimEnd().split("\n").slice(2).map((line) => line.replaceAll(/ +/g, " ")),
    passes,
  };
}

const CONV = "Convolution c 1 1 in0 1 0=8 1=3 5=1 6=216";
const INPUT = "Input in0 0 1 in0";

Deno.test("applyPasses() joins a sigmoid and its product into a Swish, and takes out the copies", () => {
  for (const operands of ["3 4", "4 3"]) {
    assertEquals(
      passed(
        INPUT,
        CONV,
        "Split s 1 2 1 2 3",
        "Sigmoid g 1 1 2 4",
        `BinaryOp mul 2 1 ${operands} 5 0=2`,
        "Convolution d 1 1 5 out0 0=8 1=1 6=64",
      ),
      {
        lines: [INPUT, CONV, "Swish mul 1 1 1 5", "Convolution d 1 1 5 out0 0=8 1=1 6=64"],
        passes: [{ name: "join-gate", count: 1 }],
      },
    );
  }
});

Deno.test("applyPasses() leaves a sigmoid and its product apart in fp16, and joins a hard sigmoid there", () => {
  const gated = (gate: string) =>
    parseParam(
      `7767517\n4 5\n${INPUT}\nSplit s 1 2 in0 2 3\n${gate} g 1 1 2 4\nBinaryOp m 2 1 3 4 out0 0=2\n`,
      "test",
    ).layers;
  assertEquals(applyPasses(gated("Sigmoid"), true).passes, []);
  assertEquals(applyPasses(gated("Sigmoid"), false).passes, [{ name: "join-gate", count: 1 }]);
  assertEquals(applyPasses(gated("HardSigmoid"), true).passes, [{ name: "join-gate", count: 1 }]);
});

Deno.test("applyPasses() keeps the copies that others read, and a copy that is an output", () => {
  const gate = (tops: string) => [
    INPUT,
    CONV,
    `Split s 1 ${tops.split(" ").length} 1 ${tops}`,
    "Sigmoid g 1 1 2 4",
    "BinaryOp mul 2 1 3 4 out0 0=2",
  ];
  assertEquals(passed(...gate("2 3 6"), "Swish z 1 1 6 out1").lines, [
    INPUT,
    CONV,
    "Split s 1 2 1 3 6",
    "Swish mul 1 1 3 out0",
    "Swish z 1 1 6 out1",
  ]);
  assertEquals(passed(...gate("2 3 out1")).lines, [
    INPUT,
    CONV,
    "Split s 1 2 1 3 out1",
    "Swish mul 1 1 3 out0",
  ]);
});

Deno.test("applyPasses() makes x · hardsigmoid(x) a HardSwish of the same numbers and fuses it", () => {
  assertEquals(
    passed(
      INPUT,
      CONV,
      "Split s 1 2 1 2 3",
      "HardSigmoid g 1 1 2 4 0=0.166666672 1=0.5",
      "BinaryOp mul 2 1 3 4 out0 0=2",
    ),
    {
      lines: [
        INPUT,
        "Convolution c 1 1 in0 out0 0=8 1=3 5=1 6=216 9=6 -23310=2,1.66666672e-1,5.00000000e-1",
      ],
      passes: [{ name: "join-gate", count: 1 }, { name: "fuse-activation", count: 1 }],
    },
  );
});

Deno.test("applyPasses() leaves products alone that are no gate of their own input", () => {
  const others = [
    // another value than the gate's input
    ["Split s 1 2 in0 2 3", CONV.replace("in0 1", "2 1"), "Sigmoid g 1 1 1 4"],
    // the gate is read twice
    ["Split s 1 2 in0 2 3", "Sigmoid g 1 1 2 5", "Split t 1 2 5 4 out1"],
  ];
  for (const lines of others) {
    const product = "BinaryOp mul 2 1 3 4 out0 0=2";
    const { lines: after } = passed(INPUT, ...lines, product);
    assertEquals(after.at(-1), product);
  }
  const sum = ["Split s 1 2 in0 2 3", "Sigmoid g 1 1 2 4", "BinaryOp add 2 1 3 4 out0 0=0"];
  assertEquals(passed(INPUT, ...sum), { lines: [INPUT, ...sum], passes: [] });
});

Deno.test("applyPasses() fuses each activation with its numbers into the layer before it", () => {
  const rows: [activation: string, fused: string][] = [
    ["ReLU a 1 1 1 out0", "9=1"],
    ["ReLU a 1 1 1 out0 0=0.1", "9=2 -23310=1,1.00000001e-1"],
    ["Clip a 1 1 1 out0 0=0.0 1=6.0", "9=3 -23310=2,0.00000000e+0,6.00000000e+0"],
    ["Clip a 1 1 1 out0 1=6.0", "9=3 -23310=2,-3.40282347e+38,6.00000000e+0"],
    ["Sigmoid a 1 1 1 out0", "9=4"],
    ["Mish a 1 1 1 out0", "9=5"],
    ["HardSwish a 1 1 1 out0", "9=6 -23310=2,2.00000003e-1,5.00000000e-1"],
  ];
  for (const [activation, fused] of rows) {
    assertEquals(passed(INPUT, `${CONV} 9=0`, activation), {
      lines: [INPUT, `Convolution c 1 1 in0 out0 0=8 1=3 5=1 6=216 ${fused}`],
      passes: [{ name: "fuse-activation", count: 1 }],
    });
  }
});

Deno.test("applyPasses() fuses nothing where the result would be another", () => {
  const kept = [
    // two readers
    [CONV, "Split s 1 2 1 2 out1", "ReLU a 1 1 2 out0"],
    // an activation is there already
    [`${CONV} 9=4`, "ReLU a 1 1 1 out0"],
    // ncnn has no such fused activation
    [CONV, "Swish a 1 1 1 out0"],
    [CONV, "PReLU a 1 1 1 out0 0=8"],
    ["Deconvolution c 1 1 in0 1 0=8 1=2 6=96", "Mish a 1 1 1 out0"],
    // this layer has none at all
    ["Pooling c 1 1 in0 1 0=0", "ReLU a 1 1 1 out0"],
    // features are off for the activation alone
    [CONV, "ReLU a 1 1 1 out0 31=1"],
    // weights come from a blob
    [
      "Split s 1 2 in0 x w",
      "Convolution c 2 1 x w 1 0=8 1=3 6=216 19=1",
      "ReLU a 1 1 1 out0",
    ],
  ];
  for (const lines of kept) {
    assertEquals(passed(INPUT, ...lines), { lines: [INPUT, ...lines], passes: [] });
  }
});
