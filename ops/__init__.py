"""Kernels on NumPy arrays, compiled and free of the GIL."""

from pathlib import Path

from ..errors import PackageError

try:
    from .association import gather_people, join_peaks
    from .labels import draw_heatmaps, draw_pafs
    from .peaks import find_peaks
except ModuleNotFoundError as error:  # in a clone, whose folder comes before what is installed
    clone = Path(__file__).absolute().parents[1]
    raise PackageError(
        f"{clone}: its kernels are not compiled; run `pip install -e .` in the clone, or start Python in another folder"
    ) from error

__all__ = ["draw_heatmaps", "draw_pafs", "find_peaks", "gather_people", "join_peaks"]
