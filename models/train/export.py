"""Exports a trained checkpoint to ONNX with the decode in the graph and fp16 weights in storage.

The graph is the one that ultralytics exports (static shape, simplified, output [1, 56, anchors]); each
convolution's weight is then stored as FLOAT16 with a Cast to FLOAT before its use, which halves the file.
"""

import argparse
import json
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from ultralytics import YOLO


def halve_weights(model: onnx.ModelProto) -> int:
    """Stores convolution weights as FLOAT16 behind a Cast each; returns how many."""
    graph = model.graph
    weights = {node.input[1] for node in graph.node if node.op_type == "Conv"}
    casts = []
    for tensor in graph.initializer:
        if tensor.name not in weights or tensor.data_type != TensorProto.FLOAT:
            continue
        name = tensor.name
        half = numpy_helper.from_array(
            numpy_helper.to_array(tensor).astype(np.float16), name + "_fp16"
        )
        tensor.CopyFrom(half)
        casts.append(
            helper.make_node("Cast", [half.name], [name], name=name + "_cast", to=TensorProto.FLOAT)
        )
    nodes = list(graph.node)
    del graph.node[:]
    graph.node.extend(casts + nodes)
    return len(casts)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--checkpoint", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--imgsz", type=int, required=True)
    parser.add_argument("--opset", type=int, default=11)
    args = parser.parse_args()
    exported = YOLO(str(args.checkpoint)).export(
        format="onnx", imgsz=args.imgsz, opset=args.opset, simplify=True, dynamic=False, device="cpu"
    )
    model = onnx.load(exported)
    halved = halve_weights(model)
    # Paths and dates of the training machine say nothing about the weights.
    kept = [entry for entry in model.metadata_props if entry.key not in ("date", "description")]
    del model.metadata_props[:]
    model.metadata_props.extend(kept)
    onnx.checker.check_model(model)
    onnx.save(model, args.out)
    print(json.dumps({"out": str(args.out), "halvedWeights": halved}))


if __name__ == "__main__":
    main()
