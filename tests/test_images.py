"""Pictures as they come from the field."""

from __future__ import annotations

import io
import os
import struct
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image, ImageOps

from cpm import DataError
from cpm.datasets import read_image
from cpm.datasets.images.reading import stored_size

from .helpers.mutations import check_survival, mutate
from .helpers.scale import repeats


def encode(image: Image.Image, kind: str, orientation: int | None = None, **options) -> bytes:
    """Return a file of a picture, with the orientation where EXIF or TIFF notes it."""
    if orientation and kind == "TIFF":
        options["tiffinfo"] = {0x0112: orientation}
    elif orientation:
        options["exif"] = Image.Exif()
        options["exif"][0x0112] = orientation
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


@pytest.fixture
def picture() -> np.ndarray:
    """48x32 RGB: red on the left, blue on the right, a green bar on top."""
    image = np.zeros((32, 48, 3), np.uint8)
    image[:, :24, 0] = 200
    image[:, 24:, 2] = 200
    image[:8] = (0, 200, 0)
    return image


def test_rgb_order(tmp_path, picture):
    Image.fromarray(picture).save(tmp_path / "a.png")
    np.testing.assert_array_equal(read_image(tmp_path / "a.png"), picture)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WebP", "TIFF"])
def test_orientation_is_applied_once_unless_the_annotations_say_otherwise(tmp_path, picture, kind, orientation):
    path = tmp_path / "a"
    path.write_bytes(encode(Image.fromarray(picture), kind, orientation))
    shown = np.asarray(ImageOps.exif_transpose(Image.open(path)).convert("RGB")).astype(int)
    size = shown.shape[:2]
    assert size == ((48, 32) if orientation >= 5 else (32, 48))
    assert np.abs(read_image(path) - shown).mean() < 5
    assert np.abs(read_image(path, size) - shown).mean() < 5
    if orientation >= 5:
        assert np.abs(read_image(path, (32, 48)).astype(int) - picture).mean() < 5
    assert stored_size(path) == (32, 48)


def test_broken_exif_notes_nothing(tmp_path, picture):
    whole = encode(Image.fromarray(picture), "JPEG", 6)
    place = whole.index(b"Exif\0\0") + 6
    for broken in (b"XX*\0", b"MM\0*\xff\xff\xff\xff", b"MM\0*\0\0\0\x08\xff\xff"):
        (tmp_path / "a.jpg").write_bytes(whole[:place] + broken + whole[place + len(broken) :])
        assert read_image(tmp_path / "a.jpg").shape in ((32, 48, 3), (48, 32, 3))


def test_the_content_decides_and_not_the_name(tmp_path, picture):
    image = Image.fromarray(picture)
    (tmp_path / "a.jpg").write_bytes(encode(image, "PNG"))
    (tmp_path / "a.png").write_bytes(encode(image, "TIFF"))
    (tmp_path / "a").write_bytes(encode(image, "BMP"))
    for path in tmp_path.iterdir():
        np.testing.assert_array_equal(read_image(path), picture)


MODES = {
    "JPEG": ["1", "L", "RGB", "CMYK", "YCbCr"],
    "PNG": ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"],
    "BMP": ["1", "L", "P", "RGB", "RGBA"],
    "WebP": ["RGB", "RGBA"],
    "TIFF": ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "YCbCr", "I;16"],
}


@pytest.mark.parametrize(("kind", "mode"), [(kind, mode) for kind, modes in MODES.items() for mode in modes])
def test_every_mode_becomes_rgb(tmp_path, picture, kind, mode):
    converted = Image.fromarray(picture).convert("L" if mode == "I;16" else mode)
    expected = np.asarray(converted.convert("RGB")).astype(int)
    if mode == "I;16":
        converted = Image.fromarray(np.asarray(converted).astype(np.uint16) * 257)
    (tmp_path / "a").write_bytes(encode(converted, kind))
    assert np.abs(read_image(tmp_path / "a") - expected).mean() < 6
    assert stored_size(tmp_path / "a") == (32, 48)


