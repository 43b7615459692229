"""What an evaluation leaves behind: a folder with results, figures and pictures."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ..draw import contact_sheet, save_image
from ..errors import ConfigError
from ..files import atomic_path, write_json

logger = logging.getLogger(__name__)

_SHEET = 12  # images on the sheet of people.jpg


def writable_folder(path: str | Path) -> Path:
    """Create a folder now, so that a mistake does not show only after hours.

    Raises
    ------
    ConfigError
        If it cannot be created or written to.
    """
    path = Path(path)
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"{path}: cannot be made the output folder ({error.strerror})") from None
    if not os.access(path, os.W_OK | os.X_OK):
        raise ConfigError(f"{path}: the output folder is not writable")
    return path


def write_report(output: Path, results: Sequence[Mapping[str, Any]], metrics: Mapping[str, Any]) -> None:
    """Write ``results.json`` and ``metrics.json``."""
    write_json(output / "results.json", results)
    with atomic_path(output / "metrics.json") as temporary:
        temporary.write_text(json.dumps(metrics, indent=2) + "\n")
    logger.info("wrote %s and %s", output / "results.json", output / "metrics.json")


@dataclass
class Gallery:
    """The pictures of a run: one file for each image, and a sheet of the first that show people.

    Attributes
    ----------
    folder
        For the files; those of an earlier run, NNN.jpg, are removed.
    """

    folder: Path
    _shown: list[np.ndarray] = field(default_factory=list)
    _empty: list[np.ndarray] = field(default_factory=list)

    def __post_init__(self) -> None:
        for stale in self.folder.glob("[0-9]*.jpg"):
            stale.unlink()

    def add(self, image_id: int, picture: np.ndarray, small: np.ndarray, has_people: bool) -> None:
        """Write the picture of an image, and keep a small one for the sheet."""
        save_image(self.folder / f"{image_id:012d}.jpg", picture)
        sheet = self._shown if has_people else self._empty
        if len(sheet) < _SHEET:
            sheet.append(small)

    def write_sheet(self, path: Path) -> None:
        """Write the sheet, if there is any picture."""
        if sheet := (self._shown + self._empty)[:_SHEET]:
            save_image(path, contact_sheet(sheet, columns=4, height=240))
