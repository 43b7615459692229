"""Files from the network: resumed where they broke off, checked, and there only when whole."""

from __future__ import annotations

import fcntl
import hashlib
import http.client
import logging
import os
import re
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any
from urllib.parse import urlsplit

from tqdm import tqdm

from .errors import DownloadError
from .files import full_disk_names, no_follow
from .locks import lock_file

logger = logging.getLogger(__name__)

_ATTEMPTS = 5
_PAUSE = 1.0  # seconds before the second attempt, twice as many before each later one
_TIMEOUT = 30.0  # seconds without a byte
_BLOCK = 1 << 18
_LARGEST = 4 << 30  # a server that does not say how much it sends must not fill the disk


def check_file(path: str | Path, size: int | None = None, sha256: str | None = None) -> str:
    """Compare a file with what it should be.

    Parameters
    ----------
    path
        The file.
    size, sha256
        What is expected, in bytes and as hexadecimal digits; None is not compared.

    Returns
    -------
    str
        Its SHA-256, hexadecimal.

    Raises
    ------
    DownloadError
        If it is missing, cannot be read, or differs.
    """
    path = Path(path)
    if not path.is_file():
        found = "a folder" if path.is_dir() else "no such file"
        raise DownloadError(f"{path}: {found}, expected a file")
    try:
        digest, difference = _inspect(path, size, sha256)
    except OSError as error:
        raise DownloadError(f"{path}: cannot be read ({error.strerror or error})") from None
    if difference:
        raise DownloadError(f"{path}: not the published file, {difference}; delete it or give another copy")
    return digest


def download(url: str, path: str | Path, size: int | None = None, sha256: str | None = None) -> str:
    """Download a file, whole or not at all; one that is there already is only checked.

    What arrives is kept in ``PATH.part``, where an interrupted download goes on. Of several processes that
    download to the same path one does, the others wait for it.

    Parameters
    ----------
    url
        http, https or file.
    path
        Where to.
    size, sha256
        What is expected, in bytes and as hexadecimal digits; None if unknown.

    Returns
    -------
    str
        The SHA-256, hexadecimal.

    Raises
    ------
    DownloadError
        If the server cannot be reached, does not have the file or sends a web page, or the size or hash differs.
    OSError
        If a file cannot be written, or a link is in the place of ``PATH.part`` or of the lock; it names the file.
    """
    path = Path(path)
    part = path.with_name(path.name + ".part")
    path.parent.mkdir(parents=True, exist_ok=True)
    with _locked(path.with_name(f".{path.name}.lock")):
        if path.is_file():
            return check_file(path, size, sha256)
        digest = _fetch(url, part, size, sha256)
        part.replace(path)
    if sha256 is None:
        logger.warning("%s: no hash is published to compare it with, its SHA-256 is %s", path, digest)
    return digest


def _fetch(url: str, part: Path, size: int | None, sha256: str | None) -> str:
    """Download to `part` and check it; return its hash."""
    with full_disk_names(part):
        _complete(url, part, size)
        digest, difference = _inspect(part, size, sha256)
        if difference:
            part.unlink()
            raise DownloadError(f"{url}: not the published file, {difference}")
        with open(part, "rb+", opener=no_follow) as stream:
            os.fsync(stream.fileno())
    return digest


def server_url(mirror: str) -> str:
    """Return the URL of a mirror, which may be a folder of this machine, without a slash at its end."""
    return (mirror if "://" in mirror else Path(mirror).expanduser().resolve().as_uri()).rstrip("/")


def _inspect(path: Path, size: int | None, sha256: str | None) -> tuple[str, str]:
    """Return the hash of a file and in words how it differs from what is expected, "" if it does not."""
    found = path.stat().st_size
    if size is not None and found != size:
        return "", f"{found} bytes, expected {size}"
    digest = hashlib.sha256()
    with open(path, "rb") as stream:
        for block in iter(lambda: stream.read(_BLOCK), b""):
            digest.update(block)
    if sha256 is not None and digest.hexdigest() != sha256:
        return "", f"its SHA-256 is {digest.hexdigest()}, expected {sha256}"
    return digest.hexdigest(), ""


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Hold the lock of a file, which stays; the system releases it even if this process is killed."""
    with lock_file(path) as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            logger.info("%s: another process downloads here, waiting for it", path.parent)
            fcntl.flock(stream, fcntl.LOCK_EX)
        yield


class _BrokenConnectionError(Exception):
    """A failure that may be gone at the next attempt."""


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follow redirects to https, and to http if that is how it began."""

    def redirect_request(self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str) -> Any:
        if urlsplit(newurl).scheme not in ("https", urlsplit(req.full_url).scheme):
            raise DownloadError(f"{req.full_url}: redirects to {newurl!r}, which is not followed")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _complete(url: str, part: Path, size: int | None) -> None:
    """Download what is missing of `part`, in as many connections as it takes."""
    for attempt in range(_ATTEMPTS):
        try:
            return _continue(url, part, size)
        except _BrokenConnectionError as error:
            reason = str(error)
        if attempt < _ATTEMPTS - 1:
            logger.info("%s: %s, trying again", url, reason)
            time.sleep(_PAUSE * 2**attempt)
    raise DownloadError(f"{url}: {reason}, {_ATTEMPTS} times; it may be there later")


