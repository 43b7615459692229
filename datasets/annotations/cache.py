"""Annotation indexes kept in files, so that a large annotation file is parsed only once.

The cache of ``NAME.json`` is ``NAME.cache.npz`` beside it or, where that folder cannot be written, in
``CPM_HOME/cache`` (``~/.cpm/cache``). It holds plain arrays and nothing pickled, and may be deleted at any time.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ...files import home, read_arrays, require_regular, write_arrays
from .index import ARRAYS, AnnotationIndex

logger = logging.getLogger(__name__)

FORMAT = 3
SMALLEST = 4_000_000  # bytes; smaller annotation files are parsed in a tenth of a second


def file_key(path: Path) -> dict[str, Any]:
    """Return what tells a cache whether it is still of this file.

    Raises
    ------
    OSError
        If the file is not there, or is a pipe or a device.
    """
    status = path.stat()
    require_regular(status, path)
    return {
        "format": FORMAT,
        "name": path.name,
        "size": status.st_size,
        "mtime_ns": status.st_mtime_ns,
        # Tools that copy or unpack set the two above to what they were; no tool sets these.
        "ctime_ns": status.st_ctime_ns,
        "inode": status.st_ino,
    }


def read_cache(path: Path, key: Mapping[str, Any]) -> AnnotationIndex | None:
    """Return the index of an annotation file; None if there is no cache of it, or a stale or broken one."""
    if int(key["size"]) < SMALLEST:
        return None
    for place in _places(path):
        try:
            return _read(place, key)
        except FileNotFoundError:
            continue
        except Exception as error:  # foreign bytes fail in every way there is
            logger.info("%s is not used: %s", place, error)
    return None


def write_cache(path: Path, key: Mapping[str, Any], index: AnnotationIndex) -> None:
    """Keep the index of an annotation file where it can be written; if nowhere, that is no error."""
    if int(key["size"]) < SMALLEST:
        return
    meta = {**key, "category_id": index.category_id, "joints": index.joints, "remarks": index.remarks}
    arrays = {name: getattr(index, name) for name in ARRAYS}
    for place in _places(path):
        try:
            write_arrays(place, {"meta": np.frombuffer(json.dumps(meta).encode(), np.uint8), **arrays})
            logger.info("%s is kept for the next time in %s", path.name, place)
            return
        except OSError as error:
            logger.debug("%s: %s", place, error)


def _places(path: Path) -> list[Path]:
    """Return where the cache of an annotation file may be, the first choice first."""
    folder = hashlib.sha256(os.fsencode(path.parent.resolve())).hexdigest()[:16]
    return [path.with_name(f"{path.stem}.cache.npz"), home() / "cache" / folder / f"{path.stem}.cache.npz"]


def _read(place: Path, key: Mapping[str, Any]) -> AnnotationIndex:
    content = read_arrays(place)
    meta = json.loads(content["meta"].tobytes())
    if {name: meta.get(name) for name in key} != key:
        raise ValueError("it is of another file, or of another version of it")
    joints = tuple(map(str, meta["joints"]))
    arrays = {name: content[name] for name in ARRAYS}
    remarks = tuple(map(str, meta["remarks"]))
    index = AnnotationIndex(int(meta["category_id"]), joints, **arrays, remarks=remarks)
    index.check()
    return index
