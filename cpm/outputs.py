"""Folders for what one run has found, so that nothing of another run lies beside it."""

from __future__ import annotations

import fcntl
import itertools
import json
import logging
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .errors import ConfigError, quote

logger = logging.getLogger(__name__)

_SHORT = 30  # characters of an option in a message
_UNFINISHED = ".unfinished"  # the folder in the output folder where a run puts its files until all are there


@dataclass(frozen=True)
class Contents:
    """The files that a kind of run leaves in its folder.

    Attributes
    ----------
    report
        JSON, which says by which options the other files were made; it comes last and goes last.
    patterns
        Which the other files are.
    options
        The entry of the report with the options; "" if they are entries themselves.
    listed
        Whether the report lists its files as ``files``, where patterns may fit files of others.
    """

    report: str
    patterns: tuple[str, ...]
    options: str = ""
    listed: bool = False

    def find(self, folder: Path) -> list[Path]:
        """Return the files in a folder that fit the patterns."""
        found = [path for pattern in self.patterns for path in folder.glob(pattern)]
        return sorted(path for path in found if path.is_file() or path.is_symlink())


class OutputFolder:
    """Where a run is to write: a folder that holds its files alone.

    The files of the same run, done again, are replaced. A folder with those of other options is refused, or makes way
    for PATH-2, PATH-3 and so on. Files of others are left alone.

    Parameters
    ----------
    path
        The folder; what is missing of it is made when a run begins to write.
    makes_way
        Whether a run with other options takes the next free name.
    overwrite
        Whether files of other options are replaced too.

    Attributes
    ----------
    path
        The folder; once a run writes, that which was chosen.

    Raises
    ------
    ConfigError
        If it cannot be made or written to.
    """

    def __init__(self, path: str | Path, makes_way: bool = False, overwrite: bool = False) -> None:
        self.path = Path(path)
        self._makes_way = makes_way
        self._overwrite = overwrite
        _check_place(self.path)

    def __str__(self) -> str:
        return str(self.path)

    @contextmanager
    def writing(self, contents: Contents, options: Mapping[str, Any]) -> Iterator[Draft]:
        """Choose the folder and yield the draft of its files, which is thrown away unless it is published.

        Parameters
        ----------
        contents
            Which files there will be.
        options
            What decides about them, fit for JSON, as the report will say it.

        Raises
        ------
        ConfigError
            If the folder holds files of other options, another run writes to it, or it cannot be written to.
        """
        told = json.loads(json.dumps(options, default=str))
        self.path = self._choose(contents, told)
        is_new = not self.path.exists()
        with _locked(self.path):
            draft = Draft(self.path, contents)
            try:
                yield draft
            finally:
                if not draft.half_published:
                    shutil.rmtree(draft.folder, ignore_errors=True)
                if is_new and not any(self.path.iterdir()):
                    self.path.rmdir()

    def _choose(self, contents: Contents, options: Mapping[str, Any]) -> Path:
        held = _held(self.path, contents, options)
        if not held or self._overwrite:
            return self.path
        if not self._makes_way:
            raise ConfigError(f"{self.path}: holds {held}; choose another --output, or --overwrite them")
        names = (self.path.with_name(f"{self.path.name}-{number}") for number in itertools.count(2))
        free = next(path for path in names if not _held(path, contents, options))
        logger.info("%s holds %s; this run goes to %s", self.path, held, free)
        return free


