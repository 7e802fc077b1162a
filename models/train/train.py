"""Trains a yolov8n-pose from scratch on rendered pictures and exports it to ONNX.

Called by train.ts. Both activations get the same data, schedule and seed; only the key `activation` of the
model's YAML differs. The first epochs see the pictures reduced, and the keypoint loss starts with
wide tolerances (OKS sigmas) that shrink to COCO's: far-off keypoints have no gradient otherwise.
"""

import argparse
import json
import shutil
import time
from pathlib import Path

import torch
import torch.nn.functional as F
import ultralytics
import yaml
from ultralytics.models.yolo.pose import PoseTrainer
from ultralytics.utils.metrics import OKS_SIGMA

ACTIVATIONS = {"silu": "nn.SiLU()", "relu": "nn.ReLU()"}
FLIPPED_KEYPOINTS = [0, 2, 1, 4, 3, 6, 5, 8, 7, 10, 9, 12, 11, 14, 13, 16, 15]
# Up to this part of the epochs, the pictures' side is this part of the full size.
SIZE_STEPS = [(0.4, 2 / 3), (0.7, 5 / 6), (1.0, 1.0)]
WIDEST_SIGMAS = 4.0
SIGMAS_ARE_NARROW_AT = 0.6


class PictureTrainer(PoseTrainer):
    """The stock trainer, with growing pictures and a keypoint loss whose tolerance shrinks."""

    def preprocess_batch(self, batch):
        batch = super().preprocess_batch(batch)
        done = self.epoch / self.epochs
        share = next(share for until, share in SIZE_STEPS if done < until)
        side = round(self.args.imgsz * share / 32) * 32
        images = batch["img"]
        if images.shape[-1] != side:
            images = F.interpolate(images, size=(side, side), mode="bilinear", antialias=True)
        batch["img"] = images.contiguous(memory_format=torch.channels_last)
        return batch


def set_sigmas(trainer):
    """Sets the tolerance of the keypoint loss for this epoch."""
    model = trainer.model
    if getattr(model, "criterion", None) is None:
        model.criterion = model.init_criterion()
    done = min(1.0, trainer.epoch / trainer.epochs / SIGMAS_ARE_NARROW_AT)
    factor = WIDEST_SIGMAS ** (1 - done)
    model.criterion.keypoint_loss.sigmas = torch.from_numpy(OKS_SIGMA).float() * factor


def use_channels_last(trainer):
    trainer.model.to(memory_format=torch.channels_last)


def model_yaml(activation: str, folder: Path) -> Path:
    """Returns the path of a model's YAML: the stock yolov8-pose at scale n with the activation."""
    stock = Path(ultralytics.__file__).parent / "cfg/models/v8/yolov8-pose.yaml"
    config = yaml.safe_load(stock.read_text())
    config.update(nc=1, scale="n", kpt_shape=[17, 3], activation=ACTIVATIONS[activation])
    path = folder / f"yolov8n-pose-{activation}.yaml"
    path.write_text(yaml.safe_dump(config, sort_keys=False))
    return path


def data_yaml(data: Path) -> Path:
    path = data / "data.yaml"
    path.write_text(
        yaml.safe_dump(
            {
                "path": str(data),
                "train": "images/train",
                "val": "images/val",
                "names": {0: "person"},
                "kpt_shape": [17, 3],
                "flip_idx": FLIPPED_KEYPOINTS,
            }
        )
    )
    return path


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--activation", choices=sorted(ACTIVATIONS), required=True)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--epochs", type=int, required=True)
    parser.add_argument("--imgsz", type=int, required=True)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    args.out.mkdir(parents=True, exist_ok=True)

    overrides = dict(
        task="pose",
        model=str(model_yaml(args.activation, args.out)),
        data=str(data_yaml(args.data)),
        pretrained=False,
        epochs=args.epochs,
        imgsz=args.imgsz,
        batch=args.batch,
        nbs=args.batch,
        seed=args.seed,
        deterministic=True,
        device="cpu",
        amp=False,
        workers=0,
        cache="ram",
        optimizer="AdamW",
        lr0=0.0015,
        lrf=0.01,
        cos_lr=True,
        weight_decay=0.0005,
        warmup_epochs=0.4,
        warmup_bias_lr=0.0,
        mosaic=0.0,
        scale=0.2,
        translate=0.08,
        fliplr=0.5,
        hsv_h=0.02,
        hsv_s=0.4,
        hsv_v=0.3,
        val=False,
        plots=False,
        patience=0,
        project=str(args.out),
        name=args.activation,
        exist_ok=True,
    )
    started = time.time()
    trainer = PictureTrainer(overrides=overrides)
    trainer.add_callback("on_train_start", use_channels_last)
    trainer.add_callback("on_train_epoch_start", set_sigmas)
    trainer.train()
    seconds = time.time() - started
    summary = {
        "activation": args.activation,
        "epochs": args.epochs,
        "imgsz": args.imgsz,
        "batch": args.batch,
        "seed": args.seed,
        "wallSeconds": round(seconds),
        "pictures": len(list((args.data / "images/train").iterdir())),
        "ultralytics": ultralytics.__version__,
        "torch": torch.__version__,
    }
    (args.out / f"{args.activation}.json").write_text(json.dumps(summary, indent=2) + "\n")
    shutil.copy(trainer.last, args.out / f"{args.activation}.pt")


if __name__ == "__main__":
    main()
