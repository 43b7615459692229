"""People from pictures with lightweight_openpose at one scale, all that a picture takes next to the network alone.

The estimator resizes to a height of 368, pads, runs the network, decodes, and the people become COCO results; reading
the JPEG files is a row of its own. The pictures are the first 20 of the folder --images; without it 8 of 640x480, see
`inputs.make_picture`. Without --checkpoint the weights are random and show nobody: the network runs, and for its maps
those of 3 people apart with noise are taken, see `inputs.noisy_maps`. The network alone runs on the prepared pictures.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import mxnet as mx
import numpy as np

import cpm.models
from cpm import ConfigError
from cpm.codecs import PafCodec
from cpm.datasets import read_image
from cpm.evaluation import people_to_results
from cpm.inference import PoseEstimator

from .inputs import grid_people, noisy_maps, write_pictures
from .measuring import Options, Result, in_turns
from .network import mxnet_runner

_HEIGHT = 368
_PICTURES = 8  # unless a folder is given
_MOST = 20  # pictures of a folder
_SUFFIXES = (".jpg", ".jpeg", ".png")


class _Recorder:
    """Stands for a network: runs it, remembers what it was given, and may answer with other maps."""

    def __init__(self, net: cpm.models.PoseNet, drawn: bool) -> None:
        self.net = net
        self.multiple = net.multiple
        self._drawn = drawn
        self._images: mx.nd.NDArray | None = None
        self._maps: dict[tuple[int, ...], dict[str, np.ndarray]] = {}

    def __call__(self, images: mx.nd.NDArray) -> Any:
        self._images = images
        stages = self.net(images)
        if not self._drawn:
            return stages
        mx.nd.waitall()
        return [self._draw(images.shape)]

    def prepared(self, estimator: PoseEstimator, image: np.ndarray) -> np.ndarray:
        """Return the image as the estimator hands it to the network."""
        estimator(image)
        assert self._images is not None
        return self._images.asnumpy()[0]

    def _draw(self, shape: tuple[int, ...]) -> dict[str, np.ndarray]:
        """Return the PAFs and heatmaps of 3 people for images (1, H, W, 3), the same every time."""
        if shape not in self._maps:
            codec = PafCodec(self.net.skeleton, self.net.stride)
            size = (shape[1], shape[2])
            maps = noisy_maps(codec, grid_people(3, 0, min(size)), 0, size)
            self._maps[shape] = {name: array[None] for name, array in maps.items()}
        return self._maps[shape]


def measure(options: Options) -> list[Result]:
    """Measure the pictures one by one."""
    with tempfile.TemporaryDirectory() as folder:
        paths = _pictures(options, Path(folder))
        mx.random.seed(0)
        if options.checkpoint is None:
            net = cpm.models.get_model("lightweight_openpose")
        else:
            net = cpm.models.load_network(options.checkpoint)
        recorder = _Recorder(net, drawn=options.checkpoint is None)
        codec = PafCodec(net.skeleton, net.stride)
        estimator = PoseEstimator(recorder, codec, scales=(1,), flip=False, box_size=64 if options.quick else _HEIGHT)
        images = [read_image(path) for path in paths]

        def estimate(pictures: list[np.ndarray]) -> list[Any]:
            return [people_to_results(k, estimator(image), net.skeleton) for k, image in enumerate(pictures)]

        alone = [mxnet_runner(net, recorder.prepared(estimator, image)) for image in images]
        functions = {
            "estimate": lambda: estimate(images),
            "read": lambda: estimate([read_image(path) for path in paths]),
            "network": lambda: [run() for run in alone],
        }
        seconds = in_turns(functions, options.repetitions(6))
        people = sum(map(len, estimate(images)))
    return _results(seconds, len(paths), {"pictures": len(paths), "people": people})


def _results(seconds: dict[str, list[float]], count: int, figures: dict[str, Any]) -> list[Result]:
    per_image = {name: [each / count for each in values] for name, values in seconds.items()}
    rows = (("one picture, all in", "estimate", 1.25), ("with reading the file", "read", None))
    return [
        Result("evaluate", what, "the network alone", per_image[name], per_image["network"], required, figures=figures)
        for what, name, required in rows
    ]


def _pictures(options: Options, folder: Path) -> list[Path]:
    if options.images is None:
        return write_pictures(folder, 2 if options.quick else _PICTURES)
    paths = sorted(path for path in options.images.glob("*") if path.suffix.lower() in _SUFFIXES)
    if not paths:
        raise ConfigError(f"--images {options.images}: no pictures there ({', '.join(_SUFFIXES)})")
    return paths[:_MOST]
