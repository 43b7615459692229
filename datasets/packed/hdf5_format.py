"""HDF5 files of training samples, image by image as COCO's: the format of keras-openpose-reproduce and its heirs.

A sample is the uint8 array [6, H, W] ``datum/0000000``: blue, green and red, a plane of notes, and two masks, of which
the first is white where the loss counts; its attribute ``meta`` is JSON.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from ...errors import ConfigError, DataError
from ...opencv import cv2
from .picture_source import Picture, PictureSource, as_json
from .training_formats import (
    CATEGORY,
    SUBSETS,
    WRONG,
    Human,
    annotate,
    check_subset,
    everybody,
    image_ids,
    joints_of,
    numbers_of,
    wrong_entry,
)

_GROUP = "datum"
_PLANES = 6
_MASK = 4
_HEIGHT = 368  # pixels of a person of scale 1
_SMALLEST_AREA = 32.0 * 32.0  # of a main person, see PersonFilter
_NARROWEST = 0.25  # width of a box by its height
_MOST_PIXELS = 1 << 26  # of an image; a forged file may claim any size

_Sample = tuple[str, dict[str, Any]]  # the name of its array, and its meta


def hdf5_source(
    path: str | Path, subset: str = "train", jpeg_quality: int | None = None, progress: bool = False
) -> PictureSource:
    """Return the images of a file of samples.

    The file has no boxes and no areas of people, but their middle (``objpos``) and height (``scale_provided``). A box
    is as wide as the labelled joints need. The area is that of the box, but below 32x32 of people who are nowhere the
    main one, and not below it of the others: so `PersonFilter` with ``min_distance=0`` chooses the main people again.

    Parameters
    ----------
    path
        The file.
    subset
        "train" or "val", by ``isValidation``, or "all".
    jpeg_quality
        From 1 to 100. By default the decoded images that the file holds are put into PNG files, which lose nothing.
    progress
        Whether to show a progress bar while the notes are read.

    Raises
    ------
    ConfigError
        If h5py is not installed, or a parameter is out of range.
    DataError
        If the file is missing, broken or something else, or the subset is empty.
    """
    path = Path(path)
    if subset not in SUBSETS:
        raise ConfigError(f"subset={subset!r}: expected {', '.join(SUBSETS)}")
    if jpeg_quality is not None and not 1 <= jpeg_quality <= 100:
        raise ConfigError(f"jpeg_quality={jpeg_quality}: expected 1 to 100")
    by_image: dict[str, list[_Sample]] = {}
    with _opened(path) as group:
        for key in tqdm(sorted(group), unit="sample", disable=not progress):
            meta = _meta(group, key, path)
            if int(meta["isValidation"]) in SUBSETS[subset]:
                by_image.setdefault(meta["img_path"], []).append((key, meta))
    check_subset(path, by_image, subset)
    ids = image_ids(by_image)

    def pictures() -> Iterator[Picture]:
        numbers = count(1)
        with _opened(path) as group:
            for name in sorted(by_image, key=ids.__getitem__):
                yield _picture(group, path, ids[name], by_image[name], jpeg_quality, numbers)

    return PictureSource(path, CATEGORY, len(by_image), pictures)


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    """Yield the group of samples."""
    h5py = _h5py(path)
    if not path.is_file():
        raise DataError(f"{path}: no such file")
    try:
        with h5py.File(path, "r") as file:
            group = file.get(_GROUP)
            if not isinstance(group, h5py.Group):
                raise DataError(f"{path}: no group {_GROUP!r} in it, expected one of training samples")
            yield group
    except (OSError, RuntimeError) as error:  # what h5py says of other and of broken files
        raise DataError(f"{path}: cannot be read as HDF5 ({error})") from None


def _h5py(path: Path) -> Any:
    try:
        return import_module("h5py")
    except ImportError:
        raise ConfigError(f"{path}: HDF5 files need h5py, which is not installed: pip install h5py") from None


def _meta(group: Any, key: str, path: Path) -> dict[str, Any]:
    try:
        text = _array(group, key, path).attrs["meta"]
        meta = as_json(text if isinstance(text, bytes) else str(text).encode(), f"{path}: the meta of {key}")
        if int(meta["isValidation"]) not in SUBSETS["all"] or not isinstance(meta["img_path"], str):
            raise ValueError(f"isValidation={meta['isValidation']!r}, img_path={meta['img_path']!r:.60}")
    except WRONG as error:
        raise wrong_entry(path, f"sample {key}", error) from None
    return meta


def _array(group: Any, key: str, path: Path) -> Any:
    """Return the array of a sample, which must be in this file and of a sensible size."""
    h5py = _h5py(path)
    array = group[key] if isinstance(group.get(key, getlink=True), h5py.HardLink) else None
    if not isinstance(array, h5py.Dataset) or array.external or array.is_virtual:
        raise ValueError("it is no array of this file")
    if array.dtype != np.uint8 or array.ndim != 3 or array.shape[0] != _PLANES:
        raise ValueError(f"an array {array.dtype} {array.shape}, expected uint8 ({_PLANES}, height, width)")
    if not 0 < array.shape[1] * array.shape[2] <= _MOST_PIXELS:
        raise ValueError(f"an image of {array.shape[2]} x {array.shape[1]} pixels")
    return array


def _picture(
    group: Any, path: Path, image_id: int, samples: list[_Sample], jpeg_quality: int | None, numbers: Iterator[int]
) -> Picture:
    main = []
    others = []
    for key, meta in samples:
        try:
            people = _people(meta)
        except WRONG as error:
            raise wrong_entry(path, f"sample {key}", error) from None
        main.append(people[0])
        others += people[1:]
    key, meta = samples[0]
    planes = _array(group, key, path)[()]
    suffix, options = (".png", []) if jpeg_quality is None else (".jpg", [cv2.IMWRITE_JPEG_QUALITY, jpeg_quality])
    _, data = cv2.imencode(suffix, np.ascontiguousarray(planes[:3].transpose(1, 2, 0)), options)
    image = {
        "id": image_id,
        "file_name": f"{Path(meta['img_path']).stem or image_id}{suffix}",
        "width": planes.shape[2],  # of the image itself: the file has those that are narrow widened
        "height": planes.shape[1],
    }
    return Picture(image, annotate(everybody(main, others), planes[_MASK], image_id, numbers), data.tobytes())


def _people(meta: Mapping[str, Any]) -> list[Human]:
    """Return the people of a sample, the main one first."""
    people = len(meta["joints"])
    if people < 1:
        raise ValueError("nobody in it")
    centres = numbers_of("objpos", meta["objpos"], (people, 2)).tolist()
    scales = numbers_of("scale_provided", meta["scale_provided"], (people,)).tolist()
    found = []
    for place, (joints, (x, y), scale) in enumerate(zip(map(joints_of, meta["joints"]), centres, scales)):
        height = _HEIGHT * scale
        reach = np.abs(joints[joints[:, 2] > 0, 0] - x).max(initial=0.0)
        width = max(2 * float(reach), _NARROWEST * height)
        area = width * height
        area = min(area, _SMALLEST_AREA - 1) if place else max(area, _SMALLEST_AREA)
        found.append(Human(joints, (x - width / 2, y - height / 2, width, height), area))
    return found
