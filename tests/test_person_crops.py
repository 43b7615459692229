"""Crops of people: image and joints move together, and the boxes are those of the published rules."""

import json

import numpy as np
import pytest

from cpm import ConfigError, DataError
from cpm.datasets.samples.person_crops import CropAugmentation, PersonBox, box_of, crop_warp, matches_box, mpii_box_of
from cpm.skeletons import COCO_17

from .reference import topdown as reference

WRIST, MIRRORED = COCO_17.joints.index("left_wrist"), COCO_17.joints.index("right_wrist")


def one_joint(x, y, v=2, joint=WRIST):
    keypoints = np.zeros((17, 3), np.float32)
    keypoints[joint] = (x, y, v)
    return keypoints


@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize("seed", range(25))
def test_bright_pixel_and_joint_land_together(seed, mirrored):
    rng = np.random.default_rng(seed)
    x, y = int(rng.integers(70, 90)), int(rng.integers(50, 70))
    image = np.zeros((120, 160, 3), np.uint8)
    image[y, x] = 255
    size = [(256, 192), (256, 256), (131, 97)][seed % 3]
    box = PersonBox((80.3, 59.6), 45.0, 45.0 * size[0] / size[1])
    factor, degrees, _ = CropAugmentation(rotation_probability=1).draw(rng)
    warp = crop_warp(box, size, factor, degrees, mirrored)
    moved = warp.keypoints(one_joint(x, y), COCO_17)
    assert np.flatnonzero(moved[:, 2]).tolist() == [MIRRORED if mirrored else WRIST]
    moved = moved[MIRRORED if mirrored else WRIST]
    light = warp.image(image)[..., 1].astype(float)
    assert light.shape == size
    rows, columns = np.indices(light.shape)
    centroid = (columns * light).sum() / light.sum(), (rows * light).sum() / light.sum()
    assert centroid == pytest.approx(moved[:2], abs=0.1)
    assert warp.inverse @ [*centroid, 1] == pytest.approx([x, y], abs=0.1)
    assert warp.inverse @ [*moved[:2], 1] == pytest.approx([x, y], abs=1e-4)
    assert moved[2] == 2


@pytest.mark.parametrize("seed", range(25))
def test_warp_is_the_published_one_half_a_pixel_away(seed):
    rng = np.random.default_rng(seed)
    crop = (192, 256) if seed % 2 else (384, 384)  # width first, as the published code
    center, width = rng.uniform(0, 600, 2), rng.uniform(20, 900)
    degrees = rng.uniform(-80, 80)
    box = PersonBox(tuple(center), width, width * crop[1] / crop[0])
    warp = crop_warp(box, crop[::-1], degrees=degrees)
    ours = reference.crop_matrix(center, (box.width, box.height), crop, degrees, ((crop[0] - 1) / 2, (crop[1] - 1) / 2))
    np.testing.assert_allclose(warp.matrix, ours, rtol=1e-3, atol=2e-3)
    published = reference.crop_matrix(center, (box.width, box.height), crop, degrees, (crop[0] / 2, crop[1] / 2))
    np.testing.assert_allclose(published[:, 2] - warp.matrix[:, 2], 0.5, atol=2e-3)


def test_middle_of_the_box_lands_in_the_middle_at_the_right_size():
    box = PersonBox((300.0, 200.0), 90.0, 120.0)
    for mirrored in (False, True):
        warp = crop_warp(box, (256, 192), 1.2, mirrored=mirrored)
        assert warp.matrix @ (300, 200, 1) == pytest.approx((95.5, 127.5))
        left, right = warp.inverse @ (0, 0, 1), warp.inverse @ (10, 0, 1)
        assert abs(left[0] - right[0]) == pytest.approx(10 * 1.2 * 90 / 192)


def test_mirroring_is_exact_and_last():
    box, size = PersonBox((80.0, 60.0), 64.0, 64.0), (64, 64)
    plain, mirrored = (crop_warp(box, size, 1.1, 30.0, flag) for flag in (False, True))
    for x, y in ((80, 60), (70, 51), (95, 66)):
        there, back = plain.matrix @ (x, y, 1), mirrored.matrix @ (x, y, 1)
        assert back == pytest.approx((63 - there[0], there[1]), abs=1e-9)
    image = np.random.default_rng(0).integers(0, 255, (120, 160, 3), np.uint8)
    upright = [crop_warp(box, size, mirrored=flag).image(image) for flag in (False, True)]
    np.testing.assert_array_equal(upright[1][:, ::-1], upright[0])


def test_above_0_degrees_is_counterclockwise():
    warp = crop_warp(PersonBox((50.0, 50.0), 101.0, 101.0), (101, 101), degrees=90)
    assert warp.matrix @ (70, 50, 1) == pytest.approx((50, 30))


