"""Files that appear whole or not at all."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


@contextmanager
def atomic_path(path: str | Path, flush: bool = True) -> Iterator[Path]:
    """Yield a temporary path beside `path`; on leaving, flush it to disk and rename it to `path`.

    If the body raises, the temporary file is removed and `path` stays as it was. Missing parent
    folders are created. The temporary name keeps the suffix, on which some writers decide the format.
    Without `flush` the system writes when it likes, which saves minutes where there are very many small files;
    the renaming is as it was, but a machine that loses power may leave a file short.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.stem}-", suffix=path.suffix)
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        if flush:
            with open(temporary, "rb+") as file:
                os.fsync(file.fileno())
        temporary.chmod(0o666 & ~_umask())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def write_json(path: str | Path, content: Any) -> None:
    """Write `content` as JSON, whole or not at all."""
    with atomic_path(path) as temporary:
        temporary.write_text(json.dumps(content))


def home() -> Path:
    """Return the folder for what is kept between runs: ``CPM_HOME``, by default ``~/.cpm``."""
    return Path(os.environ.get("CPM_HOME") or "~/.cpm").expanduser()


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
