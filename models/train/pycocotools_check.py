"""Prints keypoint AP, AP50 and AP75 of detections by pycocotools, as JSON."""

import contextlib
import json
import sys

from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval


def main(annotations: str, detections: str) -> None:
    with contextlib.redirect_stdout(sys.stderr):
        truth = COCO(annotations)
        evaluation = COCOeval(truth, truth.loadRes(detections), "keypoints")
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    names = ["AP", "AP50", "AP75", "APm", "APl", "AR", "AR50", "AR75", "ARm", "ARl"]
    print(json.dumps(dict(zip(names, map(float, evaluation.stats)))))


if __name__ == "__main__":
    main(*sys.argv[1:])
