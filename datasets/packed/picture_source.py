"""Where the images of a split and what is annotated in them come from, and the layout of COCO to put them in."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from tqdm import tqdm

from ...errors import DataError, quote
from ...files import full_disk_names, is_name_within, write_json
from ..annotations.coco_json import log_remarks, read_annotations
from ..annotations.index import describe_images
from ..images.reading import read_file


@dataclass(frozen=True)
class Picture:
    """One image.

    Attributes
    ----------
    image
        COCO's entry: ``id``, ``file_name``, ``width`` and ``height`` in pixels.
    people
        COCO's annotations of people in it.
    data
        The bytes of the image file.
    """

    image: dict[str, Any]
    people: Sequence[Mapping[str, Any]]
    data: bytes


@dataclass(frozen=True)
class PictureSource:
    """A split, image by image.

    Attributes
    ----------
    path
        Where it comes from, for messages.
    category
        COCO's entry of the category of people, with the names of their joints.
    count
        The number of images.
    pictures
        Yields the images by ascending id; raises a `DataError` for one that cannot be read.
    """

    path: Path
    category: Mapping[str, Any]
    count: int
    pictures: Callable[[], Iterator[Picture]]


def coco_source(root: str | Path, split: str, category: str = "", skip_unlisted: bool = False) -> PictureSource:
    """Return a split in the layout of COCO; parameters as of `cpm.datasets.CocoKeypoints`.

    Raises
    ------
    DataError
        If the annotations are missing or not COCO's.
    """
    root = Path(root)
    path = root / "annotations" / f"person_keypoints_{split}.json"
    annotations = read_annotations(path, category=category, skip_unlisted=skip_unlisted)
    log_remarks(path, annotations.remarks)
    images = describe_images(annotations)
    wrong = [image for image in images if not is_name_within(image["file_name"])]
    if wrong:
        raise DataError(f"{path}: {wrong_name(wrong[0])}")
    people: dict[int, list[Mapping[str, Any]]] = {}
    for person in annotations.people:
        people.setdefault(person["image_id"], []).append(person)

    def pictures() -> Iterator[Picture]:
        for image in images:
            yield Picture(image, people.get(image["id"], []), read_file(root / split / image["file_name"]))

    return PictureSource(path, annotations.category, len(images), pictures)


def wrong_name(image: Mapping[str, Any]) -> str:
    """Say of an image that its name leads out of the folder of the images: to files that nobody meant to pass on."""
    return f"image {quote(image['id'])} has the file_name {quote(image['file_name'])}, expected one within its folder"


def write_coco(root: str | Path, source: PictureSource, split: str, progress: bool = False) -> int:
    """Write a split as ``ROOT/SPLIT/`` and, at the end, ``ROOT/annotations/person_keypoints_SPLIT.json``.

    Parameters
    ----------
    root
        The folder of the data set, in which there may be other splits.
    source
        The images; of their names the last part is kept.
    split
        The name of the split.
    progress
        Whether to show a progress bar.

    Returns
    -------
    int
        The number of annotations.

    Raises
    ------
    DataError
        If there is such a split, or the source is broken.
    """
    root = Path(root)
    folder = root / split
    path = root / "annotations" / f"person_keypoints_{split}.json"
    taken = [each for each in (path, folder) if each.exists()]
    if taken:
        raise DataError(f"{taken[0]}: is there already; choose another folder or split")
    content: dict[str, Any] = {"images": [], "annotations": [], "categories": [dict(source.category)]}
    root.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(dir=root, prefix=f".{split}-"))
    try:
        for picture in tqdm(source.pictures(), total=source.count, unit="image", disable=not progress):
            if not is_name_within(picture.image["file_name"]):
                raise DataError(f"{source.path}: {wrong_name(picture.image)}")
            name = PurePosixPath(picture.image["file_name"]).name
            try:
                with full_disk_names(folder / name), open(temporary / name, "xb") as file:
                    file.write(picture.data)
            except FileExistsError:
                raise DataError(f"{source.path}: two of its images are called {name}") from None
            content["images"].append({**picture.image, "file_name": name})
            content["annotations"] += picture.people
        temporary.chmod(root.stat().st_mode & 0o777)  # mkdtemp keeps others out
        temporary.replace(folder)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise
    write_json(path, content)
    return len(content["annotations"])


def as_json(data: bytes, name: str) -> Any:
    """Return parsed JSON; raise a `DataError` that begins with the name where it is none."""
    try:
        return json.loads(data)
    except (ValueError, RecursionError) as error:
        raise DataError(f"{name}: cannot be read as JSON ({error})") from None
