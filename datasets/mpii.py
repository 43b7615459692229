"""MPII Human Pose: people with 16 joints, in either of the two layouts that are in use."""

from __future__ import annotations

import gzip
import json
import re
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import DataError
from ..files import read_regular
from ..skeletons import MPII_16
from .annotations.coco_json import as_annotations
from .annotations.index import AnnotationIndex, build_index
from .images.reading import stored_size
from .keypoint_data import BoxedPerson, KeypointData
from .records import ImageRecord, Records
from .samples.person_crops import mpii_box_of

_HEIGHT = 200  # pixels of a person of scale 1
_FIRST = 1  # MATLAB counts pixels from 1
_CATEGORY = 1
_UNPACKED = 128 << 20  # bytes of annotations at most; those of MPII are 33 million
_ONE_FILE = ("mpii_annotations.json", "mpii_annotations.json.gz")
_SPLITS: Mapping[str, tuple[int, ...]] = {"train": (0,), "valid": (1,), "trainval": (0, 1)}  # isValidation
_WRONG = (AttributeError, KeyError, OverflowError, TypeError, ValueError)


@dataclass(frozen=True)
class MpiiPerson:
    """One annotated person.

    Attributes
    ----------
    path
        The image.
    image_name
        Its file name.
    size
        Its height and width in pixels; None where the annotations do not say.
    center
        x and y of the middle of the person in pixels, from 0.
    scale
        Height of the person by 200 pixels.
    keypoints
        (16, 3) float32: x, y in pixels, from 0, and visibility: 0 unlabelled, 1 occluded, 2 visible. Microsoft's
        files do not tell occluded joints from visible ones, all of theirs are 2.
    image_id
        The number that is the name of the file; in order of the names, from 1, if those are not all numbers.
    """

    path: Path
    image_name: str
    size: tuple[int, int] | None
    center: tuple[float, float]
    scale: float
    keypoints: np.ndarray
    image_id: int


class MpiiPeople(KeypointData):
    """A split of MPII Human Pose (Andriluka et al. 2014); the images are in ``ROOT/images/``.

    The annotations are what is there of

    - ``ROOT/annot/SPLIT.json``, Microsoft's files for Simple Baselines: a list of ``image``, ``center``, ``scale``,
      ``joints`` and ``joints_vis``, of which ``test`` has no joints;
    - ``ROOT/mpii_annotations.json``, or the same as ``.json.gz``, the file of Convolutional Pose Machines: a list of
      ``img_paths``, ``img_width``, ``img_height``, ``objpos``, ``scale_provided``, ``joint_self`` and the same of the
      others in the image, with ``isValidation``. Its splits are ``train``, ``valid`` and ``trainval``. The third number
      of a joint is 1 where it can be seen and 0 where it is occluded; an unlabelled joint is 0, 0, 0.

    Both count pixels from 1, as MATLAB does; here they are from 0. The people of ``valid`` are those of the official
    truth (``gt_valid.mat``), in the same order. Unlike COCO, MPII has no boxes, areas and outlines, and does not mark
    the people it did not label: for `index` and `records` the box of a person is the square of 200 times the scale
    around the centre, its area that of the square, and nobody is a crowd.

    In place of `CocoKeypoints` the object serves `TrainingSet`, which labels everybody in a crop. No image is in both
    splits, and `people` of ``train`` are all who are labelled in its images. Those of ``valid`` are not: Tompson et al.
    (2015), whose split it is, left out 3,679 others, whom only the second layout knows and `index` holds.

    Parameters
    ----------
    root
        The folder that holds ``images/``.
    split
        ``train``, ``valid``, ``trainval`` or, of the first layout, any name of a file.

    Attributes
    ----------
    root, split
        As given.
    annotation_file
        The file that was read.
    skeleton
        `MPII_16`.
    category_id
        The category of people in the index.
    people
        The people in the order of the file: those to crop and to score.
    index
        Everybody by image, as flat arrays; sizes that the annotations do not give are 0 in it.
    records
        Every image, by id; sizes that are not known are read from the image when it is asked for.

    Raises
    ------
    DataError
        If a folder or file is missing, the file is of another kind or the split has nobody. Images may be missing
        until they are used.
    """

    metric = "pckh"

    def __init__(self, root: str | Path, split: str) -> None:
        self.root = Path(root)
        self.split = split
        self.skeleton = MPII_16
        self.category_id = _CATEGORY
        self.annotation_file = _find_annotations(self.root, split)
        images = self.root / "images"
        if not images.is_dir():
            raise DataError(f"{images}: no such folder; the images of {self.annotation_file.name} belong there")
        content = _read_list(self.annotation_file)
        if self.annotation_file.name in _ONE_FILE:
            own, others = _read_cpm(content, _SPLITS[split], self.annotation_file)
        else:
            own = _read_microsoft(content, self.annotation_file)
            others = []
        if not own:
            raise DataError(f"{self.annotation_file}: nobody of the split {split} in it")
        ids = _image_ids({entry.image for entry in own})
        self.people = [_person(entry, images, ids[entry.image]) for entry in own]
        self.index = _build_index([*own, *others], ids, self.annotation_file)
        self.records = _MpiiRecords(self.index, images)

    def boxed_people(self, aspect: float, enlarge: float) -> list[BoxedPerson]:
        """Return all `people` with the boxes that their centres and scales make, whatever `enlarge` says."""
        return [
            BoxedPerson(
                person.path,
                person.size,
                person.image_id,
                mpii_box_of(person.center, person.scale, aspect),
                person.keypoints,
            )
            for person in self.people
        ]


