import { assertEquals, assertThrows } from "@std/assert";
import { floatTensor, intTensor, type OnnxAttribute, type OnnxNode } from "./onnx_file.ts";
import { constantsOf, consumersOf, freshName, producersOf, sortedLiveNodes } from "./onnx_graph.ts";
import { tinyPose } from "../testdata/tiny_pose.ts";

function node(name: string, inputs: string[], outputs = [name]): OnnxNode {
  return { name, opType: "Op", domain: "", inputs, outputs, attributes: new Map() };
}

const names = (nodes: OnnxNode[]) => nodes.map((one) => one.name).join(" ");

Deno.test("sortedLiveNodes() keeps a valid order and drops what no output needs", () => {
  const nodes = [node("a", ["x"]), node("dead", ["a"]), node("b", ["a"]), node("c", ["a", "b"])];
  assertEquals(names(sortedLiveNodes(nodes, ["c"])), "a b c");
  assertEquals(names(sortedLiveNodes(nodes, [])), "");
});

Deno.test("sortedLiveNodes() moves a node behind what it uses", () => {
  const nodes = [node("c", ["b", "w"]), node("b", ["a", ""]), node("a", ["x"])];
  assertEquals(names(sortedLiveNodes(nodes, ["c"])), "a b c");
});

Deno.test("sortedLiveNodes() throws when the graph has a cycle", () => {
  const nodes = [node("a", ["b"]), node("b", ["a"])];
  assertThrows(() => sortedLiveNodes(nodes, ["b"]), RangeError, "cycle");
});

Deno.test("producersOf() and consumersOf() go by the names of values", () => {
  const nodes = [node("a", ["x", "x"], ["p", "q", ""]), node("b", ["q", ""])];
  assertEquals([...producersOf(nodes)].map(([value, made]) => [value, made.name]), [
    ["p", "a"],
    ["q", "a"],
    ["b", "b"],
  ]);
  assertEquals([...consumersOf(nodes)].map(([value, users]) => [value, names(users)]), [
    ["x", "a"],
    ["q", "b"],
  ]);
});

Deno.test("freshName() never gives a name twice", () => {
  const taken = new Set(["n"]);
  assertEquals([freshName("m", taken), freshName("n", taken), freshName("n", taken)], [
    "m",
    "n_1",
    "n_2",
  ]);
});

Deno.test("constantsOf() takes the value of a Constant from each attribute that holds numbers", () => {
  const attributes: Record<string, OnnxAttribute> = {
    value_int: { type: "int", value: 7 },
    value_ints: { type: "ints", value: [1, -1] },
    value_float: { type: "float", value: 0.5 },
    value_floats: { type: "floats", value: [2, 3, 4] },
    value_string: { type: "string", value: "text" },
  };
  const constants = constantsOf({
    ...tinyPose(),
    initializers: new Map(),
    nodes: Object.entries(attributes).map(([name, value]) => ({
      ...node(name, []),
      opType: "Constant",
      attributes: new Map([[name, value]]),
    })),
  });
  assertEquals(constants.get("value_int"), intTensor("value_int", [], [7]));
  assertEquals(constants.get("value_ints"), intTensor("value_ints", [2], [1, -1]));
  assertEquals(constants.get("value_float"), floatTensor("value_float", [], [0.5]));
  assertEquals(constants.get("value_floats"), floatTensor("value_floats", [3], [2, 3, 4]));
  assertEquals(constants.has("value_string"), false);
});
