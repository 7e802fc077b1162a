"""Trains a yolov8n-pose on rendered pictures, from scratch or on from another training's weights.

Called by train.ts, once per stage. Both activations get the same data, schedule and seed; only the key
`activation` of the model's YAML differs. The schedule counts batches: warm-up, a constant learning rate, and a
linear decay over the last batches, for which the pictures grow to their full side.

Keypoints that are far off have next to no gradient in the stock loss, 1 - exp(-e) with e the exponent of OKS. So
`--keypoint-loss narrowing` starts it with wide OKS sigmas that shrink to COCO's, and `log` uses log(1 + e).

Nothing before the decay depends on the total, so that it can be changed while training: OUT/batches, a
file with a number, is read now and then, and the result is the same as with that number from the start.
"""

import argparse
import json
import time
from copy import deepcopy
from pathlib import Path

import torch
import torch.nn.functional as F
import ultralytics
import yaml
from ultralytics.models.yolo.pose import PoseTrainer
from ultralytics.utils.metrics import OKS_SIGMA

ACTIVATIONS = {"silu": "nn.SiLU()", "relu": "nn.ReLU()"}
FLIPPED_KEYPOINTS = [0, 2, 1, 4, 3, 6, 5, 8, 7, 10, 9, 12, 11, 14, 13, 16, 15]
WARMUP_BATCHES = 200
LAST_LEARNING_RATE = 0.02  # of the constant one
WIDEST_SIGMAS = 4.0
SIGMAS_NARROW_AT_BATCH = 2000
SAVE_EVERY_BATCHES = 500


class Finished(Exception):
    """Ends the training after its last batch, wherever in an epoch that is."""


class LogKeypointLoss(torch.nn.Module):
    """The mean of log(1 + e) over labelled keypoints, where OKS is the mean of exp(-e)."""

    def __init__(self):
        super().__init__()
        self.sigmas = torch.from_numpy(OKS_SIGMA).float()

    def forward(self, pred_kpts, gt_kpts, kpt_mask, area):
        squared = ((pred_kpts[..., :2] - gt_kpts[..., :2]) ** 2).sum(-1)
        e = squared / ((2 * self.sigmas).pow(2) * (area + 1e-9) * 2)
        share = kpt_mask.shape[1] / (kpt_mask.sum(1) + 1e-9)
        return (share.view(-1, 1) * torch.log1p(e) * kpt_mask).mean()


class PictureTrainer(PoseTrainer):
    """The stock trainer with a schedule that counts batches."""

    batches = 0
    total = 0
    total_file = None
    options = None
    weights = None

    def read_total(self):
        """Takes the total from OUT/batches where the decay has not begun."""
        decay = self.options.decay_batches
        if self.batches < self.total - decay and self.total_file.exists():
            asked = int(self.total_file.read_text())
            if asked - decay > self.batches and asked != self.total:
                print(f"\nbatches: {self.total} -> {asked}", flush=True)
                self.total = asked

    def start_batch(self):
        """Sets the learning rate and the tolerance of the keypoint loss for this batch."""
        if self.batches % 25 == 0:
            self.read_total()
        rate = min(1.0, (self.batches + 1) / WARMUP_BATCHES)
        decay = self.options.decay_batches
        if self.batches > self.total - decay:
            rate *= 1 - (self.batches - self.total + decay) / decay * (1 - LAST_LEARNING_RATE)
        for group in self.optimizer.param_groups:
            group["lr"] = self.options.lr * rate
        if getattr(self.model, "criterion", None) is None:
            self.model.criterion = self.model.init_criterion()
            if self.options.keypoint_loss == "log":
                self.model.criterion.keypoint_loss = LogKeypointLoss()
        if self.options.keypoint_loss == "narrowing":
            width = WIDEST_SIGMAS ** max(0.0, 1 - self.batches / SIGMAS_NARROW_AT_BATCH)
            sigmas = torch.from_numpy(OKS_SIGMA).float() * width
            self.model.criterion.keypoint_loss.sigmas = sigmas

    def get_model(self, cfg=None, weights=None, verbose=True):
        """Starts from the weights of an earlier training where there are some."""
        model = super().get_model(cfg, weights, verbose)
        if self.weights is not None:
            earlier = torch.load(self.weights, map_location="cpu")["model"].float().state_dict()
            model.load_state_dict(earlier)
        return model

    def preprocess_batch(self, batch):
        """Reduces the pictures until the decay begins."""
        batch = super().preprocess_batch(batch)
        early = self.batches < self.total - self.options.decay_batches
        side = self.options.early_imgsz if early else self.args.imgsz
        images = batch["img"]
        if images.shape[-1] != side:
            images = F.interpolate(images, size=(side, side), mode="bilinear", antialias=True)
        batch["img"] = images.contiguous(memory_format=torch.channels_last)
        return batch

    def end_batch(self):
        """Counts the batch; saves now and then, and at the end."""
        self.batches += 1
        if self.batches % SAVE_EVERY_BATCHES == 0 or self.batches >= self.total:
            torch.save(
                {"model": deepcopy(self.ema.ema).half(), "train_args": vars(self.args)},
                self.wdir / f"batch-{self.batches}.pt",
            )
        if self.batches >= self.total:
            raise Finished


