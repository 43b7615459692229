"""People of COCO's annotations that are no examples: without keypoints, or a crowd."""

import numpy as np
from pycocotools import mask as coco_mask

from ..conftest import person

UNLABELLED = {"keypoints": [0] * 51, "num_keypoints": 0}


def crowd(x: int, y: int, width: int, height: int, compressed: bool) -> dict:
    mask = np.zeros((120, 160), np.uint8, order="F")
    mask[y : y + height, x : x + width] = 1
    code = coco_mask.encode(mask)
    if compressed:
        code["counts"] = code["counts"].decode()
    else:
        runs, before = [0], 0
        for value in mask.ravel(order="F"):
            if value != before:
                runs.append(0)
            runs[-1] += 1
            before = value
        code = {"size": [120, 160], "counts": runs}
    fields = {**UNLABELLED, "iscrowd": 1, "segmentation": code, "bbox": [x, y, width, height]}
    return person(80, 60, 50, **fields)
