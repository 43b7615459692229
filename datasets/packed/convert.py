"""What `cpm pack` does: open what is to be packed by the name of its format, and write it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ...errors import ConfigError
from .hdf5_format import hdf5_source
from .packed_keypoints import write_packed
from .picture_source import PictureSource, coco_source, write_coco
from .training_formats import SUBSETS, list_source

__all__ = ["FORMATS", "SUBSETS", "open_source", "write_dataset"]

FORMATS = ("coco", "coco_json", "hdf5")
_OPTIONS = {
    "coco": ("category", "skip_unlisted"),
    "coco_json": ("images", "masks", "subset"),
    "hdf5": ("subset", "jpeg_quality"),
}


def open_source(path: str | Path, kind: str, split: str, progress: bool = False, **given: Any) -> PictureSource:
    """Open a split in one of the formats.

    Parameters
    ----------
    path
        The folder or file.
    kind
        "coco", see `coco_source`, "coco_json", see `list_source`, or "hdf5", see `hdf5_source`.
    split
        Which split of COCO's layout is read.
    progress
        Whether to show a progress bar where this takes long.
    **given
        ``category``, ``skip_unlisted``, ``images``, ``masks``, ``subset`` and ``jpeg_quality`` of these functions;
        None stands for what is not given.

    Raises
    ------
    ConfigError
        If the kind is unknown, or an option is missing or belongs to another kind.
    DataError
        If the data are missing or broken.
    """
    if kind not in FORMATS:
        raise ConfigError(f"format {kind!r} is unknown, expected {', '.join(FORMATS)}")
    options = {name: value for name, value in given.items() if value is not None}
    for name in options:
        if name not in _OPTIONS[kind]:
            raise ConfigError(f"--{name.replace('_', '-')} is not an option of --from={kind}")
    if kind == "coco":
        return coco_source(path, split, **options)
    options.setdefault("subset", "train")
    if kind == "hdf5":
        return hdf5_source(path, progress=progress, **options)
    missing = [name for name in ("images", "masks") if name not in options]
    if missing:
        raise ConfigError(f"--from=coco_json needs --{missing[0]}, the folder of the {missing[0]}")
    return list_source(path, **options)


def write_dataset(
    output: str | Path, source: PictureSource, split: str, overwrite: bool = False, progress: bool = False
) -> str:
    """Write a split as one file, if the name of the output ends in ``.rec``, else in COCO's layout; return a report.

    Parameters
    ----------
    output, source, split, overwrite, progress
        See `write_packed` and `write_coco`.

    Raises
    ------
    ConfigError
        If files in COCO's layout are to be replaced.
    DataError
        See `write_packed` and `write_coco`.
    """
    output = Path(output)
    if output.suffix == ".rec":
        index = write_packed(output, source, split, overwrite, progress)
        found = f"{source.count} images, {len(index.areas)} annotations, {output.stat().st_size / 1e6:.1f} MB"
        return f"wrote {output} and its .idx: {found}"
    if overwrite:
        raise ConfigError("--overwrite replaces a packed file, not a folder")
    count = write_coco(output, source, split, progress)
    return f"wrote the split {split} in {output}: {source.count} images, {count} annotations"
