"""Forward passes of two networks for one image of 368x368, with random weights.

cpm_vgg19 and lightweight_openpose of this package in MXNet, uint8 image in, the maps of all stages out. The
yardsticks, where they are installed: torch, the same network of plain modules in channels_last, for the normalised
image; onnxruntime, the exported network, of which only the last stage comes out.
"""

from __future__ import annotations

import importlib.util
import os
import tempfile
from pathlib import Path
from typing import Any, Callable

import mxnet as mx
import numpy as np

import cpm.models

from .frameworks import REST, torch_network
from .inputs import SIDE, make_picture
from .measuring import Options, Result, in_turns

NETWORKS = {"cpm_vgg19": 5, "lightweight_openpose": 20}  # and how often to run them

Runner = Callable[[], Any]


def measure(options: Options) -> list[Result]:
    """Measure the networks."""
    side = 64 if options.quick else SIDE
    image = make_picture(0, (side, side))
    results = []
    for name, repetitions in list(NETWORKS.items())[options.quick :]:  # the large one takes long to export
        with tempfile.TemporaryDirectory() as folder:
            results += _measure(name, image, Path(folder), options.repetitions(repetitions))
    return results


def _measure(name: str, image: np.ndarray, folder: Path, repetitions: int) -> list[Result]:
    mx.random.seed(0)
    net = cpm.models.get_model(name)
    runners = {"mxnet": mxnet_runner(net, image), **_torch(name, image), **_onnxruntime(net, image, folder)}
    quantized = quantized_runners(net, image, folder)
    seconds = in_turns({**runners, **quantized}, repetitions, REST)
    what = f"{name}, {image.shape[1]}x{image.shape[0]}"
    results = [
        Result("network", f"{what}, fp32", other, seconds["mxnet"], seconds[other])
        for other in runners
        if other != "mxnet"
    ] or [Result("network", f"{what}, fp32", "", seconds["mxnet"])]
    return results + [
        Result("network", f"{what}, {runner}", "fp32 in MXNet", seconds[runner], seconds["mxnet"])
        for runner in quantized
    ]


def mxnet_runner(net: Callable, image: np.ndarray) -> Runner:
    """Return what runs a network of MXNet on an image (H, W, 3) and waits for the maps."""
    batch = mx.nd.array(image[None], dtype=np.uint8)

    def run() -> None:
        net(batch)
        mx.nd.waitall()

    return run


def quantized_runners(net: cpm.models.PoseNet, image: np.ndarray, folder: Path) -> dict[str, Runner]:
    """Return what runs the network in int8, by names for the table; files may be written to the folder."""
    return {}


def _torch(name: str, image: np.ndarray) -> dict[str, Runner]:
    found = torch_network(name)
    if found is None:
        return {}
    torch, net = found
    normalised = (image[None].transpose(0, 3, 1, 2) / 256 - 0.5).astype(np.float32)
    images = torch.from_numpy(normalised).contiguous(memory_format=torch.channels_last)

    def run() -> None:
        with torch.inference_mode():
            net(images)

    return {"torch, channels_last": run}


def _onnxruntime(net: cpm.models.PoseNet, image: np.ndarray, folder: Path) -> dict[str, Runner]:
    if any(importlib.util.find_spec(package) is None for package in ("onnx", "onnxruntime")):
        return {}
    from cpm.inference import OnnxNetwork

    path = folder / "network.onnx"
    cpm.models.export_onnx(net, path)
    threads = os.environ.get("OMP_NUM_THREADS", "")
    exported = OnnxNetwork(path, int(threads) if threads.isdecimal() else None)
    return {"onnxruntime": lambda: exported(image[None])}
