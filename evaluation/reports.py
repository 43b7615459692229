"""What an evaluation leaves behind: a folder with results, figures and pictures."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ..draw import contact_sheet, save_image
from ..files import atomic_path, write_json
from ..outputs import Contents, Draft, OutputFolder

logger = logging.getLogger(__name__)

EVALUATION = Contents("metrics.json", ("results.json", "people.jpg", "viz/[0-9]*.jpg"), options="protocol")

_SHEET = 12  # images on the sheet of people.jpg


def output_folder(given: Path | None, checkpoint: Path, overwrite: bool) -> OutputFolder:
    """Return the folder for the evaluation of a checkpoint, by default one named after it and its folder.

    Raises
    ------
    ConfigError
        If it cannot be made or written to.
    """
    default = Path("output/eval") / f"{checkpoint.resolve().parent.name}-{checkpoint.stem}"
    return OutputFolder(given or default, makes_way=given is None, overwrite=overwrite)


def write_report(
    draft: Draft, results: Sequence[Mapping[str, Any]], metrics: Mapping[str, Any], gallery: Gallery | None
) -> None:
    """Write ``results.json``, ``metrics.json`` and the sheet of a gallery, and publish all files of the run."""
    if gallery is not None:
        gallery.write_sheet(draft.folder / "people.jpg")
    write_json(draft.folder / "results.json", results)
    with atomic_path(draft.folder / EVALUATION.report) as temporary:
        temporary.write_text(json.dumps(metrics, indent=2) + "\n")
    draft.publish()
    logger.info("wrote %s", " and ".join(str(draft.output / name) for name in ("results.json", EVALUATION.report)))


@dataclass
class Gallery:
    """The pictures of a run: one file for each image, and a sheet of the first that show people.

    Attributes
    ----------
    folder
        For the files.
    """

    folder: Path
    _shown: list[np.ndarray] = field(default_factory=list)
    _empty: list[np.ndarray] = field(default_factory=list)

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