def test_joints_outside_or_unlabelled_are_zero():
    warp = crop_warp(PersonBox((80.0, 60.0), 64.0, 64.0), (64, 64))
    keypoints = np.stack([one_joint(80, 60), one_joint(5, 60), one_joint(80, 60, 0), one_joint(112.2, 60)])
    moved = warp.keypoints(keypoints, COCO_17)
    assert (moved.shape, moved.dtype) == ((4, 17, 3), np.float32)
    assert moved[0, WRIST] == pytest.approx((31.5, 31.5, 2))
    assert not moved[1:].any()
    assert warp.keypoints(keypoints, COCO_17, margin=1.0)[3, WRIST] == pytest.approx((63.7, 31.5, 2))
    assert not warp.keypoints(one_joint(np.nan, 60), COCO_17).any()


def test_outside_of_the_image_is_the_fill():
    warp = crop_warp(PersonBox((0.0, 0.0), 64.0, 64.0), (64, 64))
    crop = warp.image(np.full((40, 40, 3), 200, np.uint8), fill=9)
    assert (crop[:31] == 9).all()
    assert (crop[33:, 33:] == 200).all()
    assert not warp.image(np.full((40, 40, 3), 200, np.uint8))[:31].any()


@pytest.mark.parametrize("aspect", [0.75, 1.0, 1.5])
def test_boxes_are_the_published_ones(aspect):
    rng = np.random.default_rng(0)
    for _ in range(300):
        size = rng.integers(50, 700, 2).tolist()
        bbox = [*(rng.uniform(-10, 0.9 * np.array(size))), *rng.uniform(12, 400, 2)]
        box = box_of(bbox, size[::-1], aspect)
        center, extent = reference.box_of(bbox, size, aspect)
        assert (*box.center, box.width, box.height) == pytest.approx((*center, *extent))
        assert box.width == pytest.approx(aspect * box.height)
    assert box_of([10, 20, 31, 41], (480, 640), 0.75, 1.0) == PersonBox((25.0, 40.0), 30.0, 40.0)


def test_boxes_of_coco(test_data):
    file = test_data / "coco_mini" / "annotations" / "person_keypoints_val2017.json"
    content = json.loads(file.read_text())
    sizes = {image["id"]: (image["width"], image["height"]) for image in content["images"]}
    taken = dropped = labelled = inside = 0
    for person in content["annotations"]:
        if person["iscrowd"] or not person["num_keypoints"]:
            continue
        size, keypoints = sizes[person["image_id"]], np.reshape(person["keypoints"], (17, 3))
        box = box_of(person["bbox"], size[::-1], 0.75)
        center, extent = reference.box_of(person["bbox"], size, 0.75)
        assert (*box.center, box.width, box.height) == pytest.approx((*center, *extent))
        matched = matches_box(keypoints, box)
        assert matched == reference.matches_box(keypoints, center, extent)
        taken, dropped = taken + matched, dropped + (not matched)
        labelled += (keypoints[:, 2] > 0).sum()
        inside += (crop_warp(box, (256, 192)).keypoints(keypoints, COCO_17)[:, 2] > 0).sum()
    assert taken > 50
    assert dropped > 0
    assert inside > 0.99 * labelled


def test_boxes_of_mpii():
    assert mpii_box_of((100.0, 200.0), 2.0, 1.0) == PersonBox((100.0, 230.0), 500.0, 500.0)
    assert mpii_box_of((100.0, 200.0), 2.0, 0.5) == PersonBox((100.0, 230.0), 500.0, 1000.0)
    assert mpii_box_of((100.0, 200.0), 2.0, 2.0) == PersonBox((100.0, 230.0), 1000.0, 500.0)


def test_selection_is_the_published_one():
    rng = np.random.default_rng(0)
    passed = []
    for _ in range(400):
        box = PersonBox(tuple(rng.uniform(0, 300, 2)), *rng.uniform(50, 300, 2))
        keypoints = np.empty((17, 3))
        keypoints[:, :2] = rng.normal(box.center, np.array([box.width, box.height]) / 4, (17, 2)) + rng.normal(0, 20, 2)
        keypoints[:, 2] = rng.integers(0, 3, 17) * (rng.random() < 0.9)
        passed.append(matches_box(keypoints, box))
        assert passed[-1] == reference.matches_box(keypoints, box.center, (box.width, box.height))
    assert 50 < sum(passed) < 350


