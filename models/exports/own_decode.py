"""Detections of an ONNX file by its own decode, without any code of Posemark's, and their AP by pycocotools.

`python own_decode.py MODEL.onnx ANNOTATIONS.json IMAGES --score 0.25 [--size 320] [--as-annotations OUT.json]`
prints AP. The letterbox is OpenCV's, the rest is the graph's: the rows of an end-to-end file are taken as they
are, those of others go through NMS here. With --as-annotations what it finds (at most 20 of an image) is written as annotations, so
that a model of random weights can be judged by its own output.
"""

import argparse
import ast
import json
from pathlib import Path

import cv2
import numpy as np
import onnxruntime
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval


def letterbox(image: np.ndarray, height: int, width: int) -> tuple[np.ndarray, float, float, float]:
    scale = min(height / image.shape[0], width / image.shape[1])
    new_width, new_height = round(image.shape[1] * scale), round(image.shape[0] * scale)
    left, top = round((width - new_width) / 2 - 0.1), round((height - new_height) / 2 - 0.1)
    canvas = np.full((height, width, 3), 114, np.uint8)
    canvas[top : top + new_height, left : left + new_width] = cv2.resize(image, (new_width, new_height))
    tensor = canvas[..., ::-1].transpose(2, 0, 1)[None].astype(np.float32) / 255
    return np.ascontiguousarray(tensor), scale, left, top


def iou(box: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    low, high = np.maximum(box[:2], boxes[:, :2]), np.minimum(box[2:], boxes[:, 2:])
    shared = np.prod(np.clip(high - low, 0, None), axis=1)
    area = np.prod(box[2:] - box[:2]) + np.prod(boxes[:, 2:] - boxes[:, :2], axis=1)
    return shared / (area - shared + 1e-12)


def nms(rows: np.ndarray, limit: float, most: int) -> np.ndarray:
    rows, kept = rows[np.argsort(-rows[:, 4], kind="stable")], []
    for row in rows:
        same = np.array([other[:4] for other in kept if other[5] == row[5]]).reshape(-1, 4)
        if len(kept) < most and not (len(same) and iou(row[:4], same).max() > limit):
            kept.append(row)
    return np.array(kept).reshape(-1, rows.shape[1])


def rows_of(output: np.ndarray, classes: int, score: float) -> np.ndarray:
    """Rows x1, y1, x2, y2, score, class, keypoint values."""
    if output.shape[2] < output.shape[1]:  # [1, 300, 6 + K·D]
        return output[0][output[0][:, 4] > score]
    cells = output[0].T
    best = cells[:, 4 : 4 + classes].argmax(1)
    scores = cells[np.arange(len(cells)), 4 + best]
    centre, half = cells[:, :2], cells[:, 2:4] / 2
    rows = np.hstack([centre - half, centre + half, scores[:, None], best[:, None], cells[:, 4 + classes :]])
    return nms(rows[scores > score], 0.7, 300)


def detect(session, metadata: dict, image: np.ndarray, size: int | None, score: float) -> list[dict]:
    [source] = session.get_inputs()
    height, width = (side if isinstance(side, int) else size or 640 for side in source.shape[2:])
    tensor, scale, left, top = letterbox(image, height, width)
    names = ast.literal_eval(metadata["names"])
    rows = rows_of(session.run(None, {source.name: tensor})[0], len(names), score)
    count, dims = ast.literal_eval(metadata.get("kpt_shape", "[0, 3]"))
    limit = np.array([image.shape[1], image.shape[0]])
    found = []
    for row in rows.astype(float):
        corners = np.clip((row[:4].reshape(2, 2) - [left, top]) / scale, 0, limit)
        joints = row[6:].reshape(count, dims) if count else np.zeros((0, 3))
        places = np.clip((joints[:, :2] - [left, top]) / scale, 0, limit)
        flags = joints[:, 2:] if dims == 3 else np.ones((count, 1))
        found.append(
            {
                "category_id": int(row[5]) + 1,
                "score": row[4],
                "bbox": [*corners[0], *(corners[1] - corners[0])],
                "keypoints": np.hstack([places, flags]).ravel().tolist(),
            }
        )
    return found


def as_annotations(truth: dict, found: list[dict], metadata: dict) -> dict:
    count = ast.literal_eval(metadata.get("kpt_shape", "[0, 3]"))[0]
    names = ast.literal_eval(metadata["names"])
    best = {image["id"]: 0 for image in truth["images"]}
    annotations = []
    for each in sorted(found, key=lambda each: -each["score"]):
        area = each["bbox"][2] * each["bbox"][3]
        best[each["image_id"]] += 1
        if best[each["image_id"]] > 20 or area < 32**2:
            continue
        joints = np.array(each["keypoints"]).reshape(-1, 3)
        joints[:, 2] = 2
        own = {"keypoints": joints.ravel().tolist(), "num_keypoints": count} if count else {}
        annotations.append(
            {
                **{key: each[key] for key in ("image_id", "category_id", "bbox")},
                **{"id": len(annotations) + 1, "iscrowd": 0, "area": area * 0.53, **own},
            }
        )
    joints = {"keypoints": [f"joint {joint}" for joint in range(count)], "skeleton": []} if count else {}
    categories = [{"id": index + 1, "name": name, **joints} for index, name in names.items()]
    return {"images": truth["images"], "categories": categories, "annotations": annotations}


def evaluate(truth: dict, found: list[dict], count: int) -> float:
    coco = COCO()
    coco.dataset = truth
    coco.createIndex()
    evaluation = COCOeval(coco, coco.loadRes(found), "keypoints" if count else "bbox")
    if count and count != 17:
        evaluation.params.kpt_oks_sigmas = np.full(count, 1 / count)
    evaluation.evaluate()
    evaluation.accumulate()
    evaluation.summarize()
    return float(evaluation.stats[0])


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("model", type=Path)
    parser.add_argument("annotations", type=Path)
    parser.add_argument("images", type=Path)
    parser.add_argument("--score", type=float, default=0.25)
    parser.add_argument("--size", type=int)
    parser.add_argument("--as-annotations", type=Path)
    args = parser.parse_args()
    session = onnxruntime.InferenceSession(args.model, providers=["CPUExecutionProvider"])
    metadata = session.get_modelmeta().custom_metadata_map
    truth = json.loads(args.annotations.read_text())
    found = []
    for image in truth["images"]:
        pixels = cv2.imread(str(args.images / image["file_name"]))
        for each in detect(session, metadata, pixels, args.size, args.score):
            found.append({"image_id": image["id"], **each})
    if args.as_annotations:
        truth = as_annotations(truth, found, metadata)
        args.as_annotations.write_text(json.dumps(truth))
    count = ast.literal_eval(metadata.get("kpt_shape", "[0, 3]"))[0]
    print(json.dumps({"ap": evaluate(truth, found, count), "detections": len(found), "objects": len(truth["annotations"])}))


if __name__ == "__main__":
    main()
