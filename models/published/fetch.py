"""Published networks on this machine: downloaded, compared with their hashes, imported.

Everything is kept in one folder, see `home`: ``downloads/NAME/FILE`` as published, ``models/NAME.npz`` imported.
"""

from __future__ import annotations

import logging
import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from ...downloading import check_file, download, server_url
from ...errors import CheckpointError, ConfigError, DownloadError
from ...files import atomic_path, home
from ..files.checkpoint import save_network
from ..files.file_kind import check_file_of_weights, find_kind
from ..importing import import_trunk, import_weights
from .pretrained import Pretrained, SourceFile, find_pretrained

logger = logging.getLogger(__name__)


def fetch(name: str, files: Sequence[str | Path] = (), mirror: str | None = None) -> Path:
    """Make a published network available on this machine.

    Parameters
    ----------
    name
        A name in `cpm.models.published.pretrained.PRETRAINED`.
    files
        Copies of its files to use in place of a download, told apart by their names, suffixes or content.
    mirror
        A URL or folder with NAME/FILE to download from; by default the environment variable ``CPM_MIRROR``, and
        where that is not set each file's own address.

    Returns
    -------
    Path
        A checkpoint (``.npz``), or one of a trunk alone for `get_model` to take as `trunk_file`. If it is there
        already, nothing is done.

    Raises
    ------
    ConfigError
        If the name is unknown, or a file is none of the network's.
    CheckpointError
        If a file cannot be had or read, or is not the published one.
    """
    entry = find_pretrained(name)
    copies = _match_copies(entry, [Path(file) for file in files])
    output = home() / "models" / f"{name}.npz"
    if output.is_file():
        if copies:
            logger.warning("%s is there already, the files given are not read; to make it anew, delete it", output)
        return output
    mirror = mirror or os.environ.get("CPM_MIRROR")
    folder = home() / "downloads" / name
    found = []
    for file in entry.files:
        sha256 = _obtain(entry, file, folder / file.name, copies.get(file.name), mirror)
        found.append({"name": file.name, "url": file.url, "sha256": sha256})
    source = {"name": name, "title": entry.title, "licence": entry.licence, "homepage": entry.homepage, "files": found}
    _import(entry, folder / entry.files[0].name, output, source)
    return output


def next_command(name: str, path: Path) -> str:
    """Return the command that uses what `fetch` returned."""
    if find_pretrained(name).part == "trunk":
        return f"cpm train --set model.trunk_file={path}"
    return f"cpm evaluate --checkpoint={path}"


def _import(entry: Pretrained, file: Path, output: Path, source: dict[str, Any]) -> None:
    if entry.part == "trunk":
        save_network(output, import_trunk(file, entry.model), extra={"source": source}, part="trunk.")
    else:
        save_network(output, import_weights(file, entry.model, **entry.options), extra={"source": source})


def _match_copies(entry: Pretrained, copies: Sequence[Path]) -> dict[str, Path]:
    """Tell which copy is which file of the network."""
    matched: dict[str, Path] = {}
    for copy in copies:
        name = _match(entry, copy)
        if name in matched:
            raise ConfigError(f"{copy}: {matched[name]} is the {name} of {entry.name} already, give one of them")
        matched[name] = copy
    return matched


def _match(entry: Pretrained, copy: Path) -> str:
    """Return the name of the file that a copy stands for: by its name, its suffix, or as nothing else is possible."""
    names = [file.name for file in entry.files]
    fits = [name for name in names if name == copy.name]
    fits = fits or [name for name in names if Path(name).suffix == copy.suffix.lower()]
    if not fits and len(names) > 1:  # the graph and the numbers of an OpenVINO IR
        sizes = [file.name for file in entry.files if copy.is_file() and file.size == copy.stat().st_size]
        fits = sizes or [names[0] if find_kind(copy, " or ".join(names)) == "openvino" else names[1]]
    return (fits or names)[0]


def _obtain(entry: Pretrained, file: SourceFile, path: Path, copy: Path | None, mirror: str | None) -> str:
    """Bring a file to `path`; return its hash."""
    if copy is not None:
        check_file_of_weights(copy)
        digest = _check(file, copy)
        if copy.resolve() != path.resolve():
            with atomic_path(path) as temporary:
                shutil.copyfile(copy, temporary)
        return digest
    if path.is_file():
        return _check(file, path)
    url = file.url
    if mirror:
        url = f"{server_url(mirror)}/{entry.name}/{quote(file.name)}"
    if url is None:
        raise CheckpointError(
            f"{entry.name}: {file.name} cannot be downloaded without a browser, get it from {entry.homepage} and "
            f"give it to cpm fetch {entry.name} --file PATH"
        )
    try:
        digest = download(url, path, file.size, file.sha256)
    except DownloadError as error:
        raise CheckpointError(f"{error}; give a copy of the file or a mirror (--file, --mirror)") from None
    try:
        _check_kind(file, path)
    except CheckpointError:
        path.unlink()  # or it would be taken for the file the next time
        raise
    return digest


def _check(file: SourceFile, path: Path) -> str:
    """Return the hash of what should be a file as it is published."""
    try:
        digest = check_file(path, file.size, file.sha256)
    except DownloadError as error:
        difference = str(error)
    else:
        _check_kind(file, path)
        return digest
    try:
        _check_kind(file, path)
    except CheckpointError as error:  # such as a web page
        difference = f"{difference}; it is {str(error).removeprefix(f'{path}: ')}"
    raise CheckpointError(difference)


def _check_kind(file: SourceFile, path: Path) -> None:
    if not file.name.endswith(".bin"):  # the numbers of an OpenVINO IR, which are no kind by themselves
        find_kind(path)
