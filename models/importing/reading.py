"""What the readers of foreign files share: bytes on loan from the disk, errors in one line, and checks of tensors.

The bytes of a file are mapped, not read; a reader copies the tensors it returns and checks every size against the bytes
there are before it takes memory. What is not a tensor is limited in number.
"""

from __future__ import annotations

from pathlib import Path
from typing import Callable

import numpy as np

from ...errors import CheckpointError, reason
from ..files.file_kind import check_file_of_weights, map_file

MAX_TENSORS = 10_000
MAX_NAME = 500
MAX_DIMENSIONS = 32

Tensors = dict[str, np.ndarray]


def read_tensors(path: str | Path, kind: str, parse: Callable[[memoryview], Tensors]) -> Tensors:
    """Return what `parse` makes of the bytes of a file.

    Parameters
    ----------
    path
        The file.
    kind
        What it should be, for messages: "a Caffe model".
    parse
        Called with all bytes of the file, which are read when they are looked at. It must not keep them.

    Raises
    ------
    CheckpointError
        If the file is missing or `parse` fails.
    """
    path = Path(path)
    check_file_of_weights(path, kind)
    try:
        content = map_file(path)
    except OSError as error:
        raise CheckpointError(f"{path}: cannot be read ({error.strerror})") from None
    try:
        return parse(memoryview(content))
    except Exception as error:  # foreign bytes fail in every way there is
        found = reason(error)
    # Raised outside of the handler: the first exception would keep the file mapped.
    raise CheckpointError(f"{path}: not {kind}, or a broken one ({found})")


def add_tensor(tensors: Tensors, name: str, values: np.ndarray) -> None:
    """Add a float32 copy of `values`, in C order, under a name that is new.

    Raises
    ------
    ValueError
        If the name is taken, empty, too long or not printable, a value is not finite, or there are too many tensors.
    """
    if not (0 < len(name) <= MAX_NAME and name.isprintable()):
        raise ValueError(f"it names a tensor {name[:40]!r}")
    if name in tensors:
        raise ValueError(f"two of its tensors are named {name}")
    if len(tensors) == MAX_TENSORS:
        raise ValueError(f"more than {MAX_TENSORS} tensors")
    with np.errstate(all="ignore"):
        array = np.array(values, np.float32, order="C")
        # Extremes show what is not finite without a mask as large as a quarter of the array.
        finite = not array.size or bool(np.isfinite(array.min()) and np.isfinite(array.max()))
    if not finite:
        raise ValueError(f"{name} has values that are not finite")
    tensors[name] = array


def is_size(value: object) -> bool:
    """Return whether a value of a file is a whole number that could count bytes or elements."""
    return type(value) is int and 0 <= value < 1 << 62


def widen_bfloat16(halves: np.ndarray) -> np.ndarray:
    """Return bfloat16 values, given as uint16, as float32, of which they are the upper halves."""
    return (halves.astype(np.uint32) << 16).view(np.float32)
