"""Training labels of a picture: heatmaps and PAFs drawn into arrays that are there.

People of a crowd, see `inputs.crowd`, on OPENPOSE_18 with sigma 7 and stride 8: 57 maps. The yardsticks are
filling the same 57 maps with zeros and, from the folder of tests, the formulas in NumPy on whole grids.
"""

from __future__ import annotations

import logging
from pathlib import Path
from types import ModuleType

import numpy as np

from cpm.codecs import PafCodec
from cpm.skeletons import OPENPOSE_18

from .frameworks import load_module
from .inputs import crowd
from .measuring import Options, Result, in_turns

logger = logging.getLogger(__name__)

TWIN = Path(__file__).resolve().parents[2] / "tests" / "reference" / "labels.py"


def measure(options: Options) -> list[Result]:
    """Measure 1, 3, 10 and 30 people on 46x46 and 92x92 cells."""
    twin = _load_twin()
    results = []
    for cells in (46,) if options.quick else (46, 92):
        for count in (1, 3, 10, 30):
            results += _measure(cells, count, twin, options)
    return results


def _measure(cells: int, count: int, twin: ModuleType | None, options: Options) -> list[Result]:
    codec = PafCodec(OPENPOSE_18)
    side = codec.stride * cells
    people = crowd(count, 0, side)
    out = codec.empty((side, side))
    maps = np.empty((57, cells, cells), np.float32)
    functions = {"encode": lambda: codec.encode(people, (side, side), out), "zeros": lambda: maps.fill(0)}
    if twin is not None:
        functions["twin"] = lambda: _draw(twin, codec, people, cells)
    seconds = in_turns(functions, options.repetitions(30))
    what = f"encode, {count} people, {cells}x{cells}"
    judged = (cells, count) == (46, 10)
    required = {"zeros": 12.0 if judged else None, "twin": 1 / 70 if judged else None}
    names = {"zeros": "zeros in the same maps", "twin": "the formulas in NumPy"}
    return [
        Result("labels", what, names[name], seconds["encode"], seconds[name], required[name])
        for name in names
        if name in seconds
    ]


def _draw(twin: ModuleType, codec: PafCodec, people: np.ndarray, cells: int) -> None:
    joints = codec.skeleton.num_joints
    limbs = codec.skeleton.limb_joints
    stride = codec.stride
    twin.draw_heatmaps(people, joints, stride, codec.sigma, (cells, cells))
    twin.draw_pafs(people, limbs, stride, codec.paf_width, (cells, cells))


def _load_twin() -> ModuleType | None:
    """Return the module of formulas; None where the folder of tests is not there."""
    if not TWIN.is_file():
        logger.warning("%s is not there: labels are not compared with the formulas in NumPy", TWIN)
        return None
    return load_module(TWIN)
