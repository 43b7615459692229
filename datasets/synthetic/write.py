"""The embedded data set on disk, in the layout of COCO 2017."""

from __future__ import annotations

import json
import logging
import multiprocessing
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from tqdm import tqdm

from ..._compat import available_cores
from ...checks import check_workers
from ...errors import ConfigError, DataError
from ...files import atomic_path, write_json
from ...opencv import cv2
from ...skeletons import COCO_17
from .pictures import SPLITS, SyntheticPeople

logger = logging.getLogger(__name__)

# To be raised when the same settings would give other pictures, so that older data sets are not taken for new.
_VERSION = 2
_SETTINGS = "synthetic.json"
_VAL_IDS = 1_000_000  # image ids differ between the splits, as in COCO

_Picture = tuple[bytes, list[dict[str, Any]]]  # encoded JPEG and annotations


def write_synthetic(
    root: str | Path,
    train: int = 2000,
    val: int = 200,
    seed: int = 0,
    size: tuple[int, int] = (240, 320),
    num_workers: int | None = None,
    overwrite: bool = False,
    progress: bool = False,
) -> bool:
    """Write the embedded data set as ``annotations/person_keypoints_{train,val}2017.json`` and JPEG files.

    A complete data set of the same settings is left alone; one that was interrupted is written again.
    The annotations of a split appear after its last picture. The files do not depend on `num_workers`.

    Parameters
    ----------
    root
        Folder of the data set; made if it is missing.
    train, val
        Numbers of pictures.
    seed, size
        As for :class:`SyntheticPeople`.
    num_workers
        Processes that draw; 0 draws in this one, None takes one for each core.
    overwrite
        Replace a synthetic data set of other settings. Nothing else is ever overwritten.
    progress
        Show a progress bar on stderr, if that is a terminal.

    Returns
    -------
    bool
        False if the data set was there already.

    Raises
    ------
    ConfigError
        If a setting is out of range.
    DataError
        If `root` holds something else, or cannot be written to.
    """
    people = SyntheticPeople(seed, (int(size[0]), int(size[1])))
    for name, count in (("train", train), ("val", val)):
        if count < 0:
            raise ConfigError(f"{name}: found {count}, expected 0 or larger")
    check_workers("num_workers", num_workers or 0)
    if max(train, val) >= _VAL_IDS:
        raise ConfigError(f"train, val: found {train}, {val}, expected less than {_VAL_IDS:,} each")
    root = Path(root)
    counts = dict(zip(SPLITS, (train, val)))
    settings = {"version": _VERSION, **counts, "seed": seed, "size": [*people.size[::-1]]}  # width first, as ever
    workers = available_cores() if num_workers is None else num_workers
    try:
        if _is_complete(root, settings, overwrite):
            logger.info("%s is complete already", root)
            return False
        _clear(root)
        write_json(root / _SETTINGS, settings)
        with tqdm(total=train + val, unit="picture", disable=None if progress else True) as bar:
            for split in SPLITS:
                _write_split(root, people, split, counts[split], workers, bar)
    except OSError as error:
        raise DataError(f"{root}: cannot write the synthetic data set ({error})") from None
    return True


def _is_complete(root: Path, settings: dict[str, Any], overwrite: bool) -> bool:
    """Return whether there is nothing to do; raise if there is something that must not be touched."""
    if root.exists() and not root.is_dir():
        raise DataError(f"{root}: found a file, expected a folder to write the synthetic data set to")
    marker = root / _SETTINGS
    if not marker.exists():
        for name in ("annotations", *(_folder(split) for split in SPLITS)):
            if (root / name).exists():
                raise DataError(f"{root}: holds {name} but no {_SETTINGS}, so other data; choose another folder")
        return False
    try:
        found = json.loads(marker.read_text())
    except ValueError:
        raise DataError(f"{marker}: not JSON; choose another folder or delete this one") from None
    if found == settings:
        return not overwrite and all(_annotations(root, split).exists() for split in SPLITS)
    if not overwrite:
        other = ", ".join(f"{name}={value}" for name, value in found.items())
        raise DataError(f"{root}: holds synthetic people with {other}; choose another folder or --overwrite")
    return False


def _clear(root: Path) -> None:
    """Delete what an earlier run wrote, the annotations first: pictures without annotations harm nobody."""
    for split in SPLITS:
        _annotations(root, split).unlink(missing_ok=True)
    for split in SPLITS:
        for picture in (root / _folder(split)).glob("*.jpg"):
            picture.unlink()


def _write_split(root: Path, people: SyntheticPeople, split: str, count: int, workers: int, bar: tqdm) -> None:
    folder = root / _folder(split)
    folder.mkdir(parents=True, exist_ok=True)
    height, width = people.size
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for index, (encoded, persons) in enumerate(_draw_all(people, split, count, workers)):
        image_id = SPLITS.index(split) * _VAL_IDS + index + 1
        name = f"{image_id:012d}.jpg"
        with atomic_path(folder / name, flush=False) as temporary:
            temporary.write_bytes(encoded)
        images.append({"id": image_id, "file_name": name, "width": width, "height": height, "license": 1})
        for person in persons:
            number = SPLITS.index(split) * 10 * _VAL_IDS + len(annotations) + 1
            annotations.append({"id": number, "image_id": image_id, **person})
        bar.update()
    with atomic_path(_annotations(root, split)) as temporary:
        temporary.write_text(json.dumps({**_header(split), "images": images, "annotations": annotations}))


def _draw_all(people: SyntheticPeople, split: str, count: int, workers: int) -> Iterator[_Picture]:
    draw = partial(_draw, people, split)
    if workers <= 1 or count < 2:
        yield from map(draw, range(count))
        return
    with multiprocessing.Pool(min(workers, count), initializer=cv2.setNumThreads, initargs=(0,)) as pool:
        yield from pool.imap(draw, range(count), chunksize=8)


def _draw(people: SyntheticPeople, split: str, index: int) -> _Picture:
    image, annotations = people.picture(split, index)
    _, encoded = cv2.imencode(".jpg", image[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 90])
    return encoded.tobytes(), annotations


def _folder(split: str) -> str:
    return f"{split}2017"


def _annotations(root: Path, split: str) -> Path:
    return root / "annotations" / f"person_keypoints_{split}2017.json"


def _header(split: str) -> dict[str, Any]:
    joints = COCO_17.joints
    skeleton = [[int(a) + 1, int(b) + 1] for a, b in COCO_17.limb_joints]
    return {
        "info": {"description": f"Synthetic people, {split}", "version": str(_VERSION), "contributor": "cpm"},
        "licenses": [{"id": 1, "name": "Apache License 2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0"}],
        "categories": [
            {"id": 1, "name": "person", "supercategory": "person", "keypoints": list(joints), "skeleton": skeleton}
        ],
    }