def _continue(url: str, part: Path, size: int | None) -> None:
    """Download what is missing of `part` in one connection.

    Raises
    ------
    _BrokenConnectionError
        If another connection may get further; what has arrived is in `part`.
    """
    offset = _arrived(part)
    if offset and offset == size:
        return
    if size is not None and offset > size:
        offset = 0
    with _open(url, offset) as response:
        first, total = _extent(response)
        if response.status == 416 and total == offset:  # the server has nothing after `part`
            return
        if response.status == 416 or first not in (0, offset):
            part.unlink(missing_ok=True)
            raise _BrokenConnectionError(f"does not go on at byte {offset}")
        if urlsplit(url).scheme != "file" and "text/html" in response.headers.get("Content-Type", "").lower():
            raise DownloadError(f"{url}: answers with a web page, not with the file")
        if size is not None and total not in (None, size):
            part.unlink(missing_ok=True)
            raise DownloadError(f"{url}: not the published file, {total} bytes, expected {size}")
        with open(part, "ab", opener=no_follow) as stream:
            stream.truncate(first)
            _append(response, stream, first, size or total)
    received = _arrived(part)
    if received > (size or total or _LARGEST):
        part.unlink()
        raise DownloadError(f"{url}: sends more than {size or total or _LARGEST} bytes")
    if received < (size or total or 0):
        raise _BrokenConnectionError(f"broke off after {received} of {size or total} bytes")


def _arrived(part: Path) -> int:
    """Return how many bytes of a file have arrived."""
    try:
        with open(part, "rb", opener=no_follow) as stream:
            return os.fstat(stream.fileno()).st_size
    except FileNotFoundError:
        return 0


def _open(url: str, offset: int) -> Any:
    """Ask for the bytes from `offset` on; return a response, also that of status 416."""
    headers = {"User-Agent": "cpm", "Accept-Encoding": "identity"}
    if offset:
        headers["Range"] = f"bytes={offset}-"
    try:
        if urlsplit(url).scheme not in ("http", "https", "file"):
            raise DownloadError(f"{url}: expected a URL of http, https or file")
        request = urllib.request.Request(url, headers=headers)
        return urllib.request.build_opener(_Redirects).open(request, timeout=_TIMEOUT)
    except urllib.error.HTTPError as error:
        if error.code == 416 and offset:
            return error
        error.close()
        if error.code >= 500 or error.code in (408, 429):
            raise _BrokenConnectionError(f"HTTP status {error.code}") from None
        words = str(error.reason).split()  # of several lines where redirects go in circles
        raise DownloadError(f"{url}: HTTP status {error.code} ({' '.join(words)})") from None
    except (ValueError, http.client.InvalidURL) as error:
        raise DownloadError(f"{url}: not a URL ({error})") from None
    except (OSError, http.client.HTTPException) as error:
        reason = getattr(error, "reason", None) or error
        if urlsplit(url).scheme == "file":
            raise DownloadError(f"{url}: {getattr(reason, 'strerror', None) or reason}") from None
        raise _BrokenConnectionError(f"cannot be reached ({reason or type(error).__name__})") from None


def _extent(response: Any) -> tuple[int, int | None]:
    """Return the place of the first byte that a response sends and the size of the whole file, None if unknown."""
    if response.status in (206, 416):
        match = re.fullmatch(r"bytes (?:(\d+)-(\d+)|\*)/(?:(\d+)|\*)", response.headers.get("Content-Range", ""))
        first, last, total = match.groups() if match else (None, None, None)
        if last is not None and total is None:
            total = str(int(last) + 1)  # at least what is promised
        return int(first or -1), None if total is None else int(total)
    length = response.headers.get("Content-Length", "")
    return 0, int(length) if length.isdigit() else None


def _append(response: Any, stream: IO[bytes], first: int, total: int | None) -> None:
    """Write what arrives, with a progress bar, and stop soon after the expected size."""
    limit = total or _LARGEST
    name = Path(stream.name).stem
    with tqdm(initial=first, total=total, desc=name, unit="B", unit_scale=True, disable=None) as bar:
        while stream.tell() <= limit:
            try:
                block = response.read(_BLOCK)
            except (OSError, http.client.HTTPException) as error:
                raise _BrokenConnectionError(f"broke off ({error or type(error).__name__})") from None
            if not block:
                return
            stream.write(block)
            bar.update(len(block))
