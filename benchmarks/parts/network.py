"""Forward passes of two networks for one image of 368x368, with random weights, in float and in int8.

cpm_vgg19 and lightweight_openpose of this package in MXNet, uint8 image in, the maps of all stages out. The
yardsticks, where they are installed: torch, the same network of plain modules in channels_last, for the normalised
image; onnxruntime, the exported network, of which only the last stage comes out. The networks in int8 are calibrated
on noise, which does not change their time, and run on onnxruntime and OpenVINO; with --ir, next to a file of OpenVINO
(such as the published Lightweight OpenPose in int8), with the settings that OpenVINO chooses by itself.
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
from cpm import ConfigError

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
    for name in list(NETWORKS)[options.quick :]:  # the large one takes long to export
        with tempfile.TemporaryDirectory() as folder:
            results += _measure(name, image, Path(folder), options)
    return results


def _measure(name: str, image: np.ndarray, folder: Path, options: Options) -> list[Result]:
    mx.random.seed(0)
    net = cpm.models.get_model(name)
    runners = {"mxnet": mxnet_runner(net, image), **_torch(name, image), **_onnxruntime(net, image, folder)}
    quantized = _quantized(net, image, folder)
    published = _published(options.ir, image) if name == "lightweight_openpose" else {}
    seconds = in_turns({**runners, **quantized, **published}, options.repetitions(NETWORKS[name]), REST)
    what = f"{name}, {image.shape[1]}x{image.shape[0]}"
    results = [
        Result("network", f"{what}, fp32", other, seconds["mxnet"], seconds[other])
        for other in runners
        if other != "mxnet"
    ] or [Result("network", f"{what}, fp32", "", seconds["mxnet"])]
    required = 1 / 3.5 if name == "cpm_vgg19" else 1 / 2
    for runner in quantized:
        times = seconds[runner]
        results.append(Result("network", f"{what}, {runner}", "fp32 in MXNet", times, seconds["mxnet"], required))
        results += [Result("network", f"{what}, {runner}", other, times, seconds[other], 1.2) for other in published]
    return results


def mxnet_runner(net: Callable, image: np.ndarray) -> Runner:
    """Return what runs a network of MXNet on an image (H, W, 3) and waits for the maps."""
    batch = mx.nd.array(image[None], dtype=np.uint8)

    def run() -> None:
        net(batch)
        mx.nd.waitall()

    return run


def _threads() -> int | None:
    text = os.environ.get("OMP_NUM_THREADS", "")
    return int(text) if text.isdecimal() else None


def _quantized(net: cpm.models.PoseNet, image: np.ndarray, folder: Path) -> dict[str, Runner]:
    """Return what runs the network in int8 on the runtimes that are installed."""
    if any(importlib.util.find_spec(package) is None for package in ("onnx", "onnxruntime")):
        return {}
    from cpm.inference import OnnxNetwork

    path = folder / "int8.onnx"
    noise = [np.random.default_rng(k).integers(0, 256, image.shape, np.uint8) for k in range(2)]
    cpm.models.quantize_network(net, path, noise, noise[:1], "naive", progress=False)
    runners: dict[str, Runner] = {}
    for runtime, title in (("onnxruntime", "onnxruntime"), ("openvino", "OpenVINO")):
        if importlib.util.find_spec(runtime) is not None:
            network = OnnxNetwork(path, _threads(), runtime)
            runners[f"int8 in {title}"] = lambda network=network: network(image[None])
    return runners


def _published(path: Path | None, image: np.ndarray) -> dict[str, Runner]:
    """Return what runs a file of OpenVINO whose only input is (1, 3, H, W)."""
    if path is None:
        return {}
    if importlib.util.find_spec("openvino") is None:
        raise ConfigError(f"--ir {path}: OpenVINO is not installed, pip install 'cpm-pose[openvino]'")
    import openvino

    core = openvino.Core()
    try:
        model = core.read_model(str(path))
        model.reshape([1, 3, *image.shape[:2]])
        settings = {"PERFORMANCE_HINT": "LATENCY", **({"INFERENCE_NUM_THREADS": _threads()} if _threads() else {})}
        request = core.compile_model(model, "CPU", settings).create_infer_request()
    except RuntimeError as error:
        raise ConfigError(f"--ir {path}: OpenVINO cannot run it ({str(error).splitlines()[0]})") from None
    planes = np.ascontiguousarray(image[None].transpose(0, 3, 1, 2), np.float32)
    return {"the file of --ir in OpenVINO": lambda: request.infer({0: planes})}


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
    exported = OnnxNetwork(path, _threads())
    return {"onnxruntime": lambda: exported(image[None])}