def test_augmentation_has_the_published_distribution():
    rng = np.random.default_rng(0)
    factors, degrees, mirrored = np.array([CropAugmentation().draw(rng) for _ in range(20000)]).T
    assert (factors.min(), factors.max()) == pytest.approx((0.7, 1.3))
    assert (degrees.min(), degrees.max()) == pytest.approx((-80, 80))
    # one in six of a normal distribution is beyond one sigma to a side, one in 44 beyond two
    assert (factors == factors.max()).mean() == pytest.approx(0.1587, abs=0.01)
    assert (degrees == 80).mean() == pytest.approx(0.6 * 0.0228, abs=0.004)
    assert (degrees == 0).mean() == pytest.approx(0.4, abs=0.015)
    assert degrees[(degrees != 0) & (np.abs(degrees) < 80)].std() == pytest.approx(0.88 * 40, rel=0.03)
    assert mirrored.mean() == pytest.approx(0.5, abs=0.015)
    assert CropAugmentation().without_chance().draw(rng) == (1.0, 0.0, False)


def test_draws_depend_on_the_generator_only():
    first, second = (CropAugmentation().draw(np.random.default_rng((7, 1, 3))) for _ in range(2))
    assert first == second != CropAugmentation().draw(np.random.default_rng((7, 1, 4)))


NAN = float("nan")
BOX = PersonBox((50.0, 50.0), 40.0, 40.0)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: box_of([200, 0, 10, 10], (100, 100), 1), DataError, r"covers nothing of an image of 100 x 100"),
        (lambda: box_of([-20, 0, 10, 10], (100, 100), 1), DataError, "covers nothing"),
        (lambda: box_of([10, 10, 0, 10], (100, 100), 1), DataError, "covers nothing"),
        (lambda: box_of([10, 10, -5, 10], (100, 100), 1), DataError, "covers nothing"),
        (lambda: box_of([10, 10, 1, 1], (100, 100), 1), DataError, "covers nothing"),
        (lambda: box_of([10, 10, NAN, 10], (100, 100), 1), DataError, "nan.*expected left, top"),
        (lambda: box_of([10, 10, 10], (100, 100), 1), DataError, "expected left, top"),
        (lambda: box_of([10, 10, 10, 10], (100, 0), 1), DataError, "on 0 x 100 pixels"),
        (lambda: box_of([10, 10, 10, 10], (100, 100), 0), ConfigError, "aspect is 0"),
        (lambda: box_of([10, 10, 10, 10], (100, 100), 1, NAN), ConfigError, "enlarge is nan"),
        (lambda: mpii_box_of((NAN, 1), 1, 1), DataError, r"centre \(nan, 1\)"),
        (lambda: mpii_box_of((1, 1), 0, 1), DataError, "the scale 0,"),
        (lambda: mpii_box_of((1, 1), 1, -1), ConfigError, "aspect is -1"),
        (lambda: PersonBox((1, 1), 0, 1), DataError, "two sides above 0"),
        (lambda: PersonBox((1, float("inf")), 1, 1), DataError, "two sides above 0"),
        (lambda: CropAugmentation(scale=1), ConfigError, "scale is 1, expected 0 to below 1"),
        (lambda: CropAugmentation(rotation=NAN), ConfigError, "rotation is nan"),
        (lambda: CropAugmentation(rotation_probability=2), ConfigError, "rotation_probability is 2"),
        (lambda: CropAugmentation(flip=-1), ConfigError, "flip is -1, expected 0 to 1"),
        (lambda: crop_warp(BOX, (0, 64)), ConfigError, r"size is \(0, 64\)"),
        (lambda: crop_warp(BOX, (64.5, 64)), ConfigError, "two whole numbers"),
        (lambda: crop_warp(BOX, (64, 64), 0), ConfigError, "factor is 0"),
        (lambda: crop_warp(BOX, (64, 64), 1, NAN), ConfigError, "degrees is nan"),
        (lambda: crop_warp(BOX, (64, 64)).image(np.zeros((9, 9), np.uint8)), DataError, r"uint8 \(9, 9\)"),
        (lambda: crop_warp(BOX, (64, 64)).image(np.zeros((2, 40000, 3), np.uint8)), DataError, "40000 x 2 pixels"),
        (lambda: crop_warp(BOX, (64, 64)).keypoints(np.zeros((16, 3)), COCO_17), DataError, r"expects \(\.\.\., 17, 3"),
        (lambda: matches_box(np.zeros((17, 2)), BOX), DataError, r"\(17, 2\), expected \(K, 3\)"),
        (lambda: matches_box(np.full((17, 3), NAN), BOX), DataError, "finite"),
    ],
)
def test_mistakes(call, error, message):
    with pytest.raises(error, match=message) as caught:
        call()
    assert "\n" not in str(caught.value)