class Draft:
    """The files of a run until all are there.

    Attributes
    ----------
    output
        Where they belong.
    folder
        Where the run puts them, in the places that they will have in the output folder.
    half_published
        Whether some of them are in the output folder and some are not; the draft then tells the next run of whom.
    """

    def __init__(self, output: Path, contents: Contents) -> None:
        self.output = output
        self._contents = contents
        self._stored = _read_report(output, contents) or {}  # before what a killed run has left is cleared
        self.half_published = False
        self.folder = output / _UNFINISHED
        if self.folder.exists():
            shutil.rmtree(self.folder)
        self.folder.mkdir()

    @property
    def files(self) -> list[str]:
        """The files so far but the report, by their names in the folder."""
        found = [str(path.relative_to(self.folder)) for path in self.folder.rglob("*") if path.is_file()]
        return sorted(name for name in found if name != self._contents.report)

    def publish(self) -> None:
        """Put the files, report and all, in the place of those that a former run has left.

        The old ones go first and their report after them; the new report comes after the new files. So whoever is
        killed in between leaves files of one run only, and a report only beside its own.
        """
        self.half_published = True
        former = self._former()
        for path in former:
            path.unlink(missing_ok=True)
        self._remove_empty(path.parent for path in former)
        (self.output / self._contents.report).unlink(missing_ok=True)
        for name in [*self.files, self._contents.report]:
            target = self.output / name
            target.parent.mkdir(parents=True, exist_ok=True)
            (self.folder / name).replace(target)
        self.half_published = False

    def _remove_empty(self, folders: Iterable[Path]) -> None:
        """Remove folders within the output folder that hold nothing any more, the inner ones first."""
        within = {folder for path in folders for folder in (path, *path.parents) if self.output in folder.parents}
        for folder in sorted(within, key=lambda each: len(each.parts), reverse=True):
            if not any(folder.iterdir()):
                folder.rmdir()

    def _former(self) -> list[Path]:
        """Return the files in the output folder that are those of a former run."""
        found = self._contents.find(self.output)
        if not self._contents.listed:
            return found
        listed = self._stored.get("files")
        names = set(map(str, listed)) if isinstance(listed, list) else set()
        return [path for path in found if str(path.relative_to(self.output)) in names]


def writing(
    output: str | Path | OutputFolder | None, contents: Contents, options: Mapping[str, Any]
) -> AbstractContextManager[Draft | None]:
    """Return what `OutputFolder.writing` does; without an output there is no draft."""
    if output is None:
        return nullcontext()
    folder = output if isinstance(output, OutputFolder) else OutputFolder(output)
    return folder.writing(contents, options)


def check_output_files(*paths: str | Path) -> None:
    """Make sure, before anything that takes time, that files can be written.

    Raises
    ------
    ConfigError
        If a folder is in the place of one, or the folder that it belongs in cannot be made or written to.
    """
    for path in map(Path, paths):
        if path.is_dir():
            raise ConfigError(f"{path}: a folder, expected the name of a file to write")
        _check_place(path.parent)


def _held(folder: Path, contents: Contents, options: Mapping[str, Any]) -> str:
    """Return what a folder holds that a run with these options must not replace, in words."""
    report = _read_report(folder, contents)
    if report is None:
        found = contents.find(folder)
        return f"files that no {contents.report} tells about ({found[0].name})" if found else ""
    stored = report.get(contents.options) if contents.options else report
    stored = stored if isinstance(stored, dict) else {}
    other = [name for name, value in options.items() if stored.get(name) != value]
    changes = [_change(name, stored.get(name), options[name]) for name in other[:3]]
    return f"results of other options ({'; '.join(changes)})" if other else ""


def _change(name: str, found: object, wanted: object) -> str:
    """Return how an option differs; of long values, which cut would look alike, only that it does."""
    values = [quote(value, _SHORT) for value in (found, wanted)]
    return f"other {name}" if any(len(value) == _SHORT for value in values) else f"{name} {values[0]}, not {values[1]}"


def _read_report(folder: Path, contents: Contents) -> dict[str, Any] | None:
    """Return the report in a folder or, where a run was killed while it published, the one that was to come."""
    places = (folder / contents.report, folder / _UNFINISHED / contents.report)
    path = next((place for place in places if place.exists()), None)
    if path is None:
        return None
    try:
        report = json.loads(path.read_bytes())
    except (OSError, RecursionError, ValueError):
        return {}
    return report if isinstance(report, dict) else {}


def _check_place(folder: Path) -> None:
    """Make sure, before anything is made, that a folder is one to write to or can become one."""
    place = folder
    while not place.exists() and place != place.parent:
        place = place.parent
    if not place.is_dir():
        raise ConfigError(f"{folder}: cannot be made the output folder ({place} is a file)")
    if not os.access(place, os.W_OK | os.X_OK):
        raise ConfigError(f"{folder}: the output folder is not writable")


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Make a folder and keep other runs from writing to it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except OSError as error:
        raise ConfigError(f"{folder}: cannot be made the output folder ({error.strerror})") from None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        raise ConfigError(f"{folder}: another run is writing to it; choose another --output") from None
    except OSError:
        logger.debug("%s: its file system has no locks", folder)
    try:
        yield
    finally:
        os.close(handle)
