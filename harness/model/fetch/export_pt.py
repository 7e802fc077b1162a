"""Exports a YOLO-Pose checkpoint to ONNX with the decode in the graph: static shape, float32, no NMS.

The graph is the one that ultralytics exports; Posemark cuts other heads from it itself.
"""

import argparse
import json
import shutil
from pathlib import Path

import ultralytics
from ultralytics import YOLO


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--checkpoint", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--opset", type=int, default=11)
    args = parser.parse_args()
    model = YOLO(str(args.checkpoint))
    if model.task != "pose":
        raise SystemExit(f"the checkpoint's task is {model.task}, expected pose")
    side = model.model.args.get("imgsz", 640) if isinstance(model.model.args, dict) else 640
    exported = model.export(
        format="onnx",
        imgsz=side,
        opset=args.opset,
        simplify=True,
        dynamic=False,
        half=False,
        device="cpu",
    )
    shutil.move(exported, args.out)
    print(json.dumps({"out": str(args.out), "ultralytics": ultralytics.__version__}))


if __name__ == "__main__":
    main()