def test_transparent_colours_stay(tmp_path, picture):
    clear = Image.fromarray(np.dstack([picture, np.zeros((32, 48), np.uint8)]))
    for kind in ("PNG", "BMP", "WebP"):
        (tmp_path / "a").write_bytes(encode(clear, kind, exact=True))
        assert np.abs(read_image(tmp_path / "a").astype(int) - picture).mean() < 6


@pytest.mark.parametrize("kind", ["PNG", "WebP", "TIFF"])
def test_of_several_pages_or_frames_the_first_is_read(tmp_path, picture, kind):
    more = [Image.fromarray(255 - picture)]
    (tmp_path / "a").write_bytes(encode(Image.fromarray(picture), kind, save_all=True, append_images=more))
    assert np.abs(read_image(tmp_path / "a").astype(int) - picture).mean() < 5


@pytest.mark.parametrize(
    ("mode", "message"), [("F", "32 bits, format of numbers 3"), ("I", "32 bits"), ("LAB", "8 bits")]
)
def test_tiff_that_would_be_misread_is_refused(tmp_path, picture, mode, message):
    grey = Image.fromarray(picture).convert("RGB" if mode == "LAB" else "L")
    (tmp_path / "a.tif").write_bytes(encode(grey.convert(mode), "TIFF"))
    with pytest.raises(DataError, match=rf"a\.tif: a TIFF picture with {message}.*cannot be read; convert it"):
        read_image(tmp_path / "a.tif")


@pytest.mark.parametrize(("tag", "value"), [(254, 1), (50706, 1)])
def test_previews_in_raw_pictures_are_not_taken_for_them(tmp_path, picture, tag, value):
    (tmp_path / "a.nef").write_bytes(encode(Image.fromarray(picture), "TIFF", tiffinfo={tag: value}))
    with pytest.raises(DataError, match="a camera's raw picture"):
        read_image(tmp_path / "a.nef")


@pytest.mark.parametrize(
    ("first", "name"),
    [
        (b"GIF89a", "a GIF picture"),
        (b"\0\0\0\x18ftypheic", "a HEIC picture"),
        (b"\0\0\0\x18ftypmif1", "a HEIC picture"),
        (b"\0\0\0\x1cftypavif", "an AVIF picture"),
        (b"\0\0\0\x0cJXL \r\n\x87\n", "a JPEG XL picture"),
        (b"\xff\x0a", "a JPEG XL picture"),
        (b"\0\0\0\x0cjP  \r\n\x87\n", "a JPEG 2000 picture"),
        (b"\xff\x4f\xff\x51", "a JPEG 2000 picture"),
        (b"II+\0\x08\0", "a BigTIFF picture"),
        (b"II*\0\x10\0\0\0CR\x02\0", "a camera's raw picture"),
        (b"\0\0\0\x18ftypcrx ", "a camera's raw picture"),
        (b"FUJIFILMCCD-RAW", "a camera's raw picture"),
        (b"v/1\x01", "an OpenEXR picture"),
        (b"#?RADIANCE\n", "a Radiance HDR picture"),
        (b"P6\n48 32\n255\n", "a PNM picture"),
        (b"PF\n48 32\n-1.0\n", "a PFM picture"),
        (b"\x59\xa6\x6a\x95", "a Sun raster picture"),
        (b"8BPS\0\x01", "a Photoshop picture"),
        (b'<?xml version="1.0"?>\n<!-- drawn -->\n<svg xmlns="x">', "an SVG drawing"),
        (b"%PDF-1.7", "a PDF document"),
        (b"\0\0\0\x20ftypisom", "a video"),
        (b"\x1a\x45\xdf\xa3", "a video"),
    ],
)
def test_other_pictures_are_named(tmp_path, first, name):
    (tmp_path / "a.jpg").write_bytes(first + bytes(100))
    with pytest.raises(DataError, match=rf"a\.jpg: {name}, which cannot be read; convert it to JPEG or PNG"):
        read_image(tmp_path / "a.jpg")


