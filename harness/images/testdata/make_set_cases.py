"""Writes small annotated scenes with pycocotools' AP of given detections, as JSON to stdout.

Recorded: python3 make_set_cases.py > set_cases.json      (pycocotools 2.0.11, numpy)

One scene for each number of joints, with all joints labelled or some: images, objects by class, and
detections by class. Areas are those of the boxes, which is all that label files of YOLO tell.
"""
import contextlib
import io
import json

import numpy as np
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

CLASSES = 3
SIZES = [(64, 48), (48, 64), (80, 80), (33, 57), (120, 40)]
COCO_SIGMAS = np.array([.26, .25, .25, .35, .35, .79, .79, .72, .72, .62, .62, 1.07, 1.07, .87, .87,
                        .89, .89]) / 10


def scene(joints, flags, rng):
    objects, detections = [], []
    for image, (width, height) in enumerate(SIZES):
        for _ in range(int(rng.integers(1, 4))):
            w, h = rng.uniform(8, width * 0.7), rng.uniform(8, height * 0.7)
            x, y = rng.uniform(0, width - w), rng.uniform(0, height - h)
            points = [[x + w * rng.random(), y + h * rng.random()] for _ in range(joints)]
            seen = [2 if flags == "all" else int(rng.integers(0, 3)) for _ in range(joints)]
            if joints:
                seen[0] = 2
            kind = int(rng.integers(0, CLASSES))
            objects.append({"image": image, "class": kind, "box": [x, y, w, h],
                            "keypoints": [v for p, s in zip(points, seen) for v in (*p, s)]})
            for noise in (0.01, 0.08):
                moved = [[px + noise * w * rng.normal(), py + noise * h * rng.normal()]
                         for px, py in points]
                detections.append({
                    "image": image,
                    "class": kind if rng.random() < 0.9 else (kind + 1) % CLASSES,
                    "box": [x + noise * w * rng.normal(), y + noise * h * rng.normal(), w, h],
                    "keypoints": [v for p in moved for v in (*p, 1)],
                    "score": round(float(rng.random()), 3),
                })
    for each in objects + detections:
        each["box"] = [round(v, 3) for v in each["box"]]
        each["keypoints"] = [round(v, 3) for v in each["keypoints"]]
    return objects, detections


def evaluate(joints, objects, detections):
    coco = COCO()
    coco.dataset = {
        "info": {},
        "images": [{"id": i + 1} for i in range(len(SIZES))],
        "categories": [{"id": c + 1} for c in range(CLASSES)],
        "annotations": [{
            "id": i + 1, "image_id": o["image"] + 1, "category_id": o["class"] + 1, "bbox": o["box"],
            "area": o["box"][2] * o["box"][3], "iscrowd": 0, "keypoints": o["keypoints"],
            "num_keypoints": sum(v > 0 for v in o["keypoints"][2::3]),
        } for i, o in enumerate(objects)],
    }
    numbers = {}
    with contextlib.redirect_stdout(io.StringIO()):
        coco.createIndex()
        for name, kind in [("keypoints", "keypoints"), ("boxes", "bbox")]:
            if kind == "keypoints" and joints == 0:
                continue
            results = coco.loadRes([{
                "image_id": d["image"] + 1, "category_id": d["class"] + 1, "bbox": d["box"],
                "score": d["score"], **({"keypoints": d["keypoints"]} if joints else {}),
            } for d in detections])
            run = COCOeval(coco, results, kind)
            if kind == "keypoints":
                run.params.kpt_oks_sigmas = COCO_SIGMAS if joints == 17 else np.ones(joints) / joints
            run.evaluate()
            run.accumulate()
            run.summarize()
            numbers[name] = float(run.stats[0])
    return numbers


def main():
    cases = []
    for seed, joints in enumerate([0, 1, 5, 17, 21, 133]):
        for flags in ["all"] if joints in (0, 133) else ["all", "some"]:
            objects, detections = scene(joints, flags, np.random.default_rng(seed))
            cases.append({"joints": joints, "flags": flags, "objects": objects,
                          "detections": detections,
                          "expected": evaluate(joints, objects, detections)})
    print(json.dumps({"sizes": SIZES, "cases": cases}, separators=(",", ":")))


if __name__ == "__main__":
    main()
