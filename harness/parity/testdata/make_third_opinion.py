"""Writes what PyPI's ncnn with ultralytics' own pre- and post-processing finds on photographs, as JSON to stdout.

    python3 make_third_opinion.py PARAM BIN IMAGE... > third_opinion.json

PARAM and BIN: the decoded head of the shared SiLU model at 640x640, fp32, as `deno task prepare --head decoded` gives it.
Recorded with ncnn 1.0.20261020, ultralytics 8.2.98, opencv-python 4.11.0, torch 2.4.1. The steps are those of
`YOLO("model_ncnn_model").predict(image)`: cv2.imread, LetterBox(640), NCNN by AutoBackend (in0, out0), non_max_suppression,
scale_boxes, scale_coords, Results.keypoints (which sets keypoints with a confidence below 0.5 to zero).
"""
import json
import os
import sys

import cv2
import ncnn
import numpy as np
import torch
from ultralytics.data.augment import LetterBox
from ultralytics.engine.results import Results
from ultralytics.utils import ops

param, weights, *images = sys.argv[1:]
net = ncnn.Net()
net.opt.use_vulkan_compute = False
net.opt.use_fp16_packed = net.opt.use_fp16_storage = net.opt.use_fp16_arithmetic = False
net.load_param(param)
net.load_model(weights)
letterbox = LetterBox((640, 640), auto=False, stride=32)
found = []
for file in images:
    image = cv2.imread(file)
    tensor = letterbox(image=image)[..., ::-1].transpose(2, 0, 1)
    tensor = np.ascontiguousarray(tensor, dtype=np.float32) / 255
    with net.create_extractor() as extractor:
        extractor.input("in0", ncnn.Mat(tensor).clone())
        output = np.array(extractor.extract("out0")[1])[None]
    prediction = ops.non_max_suppression(torch.from_numpy(output), 0.25, 0.7, max_det=300, nc=1)[0]
    shape = (1, 3, 640, 640)
    prediction[:, :4] = ops.scale_boxes(shape[2:], prediction[:, :4], image.shape)
    keypoints = prediction[:, 6:].view(len(prediction), 17, 3)
    keypoints = ops.scale_coords(shape[2:], keypoints, image.shape)
    result = Results(image, path=file, names={0: "person"}, boxes=prediction[:, :6], keypoints=keypoints)
    found.append({
        "imageId": os.path.splitext(os.path.basename(file))[0],
        "detections": [
            {
                "score": float(box[4]), "classIndex": int(box[5]), "boxXyxyPx": [round(float(v), 4) for v in box[:4]],
                "keypoints": [[round(float(v), 4) for v in point] for point in person],
            }
            for box, person in zip(prediction, result.keypoints.data.tolist())
        ],
    })
print(json.dumps(found, separators=(",", ":")))
