"""Checkpoints as version 0.1 wrote them, made again from their descriptions."""

import json
import zlib
from pathlib import Path

import numpy as np

DESCRIPTIONS = Path(__file__).resolve().parent.parent / "data" / "version_0_1.json"


def array_of(name: str, shape: list, dtype: str = "float32") -> np.ndarray:
    """Return numbers that depend on nothing but the name and the shape, of a size that keeps a network calm."""
    count = int(np.prod(shape))
    phase = np.sin(12.9898 * np.arange(count, dtype=np.float64) + zlib.crc32(name.encode()) % 1000)
    wave = 2 * (43758.5453 * phase % 1) - 1
    if name.endswith(("running_var", "/1")):  # variances, and the squares that Adam keeps
        wave = 1 + wave / 2
    elif name.endswith("gamma"):
        wave = 1 + wave / 5
    elif len(shape) > 1:
        wave *= np.sqrt(4 / max(count // shape[0], 1))
    else:
        wave /= 10
    return wave.reshape(shape).astype(dtype)


def write_checkpoint(path: Path, meta: dict, arrays: list) -> None:
    """Write a checkpoint of this description and arrays of these [name, shape, dtype]."""
    content = {name: array_of(name, shape, dtype) for name, shape, dtype in arrays}
    with open(path, "wb") as file:
        np.savez(file, meta=np.frombuffer(json.dumps(meta).encode(), np.uint8), **content)


def wavy_image(height: int, width: int) -> np.ndarray:
    """Return (height, width, 3) uint8 that is nowhere flat."""
    rows, columns, channels = np.mgrid[:height, :width, :3]
    return (127 + 127 * np.sin(0.05 * rows * (channels + 1) + 0.07 * columns)).astype(np.uint8)