@pytest.mark.parametrize(
    ("content", "name"),
    [
        (b"<!DOCTYPE html><html>", "a web page"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0", "a pointer of Git LFS"),
        (b"BMW and other cars", "something else"),
        (bytes(1000), "something else"),
    ],
)
def test_what_is_no_picture_is_named(tmp_path, content, name):
    (tmp_path / "a.jpg").write_bytes(content)
    with pytest.raises(DataError, match=rf"a\.jpg: not an image but {name}"):
        read_image(tmp_path / "a.jpg")


def bare_tiff(order: str, tags: dict[int, int]) -> bytes:
    """Return a TIFF file that is a directory of 32-bit numbers and nothing else."""
    entries = b"".join(struct.pack(f"{order}HHII", tag, 4, 1, value) for tag, value in sorted(tags.items()))
    head = b"II*\0" if order == "<" else b"MM\0*"
    return head + struct.pack(f"{order}IH", 8, len(tags)) + entries + bytes(4)


def forged_headers(picture: np.ndarray) -> dict[str, bytes]:
    """Return files of 48x32 pixels whose headers say 60000x32, or as much as the format has room for."""
    image = Image.fromarray(picture)
    files = {kind: encode(image, kind) for kind in ("JPEG", "PNG", "BMP", "WebP", "TIFF")}
    files["WebP VP8L"] = encode(image, "WebP", lossless=True)
    files["WebP VP8X"] = encode(image, "WebP", 6)
    files["TIFF MM"] = bare_tiff(">", {256: 48, 257: 32, 262: 1})
    changes = {
        "JPEG": (files["JPEG"].index(b"\xff\xc0") + 7, ">H"),
        "PNG": (16, ">I"),
        "BMP": (18, "<i"),
        "WebP": (26, "<H"),
        "WebP VP8L": (21, "<H"),
        "WebP VP8X": (24, "<H"),
        "TIFF": (files["TIFF"].index(struct.pack("<HHI", 256, 4, 1)) + 8, "<I"),
        "TIFF MM": (18, ">I"),
    }
    forged = {}
    for kind, (place, layout) in changes.items():
        value = 16_000 if kind.startswith("WebP") else 60_000
        content = bytearray(files[kind])
        struct.pack_into(layout, content, place, value)
        forged[kind] = bytes(content)
    return forged


def test_pictures_larger_than_their_annotations_or_the_limit_are_refused_undecoded(tmp_path, picture, monkeypatch):
    monkeypatch.setattr("cpm.datasets.images.reading._decode", None)
    monkeypatch.setattr("cpm.datasets.images.reading.LARGEST_IMAGE", 10_000 * 32)
    for kind, content in forged_headers(picture).items():
        path = tmp_path / kind
        path.write_bytes(content)
        assert max(stored_size(path)) >= 16_000, kind
        with pytest.raises(DataError, match=r"the image is .*, expected at most 320,000 pixels; make it smaller"):
            read_image(path)
        with pytest.raises(DataError, match="its annotations say 48 pixels wide and 32 high"):
            read_image(path, (32, 48))


def test_a_small_file_takes_no_memory_by_saying_that_it_is_large(tmp_path, picture):
    """A PNG file of 20000 x 20000 pixels, which would be 1.2 GB, and one TIFF tile of as many."""
    png = bytearray(encode(Image.fromarray(picture), "PNG"))
    struct.pack_into(">II", png, 16, 20_000, 20_000)
    (tmp_path / "a.png").write_bytes(png)
    tiles = {256: 48, 257: 32, 262: 1, 322: 40_000, 323: 40_000}
    (tmp_path / "a.tif").write_bytes(bare_tiff("<", tiles))
    for path in tmp_path.iterdir():
        with pytest.raises(DataError, match=r"expected at most 100,000,000 pixels"):
            read_image(path)


def test_missing_empty_foreign_and_wrong_size_are_told_apart(tmp_path, picture):
    with pytest.raises(DataError, match=r"nowhere\.jpg: cannot read"):
        read_image(tmp_path / "nowhere.jpg")
    for content in (b"", b"not an image"):
        (tmp_path / "a.jpg").write_bytes(content)
        with pytest.raises(DataError, match=rf"a\.jpg: not an image .*{len(content)} bytes"):
            read_image(tmp_path / "a.jpg")
    for name in ("a\0.jpg", "\ud800.jpg"):
        with pytest.raises(DataError, match="cannot read the image"):
            read_image(name)
    Image.fromarray(picture).save(tmp_path / "a.png")
    with pytest.raises(
        DataError, match="the image is 48 pixels wide and 32 high, its annotations say 50 pixels wide and 32 high"
    ):
        read_image(tmp_path / "a.png", size=(32, 50))


@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize("share", [0.3, 0.6, 0.99])
def test_truncated_jpeg_is_refused(tmp_path, progressive, share):
    noise = np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)
    Image.fromarray(noise).save(tmp_path / "a.jpg", progressive=progressive)
    data = (tmp_path / "a.jpg").read_bytes()
    assert read_image(tmp_path / "a.jpg").shape == (64, 64, 3)
    (tmp_path / "a.jpg").write_bytes(data[: int(share * len(data))])
    with pytest.raises(DataError, match=r"a\.jpg"):
        read_image(tmp_path / "a.jpg")


