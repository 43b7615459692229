"""Boxes of people by a detector of GluonCV, for top-down networks."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ..checks import check_image
from ..errors import CheckpointError, ConfigError, quote, reason
from ..models import NORMALISATIONS
from ..models.files.file_kind import expect_kind
from ..models.importing.gluon_file import load_parameters
from ..models.networks.gluoncv_models import detector_network, list_detectors
from ..mxnet_module import mx
from .resizing import fit_image

_MULTIPLE = 32  # both sides of its input


class PersonDetector:
    """Find the boxes of people.

    Parameters
    ----------
    name
        A detector of GluonCV's model zoo trained on COCO or VOC, e.g. ``ssd_512_resnet50_v1_coco`` or
        ``yolo3_darknet53_coco``.
    weights
        Its parameters, a ``.params`` file.
    threshold
        Boxes of a lower score are left out.
    short
        Pixels that the height of an image becomes.
    ctx
        The device.

    Raises
    ------
    ConfigError
        If the name is none of a detector, it knows no people, or a number is out of range.
    CheckpointError
        If the parameters are missing or do not fit.
    """

    def __init__(
        self, name: str, weights: str | Path, threshold: float = 0.5, short: int = 512, ctx: mx.Context | None = None
    ) -> None:
        if not 0 <= threshold <= 1 or short < _MULTIPLE:
            raise ConfigError(f"threshold={threshold}, short={short}, expected 0 to 1 and at least {_MULTIPLE} pixels")
        if name not in list_detectors():
            raise ConfigError(
                f"detector {quote(name)} is unknown, expected one such as {', '.join(list_detectors()[:3])}"
            )
        expect_kind(weights, "mxnet")
        self.threshold = threshold
        self.short = short
        self.ctx = ctx or mx.cpu()
        self.weights = Path(weights)
        self._net = detector_network(name)
        if "person" not in self._net.classes:
            raise ConfigError(f"detector {quote(name)} knows no people, only {', '.join(self._net.classes[:5])}, ...")
        self._person = self._net.classes.index("person")
        load_parameters(self._net, weights, name, self.ctx)
        self._net.hybridize()

    def __call__(self, image: np.ndarray) -> list[tuple[tuple[float, float, float, float], float]]:
        """Return the boxes of the people in an image, surest first.

        Parameters
        ----------
        image
            (H, W, 3) RGB uint8.

        Returns
        -------
        list
            Left, top, width and height in image pixels, and the score.

        Raises
        ------
        DataError
            If the image has another shape or type.
        CheckpointError
            If the detector turns out to have parameters that do not fit together.
        """
        check_image(image)
        padded, (across, down) = fit_image(image, self.short, _MULTIPLE)
        mean, deviation = (np.array(values, np.float32) for values in NORMALISATIONS["imagenet"])
        batch = ((padded - mean) / deviation).transpose(2, 0, 1)[None]
        try:
            classes, scores, boxes = (each.asnumpy()[0] for each in self._net(mx.nd.array(batch, ctx=self.ctx))[:3])
        except mx.MXNetError as error:  # shapes that fit one by one, but not together
            raise CheckpointError(f"{self.weights}: cannot be run ({reason(error)})") from None
        found = (classes[:, 0] == self._person) & (scores[:, 0] >= self.threshold)
        people = []
        for (left, top, right, bottom), score in zip(boxes[found].tolist(), scores[found, 0].tolist()):
            corner = (left + 0.5) / across - 0.5, (top + 0.5) / down - 0.5
            people.append(((*corner, (right - left) / across, (bottom - top) / down), score))
        return sorted(people, key=lambda each: -each[1])
