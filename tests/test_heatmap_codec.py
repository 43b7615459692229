"""The heatmaps of one person: both grids, there and back."""

import gzip
import json

import numpy as np
import pytest

from cpm import ConfigError, DataError, Skeleton
from cpm.codecs import HeatmapCodec, Targets
from cpm.datasets.samples.person_crops import crop_warp, mpii_box_of
from cpm.skeletons import COCO_17, MPII_16

from .reference import topdown as reference

SIZE = (256, 192)
PAIRS = [(k, k + 1) for k in range(1, 17, 2)]
DOT = Skeleton("dot", ("dot",), ())


def random_person(rng, size=SIZE, margin=0.0, joints=17):
    """(1, K, 3): joints up to a margin outside of the crop, some unlabelled."""
    keypoints = np.empty((1, joints, 3))
    keypoints[0, :, 0] = rng.uniform(-0.5 - margin, size[1] - 0.5 + margin, joints)
    keypoints[0, :, 1] = rng.uniform(-0.5 - margin, size[0] - 0.5 + margin, joints)
    keypoints[0, :, 2] = rng.integers(0, 3, joints)
    return keypoints


def weights_of(targets):
    """(K,): how much each joint counts."""
    return targets.weights["heatmaps"][:, 0, 0]


def unmirror(codec, maps):
    """Return maps of a mirror image as those of the image: twice their average with maps of zeros."""
    return 2 * codec.average({"heatmaps": np.zeros_like(maps)}, {"heatmaps": maps})["heatmaps"]


@pytest.mark.parametrize("unbiased", [False, True])
@pytest.mark.parametrize(("stride", "sigma"), [(4, 2.0), (4, 3.0), (8, 1.0), (1, 1.5), (3, 0.4)])
def test_maps_are_the_formulas(unbiased, stride, sigma):
    rng = np.random.default_rng(stride)
    size = (17 * stride, 12 * stride)
    codec = HeatmapCodec(COCO_17, stride, sigma, unbiased)
    draw = reference.draw_exactly if unbiased else reference.draw
    cut_off = 0
    for _ in range(5):
        keypoints = random_person(rng, size, 5 * sigma * stride)
        targets = codec.encode(keypoints, size)
        maps, weights = draw(keypoints[0], size, stride, sigma)
        np.testing.assert_allclose(targets["heatmaps"], maps, atol=1e-6)
        np.testing.assert_array_equal(weights_of(targets), weights)
        assert targets["heatmaps"].dtype == weights_of(targets).dtype == np.float32
        cut_off += ((keypoints[0, :, 2] > 0) & (weights == 0)).sum()
    assert cut_off > 0


def test_known_values():
    dot = HeatmapCodec(DOT).encode([[[41.9, 42, 1]]], (64, 80))["heatmaps"][0]
    assert dot[11, 10] == 1  # 10.475 and 10.5 cells
    assert dot[11, 16] == pytest.approx(np.exp(-36 / 8))
    assert dot[11, 17] == 0
    assert dot[5, 4] == pytest.approx(np.exp(-9))
    assert HeatmapCodec(DOT).encode([[[-5.9, 0, 1]]], (64, 80))["heatmaps"][0, 0, 0] == 1  # -0.975 becomes 0
    exact = HeatmapCodec(DOT, unbiased=True).encode([[[41.5, 43.5, 1]]], (64, 80))["heatmaps"][0]
    assert exact[10, 10] == pytest.approx(np.exp(-0.25 / 8))
    assert exact[11, 10] == pytest.approx(np.exp(-0.25 / 8))


def test_far_away_joints_draw_nothing():
    keypoints = np.array([[1e300, 5, 2], [5, -1e308, 2], [5, 5, 0], [-1e18, 1e18, 1], *[[0, 0, 0]] * 13])
    for unbiased in (False, True):
        targets = HeatmapCodec(COCO_17, unbiased=unbiased).encode(keypoints[None], SIZE)
        assert not targets["heatmaps"].any()
        assert not weights_of(targets).any()


