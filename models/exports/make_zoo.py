"""Makes models of many structures with seeded random weights: other joints, classes, levels, generations, blocks.

Run in an environment with requirements.txt: `python make_zoo.py OUT [NAME…]`.
Nothing is downloaded. Statistics of the batch norms come from the pictures of fixtures/, so that
activations stay in the range of a trained model's, and the class convolutions are scaled, so that
there are scores to compare. What Posemark says of each file is in README.md.
"""

import sys
from pathlib import Path

import torch
import ultralytics
import yaml
from make_exports import attempt
from PIL import Image
from torch import nn
from torchvision.transforms.functional import pil_to_tensor, resize
from ultralytics import YOLO
from ultralytics.nn.modules.conv import CBAM, RepConv

SIDE = 160
PICTURES = Path(__file__).resolve().parents[2] / "fixtures" / "images"
YAMLS = Path(ultralytics.__file__).parent / "cfg" / "models"


def pictures(side: int) -> torch.Tensor:
    """Returns the project's pictures as one batch, stretched to the input's size."""
    images = [Image.open(file).convert("RGB") for file in sorted(PICTURES.glob("*.jpg"))[:12]]
    return torch.stack([resize(pil_to_tensor(image), [side, side], antialias=True) for image in images]) / 255


class Behind(nn.Module):
    """A layer of the model, and a block that its output goes through."""

    def __init__(self, layer: nn.Module, block: nn.Module):
        super().__init__()
        self.layer, self.block = layer, block
        self.i, self.f, self.type = layer.i, layer.f, layer.type

    def forward(self, x):
        return self.block(self.layer(x))


