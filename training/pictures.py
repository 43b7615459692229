"""Pictures of what the network is asked for and of what it says."""

from __future__ import annotations

import numpy as np

from ..datasets import Example
from ..draw import contact_sheet, draw_heatmaps, draw_pafs


def target_and_prediction(batch: Example, heatmaps: np.ndarray, pafs: np.ndarray, stride: int) -> np.ndarray:
    """Return a sheet with a row per sample: crop, target and predicted heatmaps, target and predicted PAFs.

    Parameters
    ----------
    batch
        B samples with their targets.
    heatmaps, pafs
        The predictions for the first of them, (n, K + 1, h, w) and (n, 2L, h, w).
    stride
        Pixels per cell.
    """
    pictures = []
    for k in range(len(heatmaps)):
        crop = batch.image[k]
        pictures += [
            crop,
            draw_heatmaps(crop, batch.heatmaps[k], stride=stride),
            draw_heatmaps(crop, heatmaps[k], stride=stride),
            draw_pafs(crop, batch.pafs[k], stride=stride),
            draw_pafs(crop, pafs[k], stride=stride),
        ]
    return contact_sheet(pictures, columns=5)
