"""Exports a YOLO checkpoint to ONNX with the decode in the graph: static shape, float32, no NMS.

The graph is the one that ultralytics exports; Posemark cuts other heads from it itself. Runs with
ultralytics 8.3 and 8.4.
"""

import argparse
import importlib
import json
import pickletools
import shutil
import sys
import zipfile
from pathlib import Path

import torch
import ultralytics
from ultralytics import YOLO
from ultralytics.utils import DEFAULT_CFG_DICT

# The first fits both converters; a model that needs an operator of a later one gets that.
OPSETS = (11, 14, 17)


def missing_names(checkpoint: Path) -> list:
    """Returns the classes that the checkpoint needs and this environment doesn't have."""
    with zipfile.ZipFile(checkpoint) as archive:
        name = next(name for name in archive.namelist() if name.endswith("/data.pkl"))
        opcodes = pickletools.genops(archive.read(name))
        # torch writes protocol 2, where a class is one opcode
        names = {arg for opcode, arg, _ in opcodes if opcode.name == "GLOBAL"}
    missing = []
    for module, attribute in sorted(name.split(" ", 1) for name in names):
        if module in {"__builtin__", "copy_reg"} or module.startswith("ultralytics.yolo."):
            continue  # names of Python 2 and of ultralytics 8.0, which the loader maps
        try:
            found = hasattr(importlib.import_module(module), attribute)
        except ImportError:
            found = False
        if not found:
            missing.append(f"{module}.{attribute}")
    return missing


def load(checkpoint: Path) -> YOLO:
    """Returns the model; tells the harness what is missing when it can't be loaded."""
    try:
        return YOLO(str(checkpoint))
    except Exception:
        missing = missing_names(checkpoint)
        if missing:
            # the harness reads this line
            sys.exit("missing: " + json.dumps(missing))
        raise


def branch_options(model: YOLO, branch: str) -> dict:
    """Returns the options that choose the head's branch: they have changed within 8.4."""
    if getattr(model.model.model[-1], "one2one_cv2", None) is None:
        return {}
    if "end2end" in DEFAULT_CFG_DICT:
        return {"end2end": branch == "o2o"}
    # since then nms=False means the head that needs none, and without it NMS is left to others
    return {"nms": False} if branch == "o2o" else {}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--checkpoint", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--branch", choices=["o2m", "o2o"], default="o2m")
    parser.add_argument("--imgsz", type=int, nargs=2, metavar=("HEIGHT", "WIDTH"))
    args = parser.parse_args()
    model = load(args.checkpoint)
    trained = model.model.args.get("imgsz", 640) if isinstance(model.model.args, dict) else 640
    for opset in OPSETS:
        try:
            exported = model.export(
                format="onnx",
                imgsz=args.imgsz or trained,
                opset=opset,
                simplify=True,
                dynamic=False,
                half=False,
                device="cpu",
                **branch_options(model, args.branch),
            )
            break
        except torch.onnx.errors.UnsupportedOperatorError:
            if opset == OPSETS[-1]:
                raise
    shutil.move(exported, args.out)
    print(json.dumps({"out": str(args.out), "ultralytics": ultralytics.__version__}))


if __name__ == "__main__":
    main()
