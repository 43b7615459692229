"""OpenCV, from either of its packages: opencv-python, or opencv-python-headless, which needs no screen's libraries."""

from __future__ import annotations

from ._compat import pip_install
from .errors import PackageError, reason

try:
    import cv2
except ImportError as error:
    raise PackageError(
        f"cpm cannot load OpenCV ({reason(error)}); try: {pip_install('opencv-python-headless')}, "
        "or, for opencv-python on Debian: apt-get install libgl1 libglib2.0-0"
    ) from None

__all__ = ["cv2"]
