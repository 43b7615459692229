"""Pictures in a window."""

from __future__ import annotations

import subprocess
import sys

import numpy as np

from ..errors import DeviceError
from ..opencv import cv2

_WINDOW = "any key: next image; q: show no more"
_TRY_WINDOW = f"import cv2; cv2.namedWindow({_WINDOW!r}); cv2.waitKey(1)"


def check_display() -> None:
    """Make sure that windows can be opened.

    Raises
    ------
    DeviceError
        If they cannot. OpenCV may abort the process over it, so another process tries.
    """
    trial = subprocess.run([sys.executable, "-c", _TRY_WINDOW], capture_output=True, check=False)
    if trial.returncode != 0:
        raise DeviceError("no window can be opened: no display, or OpenCV is a headless build; write pictures instead")


def show_picture(picture: np.ndarray) -> bool:
    """Show an RGB picture until a key is pressed; return whether to go on showing."""
    cv2.imshow(_WINDOW, picture[..., ::-1])
    if chr(cv2.waitKey(0) & 0xFF) not in "qQ\x1b":
        return True
    cv2.destroyAllWindows()
    return False
