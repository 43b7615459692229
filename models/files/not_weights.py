"""Names for what is found in place of weights: web pages, error messages, archives, files of other programs."""

from __future__ import annotations

import codecs
import json
import re
import tarfile
from collections.abc import Sequence
from typing import Any

from ...errors import quote

_UNPACK = "unpack it first"
_UNREAD = "weights of this kind are not read"
_BEGINNINGS = {
    b"\x89HDF\r\n\x1a\n": f"an HDF5 file (of Keras, perhaps): {_UNREAD}",
    b"\x1f\x8b": f"packed by gzip: {_UNPACK}",
    b"BZh": f"packed by bzip2: {_UNPACK}",
    b"\xfd7zXZ\0": f"packed by xz: {_UNPACK}",
    b"\x28\xb5\x2f\xfd": f"packed by zstd: {_UNPACK}",
    b"7z\xbc\xaf\x27\x1c": f"a 7z archive: {_UNPACK}",
    b"Rar!\x1a\x07": f"a RAR archive: {_UNPACK}",
    b"\x93NUMPY": f"a NumPy array without a name (.npy): {_UNREAD}",
    b"GGUF": f"a GGUF file: {_UNREAD}",
    b"%PDF": "a PDF document",
    b"\x89PNG": "a picture (PNG)",
    b"\xff\xd8\xff": "a picture (JPEG)",
    b"GIF8": "a picture (GIF)",
    b"\x7fELF": "a program (ELF)",
    b"MZ": "a program (of Windows)",
    **dict.fromkeys((b"\x80\2", b"\x80\3", b"\x80\4", b"\x80\5"), f"a pickle that PyTorch has not written: {_UNREAD}"),
}
_PAGE = re.compile(r"(<!--.*?-->\s*)?<(!doctype html|html|head|body|script|title|meta|h1|center|div|p)\b", re.DOTALL)
_WEIGHTS = (".pth", ".pt", ".tar", ".ckpt", ".params", ".caffemodel", ".safetensors", ".npz", ".onnx", ".xml")


def describe_bytes(head: bytes) -> str:
    """Name a binary file of another program by its first bytes; "" if they tell nothing."""
    for beginning, description in _BEGINNINGS.items():
        if head.startswith(beginning):
            return description
    if head[4:8] == b"TFL3":
        return f"a TensorFlow Lite network: {_UNREAD}"
    if _is_tar(head[:512]):
        return f"a tar archive: {_UNPACK}"
    if not head.strip(b"\0"):
        return "zeros where something should begin: it was not downloaded or copied whole"
    return ""


def describe_archive(names: Sequence[str]) -> str:
    """Name a zip file by the names of its members."""
    if any(name.endswith("model.weights.h5") for name in names):
        return f"a Keras network: {_UNREAD}"
    if names and all(name.endswith(".npy") for name in names):
        return "NumPy arrays (.npz) without the description of a network"
    wanted = [name for name in names if name.lower().endswith(_WEIGHTS)]
    some = f" with {quote(wanted[0])} in it: {_UNPACK}" if wanted else f" of {len(names)} other files"
    return f"a zip archive{some}"


def describe_text(head: bytes, size: int) -> str:
    """Name a text by its beginning; "" if it is none.

    Parameters
    ----------
    head
        The first bytes.
    size
        How many there are in all.
    """
    text = _decode(head)
    begin = text.lstrip("\ufeff \t\r\n").lower()
    if not begin:
        return ""
    if begin.startswith("version https://") and "\noid " in begin:
        return "a Git LFS pointer, which stands for the file: get the file itself with `git lfs pull`"
    if _PAGE.match(begin):
        return _describe_page(text)
    if begin.startswith("<"):
        return _describe_xml(text, begin)
    if begin.startswith(("{", "[")):
        return _describe_json(text, size)
    if re.search(r"^\s*layers?\s*\{", text, re.MULTILINE):
        return "a Caffe prototxt, which describes a network without its weights: give the .caffemodel"
    return f"a text, {quote(' '.join(text.split())[:60])}"


def _decode(head: bytes) -> str:
    """Return the text of bytes; "" if they are binary."""
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return head.decode("utf-16", "replace")
    try:
        text = head.decode("utf-8-sig", "strict" if len(head) < 4096 else "ignore")
    except UnicodeDecodeError:
        text = head.decode("latin-1") if head.lstrip()[:1] == b"<" else ""  # a page in an older encoding
    strange = sum(not (character.isprintable() or character.isspace()) for character in text)
    return "" if strange or len(text) < len(head) // 2 else text


def _describe_page(text: str) -> str:
    title = re.search(r"<title[^>]*>(.*?)</title", text, re.IGNORECASE | re.DOTALL)
    called = f" ({quote(' '.join(title[1].split())[:60])})" if title and title[1].strip() else ""
    return f"a web page{called}: the download has brought a page and not the file, get it with a browser"


def _describe_xml(text: str, begin: str) -> str:
    if re.search(r"<net[\s>]", begin):
        return "an OpenVINO IR"
    if "<html" in begin:
        return _describe_page(text)
    if re.search(r"<(error|code|message)>", begin):
        return f"the error message of a server, {quote(' '.join(text.split())[-60:])}: the download has failed"
    return "an XML file, and no OpenVINO IR"


def _describe_json(text: str, size: int) -> str:
    try:
        content: Any = json.loads(text) if size <= len(text.encode()) else {}
    except (RecursionError, ValueError):
        content = {}
    keys = {str(key).lower() for key in content} if isinstance(content, dict) else set()
    if keys & {"error", "errors", "message", "detail", "status", "statuscode"}:
        return f"the error message of a server, {quote(' '.join(text.split())[:60])}: the download has failed"
    if '"nodes"' in text and '"op"' in text:
        return "an MXNet symbol, which describes a network without its weights: give the .params"
    if '"weight_map"' in text:
        return "the index of weights that lie in several files, which are not read"
    return "a JSON file"


def _is_tar(head: bytes) -> bool:
    try:
        tarfile.TarInfo.frombuf(head, "utf-8", "surrogateescape")  # compares a checksum
    except (tarfile.HeaderError, ValueError):
        return False
    return True
