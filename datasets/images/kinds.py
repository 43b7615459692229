"""What kind of file it is, by its first bytes: a name may say anything."""

from __future__ import annotations

import re

FIRST_BYTES = 512  # of a file, by which its kind is known

READABLE = {
    "JPEG": re.compile(rb"\xff\xd8"),
    "PNG": re.compile(rb"\x89PNG\r\n\x1a\n"),
    "BMP": re.compile(rb"BM.{12}[\x0c\x28-\x7c]\0\0\0", re.DOTALL),  # two letters alone would be any text
    "WebP": re.compile(rb"RIFF.{4}WEBP", re.DOTALL),
    "TIFF": re.compile(rb"(II\*\0|MM\0\*)(?!.{4}CR)", re.DOTALL),
}

# OpenCV can read some of them, but has crashed on broken ones, or knows no colours between 0 and 255 in them.
_OTHER_PICTURES = {
    "a GIF picture": rb"GIF8[79]a",
    "a HEIC picture": rb".{4}ftyp(hei|hev|mif1|msf1)",
    "an AVIF picture": rb".{4}ftypavi[fs]",
    "a JPEG XL picture": rb"\0\0\0\x0cJXL |\xff\x0a",
    "a JPEG 2000 picture": rb"\0\0\0\x0cjP  |\xff\x4f\xff\x51",
    "a BigTIFF picture": rb"II\+\0|MM\0\+",
    "a camera's raw picture": rb"(II\*\0|MM\0\*).{4}CR|.{4}ftypcrx|FUJIFILM|IIRO|IIRS|MMOR|IIU\0",
    "an OpenEXR picture": rb"v/1\x01",
    "a Radiance HDR picture": rb"#\?(RADIANCE|RGBE)",
    "a PNM picture": rb"P[1-7]\s+[#\w]",
    "a PFM picture": rb"P[fF]\s+\d",
    "a Sun raster picture": rb"\x59\xa6\x6a\x95",
    "an SGI picture": rb"\x01\xda[\0\x01][\x01\x02]",
    "a DDS picture": rb"DDS ",
    "a QOI picture": rb"qoif",
    "an icon": rb"\0\0[\x01\x02]\0[^\0]\0",
    "a Photoshop picture": rb"8BPS",
    "an SVG drawing": rb"(\xef\xbb\xbf)?\s*(<\?xml[^>]*>\s*)?(<!--.*?-->\s*)*(<!DOCTYPE svg[^>]*>\s*)?<svg",
    "a PostScript drawing": rb"%!PS",
    "a PDF document": rb"%PDF-",
    "a video": rb".{4}(ftyp|moov|mdat|wide|free)|\x1a\x45\xdf\xa3|RIFF.{4}AVI |FLV\x01|\0\0\x01[\xb3\xba]",
}
_NO_PICTURES = {
    "a web page": rb"(\xef\xbb\xbf)?\s*<(!doctype html|html)",
    "a pointer of Git LFS (git lfs pull fetches the file)": rb"version https://git-lfs",
}
_OTHER = {name: re.compile(pattern, re.DOTALL) for name, pattern in _OTHER_PICTURES.items()}
_NONE = {name: re.compile(pattern, re.DOTALL | re.IGNORECASE) for name, pattern in _NO_PICTURES.items()}


def readable_kind(data: bytes) -> str | None:
    """Return which of the formats that are read the bytes begin, as a key of `READABLE`; None for anything else."""
    return _first_match(READABLE, data)


def other_picture(data: bytes) -> str | None:
    """Return in words what kind of picture, drawing or video that cannot be read the bytes begin, None if none."""
    return _first_match(_OTHER, data)


def describe(data: bytes) -> str:
    """Return in words what bytes are that begin no format that is read."""
    if not data:
        return "not an image but an empty file (0 bytes)"
    picture = other_picture(data)
    if picture is not None:
        return f"{picture}, which cannot be read; convert it to JPEG or PNG"
    return f"not an image but {_first_match(_NONE, data) or 'something else'} ({len(data)} bytes)"


def _first_match(patterns: dict[str, re.Pattern[bytes]], data: bytes) -> str | None:
    return next((name for name, pattern in patterns.items() if pattern.match(data)), None)
