"""Pictures as they come from the field."""

import cv2
import numpy as np
import pytest
from PIL import Image

from cpm import DataError
from cpm.datasets import read_image


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


def test_exif_rotation_is_applied_unless_the_annotations_say_otherwise(tmp_path, picture):
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was turned: show the picture rotated by 90 degrees clockwise
    Image.fromarray(picture).save(tmp_path / "a.jpg", exif=exif, quality=95)
    turned = read_image(tmp_path / "a.jpg")
    assert turned.shape == (48, 32, 3)
    assert np.abs(turned.astype(int) - np.rot90(picture, -1)).mean() < 5
    assert read_image(tmp_path / "a.jpg", size=(32, 48)).shape == (48, 32, 3)
    assert np.abs(read_image(tmp_path / "a.jpg", size=(48, 32)).astype(int) - picture).mean() < 5


@pytest.mark.parametrize("mode", ["L", "CMYK"])
def test_grey_and_cmyk_become_rgb(tmp_path, picture, mode):
    converted = Image.fromarray(picture).convert(mode)
    converted.save(tmp_path / "a.jpg", quality=95)
    expected = np.asarray(converted.convert("RGB")).astype(int)
    assert np.abs(read_image(tmp_path / "a.jpg") - expected).mean() < 6


def test_missing_empty_foreign_and_wrong_size_are_told_apart(tmp_path, picture):
    with pytest.raises(DataError, match=r"nowhere\.jpg: cannot read"):
        read_image(tmp_path / "nowhere.jpg")
    for content in (b"", b"not an image"):
        (tmp_path / "a.jpg").write_bytes(content)
        with pytest.raises(DataError, match=rf"a\.jpg: not an image .*{len(content)} bytes"):
            read_image(tmp_path / "a.jpg")
    Image.fromarray(picture).save(tmp_path / "a.png")
    with pytest.raises(DataError, match="the image is 48x32, its annotations say 50x32"):
        read_image(tmp_path / "a.png", size=(50, 32))


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


def test_every_real_image_is_read(test_data):
    for path in sorted((test_data / "coco_mini").glob("*2017/*.jpg")):
        assert np.abs(read_image(path)[..., ::-1].astype(int) - cv2.imread(str(path))).max() == 0
