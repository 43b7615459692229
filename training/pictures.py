"""Pictures of what the network is asked for and of what it says."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ..codecs import Codec
from ..datasets import Sample
from ..draw import contact_sheet


def target_and_prediction(batch: Sample, predicted: Mapping[str, np.ndarray], codec: Codec) -> np.ndarray:
    """Return a sheet with a row per sample: the crop, then target and prediction of each dense kind of maps.

    Parameters
    ----------
    batch
        B samples with their targets.
    predicted
        The maps of the first n of them, (n, C, h, w), by the names of their kinds.
    codec
        Of the maps.
    """
    kinds = [kind for kind in codec.kinds if kind.is_dense]
    pictures = []
    for place in range(len(next(iter(predicted.values())))):
        crop = batch.image[place]
        pictures.append(crop)
        for kind in kinds:
            for maps in (batch.targets.maps[kind.name], predicted[kind.name]):
                pictures.append(kind.picture(crop, maps[place], codec.skeleton, 1.0, codec.stride))
    return contact_sheet(pictures, columns=1 + 2 * len(kinds))
