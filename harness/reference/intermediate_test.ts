import { assert, assertEquals } from "@std/assert";
import { intermediateTensors } from "./intermediate.ts";
import { roundToHalf, truncateToBfloat16 } from "./simulated_precision.ts";
import { tinyModel } from "./testdata/tiny_model.ts";

Deno.test("intermediateTensors() rounds what is stored between two operators, and goes on with the rounded values", async () => {
  const model = tinyModel([1 / 3, 0.3, -0.7, 0.1, 0.2, 0.9], [0.1, -0.2], true);
  const tensor = Float32Array.from({ length: 12 }, (_, at) => at / 12);
  const size = { widthPx: 2, heightPx: 2 };
  for (const storage of ["fp16-storage", "bf16-storage"] as const) {
    const round = storage === "fp16-storage" ? roundToHalf : truncateToBfloat16;
    const tensors = await intermediateTensors(model, tensor, size, storage, { threads: 1 });
    const middle = tensors.storage!.get("middle")!;
    assertEquals(middle, middle.map(round), storage);
    const change = middle.reduce(
      (largest, value, at) => Math.max(largest, Math.abs(value - tensors.exact.get("middle")![at])),
      0,
    );
    assert(change > 0, `${storage}: nothing was rounded`);
    const out = tensors.storage!.get("out0")!;
    assert(out.some((value) => value !== Math.fround(round(value))), "the graph's own output");
    for (const [at, value] of out.entries()) {
      assert(Math.abs(value - 1 / (1 + Math.exp(-middle[at]))) < 1e-6, `${storage}, value ${at}`);
    }
  }
});

Deno.test("intermediateTensors() rounds the weights of stored blobs as the converter does", async () => {
  // a tie between two fp16 numbers: pnnx goes away from zero, IEEE to the even one
  const model = tinyModel([1 + 2 ** -11, 0, 0, 0, 0, 0], [0, 0], true);
  const tensor = Float32Array.of(1, 0, 0);
  const middleOf = async (halfWeights: "pnnx" | "ieee") => {
    const size = { widthPx: 1, heightPx: 1 };
    const options = { threads: 1, halfWeights };
    const tensors = await intermediateTensors(model, tensor, size, "fp16-storage", options);
    return tensors.storage!.get("middle")![0];
  };
  assertEquals([await middleOf("pnnx"), await middleOf("ieee")], [1 + 2 ** -10, 1]);
});
