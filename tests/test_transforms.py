"""The warp: image, mask and joints move together."""

import numpy as np
import pytest

from cpm.datasets import Augmentation
from cpm.skeletons import COCO_17


def bright_pixel(x: int, y: int) -> tuple:
    """Return 3x3 bright pixels (so that shrinking does not lose them) and the joint in their middle."""
    image = np.zeros((120, 160, 3), np.uint8)
    image[y - 1 : y + 2, x - 1 : x + 2] = 255
    keypoints = np.zeros((1, 17, 3), np.float32)
    keypoints[0, COCO_17.joints.index("left_wrist")] = (x, y, 2)
    return image, keypoints


@pytest.mark.parametrize("seed", range(30))
def test_bright_pixel_and_joint_land_together(seed):
    rng = np.random.default_rng(seed)
    image, keypoints = bright_pixel(int(rng.integers(60, 100)), int(rng.integers(40, 80)))
    warp = Augmentation(crop=128, scale=(0.8, 1.4), shift=10.0).draw((80.0, 60.0), 70.0, rng)
    joint = "right_wrist" if warp.mirrored else "left_wrist"
    moved = warp.keypoints(keypoints, COCO_17)[0]
    assert (moved[:, 2] > 0).sum() == 1
    x, y, visibility = moved[COCO_17.joints.index(joint)]
    light = warp.image(image, 0)[..., 0].astype(float)
    rows, columns = np.mgrid[:128, :128]
    assert visibility == 2
    assert (columns * light).sum() / light.sum() == pytest.approx(x, abs=0.1)
    assert (rows * light).sum() / light.sum() == pytest.approx(y, abs=0.1)


def test_flip_is_an_exact_mirror():
    image = np.random.default_rng(0).integers(0, 255, (120, 160, 3), np.uint8)
    straight, mirrored = (
        Augmentation(crop=64, scale=(1, 1), rotation=0, shift=0, flip=flip).draw(
            (80, 60), 64 * 0.6, np.random.default_rng(0)
        )
        for flip in (0.0, 1.0)
    )
    np.testing.assert_array_equal(mirrored.image(image, 0)[:, ::-1], straight.image(image, 0))


def test_person_lands_in_the_middle_at_the_asked_size():
    augmentation = Augmentation(crop=368, height=0.6, scale=(0.5, 1.1)).without_chance()
    warp = augmentation.draw((300.0, 200.0), 150.0, np.random.default_rng(0))
    keypoints = np.zeros((1, 17, 3), np.float32)
    keypoints[0, 0], keypoints[0, 16] = (300, 125, 2), (300, 275, 2)
    (top_x, top_y, _), (bottom_x, bottom_y, _) = warp.keypoints(keypoints, COCO_17)[0, [0, 16]]
    assert (top_x, bottom_x) == pytest.approx((183.5, 183.5))
    assert bottom_y - top_y == pytest.approx(0.6 * 368 * 0.8)
    assert (top_y + bottom_y) / 2 == pytest.approx(183.5)


def test_joints_outside_or_unlabelled_are_zero():
    warp = Augmentation(crop=64, scale=(1, 1), rotation=0, shift=0, flip=0).draw(
        (80, 60), 64 * 0.6, np.random.default_rng(0)
    )
    keypoints = np.zeros((1, 17, 3), np.float32)
    keypoints[0, 0] = (80, 60, 2)
    keypoints[0, 1] = (5, 60, 2)
    keypoints[0, 2] = (80, 60, 0)
    moved = warp.keypoints(keypoints, COCO_17)[0]
    assert moved[0] == pytest.approx((31.5, 31.5, 2))
    assert not moved[1:].any()
