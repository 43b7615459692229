"""COCO 2017 keypoints brought to where `CocoKeypoints` looks for them: downloaded or linked, unpacked, verified.

No hashes of COCO's archives are published. What is compared is their exact size in bytes and, while they are
unpacked, the CRC-32 that a zip file keeps of every member.
"""

from __future__ import annotations

import logging
import os
import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tqdm.contrib.logging import logging_redirect_tqdm

from ...downloading import download, server_url
from ...errors import ConfigError, DataError, DownloadError
from ..coco import CocoKeypoints
from .unpack import check_space, unpack
from .verify import PUBLISHED, SplitReport, verify_split

logger = logging.getLogger(__name__)

SERVER = "http://images.cocodataset.org"
DEFAULT_ROOT = Path("data/coco")


@dataclass(frozen=True)
class Archive:
    """A zip file of COCO.

    Attributes
    ----------
    path
        Where it is on the server.
    size
        In bytes. What is in it takes about as much again: JPEG files do not get smaller.
    """

    path: str
    size: int

    @property
    def name(self) -> str:
        """Its file name."""
        return self.path.rpartition("/")[2]


ANNOTATIONS = Archive("annotations/annotations_trainval2017.zip", 252_907_541)
PICTURES = {
    "val2017": Archive("zips/val2017.zip", 815_585_330),
    "train2017": Archive("zips/train2017.zip", 19_336_861_798),
}


def prepare_coco(
    root: str | Path,
    splits: Sequence[str] = ("val2017", "train2017"),
    mirror: str | None = None,
    link: str | Path | None = None,
    check_only: bool = False,
    keep_archives: bool = False,
    decode: bool = True,
    masks: str | Path | None = None,
    progress: bool = False,
) -> list[SplitReport]:
    """Make splits of COCO 2017 available for training, and check them.

    What is there already is not fetched again; an interrupted run goes on where it was.

    Parameters
    ----------
    root
        The folder to bring them to.
    splits
        Which: val2017, train2017. Linked, or only checked, any name will do.
    mirror
        A URL, also of a folder (``file:///…``), with ``zips/`` and ``annotations/`` as on COCO's server.
    link
        A folder with the pictures and annotations, or their zip files: links to them are made and nothing is copied.
    check_only
        Whether to check only what is there.
    keep_archives
        Whether zip files stay in `root` after they were unpacked.
    decode, masks, progress
        See `verify_split`; the masks of each split go to a folder of its name.

    Returns
    -------
    list of SplitReport
        What was found, split by split.

    Raises
    ------
    ConfigError
        If the splits are unknown, or options exclude each other.
    DataError
        If something cannot be had, does not fit on the disk or is broken.
    """
    root = Path(root)
    _check_options(splits, mirror, link, check_only, keep_archives)
    if root.exists() and not root.is_dir():
        raise DataError(f"{root}: a file, expected a folder for the data set")
    if check_only and not root.is_dir():
        raise DataError(f"{root}: no such folder; without --check-only the data set is brought there")
    with logging_redirect_tqdm():
        if link is not None:
            link_splits(root, link, splits)
        if not check_only:
            server = None if link is not None else server_url(mirror or SERVER)
            check_space(root, _peak(root, splits, keep_archives) if server else 0)
            _obtain_splits(root, splits, server, keep_archives, progress)
        return [
            verify_split(CocoKeypoints(root, split), decode, None if masks is None else Path(masks) / split, progress)
            for split in splits
        ]


def next_command(root: str | Path, splits: Sequence[str], link: str | Path | None = None) -> str:
    """Return the command that comes after `prepare_coco`: the other split, if it is not there yet, else a training."""
    root = Path(root)
    absent = [split for split in PUBLISHED if not _annotation_file(root, split).is_file()]
    if absent and set(splits) <= set(PUBLISHED):
        output = "" if root == DEFAULT_ROOT else f" --output={shlex.quote(str(root))}"
        output += f" --link={shlex.quote(str(link))}" if link else ""
        return f"cpm prepare-coco --splits={','.join(absent)}{output}"
    named = "" if root == DEFAULT_ROOT else f" --dataset-root={shlex.quote(str(root))}"
    if not set(splits) <= set(PUBLISHED):
        named += f" --set data.train={splits[0]} --set data.val={splits[-1]}"
    return f"cpm train --backbone=res50{named}"


def link_splits(root: str | Path, source: str | Path, splits: Sequence[str]) -> None:
    """Link splits that are elsewhere to where `CocoKeypoints` looks for them.

    Parameters
    ----------
    root
        The folder for the links.
    source
        The folder that has, for every split, ``annotations/person_keypoints_SPLIT.json`` (or the file itself, or
        the zip file of COCO) and ``SPLIT/`` (or ``images/SPLIT/``, or ``SPLIT.zip``).
    splits
        Their names.

    Raises
    ------
    DataError
        If something is missing, or something else is in the place of a link; then no link is made.
    """
    root = Path(root)
    source = Path(source)
    if not source.is_dir():
        raise DataError(f"{source}: no such folder, expected one that holds COCO")
    links: dict[Path, Path] = {}
    for split in splits:
        file = _annotation_file(root, split)
        folder = root / split
        places = [(file, source / "annotations" / file.name), (file, source / file.name)]
        places += _zip_places(root, source, ANNOTATIONS) if split in PICTURES else []
        links.update([_find(f"the annotations of {split}", places)])
        places = [(folder, source / split), (folder, source / "images" / split)]
        places += _zip_places(root, source, PICTURES[split]) if split in PICTURES else []
        links.update([_find(f"the pictures of {split}", places)])
    wrong = [place for place, target in links.items() if place.exists() and place.resolve() != target.resolve()]
    if wrong:
        raise DataError(
            f"{wrong[0]}: is there already and is not {links[wrong[0]]}; delete it or give another --output"
        )
    for place, target in links.items():
        if not place.exists():
            place.unlink(missing_ok=True)  # a link to what is no longer there
            place.parent.mkdir(parents=True, exist_ok=True)
            place.symlink_to(target.resolve())