@pytest.mark.parametrize("kind", ["PNG", "BMP", "WebP", "TIFF"])
@pytest.mark.parametrize("share", [0.01, 0.3, 0.6, 0.98])
def test_other_pictures_cut_short_are_refused(tmp_path, kind, share):
    noise = np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)
    data = encode(Image.fromarray(noise), kind)
    (tmp_path / "a").write_bytes(data[: int(share * len(data))])
    with pytest.raises(DataError, match="/a: "):
        read_image(tmp_path / "a")


@pytest.mark.parametrize("progressive", [False, True])
def test_a_jpeg_that_other_things_follow_is_whole(tmp_path, picture, progressive):
    """Phones append videos, whose bytes may look like any marker."""
    data = encode(Image.fromarray(picture), "JPEG", progressive=progressive)
    (tmp_path / "a.jpg").write_bytes(data + b"\0\0\0\x18ftypmp42 \xff\xd9 \xff\xda ")
    assert np.abs(read_image(tmp_path / "a.jpg").astype(int) - picture).mean() < 6
    (tmp_path / "a.jpg").write_bytes(data[:-40] + b"\xff")
    with pytest.raises(DataError, match="cut short"):
        read_image(tmp_path / "a.jpg")


def test_huge_files_are_not_read(tmp_path):
    """Videos that are called pictures may be larger than the memory."""
    with open(tmp_path / "a.jpg", "wb") as file:
        file.write(b"\0\0\0\x20ftypisom")
        file.truncate(1 << 40)
    for read in (read_image, stored_size):
        with pytest.raises(DataError, match=r"a\.jpg: a video of 1,099,511,627,776 bytes, expected at most"):
            read(tmp_path / "a.jpg")


def test_pipes_and_devices_are_refused_at_once(tmp_path):
    os.mkfifo(tmp_path / "a.jpg")
    for path in (tmp_path / "a.jpg", Path("/dev/zero")):
        with pytest.raises(DataError, match="expected a file"):
            read_image(path)
        with pytest.raises(DataError, match="expected a file"):
            stored_size(path)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "BMP", "WebP", "TIFF"])
def test_damaged_pictures_are_read_or_refused(tmp_path, picture, kind):
    image = Image.fromarray(picture)
    more = {"save_all": True, "append_images": [image]} if kind in ("PNG", "WebP", "TIFF") else {}
    files = [encode(image, kind, 6), encode(image.convert("L"), kind), encode(image, kind, **more)]

    def damage(rng):
        return mutate(files[rng.integers(len(files))], rng)

    for size in (None, (48, 32)):
        refused = check_survival(
            lambda path, size=size: read_image(path, size), damage, tmp_path / "a", repeats(300, 5000)
        )
        assert refused > 50


def test_every_real_image_is_read(test_data):
    for path in sorted((test_data / "coco_mini").glob("*2017/*.jpg")):
        assert np.abs(read_image(path)[..., ::-1].astype(int) - cv2.imread(str(path))).max() == 0
