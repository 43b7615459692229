"""The errors of the package: each message names what was found and what was expected, in one line."""

from collections.abc import Sequence


class CpmError(Exception):
    """A mistake the user can mend; scripts print its message and exit with status 2."""


class ConfigError(CpmError):
    """An unknown option or network name, or a value of the wrong type."""


class DataError(CpmError):
    """A data set, annotation file or image that is missing, broken or of the wrong shape."""


class CheckpointError(CpmError):
    """A file of weights that is missing, broken or belongs to another network."""


class DownloadError(CpmError):
    """A file that cannot be had from where it is published, or is not the published one."""


class DeviceError(CpmError):
    """A device that this machine or this build of MXNet does not have."""


class PackageError(CpmError, ImportError):
    """A package that is not installed or cannot be loaded; the message says the command that mends it."""


def reason(error: BaseException, limit: int = 200) -> str:
    """Return the message of another's error for one of ours: its first line, printable, of up to `limit` characters."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return "".join(character if character.isprintable() else " " for character in lines[0][:limit])


def list_some(problems: Sequence[str], most: int) -> str:
    """Return the first problems for a message, and how many more there are."""
    more = f" and {len(problems) - most} more" if len(problems) > most else ""
    return "; ".join(problems[:most]) + more


def quote(value: object, limit: int = 100) -> str:
    """Return `repr(value)` for a message, cut to `limit` characters."""
    try:
        text = repr(value)
    except (RecursionError, ValueError):  # deeper or longer than Python writes out
        text = f"a {type(value).__name__}"
    return one_line(text, limit)


def one_line(text: str, limit: int = 100) -> str:
    """Return text for a message: what cannot be printed escaped, and cut to `limit` characters."""
    if not text.isprintable():
        text = "".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in text)
    return text if len(text) <= limit else text[: limit - 1] + "…"
