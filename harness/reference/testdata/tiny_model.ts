/**
 * A reference graph small enough to compute by hand: input [1, 3, H, W], one 1×1 convolution to two
 * channels, a sigmoid.
 *
 * @module
 */
import { DATA_TYPE, floatTensor, type OnnxModel } from "../../model/onnx/onnx_file.ts";

/** Returns the graph with these weights (2 × 3, output channel by channel) and biases (2). */
export function tinyModel(weights: number[], biases: number[], sigmoid = false): OnnxModel {
  const dims = [1, 2, "height", "width"];
  return {
    irVersion: 6,
    producer: "test",
    opset: 11,
    otherOpsets: new Map(),
    metadata: new Map(),
    graphName: "tiny",
    nodes: [
      {
        name: "conv",
        opType: "Conv",
        domain: "",
        inputs: ["images", "w", "b"],
        outputs: [sigmoid ? "middle" : "out0"],
        attributes: new Map(),
      },
      ...(sigmoid
        ? [{
          name: "sigmoid",
          opType: "Sigmoid",
          domain: "",
          inputs: ["middle"],
          outputs: ["out0"],
          attributes: new Map(),
        }]
        : []),
    ],
    initializers: new Map([
      ["w", floatTensor("w", [2, 3, 1, 1], weights)],
      ["b", floatTensor("b", [2], biases)],
    ]),
    inputs: [{ name: "images", dataType: DATA_TYPE.float, dims: [1, 3, "height", "width"] }],
    outputs: [{ name: "out0", dataType: DATA_TYPE.float, dims }],
  };
}