def test_buffers_are_reused():
    rng = np.random.default_rng(1)
    maps = np.full((17, 64, 48), np.nan, np.float32)
    out = Targets({"heatmaps": maps}, {"heatmaps": np.full((17, 1, 1), np.nan, np.float32)})
    for unbiased in (False, True):
        codec, keypoints = HeatmapCodec(COCO_17, unbiased=unbiased), random_person(rng)
        fresh = codec.encode(keypoints, SIZE)
        assert codec.encode(keypoints, SIZE, out) is out
        np.testing.assert_array_equal(maps, fresh["heatmaps"])
        np.testing.assert_array_equal(weights_of(out), weights_of(fresh))


def test_quarter_of_a_cell_as_published():
    rng = np.random.default_rng(0)
    codec = HeatmapCodec(COCO_17)
    for seed in range(30):
        maps = rng.integers(-3, 9 if seed % 2 else 0, (17, 9, 7)).astype(np.float32)  # with ties, and nothing above 0
        maps[0, 1, 3] = maps[1, 2, 2] = maps[2, 4, 5] = maps[3, 8, 3] = maps[4, 4, 6] = 20  # at and near the edges
        np.testing.assert_allclose(codec.find_joints(maps), reference.find(maps, 4), atol=1e-6)
        batch = np.stack([maps, maps[::-1]])
        np.testing.assert_array_equal(codec.find_joints(batch)[0], codec.find_joints(maps))
        np.testing.assert_array_equal(codec.find_joints(batch)[1], codec.find_joints(maps[::-1]))


@pytest.mark.parametrize("sigma", [1.0, 2.0, 3.0])
def test_unbiased_step_is_newtons(sigma):
    rng = np.random.default_rng(0)
    codec = HeatmapCodec(COCO_17, sigma=sigma, unbiased=True)
    keypoints = random_person(rng, (160, 160), -50)
    keypoints[..., 2] = 2
    maps = 0.8 * codec.encode(keypoints, (160, 160))["heatmaps"]
    maps += rng.normal(0, 0.01, maps.shape)
    found = codec.find_joints(maps)
    np.testing.assert_allclose(found, reference.find_between(maps, 4, sigma), atol=2e-3)
    assert np.abs(found[:, :2] - keypoints[0, :, :2]).mean() < 0.3


@pytest.mark.parametrize("sigma", [1.0, 2.0, 3.0])
def test_unbiased_finds_the_place_up_to_the_edge(sigma):
    rng = np.random.default_rng(2)
    codec = HeatmapCodec(COCO_17, sigma=sigma, unbiased=True)
    for _ in range(40):
        keypoints = random_person(rng)
        keypoints[..., 2] = 1
        keypoints[0, :8, rng.integers(2)] = rng.uniform(-0.5, 6, 8)
        found = codec.find_joints(codec.encode(keypoints, SIZE)["heatmaps"])
        np.testing.assert_allclose(found[:, :2], keypoints[0, :, :2], atol=0.03)


def test_unbiased_stays_inside():
    rng = np.random.default_rng(3)
    for seed in range(60):
        rows, columns = rng.integers(1, 9, 2)
        codec = HeatmapCodec(COCO_17, sigma=[0.3, 2.0, 9.0][seed % 3], unbiased=True)
        for maps in (
            rng.random((17, rows, columns)),
            rng.normal(-1, 1, (17, rows, columns)),
            np.ones((17, rows, columns)),
            np.eye(rows * columns)[rng.integers(0, rows * columns, 17)].reshape(17, rows, columns),
            1e-30 * rng.random((17, rows, columns)),
        ):
            found = codec.find_joints(maps)
            assert np.isfinite(found).all()
            place = (found[found[:, 2] > 0, :2] - 1.5) / 4
            assert (place >= -0.5 - 1e-6).all()
            assert (place <= np.array([columns, rows]) - 0.5 + 1e-6).all()
    outside = codec.encode(np.tile([-12.0, 300, 1], (1, 17, 1)), SIZE)
    assert weights_of(outside).all()
    np.testing.assert_allclose(codec.find_joints(outside["heatmaps"])[:, :2], [[-0.5, 255.5]] * 17, atol=1e-4)