class SqueezeExcite(nn.Module):
    def __init__(self, channels: int):
        super().__init__()
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.down, self.up = nn.Conv2d(channels, channels // 4, 1), nn.Conv2d(channels // 4, channels, 1)

    def forward(self, x):
        return x * torch.sigmoid(self.up(torch.relu(self.down(self.pool(x)))))


class ECA(nn.Module):
    """Efficient channel attention: a convolution along the channels."""

    def __init__(self, channels: int):
        super().__init__()
        self.conv = nn.Conv1d(1, 1, 3, padding=1, bias=False)

    def forward(self, x):
        pooled = x.mean((2, 3)).unsqueeze(1)
        return x * torch.sigmoid(self.conv(pooled)).transpose(1, 2).unsqueeze(-1)


class CoordinateAttention(nn.Module):
    def __init__(self, channels: int):
        super().__init__()
        self.squeeze = nn.Conv2d(channels, 8, 1)
        self.act = nn.Hardswish()
        self.across, self.down = nn.Conv2d(8, channels, 1), nn.Conv2d(8, channels, 1)

    def forward(self, x):
        height, width = x.shape[2:]
        rows, columns = x.mean(3, keepdim=True), x.mean(2, keepdim=True).transpose(2, 3)
        both = self.act(self.squeeze(torch.cat([rows, columns], 2)))
        rows, columns = torch.split(both, [height, width], 2)
        return x * torch.sigmoid(self.down(rows)) * torch.sigmoid(self.across(columns.transpose(2, 3)))


class LayerNorm2d(nn.Module):
    """ConvNeXt's: over the channels of each pixel."""

    def __init__(self, channels: int):
        super().__init__()
        self.norm = nn.LayerNorm(channels)

    def forward(self, x):
        return self.norm(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


class Attention(nn.Module):
    """Self-attention over the pixels by PyTorch's module."""

    def __init__(self, channels: int):
        super().__init__()
        self.attention = nn.MultiheadAttention(channels, 4, batch_first=True)

    def forward(self, x):
        batch, channels, height, width = x.shape
        tokens = x.flatten(2).transpose(1, 2)
        tokens = tokens + self.attention(tokens, tokens, tokens, need_weights=False)[0]
        return tokens.transpose(1, 2).reshape(batch, channels, height, width)


class Warp(nn.Module):
    """GridSample by offsets that a convolution gives, as deformable and dynamic upsampling do."""

    def __init__(self, channels: int):
        super().__init__()
        self.offset = nn.Conv2d(channels, 2, 1)

    def forward(self, x):
        height, width = x.shape[2:]
        ys, xs = torch.meshgrid(torch.linspace(-1, 1, height), torch.linspace(-1, 1, width), indexing="ij")
        grid = torch.stack([xs, ys], -1).unsqueeze(0) + 0.05 * torch.tanh(self.offset(x)).permute(0, 2, 3, 1)
        return nn.functional.grid_sample(x, grid, align_corners=True)


class Shuffle(nn.Module):
    """Halves the grid by PixelUnshuffle and doubles it by PixelShuffle."""

    def __init__(self, channels: int):
        super().__init__()
        self.down, self.up = nn.PixelUnshuffle(2), nn.PixelShuffle(2)
        self.mix = nn.Conv2d(channels * 4, channels * 4, 1)

    def forward(self, x):
        return x + self.up(self.mix(self.down(x)))


class Deconvolution(nn.Module):
    def __init__(self, channels: int):
        super().__init__()
        self.down = nn.Conv2d(channels, channels, 3, 2, 1)
        self.up = nn.ConvTranspose2d(channels, channels, 2, 2)

    def forward(self, x):
        return x + self.up(self.down(x))


class ChannelShuffle(nn.Module):
    def __init__(self, channels: int):
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 1, groups=2)

    def forward(self, x):
        batch, channels, height, width = x.shape
        return self.conv(x).view(batch, 2, channels // 2, height, width).transpose(1, 2).reshape(x.shape)


def spread_scores(net: nn.Module, images: torch.Tensor) -> None:
    """Scales the class convolutions, in both branches, so that the logits have a deviation of 2 around -3."""
    head = net.model[-1]
    branches = [getattr(head, "cv3", None), getattr(head, "one2one_cv3", None)]
    last = [level[-1] for branch in branches for level in branch or []]

    def scale(conv, _, output):
        deviation, mean = torch.std_mean(output)
        factor = 2 / deviation
        conv.weight.data *= factor
        conv.bias.data = (conv.bias.data - mean) * factor - 3
        return (output - mean) * factor - 3

    hooks = [conv.register_forward_hook(scale) for conv in last if isinstance(conv, nn.Conv2d)]
    with torch.no_grad():
        net(images)
    for hook in hooks:
        hook.remove()


def with_block(name: str, make, at: int = 4) -> YOLO:
    """Returns YOLOv8n-pose with a block behind a layer of its backbone."""
    model = YOLO("yolov8n-pose.yaml")
    layers = model.model.model
    layers[at] = Behind(layers[at], make(layers[at].cv2.conv.out_channels))
    return model


def with_activation(make) -> YOLO:
    """Returns YOLOv8n-pose with that activation in every convolution."""
    model = YOLO("yolov8n-pose.yaml")
    for module in model.model.modules():
        if isinstance(getattr(module, "act", None), nn.SiLU):
            module.act = make()
    return model


def changed(source: str, out: Path, name: str, change=lambda spec: None, **values) -> YOLO:
    """Returns a model of a changed YAML of ultralytics, of its smallest scale."""
    file = next(YAMLS.rglob(source))
    spec = {**yaml.safe_load(file.read_text()), **values}
    if "scales" in spec:
        smallest = next(iter(spec["scales"]))
        spec["scales"] = {smallest: spec["scales"][smallest]}
    change(spec)
    target = out / f"{name}.yaml"
    target.write_text(yaml.safe_dump(spec))
    return YOLO(target)


def as_pose(spec: dict) -> None:
    spec["kpt_shape"] = [17, 3]
    spec["head"][-1][2:] = ["Pose", ["nc", "kpt_shape"]]


def replaced(old: str, new: str, at: int):
    """Returns a change that puts another module in the place of the backbone's layer."""

    def change(spec: dict) -> None:
        layer = spec["backbone"][at]
        assert layer[2] == old, layer
        spec["backbone"][at] = [*layer[:2], new, layer[3][:1]]

    return change


E2E = dict(nms=False)
ZOO = {
    "hand21": (lambda out, name: changed("yolov8-pose.yaml", out, name, nc=1, kpt_shape=[21, 3]), {}),
    "object4": (lambda out, name: changed("yolo11-pose.yaml", out, name, nc=3, kpt_shape=[4, 3]), {}),
    "object4-xy": (lambda out, name: changed("yolov8-pose.yaml", out, name, nc=3, kpt_shape=[4, 2]), {}),
    "wholebody133": (lambda out, name: changed("yolov8-pose.yaml", out, name, nc=1, kpt_shape=[133, 3]), {}),
    "classes80": (lambda out, name: changed("yolov8-pose.yaml", out, name, nc=80, kpt_shape=[1, 3]), {}),
    "yolov8-p6": (lambda out, name: changed("yolov8-pose-p6.yaml", out, name), dict(imgsz=192)),
    "yolov8-p2": (lambda out, name: changed("yolov8-p2.yaml", out, name, as_pose, nc=1), {}),
    "yolov8-ghost": (lambda out, name: changed("yolov8-ghost.yaml", out, name, as_pose, nc=1), {}),
    "yolo12": (lambda out, name: changed("yolo12-pose.yaml", out, name), {}),
    "yolo26-o2m": (lambda out, name: changed("yolo26-pose.yaml", out, name), {}),
    "yolo26-o2o": (lambda out, name: changed("yolo26-pose.yaml", out, name), E2E),
    "c3tr": (lambda out, name: changed("yolov8-pose.yaml", out, name, replaced("C2f", "C3TR", 8)), {}),
    "cbam": (lambda out, name: with_block(name, CBAM), {}),
    "detection": (lambda out, name: changed("yolov8.yaml", out, name, nc=8), {}),
    "detection26-o2o": (lambda out, name: changed("yolo26.yaml", out, name, nc=8), E2E),
    "yolov10": (lambda out, name: changed("yolov10n.yaml", out, name, nc=8), E2E),
    "yolov9": (lambda out, name: changed("yolov9t.yaml", out, name, nc=8), {}),
    "yolov5": (lambda out, name: changed("yolov5.yaml", out, name, nc=8), {}),
    "yolov3-tiny": (lambda out, name: changed("yolov3-tiny.yaml", out, name, nc=8), {}),
    "block-se": (lambda out, name: with_block(name, SqueezeExcite), {}),
    "block-eca": (lambda out, name: with_block(name, ECA), {}),
    "block-coordinate": (lambda out, name: with_block(name, CoordinateAttention), {}),
    "block-groupnorm": (lambda out, name: with_block(name, lambda c: nn.GroupNorm(8, c)), {}),
    "block-layernorm": (lambda out, name: with_block(name, LayerNorm2d), {}),
    "block-instancenorm": (lambda out, name: with_block(name, lambda c: nn.InstanceNorm2d(c, affine=True)), {}),
    "block-attention": (lambda out, name: with_block(name, Attention), {}),
    "block-gridsample": (lambda out, name: with_block(name, Warp), dict(opset=17)),
    "block-shuffle": (lambda out, name: with_block(name, Shuffle), {}),
    "block-deconvolution": (lambda out, name: with_block(name, Deconvolution), {}),
    "block-channelshuffle": (lambda out, name: with_block(name, ChannelShuffle), {}),
    "block-repvgg": (lambda out, name: with_block(name, lambda c: RepConv(c, c, bn=True)), {}),
    "act-leakyrelu": (lambda out, name: with_activation(lambda: nn.LeakyReLU(0.1)), {}),
    "act-prelu": (lambda out, name: with_activation(nn.PReLU), {}),
    "act-relu6": (lambda out, name: with_activation(nn.ReLU6), {}),
    "act-elu": (lambda out, name: with_activation(nn.ELU), {}),
    "act-selu": (lambda out, name: with_activation(nn.SELU), {}),
    "act-gelu": (lambda out, name: with_activation(nn.GELU), {}),
    "act-gelu-tanh": (lambda out, name: with_activation(lambda: nn.GELU("tanh")), {}),
    "act-mish": (lambda out, name: with_activation(nn.Mish), {}),
    "act-hardswish": (lambda out, name: with_activation(nn.Hardswish), {}),
    "act-hardtanh": (lambda out, name: with_activation(nn.Hardtanh), {}),
    "act-softplus": (lambda out, name: with_activation(nn.Softplus), {}),
    "segmentation": (lambda out, name: changed("yolov8-seg.yaml", out, name, nc=2), {}),
    "segmentation26": (lambda out, name: changed("yolo26-seg.yaml", out, name, nc=2), E2E),
    "oriented": (lambda out, name: changed("yolov8-obb.yaml", out, name, nc=2), {}),
    "oriented26": (lambda out, name: changed("yolo26-obb.yaml", out, name, nc=2), E2E),
    "classification": (lambda out, name: changed("yolov8-cls.yaml", out, name, nc=5), {}),
}


def make(name: str, out: Path) -> None:
    build, options = ZOO[name]
    torch.manual_seed(20261128)
    # PyTorch's shortcut through an attention has no ONNX operator
    torch.backends.mha.set_fastpath_enabled(False)
    model = build(out, name)
    net = model.model
    options = {"imgsz": SIDE, "simplify": True, **options}
    images = pictures(options["imgsz"])
    norms = [module for module in net.modules() if isinstance(module, nn.BatchNorm2d)]
    for norm in norms:
        norm.momentum = 1  # ultralytics' 0.03 would keep the statistics of no picture at all
    net.train()
    with torch.no_grad():
        net(images)
    spread_scores(net.eval(), images)
    # a checkpoint needs the classes of its blocks, which only this file has
    if not name.startswith("block-"):
        model.save(out / f"{name}.pt")
    file = Path(model.export(format="onnx", **options))
    file.replace(out / f"{name}.onnx")


def main() -> None:
    out = Path(sys.argv[1]).resolve()
    out.mkdir(parents=True, exist_ok=True)
    for name in sys.argv[2:] or ZOO:
        attempt(name, lambda: make(name, out))


if __name__ == "__main__":
    main()