def _check_options(splits: Sequence[str], mirror: str | None, link: Any, check_only: bool, keep_archives: bool) -> None:
    given = [f"--{name}" for name, value in (("mirror", mirror), ("link", link), ("check-only", check_only)) if value]
    if len(given) > 1:
        raise ConfigError(f"{' and '.join(given)} exclude each other")
    if check_only and keep_archives:
        raise ConfigError("--keep-archives and --check-only exclude each other: no archive is unpacked")
    if not splits or len(set(splits)) < len(splits) or not all(re.fullmatch(r"\w[\w.-]*", split) for split in splits):
        raise ConfigError(f"--splits={','.join(splits)}: expected names with commas such as val2017,train2017")
    unknown = [split for split in splits if split not in PICTURES]
    if unknown and not (link or check_only):
        raise ConfigError(f"--splits: {unknown[0]!r} is unknown, expected {' or '.join(PICTURES)}")


def _obtain_splits(root: Path, splits: Sequence[str], server: str | None, keep: bool, progress: bool) -> None:
    """Download, unpack and remove archive after archive, which takes less room than all at once."""
    splits = [split for split in splits if split in PICTURES]
    if splits:
        there = _has_annotations(root, splits)
        wanted = rf"annotations/person_keypoints_({'|'.join(map(re.escape, splits))})\.json"
        _obtain(root, ANNOTATIONS, root / "annotations", wanted, there, server, keep, progress)
    for split in splits:
        folder = root / split
        if not folder.is_symlink():
            folder.mkdir(parents=True, exist_ok=True)
            wanted = rf"{re.escape(split)}/\w[\w.-]*\.jpg"
            _obtain(root, PICTURES[split], folder, wanted, _has_pictures(root, split), server, keep, progress)


def _obtain(
    root: Path, archive: Archive, folder: Path, wanted: str, there: bool, server: str | None, keep: bool, progress: bool
) -> None:
    """Unpack an archive that is in `root`; download it first if what is in it is not there."""
    path = root / archive.name
    if not path.exists():
        if there or server is None:
            return
        try:
            download(f"{server}/{archive.path}", path, archive.size)
        except DownloadError as error:
            raise DataError(f"{error}; --mirror names another server, --link a folder that has the files") from None
    size = path.stat().st_size
    if size != archive.size:
        raise DataError(f"{path}: {size:,} bytes, expected the {archive.size:,} of COCO's; delete it and run again")
    count = unpack(path, folder, wanted, progress)
    logger.info("%s: %d files unpacked to %s", path.name, count, folder)
    if not keep:
        os.sync()  # the files were not flushed one by one
        path.unlink()


def _peak(root: Path, splits: Sequence[str], keep: bool) -> int:
    """Return how many bytes at once are needed for what is to be downloaded."""
    archives = [] if _has_annotations(root, splits) else [ANNOTATIONS]
    archives += [PICTURES[split] for split in splits if not _has_pictures(root, split)]
    used = peak = 0
    for archive in archives:
        path = root / archive.name
        if path.exists():
            continue
        part = path.with_name(path.name + ".part")
        used += 2 * archive.size - (part.stat().st_size if part.is_file() else 0)
        peak = max(peak, used)
        used -= 0 if keep else archive.size
    return peak


def _has_annotations(root: Path, splits: Sequence[str]) -> bool:
    return all(_annotation_file(root, split).is_file() for split in splits)


def _has_pictures(root: Path, split: str) -> bool:
    """Tell whether every picture is there that the annotations name; any, as long as there are no annotations."""
    folder = root / split
    if folder.is_symlink():
        return True  # it is looked at, but nothing is put where a link leads
    if not folder.is_dir():
        return False
    if not _annotation_file(root, split).is_file():
        return any(folder.iterdir())
    index = CocoKeypoints(root, split).index
    return all(os.path.isfile(os.path.join(folder, index.name(row))) for row in range(len(index.image_ids)))


def _annotation_file(root: Path, split: str) -> Path:
    return root / "annotations" / f"person_keypoints_{split}.json"


def _zip_places(root: Path, source: Path, archive: Archive) -> list[tuple[Path, Path]]:
    return [(root / archive.name, source / name) for name in (archive.name, archive.path)]


def _find(what: str, places: Sequence[tuple[Path, Path]]) -> tuple[Path, Path]:
    """Return the first of the links whose target is there."""
    for place, target in places:
        if target.exists():
            return place, target
    looked = ", ".join(str(target) for _, target in places)
    raise DataError(f"{what} are missing, looked for {looked}")
