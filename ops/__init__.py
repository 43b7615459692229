"""Kernels on NumPy arrays, compiled and free of the GIL."""

from .association import gather_people, join_peaks
from .labels import draw_heatmaps, draw_pafs
from .peaks import find_peaks

__all__ = ["draw_heatmaps", "draw_pafs", "find_peaks", "gather_people", "join_peaks"]
