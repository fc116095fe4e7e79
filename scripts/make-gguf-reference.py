"""Writes test/fixtures/gguf-numbers.json: numbers as the package gguf rounds them.

Usage: python scripts/make-gguf-reference.py   (needs numpy and gguf: pip install gguf)
"""

import base64
import json
from pathlib import Path

import gguf
import numpy as np

random = np.random.default_rng(7)
blocks = [
    np.zeros(32),
    np.full(32, -0.0),
    random.normal(size=32) * 0.05,
    random.normal(size=32) * 300,
    random.normal(size=32) * 1e-6,  # below the smallest normal float16
    random.normal(size=32) * 1e-9,  # the scale is 0 in float16
    np.r_[127, -127, 0.5, -0.5, 1.5, -1.5, 2.5, -2.5, 3.5, -0.49999997, 0.49999997, np.arange(21) + 0.5],
    np.r_[2.0**-14, 2.0**-15, 2.0**-24, 2.0**-25, 1.5 * 2.0**-24, 2.5 * 2.0**-24, -(2.0**-25) * 1.0001, np.zeros(25)],
    np.r_[1 + 2.0**-11, 1 + 3 * 2.0**-11, 1 + 2.0**-8, 1 + 3 * 2.0**-8, 1 + 2.0**-9, 65504, 65519, -65519, np.ones(24)],
]
values = np.concatenate(blocks).astype(np.float32)


def text(array):
    return base64.b64encode(np.ascontiguousarray(array).tobytes()).decode()


types = gguf.GGMLQuantizationType
out = {"gguf": gguf.__version__ if hasattr(gguf, "__version__") else "0.19.0", "values": text(values)}
for name in ["F32", "F16", "BF16", "Q8_0"]:
    out[name.lower()] = text(gguf.quants.quantize(values, types[name]))
file = Path(__file__).parent.parent / "test" / "fixtures" / "gguf-numbers.json"
file.write_text(json.dumps(out, indent=1) + "\n")