def test_nothing_above_zero_is_no_joint():
    for unbiased in (False, True):
        codec = HeatmapCodec(COCO_17, unbiased=unbiased)
        assert not codec.find_joints(np.zeros((17, 8, 8))).any()
        assert not codec.find_joints(np.full((2, 17, 8, 8), -1.0)).any()
        assert codec.find_joints(np.zeros((0, 17, 8, 8))).shape == (0, 17, 3)


@pytest.fixture(scope="module")
def mpii_crops(test_data):
    """(N, 16, 3): the people of MPII's validation split in their crops of 256 x 256 pixels."""
    content = json.loads(gzip.decompress((test_data / "mpii" / "mpii_annotations.json.gz").read_bytes()))
    crops = []
    for person in content:
        if person["isValidation"]:
            joints = np.array(person["joint_self"])
            joints[:, 2] = joints[:, :2].any(axis=1)
            box = mpii_box_of(person["objpos"], person["scale_provided"], 1.0)
            crops.append(crop_warp(box, (256, 256)).keypoints(joints, MPII_16))
    return np.stack(crops)


@pytest.mark.parametrize(("unbiased", "mean", "most"), [(False, 1.6, 4.0), (True, 0.002, 0.02)])
def test_there_and_back_on_mpii(mpii_crops, unbiased, mean, most):
    codec = HeatmapCodec(MPII_16, unbiased=unbiased)
    labelled, found, out = mpii_crops[..., 2] > 0, np.empty_like(mpii_crops), None
    for place, keypoints in enumerate(mpii_crops):
        out = codec.encode(keypoints[None], (256, 256), out)
        np.testing.assert_array_equal(weights_of(out), labelled[place])
        found[place] = codec.find_joints(out["heatmaps"])
    assert len(mpii_crops) == 2958
    assert labelled.sum() > 40000
    np.testing.assert_array_equal(found[..., 2] > 0, labelled)
    error = np.linalg.norm((found - mpii_crops)[labelled][:, :2], axis=1)
    assert error.mean() < mean
    assert error.max() < most


def mirrored(keypoints, size=SIZE):
    """Annotate the mirror image."""
    keypoints = keypoints[:, COCO_17.flip_joints].copy()
    keypoints[..., 0] = size[1] - 1 - keypoints[..., 0]
    return keypoints


def test_unbiased_maps_of_the_mirror_image_are_the_same():
    rng = np.random.default_rng(4)
    codec = HeatmapCodec(COCO_17, unbiased=True)
    for _ in range(20):
        keypoints = random_person(rng, margin=30)
        plain, mirror = codec.encode(keypoints, SIZE), codec.encode(mirrored(keypoints), SIZE)
        np.testing.assert_allclose(unmirror(codec, mirror["heatmaps"]), plain["heatmaps"], atol=1e-5)
        np.testing.assert_array_equal(weights_of(mirror)[COCO_17.flip_joints], weights_of(plain))


def test_mirror_images_of_a_warp_too():
    rng = np.random.default_rng(5)
    codec, box = HeatmapCodec(COCO_17, unbiased=True), mpii_box_of((200.0, 150.0), 1.0, 0.75)
    keypoints = random_person(rng, (300, 400))
    maps = [
        codec.encode(crop_warp(box, (256, 192), 1.1, 25.0, flag).keypoints(keypoints, COCO_17), SIZE)["heatmaps"]
        for flag in (False, True)
    ]
    assert maps[0].any()
    np.testing.assert_allclose(unmirror(codec, maps[1]), maps[0], atol=1e-4)


def test_shift_is_the_published_one():
    rng = np.random.default_rng(6)
    maps = rng.random((17, 8, 6)).astype(np.float32)
    shifted, plain = HeatmapCodec(COCO_17), HeatmapCodec(COCO_17, shift_flipped=False)
    before = maps.copy()
    np.testing.assert_array_equal(unmirror(shifted, maps), reference.unmirror(maps, PAIRS, shift=True))
    np.testing.assert_array_equal(unmirror(plain, maps), reference.unmirror(maps, PAIRS, shift=False))
    np.testing.assert_array_equal(unmirror(shifted, np.stack([maps, maps[::-1]]))[0], unmirror(shifted, maps))
    np.testing.assert_array_equal(maps, before)
    exact = HeatmapCodec(COCO_17, unbiased=True)  # has nothing to shift
    np.testing.assert_array_equal(unmirror(exact, maps), unmirror(plain, maps))


