"""Numbers from MATLAB files, read by SciPy in a process of its own."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from collections.abc import Collection
from pathlib import Path

import numpy as np

from ..errors import DataError

# SciPy's reader can crash the process on a damaged file, and believes what the file says of its sizes.
_READER = """
import io, resource, sys
import numpy as np
from scipy.io import loadmat
resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30))
path, *names = sys.argv[1:]
content = loadmat(path, variable_names=names)
found = {name: content[name].astype(float) for name in names if name in content and content[name].dtype.kind in "biuf"}
stream = io.BytesIO()
np.savez(stream, **found)
sys.stdout.buffer.write(stream.getvalue())
"""
_ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}  # each takes address space
_SECONDS = 60


def read_mat(path: str | Path, names: Collection[str]) -> dict[str, np.ndarray]:
    """Read arrays of real numbers from a MATLAB file (up to version 7.2).

    Parameters
    ----------
    path
        The file.
    names
        The variables to read; all others are left out, whatever they are.

    Returns
    -------
    dict
        An array of float64 for every name.

    Raises
    ------
    DataError
        If the file cannot be read, is of another kind or broken, or lacks a variable or has it not in real numbers.
    """
    try:
        Path(path).open("rb").close()
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror})") from None
    command = [sys.executable, "-c", _READER, str(Path(path).resolve()), *names]
    try:
        process = subprocess.run(
            command, capture_output=True, env={**os.environ, **_ONE_THREAD}, timeout=_SECONDS, check=True
        )
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
        last = (error.stderr or b"").decode(errors="replace").strip().rpartition("\n")[2]
        reason = last.rpartition(": ")[2][:100] or type(error).__name__
        raise DataError(f"{path}: not a MATLAB file up to version 7.2, or broken ({reason})") from None
    with np.load(io.BytesIO(process.stdout)) as content:
        found = {name: content[name] for name in content.files}
    missing = [name for name in names if name not in found]
    if missing:
        raise DataError(f"{path}: no numbers {missing[0]!r} in it, expected {', '.join(names)}")
    return found
