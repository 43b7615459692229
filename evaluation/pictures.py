"""What an estimator saw and found in an image: written to files, shown in a window."""

from __future__ import annotations

import subprocess
import sys

import cv2
import numpy as np

from ..draw import contact_sheet, draw_people
from ..errors import DeviceError
from ..inference import PoseEstimator, ScaledMaps
from ..person import Person

_WINDOW = "any key: next image; q: show no more"
_TRY_WINDOW = f"import cv2; cv2.namedWindow({_WINDOW!r}); cv2.waitKey(1)"


def draw_result(estimator: PoseEstimator, image: np.ndarray, people: list[Person], maps: ScaledMaps) -> np.ndarray:
    """Return skeletons and maps of an image (H, W, 3) side by side, as RGB uint8."""
    codec = estimator.codec
    pictures = [draw_people(image, people, codec.skeleton)]
    for kind in codec.kinds:
        if kind.is_dense:
            pictures.append(kind.picture(image, maps.maps[kind.name], codec.skeleton, maps.scale, codec.stride))
    return contact_sheet(pictures, columns=len(pictures))


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