def test_shift_makes_up_for_the_grid():
    rng = np.random.default_rng(7)
    shifted, plain = HeatmapCodec(COCO_17), HeatmapCodec(COCO_17, shift_flipped=False)
    keypoints = np.full((1, 17, 3), 2.0)
    keypoints[0, :, 0] = 4 * rng.integers(2, 46, 17)
    keypoints[0, :, 1] = 4 * rng.integers(2, 62, 17)
    maps = shifted.encode(keypoints, SIZE)["heatmaps"]
    mirror = shifted.encode(mirrored(keypoints), SIZE)["heatmaps"]
    np.testing.assert_array_equal(unmirror(shifted, mirror)[..., 1:], maps[..., 1:])
    assert (unmirror(plain, mirror).argmax(axis=2).max(axis=1) == maps.argmax(axis=2).max(axis=1) - 1).all()


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: HeatmapCodec(COCO_17, stride=0), ConfigError, "stride is 0, expected a whole number"),
        (lambda: HeatmapCodec(COCO_17, stride=2.5), ConfigError, "stride is 2.5"),
        (lambda: HeatmapCodec(COCO_17, stride=float("inf")), ConfigError, "stride is inf"),
        (lambda: HeatmapCodec(COCO_17, sigma=float("nan")), ConfigError, "sigma is nan, expected above 0"),
        (lambda: HeatmapCodec(COCO_17).encode(np.zeros((17, 3)), SIZE), DataError, r"COCO_17 expects \(N, 17, 3\)"),
        (lambda: HeatmapCodec(COCO_17).encode(np.zeros((2, 17, 3)), SIZE), DataError, "keypoints of 2 people"),
        (lambda: HeatmapCodec(COCO_17).encode(np.zeros((0, 17, 3)), SIZE), DataError, "keypoints of 0 people"),
        (lambda: HeatmapCodec(COCO_17).encode(np.full((1, 17, 3), np.nan), SIZE), DataError, "not finite"),
        (lambda: HeatmapCodec(COCO_17).encode(np.zeros((1, 17, 3)), (255, 192)), DataError, "255 x 192 pixels"),
        (lambda: HeatmapCodec(COCO_17).encode(np.zeros((1, 17, 3)), (0, 192)), DataError, "positive multiples"),
        (lambda: HeatmapCodec(COCO_17).find_joints(np.zeros((16, 8, 8))), DataError, r"shape \(16, 8, 8\), COCO_17"),
        (lambda: HeatmapCodec(COCO_17).find_joints(np.zeros((17, 8))), DataError, r"\(B, 17, h, w\)"),
        (lambda: HeatmapCodec(COCO_17).find_joints(np.zeros((17, 0, 8))), DataError, r"\(17, 0, 8\)"),
        (lambda: HeatmapCodec(COCO_17).find_joints(np.full((17, 8, 8), np.nan)), DataError, "not finite"),
        (lambda: unmirror(HeatmapCodec(COCO_17), np.zeros((18, 8, 8))), DataError, r"\(18, 8, 8\)"),
    ],
)
def test_mistakes(call, error, message):
    with pytest.raises(error, match=message) as caught:
        call()
    assert "\n" not in str(caught.value)


def test_out_must_fit():
    codec, good = HeatmapCodec(COCO_17), HeatmapCodec(COCO_17).encode(np.zeros((1, 17, 3)), SIZE)
    for out in (
        Targets({"heatmaps": good["heatmaps"][:, 1:]}, good.weights),
        Targets({"heatmaps": good["heatmaps"].astype(float)}, good.weights),
        Targets({}, good.weights),
        Targets(good.maps, {"heatmaps": good.weights["heatmaps"][:, 0, 0]}),
        Targets(good.maps),
    ):
        with pytest.raises(DataError, match=r"out holds .*expected a contiguous float32") as error:
            codec.encode(np.zeros((1, 17, 3)), SIZE, out)
        assert "\n" not in str(error.value)
