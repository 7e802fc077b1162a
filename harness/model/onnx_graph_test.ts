import { assertEquals, assertThrows } from "@std/assert";
import type { OnnxNode } from "./onnx_file.ts";
import { consumersOf, freshName, producersOf, sortedLiveNodes } from "./onnx_graph.ts";

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
