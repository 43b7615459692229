"""Pictures of what the network is asked for and of what it says."""

from __future__ import annotations

import numpy as np

from ..datasets import Example
from ..draw import contact_sheet, draw_heatmaps, draw_pafs


def target_and_prediction(batch: Example, heatmaps: np.ndarray, pafs: np.ndarray | None, stride: int) -> np.ndarray:
    """Return a sheet with a row per sample: crop, target and predicted heatmaps, target and predicted PAFs.

    For networks without PAFs the row ends before them.

    Parameters
    ----------
    batch
        B samples with their targets.
    heatmaps, pafs
        The predictions for the first of them, (n, K + 1, h, w) or, without PAFs, (n, K, h, w); and (n, 2L, h, w).
    stride
        Pixels per cell.
    """
    pictures = []
    for k in range(len(heatmaps)):
        crop = batch.image[k]
        pictures += [
            crop,
            draw_heatmaps(crop, batch.heatmaps[k], stride=stride, background=pafs is not None),
            draw_heatmaps(crop, heatmaps[k], stride=stride, background=pafs is not None),
        ]
        if batch.pafs is not None and pafs is not None:
            pictures += [draw_pafs(crop, batch.pafs[k], stride=stride), draw_pafs(crop, pafs[k], stride=stride)]
    return contact_sheet(pictures, columns=3 if pafs is None else 5)
