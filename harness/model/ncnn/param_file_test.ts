import { assertEquals, assertMatch, assertThrows } from "@std/assert";
import { HarnessError } from "../../errors.ts";
import { fusedActivation, parseParam, writeParam } from "./param_file.ts";

const GOOD = [
  "7767517",
  "4 5",
  "Input            in0    0 1 in0 0=64 1=32 2=3",
  "Convolution      conv0  1 1 in0 1 0=16 1=3 9=6 -23310=2,1.666667e-01,5.000000e-01",
  "Split            s      1 2 1 2 3",
  'BinaryOp         add    2 1 2 3 out0 0=0 2=-1.5e-2 5=1,2,3 6="a b" 7=relu',
].join("\n");

Deno.test("parseParam() gives layers, blobs and parameters of every kind", () => {
  const { layers, blobs } = parseParam(GOOD, "g.param");
  assertEquals(blobs, ["in0", "1", "2", "3", "out0"]);
  assertEquals(
    layers.map((layer) => [layer.type, layer.name, layer.bottoms, layer.tops, layer.line]),
    [
      ["Input", "in0", [], ["in0"], 3],
      ["Convolution", "conv0", ["in0"], ["1"], 4],
      ["Split", "s", ["1"], ["2", "3"], 5],
      ["BinaryOp", "add", ["2", "3"], ["out0"], 6],
    ],
  );
  assertEquals([...layers[1].params], [[0, 16], [1, 3], [9, 6], [10, [1.666667e-1, 0.5]]]);
  assertEquals([...layers[3].params], [[0, 0], [2, -0.015], [5, [1, 2, 3]], [6, "a b"], [
    7,
    "relu",
  ]]);
});

Deno.test("parseParam() reads CRLF and blank lines as ncnn does", () => {
  const text = GOOD.replaceAll("\n", "\r\n") + "\r\n\r\n";
  assertEquals(parseParam(text, "g.param").layers.length, 4);
});

Deno.test("parseParam() reads an expression without quotes", () => {
  const text = "7767517\n1 1\nExpression e 0 1 a 0=add(@0,mul(@1,sigmoid(@1)))";
  assertEquals(parseParam(text, "g").layers[0].params.get(0), "add(@0,mul(@1,sigmoid(@1)))");
});

Deno.test("parseParam() reads an array of one value by its comma", () => {
  const { params } = parseParam("7767517\n1 1\nInput in 0 1 a 3=-1, 4=1.5,2, 0=8", "g").layers[0];
  assertEquals([...params], [[3, [-1]], [4, [1.5, 2]], [0, 8]]);
});

Deno.test("parseParam() leaves lines after the promised layers alone, as ncnn does", () => {
  const file = parseParam(GOOD.replace("4 5", "3 5"), "g.param");
  assertEquals([file.layers.length, file.blobs.length], [3, 4]);
});

const BROKEN: [string, string, RegExp][] = [
  ["is empty", "", /line 1: the file is empty/],
  ["has another magic", GOOD.replace("7767517", "7767518"), /line 1: found "7767518"/],
  ["is binary", "\x85\x90\x76\x00\x01", /line 1: found "\?+v\?+", .*binary/],
  ["has no counts", "7767517\n", /line 2: found the end of the file/],
  ["has words for counts", GOOD.replace("4 5", "four five"), /line 2: found "four five"/],
  ["is cut short", GOOD.split("\n").slice(0, 5).join("\n"), /line 5: .*after 3 layers.*promises 4/],
  ["has a layer without counts", GOOD.replace("Split            s      1 2", "Split s"), /line 5/],
  [
    "names too few blobs",
    GOOD.replace("s      1 2 1 2 3", "s 1 2 1 2"),
    /line 5: layer "s" names 2 blobs/,
  ],
  [
    "has parameters for blobs",
    GOOD.replace("1 1 in0 1 0=16", "1 1 in0 0=16"),
    /line 4: .*names 1 blobs/,
  ],
  ["reads an unknown blob", GOOD.replace("2 1 2 3 out0", "2 1 2 9 out0"), /line 6: .*blob "9"/],
  [
    "makes a blob twice",
    GOOD.replace("1 2 3\n", "1 2 2\n"),
    /line 5: blob "2" is made a second time/,
  ],
  ["has a parameter without id", GOOD.replace("9=6", "x=6"), /line 4: .*"x=6", expected id=value/],
  ["has an array of another length", GOOD.replace("-23310=2,", "-23310=3,"), /line 4/],
  ["promises fewer blobs", GOOD.replace("4 5", "4 4"), /line 2: the file has 5 blobs/],
  ["promises no layers", "7767517\n0 0\n", /line 2/],
];
for (const [what, text, message] of BROKEN) {
  Deno.test(`parseParam() names the line when the file ${what}`, () => {
    const error = assertThrows(() => parseParam(text, "x.param"), HarnessError);
    assertEquals(error.code, "bad-param");
    assertMatch(error.message, /^Cannot read x\.param line \d+: /);
    assertMatch(error.message, message);
  });
}

Deno.test("fusedActivation() names the activation of layers that can have one", () => {
  const layer = (type: string, params: string) =>
    parseParam(`7767517\n1 1\n${type} l 0 1 a ${params}`, "p").layers[0];
  assertEquals(fusedActivation(layer("Convolution", "9=1")), "relu");
  assertEquals(fusedActivation(layer("InnerProduct", "9=6")), "hardswish");
  assertEquals(fusedActivation(layer("ConvolutionDepthWise", "9=0")), null);
  assertEquals(fusedActivation(layer("Convolution", "0=1")), null);
  assertEquals(fusedActivation(layer("Gemm", "9=64")), null);
  assertEquals(fusedActivation(layer("Deconvolution", "9=99")), "activation 99");
});

Deno.test("writeParam() writes numbers and texts as they were", () => {
  const { layers } = parseParam(
    '7767517\n2 2\nInput in0 0 1 in0\nDiag d 1 1 in0 out0 0=1.0 1="a b" -23302=2,1,2 3=1,\n',
    "test",
  );
  assertEquals(
    writeParam(layers).split("\n")[3].replaceAll(/ +/g, " "),
    'Diag d 1 1 in0 out0 0=1.0 1="a b" -23302=2,1,2 3=1,',
  );
});
