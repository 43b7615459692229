"""Which images of a data set are evaluated."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ..datasets import CocoKeypoints
from ..errors import ConfigError, DataError, quote


def select_images(dataset: CocoKeypoints, subset: str = "people", limit: int | None = None) -> list[int]:
    """Return the ids of a subset of the images, ascending.

    Parameters
    ----------
    dataset
        Where the images are.
    subset
        ``people``: images with at least one annotated person, crowds included (2693 of COCO val2017);
        ``all``: every image; else the name of a text file with one image per line: an id, a file name,
        or the columns index, id, file name, height and width. Empty lines and lines from ``#`` on are
        passed over.
    limit
        Keep only the first so many images.

    Raises
    ------
    DataError
        If the file is missing, names an image the data set lacks, or nothing is selected.
    ConfigError
        If the limit is not positive.
    """
    check_limit(limit)
    if subset == "people":
        ids = [record.id for record in dataset.records if record.people]
    elif subset == "all":
        ids = [record.id for record in dataset.records]
    else:
        ids = sorted(_listed(Path(subset), dataset))
    if not ids:
        raise DataError(f"{dataset.annotation_file}: the subset {quote(subset)} has no images")
    return ids[:limit]


def check_limit(limit: int | None) -> None:
    """Make sure that a limit leaves something to evaluate.

    Raises
    ------
    ConfigError
        If it is not positive.
    """
    if limit is not None and limit < 1:
        raise ConfigError(f"limit={limit}, expected 1 or more")


def _listed(path: Path, dataset: CocoKeypoints) -> set[int]:
    """Return the ids of the images that a text file lists."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        raise DataError(f"{path}: no such file; expected 'people', 'all' or a text file of images") from None
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: cannot be read as a text file of images ({error})") from None
    known = {record.path.name: record.id for record in dataset.records}
    known.update((str(record.id), record.id) for record in dataset.records)
    ids: set[int] = set()
    for number, line in enumerate(lines, start=1):
        if words := line.split("#")[0].split():
            name = _name_in(words, f"{path}, line {number}")
            key = str(int(name)) if name.isdecimal() else name
            if key not in known:
                raise DataError(f"{path}, line {number}: image {name} is not in {dataset.annotation_file}")
            ids.add(known[key])
    if not ids:
        raise DataError(f"{path}: lists no images")
    return ids


def _name_in(words: Sequence[str], place: str) -> str:
    """Return the id or file name that the words of a line give."""
    if len(words) not in (1, 5):
        raise DataError(
            f"{place}: {len(words)} words, expected an id, a file name or "
            "the columns index, id, file name, height and width"
        )
    return words[0] if len(words) == 1 else words[1]
