"""Makes the exports that users of ultralytics bring: three pose models of random weights, each in many ways.

Run in an environment with requirements.txt: `python make_exports.py OUT`.
The weights are random, so that nothing needs to be downloaded; the class convolutions are scaled
up, so that there are scores to compare. What Posemark says of each file is in README.md.
"""

import shutil
import sys
from pathlib import Path

import numpy as np
import onnx
import torch
from ultralytics import YOLO

SIDE = 160
MODELS = ["yolov8n-pose", "yolo11n-pose", "yolo26n-pose"]
WAYS = {
    "opset9": dict(opset=9),
    "opset11": dict(opset=11),
    "opset13-unsimplified": dict(opset=13, simplify=False),
    "opset17": dict(opset=17),
    "opset20": dict(opset=20),
    "half": dict(half=True),
    "dynamic": dict(dynamic=True),
    "batch4": dict(batch=4),
    "nms": dict(nms=True),
    "landscape": dict(imgsz=(96, 160)),
}


def scored(net: torch.nn.Module) -> None:
    """Scales the class convolutions of the head, in both branches, so that scores are spread out."""
    head = net.model[-1]
    for branch in [getattr(head, "cv3", None), getattr(head, "one2one_cv3", None)]:
        for level in branch or []:
            torch.nn.init.normal_(level[-1].weight, std=0.25)
            level[-1].bias.data.fill_(-3.0)


def lively(name: str) -> YOLO:
    """Returns the model with random weights whose activations and scores are spread out."""
    torch.manual_seed(20261127)
    model = YOLO(f"{name}.yaml")
    net = model.model
    net.train()
    with torch.no_grad():
        for _ in range(12):
            net(torch.rand(4, 3, SIDE, SIDE))
    scored(net.eval())
    return model


def export(name: str, way: str, options: dict, out: Path) -> None:
    model = lively(name)
    model.save(out / f"{name}.pt")
    file = YOLO(out / f"{name}.pt").export(format="onnx", **{"imgsz": SIDE, "simplify": True, **options})
    shutil.move(file, out / f"{name}.{way}.onnx")


def external(source: Path, target: Path) -> None:
    onnx.save(onnx.load(source), target, save_as_external_data=True, location=f"{target.name}.data", size_threshold=1024)


def dynamo(name: str, out: Path, target: Path) -> None:
    net = YOLO(out / f"{name}.pt").model.fuse().eval()
    head = net.model[-1]
    head.export, head.format, head.dynamic = True, "onnx", False
    for module in net.modules():
        if type(module).__name__ == "C2f":
            module.forward = module.forward_split
    image = torch.zeros(1, 3, SIDE, SIDE)
    net(image)
    torch.onnx.export(net, (image,), target, input_names=["images"], output_names=["output0"], opset_version=18, dynamo=True)


def main() -> None:
    out = Path(sys.argv[1])
    out.mkdir(parents=True, exist_ok=True)
    for name in MODELS:
        ways = dict(WAYS)
        if "26" in name:
            ways["e2e"] = dict(nms=False)
            ways["e2e-half"] = dict(nms=False, half=True)
            ways["e2e-dynamic"] = dict(nms=False, dynamic=True)
        for way, options in ways.items():
            attempt(f"{name}.{way}", lambda: export(name, way, options, out))
        attempt(f"{name}.external", lambda: external(out / f"{name}.opset17.onnx", out / f"{name}.external.onnx"))
        attempt(f"{name}.dynamo", lambda: dynamo(name, out, out / f"{name}.dynamo.onnx"))


def attempt(label: str, make) -> None:
    try:
        make()
        print(f"made {label}", flush=True)
    except Exception as error:  # an exporter's refusal is an outcome, too
        print(f"not made {label}: {type(error).__name__}: {str(error).splitlines()[0][:200]}", flush=True)


if __name__ == "__main__":
    main()
