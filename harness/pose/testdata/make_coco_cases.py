"""Writes COCO evaluation cases with the numbers that pycocotools gives for them, as JSON to stdout.

Recorded: python3 make_coco_cases.py --seed 1 > coco_cases.json      (pycocotools 2.0.10, numpy)
Live:     python3 make_coco_cases.py --seed 77 --count 40            (the property test in coco_eval_test.ts)
Timing:   python3 make_coco_cases.py --seconds ANNOTATIONS DETECTIONS (evaluation of two files; prints the seconds)
"""
import argparse
import contextlib
import copy
import io
import json
import time

import numpy as np
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

KEYPOINTS = ["AP", "AP50", "AP75", "APm", "APl", "AR", "AR50", "AR75", "ARm", "ARl"]
BOXES = ["AP", "AP50", "AP75", "APs", "APm", "APl", "AR1", "AR10", "AR100", "ARs", "ARm", "ARl"]
KINDS = [
    "plain", "ties", "crowds", "empty", "unannotated", "undetected", "keypoints-only", "id-zero",
    "categories", "many", "unlabelled", "boundaries", "duplicates",
]


def make_case(kind, rng):
    image_count = 1 if kind == "many" else int(rng.integers(3, 7))
    images = [{"id": int(i), "file_name": f"{i}.jpg", "width": 640, "height": 480}
              for i in rng.permutation(1000)[:image_count]]
    categories = [{"id": 1, "name": "person"}]
    if kind == "categories":
        categories += [{"id": 7, "name": "other"}, {"id": 3, "name": "absent"}]
    annotations, results = [], []
    next_id = 0 if kind == "id-zero" else 1
    for image in images:
        people = int(rng.integers(0, 5))
        if kind == "empty" and rng.random() < 0.5:
            people = 0
        if kind == "unannotated":
            people = 0
        if kind == "many":
            people = 12
        for _ in range(people):
            size = float(rng.choice([20, 60, 150])) * float(rng.uniform(0.8, 1.2))
            x, y = float(rng.uniform(0, 500)), float(rng.uniform(0, 350))
            box = [round(x, 2), round(y, 2), round(size * 0.6, 2), round(size, 2)]
            area = round(box[2] * box[3] * 0.6, 2)
            if kind == "boundaries":
                area = float(rng.choice([1024.0, 9216.0, 1023.99, 9216.01]))
            points = np.zeros((17, 3))
            points[:, 0] = np.round(box[0] + rng.uniform(0, 1, 17) * box[2])
            points[:, 1] = np.round(box[1] + rng.uniform(0, 1, 17) * box[3])
            points[:, 2] = rng.choice([0, 1, 2], 17, p=[0.2, 0.3, 0.5])
            if rng.random() < (0.6 if kind == "unlabelled" else 0.15):
                points[:] = 0
            points[points[:, 2] == 0] = 0
            crowd = int(rng.random() < (0.4 if kind == "crowds" else 0.05))
            annotations.append({
                "id": next_id, "image_id": image["id"], "category_id": int(rng.choice([1, 7])) if kind == "categories" else 1,
                "bbox": box, "area": area, "iscrowd": crowd,
                "num_keypoints": int((points[:, 2] > 0).sum()), "keypoints": points.flatten().tolist(),
            })
            next_id += 1
            if kind == "undetected" or rng.random() < 0.15:
                continue
            for _ in range(int(rng.choice([1, 2, 3]))):
                noise = float(rng.choice([0.01, 0.04, 0.15])) * size
                found = points.copy()
                if not points.any():
                    found[:, 0] = box[0] + rng.uniform(-0.5, 1.5, 17) * box[2]
                    found[:, 1] = box[1] + rng.uniform(-0.5, 1.5, 17) * box[3]
                found[:, :2] = np.round(found[:, :2] + rng.normal(0, noise, (17, 2)), 1)
                found[:, 2] = np.round(rng.uniform(0, 1, 17), 2)
                score = float(rng.uniform(0.05, 1))
                score = round(score, 1) if kind in ("ties", "many") else round(score, 4)
                results.append({
                    "image_id": image["id"], "category_id": annotations[-1]["category_id"],
                    "bbox": [round(box[0] + float(rng.normal(0, noise)), 1), round(box[1] + float(rng.normal(0, noise)), 1), box[2], box[3]],
                    "keypoints": found.flatten().tolist(), "score": score,
                })
                if kind == "duplicates":
                    results.append(copy.deepcopy(results[-1]))
        for _ in range(int(rng.integers(0, 3)) + (110 if kind == "many" else 0)):
            x, y, w, h = (round(float(v), 1) for v in rng.uniform([0, 0, 10, 10], [500, 400, 150, 150]))
            points = np.zeros((17, 3))
            points[:, 0] = np.round(rng.uniform(x, x + w, 17))
            points[:, 1] = np.round(rng.uniform(y, y + h, 17))
            results.append({"image_id": image["id"], "category_id": 1, "bbox": [x, y, w, h],
                            "keypoints": points.flatten().tolist(), "score": round(float(rng.uniform(0.05, 1)), 1)})
    if kind == "keypoints-only":
        for result in results:
            del result["bbox"]
    if not results:
        results.append({"image_id": images[0]["id"], "category_id": 1, "bbox": [1, 2, 30, 40],
                        "keypoints": [5, 6, 1] * 17, "score": 0.5})
    order = rng.permutation(len(results))
    return {"kind": kind,
            "annotations": {"info": {}, "images": images, "annotations": annotations, "categories": categories},
            "detections": [results[i] for i in order]}


def evaluate(annotations, detections):
    numbers = {}
    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO()
        truth.dataset = copy.deepcopy(annotations)
        truth.dataset.setdefault("info", {})
        truth.createIndex()
        found = truth.loadRes(copy.deepcopy(detections))
        for name, iou_type, names in (("keypoints", "keypoints", KEYPOINTS), ("boxes", "bbox", BOXES)):
            evaluation = COCOeval(truth, found, iou_type)
            evaluation.evaluate()
            evaluation.accumulate()
            evaluation.summarize()
            numbers[name] = dict(zip(names, (float(v) for v in evaluation.stats)))
    return numbers


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, default=len(KINDS))
    parser.add_argument("--seconds", nargs=2)
    parser.add_argument("--files", nargs=2)
    options = parser.parse_args()
    if options.seconds or options.files:
        annotations, detections = (json.load(open(f)) for f in options.seconds or options.files)
        start = time.perf_counter()
        numbers = evaluate(annotations, detections)
        print(json.dumps({"seconds": time.perf_counter() - start, **numbers}))
        return
    rng = np.random.default_rng(options.seed)
    cases = []
    for index in range(options.count):
        case = make_case(KINDS[index % len(KINDS)], rng)
        case["expected"] = evaluate(case["annotations"], case["detections"])
        cases.append(case)
    print(json.dumps(cases, separators=(",", ":")))


if __name__ == "__main__":
    main()
