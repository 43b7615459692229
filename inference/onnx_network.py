"""Exported networks on onnxruntime, in place of the Gluon ones."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import mxnet as mx
import numpy as np

from ..errors import CheckpointError, ConfigError, DataError
from ..models.export import MAPS, TEXTS, open_session
from ..skeletons import skeleton_from_spec


class OnnxNetwork:
    """One stage of a network in a file of `export_onnx`, on the CPU; stands for the network in `PoseEstimator`.

    An ONNX file is a program of tensor operators. It cannot do anything but calculate, but it says itself how
    much memory that takes.

    Parameters
    ----------
    path
        The file.
    threads
        How many threads an operator may use; by default one for each core that this process may use.

    Attributes
    ----------
    name : str
        The name of the network in the registry.
    options : dict
        What it was built with, apart from the skeleton.
    skeleton : Skeleton
    stride, multiple, kinds
        As of a `PoseNet`; there is one stage.
    meta : dict
        The whole description, also what the exporter was given in addition.

    Raises
    ------
    CheckpointError
        If the file is missing, broken, or was not exported by this package.
    ConfigError
        If onnxruntime is missing or `threads` is not positive.
    """

    def __init__(self, path: str | Path, threads: int | None = None) -> None:
        if threads is not None and threads < 1:
            raise ConfigError(f"threads={threads}, expected a positive number")
        self._session = open_session(path, threads)
        try:
            texts = self._session.get_modelmeta().custom_metadata_map
            self.meta = {key: text if key in TEXTS else _parse(text) for key, text in texts.items()}
            self.name, self.options = str(self.meta["model"]), dict(self.meta["options"])
            self.skeleton = skeleton_from_spec(self.meta["skeleton"])
            self.stride, self.multiple = int(self.meta["stride"]), int(self.meta["multiple"])
            self.kinds = (tuple(self.meta["outputs"]),)
            found = tuple(output.name for output in self._session.get_outputs())
            if self.kinds != (found,) or not set(found) <= set(MAPS) or min(self.stride, self.multiple) < 1:
                raise ValueError("its outputs are others")
            if [node.name for node in self._session.get_inputs()] != ["images"]:
                raise ValueError("its inputs are others")
        except (ConfigError, KeyError, TypeError, ValueError):
            raise CheckpointError(f"{path}: an ONNX file, but none that this package has exported") from None
        self._path = path

    def __call__(self, images: mx.nd.NDArray | np.ndarray) -> list[list[np.ndarray]]:
        """Compute the maps.

        Parameters
        ----------
        images
            (B, H, W, 3) RGB, uint8 or float32 from 0 to 255; H and W multiples of `multiple`.

        Returns
        -------
        list
            One stage: a list of the maps that `kinds` names, (B, C, h, w) float32 with h = H / stride.

        Raises
        ------
        DataError
            If the images have another shape or type.
        CheckpointError
            If the file turns out to be broken.
        """
        array = images.asnumpy() if isinstance(images, mx.nd.NDArray) else np.asarray(images)
        shape, multiple = array.shape, self.multiple
        fits = array.ndim == 4 and array.size and shape[3] == 3 and not (shape[1] % multiple or shape[2] % multiple)
        if not fits or array.dtype not in (np.uint8, np.float32):
            raise DataError(
                f"{self.name}: images of shape {shape} and type {array.dtype}, expected uint8 or float32 "
                f"(batch, height, width, 3) with both sides multiples of {multiple}"
            )
        try:
            return [self._session.run(None, {"images": array.astype(np.float32, copy=False)})]
        except Exception as error:  # the errors of onnxruntime have no class in common
            reason = str(error).split("\n", 1)[0]
            raise CheckpointError(f"{self._path}: onnxruntime cannot run it ({reason})") from None


def _parse(text: str) -> Any:
    """Return what is in an entry of the description: JSON, or a text as it is."""
    try:
        return json.loads(text)
    except (RecursionError, ValueError):
        return text
