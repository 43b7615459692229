"""A split of a data set in one record file: images as they are, annotations and masks, quick to copy and to open.

``NAME.rec`` and ``NAME.idx`` are MXNet's indexed record file (`mxnet.recordio.MXIndexedRecordIO`). Record 0 describes
the split and holds the arrays of `AnnotationIndex`: a line of JSON, filled up with spaces to a multiple of 8 bytes,
then the arrays in the order of `ARRAYS`, little-endian, each filled up likewise. Record 1 is what detections are scored
against, COCO's JSON without outlines. Record 2 + k is the file of image k, byte for byte.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from ...errors import DataError
from ...files import atomic_path, is_name_within
from ...mxnet_module import mx
from ...skeletons import COCO_17, Skeleton
from ..annotations.categories import skeleton_of
from ..annotations.coco_json import log_remarks, read_annotations
from ..annotations.index import ARRAYS, AnnotationIndex, build_index
from ..coco import CocoKeypoints
from ..records import Records
from .picture_source import PictureSource, wrong_name
from .record_file import LARGEST, RecordFile

FORMAT = "cpm packed keypoints"
_VERSION = 2  # 1 had width before height
_INDEX = 0
_TRUTH = 1
_IMAGES = 2  # keys of the records
_ALIGNED = 8  # bytes
_WRONG = (AttributeError, KeyError, OverflowError, RecursionError, TypeError, ValueError)


class PackedKeypoints(CocoKeypoints):
    """A split that `write_packed` has put into one file; in place of `CocoKeypoints` it gives the same samples.

    The image at ``records[k].path`` is no file: read it by ``records[k].read_bgr()``.

    Parameters
    ----------
    path
        ``NAME.rec``; ``NAME.idx`` is beside it.
    split
        The split that it must be; by default any.
    skeleton
        As of `CocoKeypoints`.

    Attributes
    ----------
    root, annotation_file
        The path.
    split
        The name of the split.
    skeleton, category_id, index, records
        As of `CocoKeypoints`.

    Raises
    ------
    DataError
        If a file is missing or broken, or holds another split. Images are looked at when they are used.
    """

    def __init__(self, path: str | Path, split: str | None = None, skeleton: Skeleton = COCO_17) -> None:
        self.root = self.annotation_file = Path(path)
        self._file = RecordFile(path)
        try:
            self.split, self.index = _unpack(self._file.read(_INDEX))
            if len(self._file) != _IMAGES + len(self.index.image_ids):
                raise ValueError(f"{len(self._file)} records for {len(self.index.image_ids)} images")
        except IndexError:
            raise DataError(f"{path}: no records in it, expected a packed data set") from None
        except _WRONG as error:
            raise DataError(f"{path}: not a packed data set, or a broken one ({error})") from None
        if split not in (None, self.split):
            raise DataError(f"{path}: it holds the split {self.split}, not {split}")
        self.category_id = self.index.category_id
        self.skeleton = skeleton_of(self.index.joints, (skeleton, COCO_17), str(path))
        self.records = Records(self.index, self.root, self._load)

    def truth(self) -> Mapping[str, Any]:
        """Return what detections are scored against, as COCO's annotations without outlines."""
        try:
            content = json.loads(self._file.read(_TRUTH))
            images = [image["id"] for image in content["images"]]
            if images != self.index.image_ids.tolist() or not isinstance(content["annotations"], list):
                raise ValueError("it is of other images")
        except _WRONG as error:
            raise DataError(f"{self.root}: the truth in record {_TRUTH} is broken ({error})") from None
        return content

    def _load(self, image: int) -> bytes:
        return self._file.read(_IMAGES + image)


def write_packed(
    path: str | Path, source: PictureSource, split: str, overwrite: bool = False, progress: bool = False
) -> AnnotationIndex:
    """Put a split into one file that `PackedKeypoints` opens.

    Parameters
    ----------
    path
        ``NAME.rec``; ``NAME.idx`` is written beside it.
    source
        The images and annotations.
    split
        The name of the split.
    overwrite
        Whether a file that is there is replaced.
    progress
        Whether to show a progress bar.

    Returns
    -------
    AnnotationIndex
        What was packed.

    Raises
    ------
    DataError
        If the file is there, an image cannot be read, the annotations are broken, or something is too large.
    """
    path = Path(path)
    places = path.with_suffix(".idx")
    if path.suffix != ".rec":
        raise DataError(f"{path}: expected a name that ends in .rec")
    taken = [each for each in (path, places) if each.exists()]
    if taken and not overwrite:
        raise DataError(f"{taken[0]}: is there already; choose another name or --overwrite")
    with atomic_path(places) as index_file, atomic_path(path) as record_file:
        writer = mx.recordio.MXIndexedRecordIO(str(index_file), str(record_file), "w")
        try:
            content = _write_images(writer, source, progress)
            index = _index_of(content, source)
            _write(writer, _INDEX, _pack(index, split), str(source.path))
            _write(writer, _TRUTH, _without_outlines(content), str(source.path))
            size = writer.tell()
        finally:
            writer.close()
        if record_file.stat().st_size != size:  # the writer says nothing of a disk that is full
            raise DataError(f"{path}: {record_file.stat().st_size} of {size} bytes were written; is the disk full?")
    return index


