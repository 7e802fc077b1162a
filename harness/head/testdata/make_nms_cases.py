"""Writes NMS cases with what OpenCV's and torchvision's NMS keep of them, as JSON to stdout.

Recorded: python3 make_nms_cases.py > nms_cases.json   (opencv-python 4.11.0, torch 2.4.1, torchvision 0.19.1)

Per case: boxes x1 y1 x2 y2 (float32), scores, classes, the threshold, and the kept indices by OpenCV (dnn.NMSBoxes, or
NMSBoxesBatched where there are classes) and torchvision (ops.nms, or batched_nms).
"""
import json

import cv2
import numpy as np
import torch
import torchvision

rng = np.random.default_rng(11)


def case(kind, boxes, scores, classes, threshold):
    boxes = np.asarray(boxes, np.float32)
    scores = np.asarray(scores, np.float32)
    sizes = np.concatenate([boxes[:, :2], boxes[:, 2:] - boxes[:, :2]], 1).astype(float).tolist()
    if len(set(classes)) > 1:
        by_opencv = cv2.dnn.NMSBoxesBatched(sizes, scores.tolist(), classes, 0.0, threshold)
        by_torch = torchvision.ops.batched_nms(
            torch.from_numpy(boxes), torch.from_numpy(scores), torch.tensor(classes), threshold)
    else:
        by_opencv = cv2.dnn.NMSBoxes(sizes, scores.tolist(), 0.0, threshold)
        by_torch = torchvision.ops.nms(torch.from_numpy(boxes), torch.from_numpy(scores), threshold)
    return {
        "kind": kind, "boxes": boxes.astype(float).tolist(), "scores": scores.astype(float).tolist(),
        "classes": classes, "nmsIou": threshold,
        "opencv": [int(i) for i in np.array(by_opencv).flatten()], "torchvision": by_torch.tolist(),
    }


def crowd(count, spread):
    centres = rng.uniform(50, 50 + spread, (count, 2))
    sizes = rng.uniform(30, 120, (count, 2))
    return np.round(np.concatenate([centres - sizes / 2, centres + sizes / 2], 1) * 4) / 4


cases = []
for threshold in (0.3, 0.45, 0.7):
    for count, spread in ((1, 10), (12, 40), (40, 120), (60, 400)):
        scores = rng.permutation(np.linspace(0.3, 0.99, count))
        cases.append(case("people", crowd(count, spread), scores, [0] * count, threshold))
    count = 30
    scores = rng.permutation(np.linspace(0.3, 0.99, count))
    cases.append(case("classes", crowd(count, 60), scores, rng.integers(0, 3, count).tolist(), threshold))
    scores = np.round(rng.uniform(0.3, 0.9, count), 1)
    cases.append(case("ties", crowd(count, 60), scores, [0] * count, threshold))
boxes = [[0, 0, 10, 10], [0, 0, 10, 5], [20, 20, 30, 30], [20, 20, 30, 30]]
cases.append(case("equal to the threshold", boxes, [0.9, 0.8, 0.7, 0.6], [0] * 4, 0.5))
cases.append(case("no area", [[5, 5, 5, 5], [5, 5, 5, 5], [0, 0, 10, 10]], [0.9, 0.8, 0.7], [0] * 3, 0.5))
print(json.dumps(cases, separators=(",", ":")))