class _MpiiRecords(Records):
    """Images whose sizes, where the index has none, are looked up once in their files."""

    def __init__(self, index: AnnotationIndex, folder: Path) -> None:
        super().__init__(index, folder)
        self._sizes: dict[int, tuple[int, int]] = {}

    def _record(self, image: int) -> ImageRecord:
        record = super()._record(image)
        if record.width and record.height:
            return record
        if image not in self._sizes:
            self._sizes[image] = stored_size(record.path)
        height, width = self._sizes[image]
        return replace(record, width=width, height=height)


@dataclass(frozen=True)
class _Entry:
    """What a file says of one person, counted from 0."""

    image: str
    size: tuple[int, int] | None
    center: tuple[float, float]
    scale: float
    keypoints: np.ndarray


def _find_annotations(root: Path, split: str) -> Path:
    if not root.is_dir():
        raise DataError(f"{root}: no such data set folder; --dataset-root names the folder that holds images/")
    single = root / "annot" / f"{split}.json"
    if single.is_file():
        return single
    whole = next((root / name for name in _ONE_FILE if (root / name).is_file()), None)
    if whole is None:
        raise DataError(f"{root}: no MPII annotations, expected annot/{split}.json or {' or '.join(_ONE_FILE)} in it")
    if split not in _SPLITS:
        raise DataError(f"{whole}: the split {split!r} is not in it, expected one of {', '.join(_SPLITS)}")
    return whole


def _read_list(path: Path) -> list[Any]:
    try:
        content = json.loads(_unpack(path) if path.suffix == ".gz" else read_regular(path))
    except OSError as error:  # also what gzip says of other files
        raise DataError(f"{path}: cannot be read ({error.strerror or error})") from None
    except (EOFError, RecursionError, ValueError, zlib.error) as error:
        raise DataError(f"{path}: cannot be read as JSON ({error})") from None
    if isinstance(content, dict):  # what MATLAB wrote for Convolutional Pose Machines
        content = content.get("root")
    if not isinstance(content, list):
        raise DataError(f"{path}: {type(content).__name__} found, expected a list of the people of MPII")
    return content


def _unpack(path: Path) -> bytes:
    """Return what is in a gzip file; what a few megabytes unpack to has no limit else."""
    with gzip.open(path) as file:
        data = file.read(_UNPACKED + 1)
    if len(data) > _UNPACKED:
        raise DataError(f"{path}: unpacks to more than {_UNPACKED:,} bytes, expected the annotations of MPII")
    return data


def _read_microsoft(content: Iterable[Any], path: Path) -> list[_Entry]:
    """Return the people of one of Microsoft's files."""
    found = []
    for place, entry in enumerate(content):
        try:
            joints = np.zeros((MPII_16.num_joints, 2))
            labelled = np.zeros(MPII_16.num_joints)
            if "joints" in entry or "joints_vis" in entry:
                joints = _numbers("joints", entry["joints"], joints.shape)
                labelled = _numbers("joints_vis", entry["joints_vis"], labelled.shape)
            visibility = np.where(labelled > 0, 2, 0)
            found.append(_entry(entry["image"], None, entry["center"], entry["scale"], joints, visibility))
        except _WRONG as error:
            raise _not_mpii(path, place, error) from None
    return found


def _read_cpm(content: Iterable[Any], validation: Sequence[int], path: Path) -> tuple[list[_Entry], list[_Entry]]:
    """Return the people of a split, and those who are only others in the images of these."""
    own = []
    known = set()
    others: dict[tuple[str, bytes], _Entry] = {}
    for place, entry in enumerate(content):
        try:
            if entry["isValidation"] not in validation:
                continue
            size = (int(entry["img_height"]), int(entry["img_width"]))
            if min(size) < 1:
                raise ValueError(f"an image of {size[1]} x {size[0]} pixels")
            image = entry["img_paths"]
            joints = _numbers("joint_self", entry["joint_self"], (MPII_16.num_joints, 3))
            own.append(_cpm_entry(image, size, entry["objpos"], entry["scale_provided"], joints))
            known.add((image, joints.tobytes()))
            for center, scale, joints in _others(entry):
                key = image, joints.tobytes()
                if key not in known and key not in others:
                    others[key] = _cpm_entry(image, size, center, scale, joints)
        except _WRONG as error:
            raise _not_mpii(path, place, error) from None
    return own, [person for key, person in others.items() if key not in known]


