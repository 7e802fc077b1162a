"""Writes resize cases with what ncnn's own 8-bit bilinear resize gives for them, as JSON to stdout.

Recorded: python3 make_resize_cases.py > resize_cases.json   (PyPI ncnn 1.0.20261020, numpy)
OpenCV 5.0.0's INTER_LINEAR gives the same but for a difference of 1 level in up to 2% of the values (it rounds its
coefficients another way); the runner and the reference both follow ncnn.
"""
import base64
import json

import ncnn
import numpy as np

rng = np.random.default_rng(5)
cases = []
for width, height, new_width, new_height in [
    (7, 5, 13, 9), (40, 31, 33, 50), (31, 17, 31, 40), (50, 40, 25, 20), (2, 2, 40, 3), (64, 48, 45, 34),
]:
    image = rng.integers(0, 256, (height, width, 3), dtype=np.uint8)
    mat = ncnn.Mat.from_pixels_resize(image, ncnn.Mat.PixelType.PIXEL_RGB, width, height, new_width, new_height)
    resized = np.array(mat).transpose(1, 2, 0).astype(np.uint8)
    cases.append({
        "widthPx": width, "heightPx": height, "newWidthPx": new_width, "newHeightPx": new_height,
        "rgb": base64.b64encode(image.tobytes()).decode(),
        "resized": base64.b64encode(resized.tobytes()).decode(),
    })
print(json.dumps(cases, indent=1))