def model_yaml(activation: str, folder: Path) -> Path:
    """Returns the path of a model's YAML: the stock yolov8-pose at scale n with the activation."""
    stock = Path(ultralytics.__file__).parent / "cfg/models/v8/yolov8-pose.yaml"
    config = yaml.safe_load(stock.read_text())
    config.update(nc=1, scale="n", kpt_shape=[17, 3], activation=ACTIVATIONS[activation])
    path = folder / f"yolov8n-pose-{activation}.yaml"
    path.write_text(yaml.safe_dump(config, sort_keys=False))
    return path


def data_yaml(data: Path, out: Path) -> Path:
    """Returns the path of the description of the rendered set that ultralytics reads."""
    path = out / "data.yaml"
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
    parser.add_argument("--batches", type=int, required=True)
    parser.add_argument("--decay-batches", type=int, required=True)
    parser.add_argument("--imgsz", type=int, required=True)
    parser.add_argument("--early-imgsz", type=int, required=True)
    parser.add_argument("--batch", type=int, required=True)
    parser.add_argument("--lr", type=float, required=True)
    parser.add_argument("--keypoint-loss", choices=["narrowing", "log"], required=True)
    parser.add_argument("--weights", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    args.out.mkdir(parents=True, exist_ok=True)
    pictures = len(list((args.data / "images/train").iterdir()))

    overrides = dict(
        task="pose",
        model=str(model_yaml(args.activation, args.out)),
        data=str(data_yaml(args.data, args.out)),
        pretrained=False,
        epochs=1000,
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
        lr0=args.lr,
        lrf=1.0,
        weight_decay=0.0005,
        warmup_epochs=0.0,
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
    PictureTrainer.options = args
    PictureTrainer.weights = args.weights
    trainer = PictureTrainer(overrides=overrides)
    trainer.total = args.batches
    trainer.total_file = args.out / "batches"
    trainer.add_callback(
        "on_train_start", lambda t: t.model.to(memory_format=torch.channels_last)
    )
    trainer.add_callback("on_train_batch_start", PictureTrainer.start_batch)
    trainer.add_callback("on_train_batch_end", PictureTrainer.end_batch)
    try:
        trainer.train()
    except Finished:
        pass
    summary = {
        "activation": args.activation,
        "checkpoint": str(trainer.wdir / f"batch-{trainer.batches}.pt"),
        "pictures": pictures,
        "batches": trainer.batches,
        "batch": args.batch,
        "imgsz": args.imgsz,
        "seed": args.seed,
        "wallSeconds": round(time.time() - started),
        "ultralytics": ultralytics.__version__,
        "torch": torch.__version__,
    }
    (args.out / f"{args.activation}.json").write_text(json.dumps(summary, indent=2) + "\n")


if __name__ == "__main__":
    main()
