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
from ..errors import ConfigError
from ..files import atomic_path, write_json
from ..outputs import Contents, Draft, OutputFolder
from .pictures import check_display, show_picture

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


@dataclass(frozen=True)
class Report:
    """What an evaluation leaves behind and shows on the way.

    Attributes
    ----------
    output
        A folder for ``results.json`` (who was found), ``metrics.json`` (the figures, the protocol, the images that
        could not be read and the seconds per image) and pictures, written at the end; None writes nothing. One that
        holds results of another protocol is refused; an `OutputFolder` may say otherwise.
    viz
        Whether to write a picture of every image to ``viz/<image id>.jpg``, and the people of the first to
        ``people.jpg``.
    show
        Whether to show the same pictures in a window, waiting for a key after each.
    progress
        Whether there is a progress bar.
    notes
        What else to note in the protocol, such as the model and the subset.
    """

    output: str | Path | OutputFolder | None = None
    viz: bool = False
    show: bool = False
    progress: bool = True
    notes: Mapping[str, Any] = field(default_factory=dict)

    def check(self) -> None:
        """Make sure that pictures can be shown and written.

        Raises
        ------
        ConfigError
            If pictures are to be written and no output is given.
        DeviceError
            If pictures are to be shown and there is no display.
        """
        if self.show:
            check_display()
        if self.viz and self.output is None:
            raise ConfigError("viz=True needs output, the folder to write the pictures to")


def write_report(
    draft: Draft, results: Sequence[Mapping[str, Any]], metrics: Mapping[str, Any], gallery: Gallery
) -> None:
    """Write ``results.json``, ``metrics.json`` and the sheet of a gallery, and publish all files of the run."""
    gallery.write_sheet(draft.folder / "people.jpg")
    write_json(draft.folder / "results.json", results)
    with atomic_path(draft.folder / EVALUATION.report) as temporary:
        temporary.write_text(json.dumps(metrics, indent=2) + "\n")
    draft.publish()
    logger.info("wrote %s", " and ".join(str(draft.output / name) for name in ("results.json", EVALUATION.report)))


@dataclass
class Gallery:
    """The pictures of a run: one file or window for each image, and a sheet of the first that show people.

    Attributes
    ----------
    folder
        For the files; None writes none.
    show
        Whether to show them; ends when the user says so.
    """

    folder: Path | None
    show: bool = False
    _shown: list[np.ndarray] = field(default_factory=list)
    _empty: list[np.ndarray] = field(default_factory=list)

    @property
    def is_open(self) -> bool:
        """Whether pictures are wanted."""
        return self.show or self.folder is not None

    def add(self, image_id: int, panels: Sequence[np.ndarray], has_people: bool) -> None:
        """Write and show the pictures of an image side by side, and keep the first of them for the sheet."""
        picture = contact_sheet(panels, columns=len(panels))
        if self.folder is not None:
            save_image(self.folder / f"{image_id:012d}.jpg", picture)
            sheet = self._shown if has_people else self._empty
            if len(sheet) < _SHEET:
                sheet.append(panels[0])
        self.show = self.show and show_picture(picture)

    def write_sheet(self, path: Path) -> None:
        """Write the sheet, if there is any picture."""
        if sheet := (self._shown + self._empty)[:_SHEET]:
            save_image(path, contact_sheet(sheet, columns=4, height=240))