def _write_images(writer: mx.recordio.MXIndexedRecordIO, source: PictureSource, progress: bool) -> dict[str, Any]:
    """Write the images in the order of the index, by id; return the annotations as COCO's."""
    content: dict[str, Any] = {"images": [], "annotations": [], "categories": [dict(source.category)]}
    for row, picture in enumerate(tqdm(source.pictures(), total=source.count, unit="image", disable=not progress)):
        if not is_name_within(picture.image["file_name"]):
            raise DataError(f"{source.path}: {wrong_name(picture.image)}")
        _write(writer, _IMAGES + row, picture.data, picture.image["file_name"])
        content["images"].append(picture.image)
        content["annotations"] += picture.people
    ids = [image["id"] for image in content["images"]]
    if any(after <= before for before, after in zip(ids, ids[1:])):
        raise DataError(f"{source.path}: two images have the same id")
    return content


def _write(writer: mx.recordio.MXIndexedRecordIO, key: int, data: bytes, name: str) -> None:
    if len(data) > LARGEST:
        raise DataError(f"{name}: {len(data):,} bytes, a record holds {LARGEST:,} at most; pack fewer images")
    writer.write_idx(key, data)


def _index_of(content: Mapping[str, Any], source: PictureSource) -> AnnotationIndex:
    index = build_index(read_annotations(content, name=source.path))
    log_remarks(source.path, index.remarks)
    return index


def _without_outlines(content: Mapping[str, Any]) -> bytes:
    people = [
        {name: value for name, value in person.items() if name != "segmentation"} for person in content["annotations"]
    ]
    return json.dumps({**content, "annotations": people}, separators=(",", ":")).encode()


def _pack(index: AnnotationIndex, split: str) -> bytes:
    """Return record 0."""
    arrays = [
        np.ascontiguousarray(getattr(index, name), np.dtype(dtype).newbyteorder("<")) for name, dtype in ARRAYS.items()
    ]
    meta = {
        "format": FORMAT,
        "version": _VERSION,
        "split": split,
        "category_id": index.category_id,
        "joints": index.joints,
        "shapes": {name: array.shape for name, array in zip(ARRAYS, arrays)},
    }
    head = json.dumps(meta).encode() + b"\n"
    return b"".join(_filled(part, filling) for part, filling in [(head, b" "), *((a.tobytes(), b"\0") for a in arrays)])


def _filled(data: bytes, filling: bytes) -> bytes:
    return data + filling * (-len(data) % _ALIGNED)


def _unpack(record: bytes) -> tuple[str, AnnotationIndex]:
    """Return the name of the split and the index of record 0, whose arrays are views of it."""
    end = record.find(b"\n")
    meta = json.loads(record[: max(end, 0)])
    if meta["format"] != FORMAT or meta["version"] != _VERSION:
        raise ValueError(f"{meta['format']}, version {meta['version']}; expected {FORMAT}, version {_VERSION}")
    place = (end // _ALIGNED + 1) * _ALIGNED
    arrays: dict[str, Any] = {}
    for name, dtype in ARRAYS.items():
        little = np.dtype(dtype).newbyteorder("<")
        shape = [int(side) for side in meta["shapes"][name]]
        if min(shape) < 0:
            raise ValueError(f"{name} of the shape {shape}")
        # frombuffer makes a view, and refuses one that goes over the end; but it does not make an empty one there.
        array = np.frombuffer(record, little, math.prod(shape), place) if math.prod(shape) else np.empty(0, little)
        arrays[name] = array.reshape(shape).astype(dtype, copy=False)
        place += -(-array.nbytes // _ALIGNED) * _ALIGNED
    index = AnnotationIndex(int(meta["category_id"]), tuple(map(str, meta["joints"])), **arrays)
    index.check()
    return str(meta["split"]), index
