import { assertEquals, assertLess, assertThrows } from "@std/assert";
import { trainedActivation, withActivation } from "./activation.ts";
import { tinyPose } from "./testdata/tiny_pose.ts";
import { largestDifference, runOnnx } from "./testdata/run_onnx.ts";

Deno.test("trainedActivation() tells the activation however it is written", () => {
  const expected = {
    "silu": "silu",
    "fused-swish": "silu",
    "relu": "relu",
    "hardswish": "hardswish",
    "spelled-hardswish": "hardswish",
  } as const;
  for (const [written, activation] of Object.entries(expected)) {
    const model = tinyPose({ activation: written as keyof typeof expected });
    assertEquals(trainedActivation(model), activation);
  }
});

Deno.test("trainedActivation() is the one that the model has most of, whatever stands beside it", () => {
  const mixed = tinyPose({ activation: "relu" });
  const [node] = mixed.nodes.filter((node) => node.opType === "Relu");
  node.opType = "HardSwish";
  assertEquals(trainedActivation(mixed), "relu");
  const others = {
    LeakyRelu: "leakyrelu",
    PRelu: "prelu",
    Elu: "elu",
    Gelu: "gelu",
    Mish: "mish",
    Erf: "gelu",
    Floor: "none",
  } as const;
  for (const [opType, activation] of Object.entries(others)) {
    const other = tinyPose({ activation: "relu" });
    other.nodes.forEach((node) => node.opType = node.opType === "Relu" ? opType : node.opType);
    assertEquals(trainedActivation(other), activation);
  }
});

Deno.test("withActivation() swaps SiLU alone where other activations stand beside it", () => {
  const mixed = tinyPose({ activation: "silu" });
  const last = mixed.nodes.findLast((node) => node.opType === "Sigmoid" && node.inputs[0] !== "")!;
  mixed.nodes.push({ ...last, name: "se", opType: "Relu", outputs: ["se"] });
  const swapped = withActivation(mixed, "hardswish");
  const count = (opType: string) => swapped.nodes.filter((node) => node.opType === opType).length;
  assertEquals([count("HardSigmoid"), count("Relu")], [14, 1]);
});

Deno.test("withActivation() writes each pair next to each other when something stands between", async () => {
  for (const activation of ["silu", "spelled-hardswish"] as const) {
    const model = tinyPose({ activation });
    const between = (i: number) => ({
      name: `between${i}`,
      opType: "Neg",
      domain: "",
      inputs: ["x0"],
      outputs: [`between${i}`],
      attributes: new Map(),
    });
    model.nodes = model.nodes.flatMap((node, i) => [between(i), node]);
    const kept = withActivation(model, null);
    const gate = activation === "silu" ? "Sigmoid" : "HardSigmoid";
    const pairs = kept.nodes.filter((node, i) => {
      const next = kept.nodes[i + 1];
      return node.opType === gate && next?.opType === "Mul" &&
        next.inputs.join() === [node.inputs[0], node.outputs[0]].join();
    });
    assertEquals(pairs.length, 14);
    const output = model.outputs[0].name;
    const [a, b] = [await runOnnx(kept, 64, 96), await runOnnx(model, 64, 96)];
    assertLess(largestDifference(a[output].data, b[output].data), 1e-4);
  }
});

Deno.test("withActivation() names the nodes after the block that they stand in", () => {
  const model = tinyPose();
  const [sigmoid, mul] = ["Sigmoid", "Mul"].map((type) =>
    model.nodes.find((node) => node.opType === type)!
  );
  sigmoid.name = "/model.0/act/Sigmoid";
  mul.name = "/model.0/act/Mul";
  const names = (to: "relu" | "hardswish" | null) =>
    withActivation(model, to).nodes.map((node) => node.name).filter((name) => name.startsWith("/"));
  assertEquals(names("relu"), ["/model.0/act/Relu"]);
  assertEquals(names("hardswish"), ["/model.0/act/HardSigmoid", "/model.0/act/Mul"]);
  assertEquals(names(null), ["/model.0/act/Sigmoid", "/model.0/act/Mul"]);
});

Deno.test("withActivation() refuses to swap what is not SiLU", () => {
  for (const activation of ["relu", "hardswish"] as const) {
    const model = tinyPose({ activation });
    assertThrows(() => withActivation(model, "silu"), TypeError, "only silu can be swapped");
  }
});

Deno.test("withActivation() keeps a gate that something else uses as well", () => {
  const model = tinyPose();
  const gate = model.nodes.find((node) => node.opType === "Sigmoid")!;
  model.outputs.push({ name: gate.outputs[0], dataType: 1, dims: null });
  model.nodes.push({
    ...gate,
    name: "user",
    opType: "Neg",
    inputs: gate.outputs,
    outputs: ["neg"],
  });
  const swapped = withActivation(model, "relu");
  assertEquals(swapped.nodes.some((node) => node.outputs[0] === gate.outputs[0]), true);
});