def _others(entry: Mapping[str, Any]) -> Iterator[tuple[np.ndarray, float, np.ndarray]]:
    """Yield centre, scale and joints of the others in the image; MATLAB wrote a single one without a list."""
    count = int(entry["numOtherPeople"])
    if count:
        shape = (MPII_16.num_joints, 3) if count == 1 else (count, MPII_16.num_joints, 3)
        joints = _numbers("joint_others", entry["joint_others"], shape)
        centers = _numbers("objpos_other", entry["objpos_other"], (*shape[:-2], 2))
        scales = _numbers("scale_provided_other", entry["scale_provided_other"], shape[:-2])
        yield from zip(centers.reshape(-1, 2), scales.reshape(-1).tolist(), joints.reshape(-1, MPII_16.num_joints, 3))


def _cpm_entry(image: Any, size: tuple[int, int], center: Any, scale: Any, joints: np.ndarray) -> _Entry:
    """Take joints (16, 3) whose third number is 1 where they can be seen, else 0, as for unlabelled ones at 0, 0."""
    third = joints[:, 2]
    if not ((third == 0) | (third == 1)).all():
        raise ValueError(f"the third numbers of its joints are {sorted(set(third.tolist()))}, expected 0 and 1")
    unlabelled = (joints == 0).all(axis=1)
    visibility = np.where(unlabelled, 0, np.where(third > 0, 2, 1))
    return _entry(image, size, center, scale, joints[:, :2], visibility)


def _entry(
    image: Any, size: tuple[int, int] | None, center: Any, scale: Any, joints: np.ndarray, visibility: np.ndarray
) -> _Entry:
    """Check a person and count from 0."""
    if not isinstance(image, str) or not image:
        raise ValueError(f"the image {image!r:.40}, expected a file name")
    x, y = (_numbers("centre", center, (2,)) - _FIRST).tolist()
    scale = float(_numbers("scale", scale, ()))
    if scale <= 0:
        raise ValueError(f"the scale {scale:g}, expected above 0")
    keypoints = np.zeros((MPII_16.num_joints, 3), np.float32)
    labelled = visibility > 0
    with np.errstate(over="ignore"):  # of places beyond all pictures
        keypoints[labelled, :2] = joints[labelled] - _FIRST
    keypoints[:, 2] = visibility
    return _Entry(image, size, (x, y), scale, keypoints)


def _numbers(name: str, values: Any, shape: tuple[int, ...]) -> np.ndarray:
    found = np.array(values, float)
    if found.shape != shape or not np.isfinite(found).all():
        raise ValueError(f"{name} of the shape {found.shape}, expected finite numbers of the shape {shape}")
    return found


def _not_mpii(path: Path, place: int, error: Exception) -> DataError:
    problem = f"no {error}" if isinstance(error, KeyError) else str(error)
    return DataError(f"{path}: person {place} is not one of MPII: {problem}")


def _image_ids(names: Iterable[str]) -> dict[str, int]:
    """Return an id for every file name: the number that it is, or its place among them."""
    ordered = sorted(names)
    stems = [Path(name).stem for name in ordered]
    if all(re.fullmatch("[0-9]{1,18}", stem) for stem in stems) and len(set(map(int, stems))) == len(stems):
        return {name: int(stem) for name, stem in zip(ordered, stems)}
    return {name: place for place, name in enumerate(ordered, start=1)}


def _person(entry: _Entry, images: Path, image_id: int) -> MpiiPerson:
    return MpiiPerson(
        images / entry.image, entry.image, entry.size, entry.center, entry.scale, entry.keypoints, image_id
    )


def _build_index(entries: Iterable[_Entry], ids: Mapping[str, int], path: Path) -> AnnotationIndex:
    sizes: dict[str, tuple[int, int]] = {}
    people = []
    for place, entry in enumerate(entries, start=1):
        sizes.setdefault(entry.image, entry.size or (0, 0))
        side = _HEIGHT * entry.scale
        person = {
            "id": place,
            "image_id": ids[entry.image],
            "category_id": _CATEGORY,
            "bbox": (entry.center[0] - side / 2, entry.center[1] - side / 2, side, side),
            "area": side * side,
            "keypoints": entry.keypoints.reshape(-1).tolist(),
        }
        people.append(person)
    images = [
        {"id": ids[name], "file_name": name, "width": width, "height": height}
        for name, (height, width) in sizes.items()
    ]
    category = {"id": _CATEGORY, "name": "person", "keypoints": MPII_16.joints}
    return build_index(as_annotations(images, people, category, str(path)), sizes_known=False)
