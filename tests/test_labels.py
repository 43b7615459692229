"""Encoding: the drawn labels against their formulas."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from pycocotools import mask as coco_mask

from cpm import ConfigError, DataError, Skeleton
from cpm.codecs import PafCodec, Targets
from cpm.ops.masks import draw_runs
from cpm.skeletons import COCO_17, MPI_15, OPENPOSE_18

from .reference import labels as reference

STICK = Skeleton("stick", ("a", "b"), (("a", "b"),))


def random_people(rng, people, joints, size):
    """(N, K, 3): crowded, some joints outside the picture, some unlabelled."""
    keypoints = np.empty((people, joints, 3))
    keypoints[..., 0] = rng.uniform(-40, size[1] + 40, (people, joints))
    keypoints[..., 1] = rng.uniform(-40, size[0] + 40, (people, joints))
    keypoints[..., 2] = rng.integers(0, 3, (people, joints))
    return keypoints


@pytest.mark.parametrize("skeleton", [OPENPOSE_18, COCO_17, MPI_15, STICK], ids=lambda skeleton: skeleton.name)
@pytest.mark.parametrize(
    ("stride", "sigma", "width"), [(8, 7.0, 1.0), (4, 7.0, 1.5), (1, 2.0, 3.0), (5, 20.0, 0.6), (8, 2.0, 2.0)]
)
def test_labels_are_the_formulas(skeleton, stride, sigma, width):
    rng = np.random.default_rng(stride)
    codec = PafCodec(skeleton, stride, sigma, width)
    for people in (0, 1, 12):
        cells = (int(rng.integers(8, 24)), int(rng.integers(8, 24)))
        size = (cells[0] * stride, cells[1] * stride)
        keypoints = random_people(rng, people, skeleton.num_joints, size)
        targets = codec.encode(keypoints, size)
        heatmaps = reference.draw_heatmaps(keypoints, skeleton.num_joints, stride, sigma, cells)
        pafs = reference.draw_pafs(keypoints, skeleton.limb_joints, stride, width, cells)
        np.testing.assert_allclose(targets["heatmaps"], heatmaps, atol=1e-6)
        np.testing.assert_allclose(targets["pafs"], pafs, atol=1e-6)
        assert targets["heatmaps"].dtype == targets["pafs"].dtype == np.float32


def test_known_values():
    heatmap = PafCodec(STICK).encode([[[100, 60, 2], [0, 0, 0]]], (368, 368))["heatmaps"][0]
    for x, y, value in [(12, 7, 0.994911), (11, 7, 0.477211), (12, 6, 0.477211), (13, 7, 0.561844)]:
        assert heatmap[y, x] == pytest.approx(value, abs=1e-6)
    # of 5 x 5 cells nearer than 21.24 pixels along each axis, the four in the corners are farther
    assert (heatmap > 0).sum() == 21
    assert heatmap[heatmap > 0].min() >= 0.01


def test_limb_covers_one_cell_to_each_side():
    pafs = PafCodec(STICK).encode([[[35.5, 43.5, 2], [75.5, 43.5, 1]]], (96, 128))["pafs"]  # cells 4 to 9 of row 5
    expected = np.zeros((2, 12, 16), np.float32)
    expected[0, 4:7, 3:11] = 1
    np.testing.assert_array_equal(pafs, expected)


def test_overlapping_limbs_are_averaged_and_heatmaps_not():
    across, down = [[35.5, 43.5, 2], [75.5, 43.5, 2]], [[59.5, 11.5, 2], [59.5, 83.5, 2]]
    targets = PafCodec(STICK).encode([across, down, across], (96, 128))
    assert targets["pafs"][:, 5, 7].tolist() == pytest.approx([2 / 3, 1 / 3])
    assert targets["pafs"][:, 5, 4].tolist() == [1, 0]
    assert targets["heatmaps"][0, 5, 4] == 1


@pytest.mark.parametrize("stop", [[50, 50, 2], [50 + 1e-7, 50, 2], [80, 50, 0]])
def test_limbs_without_length_or_end_draw_nothing(stop):
    assert not PafCodec(STICK).encode([[[50, 50, 2], stop]], (96, 96))["pafs"].any()


def test_background_is_what_is_left():
    rng = np.random.default_rng(0)
    heatmaps = PafCodec(OPENPOSE_18).encode(random_people(rng, 5, 18, (160, 240)), (160, 240))["heatmaps"]
    np.testing.assert_array_equal(heatmaps[-1], 1 - heatmaps[:-1].max(axis=0))
    assert (PafCodec(OPENPOSE_18).encode(np.zeros((0, 18, 3)), (160, 240))["heatmaps"][-1] == 1).all()


def test_joint_outside_draws_what_reaches_inside():
    heatmap = PafCodec(STICK).encode([[[-4.5, 43.5, 2], [0, 0, 0]]], (96, 96))["heatmaps"][0]
    assert heatmap[5, 0] == pytest.approx(np.exp(-64 / 98))
    far = PafCodec(STICK).encode([[[1e12, -1e300, 2], [-1e300, 1e12, 2]]], (96, 96))
    assert not far["heatmaps"][:-1].any()


def test_buffers_are_reused():
    rng = np.random.default_rng(1)
    codec, size = PafCodec(OPENPOSE_18), (160, 240)
    maps = {"heatmaps": np.full((19, 20, 30), np.nan, np.float32), "pafs": np.full((38, 20, 30), np.nan, np.float32)}
    out = Targets(maps)
    for _ in range(3):
        keypoints = random_people(rng, 6, 18, size)
        fresh = codec.encode(keypoints, size)
        assert codec.encode(keypoints, size, out) is out
        np.testing.assert_array_equal(out["heatmaps"], fresh["heatmaps"])
        np.testing.assert_array_equal(out["pafs"], fresh["pafs"])


def test_threads_draw_what_one_draws():
    rng = np.random.default_rng(2)
    codec, size = PafCodec(OPENPOSE_18), (368, 368)
    crowds = [random_people(rng, 30, 18, size) for _ in range(200)]
    with ThreadPoolExecutor(2) as threads:
        drawn = list(threads.map(lambda people: codec.encode(people, size), crowds))
    for people, targets in zip(crowds, drawn):
        alone = codec.encode(people, size)
        np.testing.assert_array_equal(targets["heatmaps"], alone["heatmaps"])
        np.testing.assert_array_equal(targets["pafs"], alone["pafs"])


@pytest.mark.parametrize("seed", range(50))
def test_runs_are_drawn_as_by_pycocotools(seed):
    rng = np.random.default_rng(seed)
    mask = np.asfortranarray(rng.random(rng.integers(1, 60, 2)) < rng.random(), np.uint8)
    mask[: seed % 4] = seed % 2  # long runs too
    pixels = np.full(mask.size, 9, np.uint8)
    draw_runs(coco_mask.encode(mask)["counts"], 5, pixels)
    np.testing.assert_array_equal(pixels, np.where(mask.ravel(order="F"), 5, 9))


def test_broken_runs_are_an_error_or_within_the_picture():
    rng = np.random.default_rng(0)
    refused = 0
    for _ in range(2000):
        code = bytes(rng.integers(0, 256, rng.integers(0, 40)).astype(np.uint8))
        pixels = np.zeros(300, np.uint8)
        try:
            draw_runs(code, 1, pixels[100:200])
        except ValueError:
            refused += 1
        assert not pixels[:100].any() and not pixels[200:].any()
    assert refused > 1000
    with pytest.raises(ValueError, match="run 0 of the run-length code is 9 pixels of 4"):
        draw_runs(b"9", 1, pixels[:4])


def test_mistakes_are_named():
    codec = PafCodec(STICK)
    joint = np.array([[[5, 5, 2], [9, 9, 2]]], float)
    with pytest.raises(DataError, match=r"100 x 96 pixels.*stride 8"):
        codec.encode(joint, (100, 96))
    with pytest.raises(DataError, match="0 x 96"):
        codec.encode(joint, (0, 96))
    with pytest.raises(DataError, match=r"\(1, 2, 2\).*\(N, 2, 3\)"):
        codec.encode(joint[..., :2], (96, 96))
    for broken in (np.nan, np.inf):
        with pytest.raises(DataError, match="not finite"):
            codec.encode(joint + np.array([broken, 0, 0]), (96, 96))
    shapes = (3, 12, 12), (2, 12, 12)
    for heatmaps, pafs in [
        (np.zeros(shapes[0]), np.zeros(shapes[1], np.float32)),
        (np.zeros(shapes[0], np.float32), np.zeros((2, 12, 13), np.float32)),
        (np.zeros(shapes[0], np.float32), np.zeros((2, 12, 24), np.float32)[..., ::2]),
    ]:
        with pytest.raises(DataError, match="expected a contiguous float32"):
            codec.encode(joint, (96, 96), Targets({"heatmaps": heatmaps, "pafs": pafs}))


@pytest.mark.parametrize(
    "options", [{"stride": 0}, {"stride": 2.5}, {"sigma": 0}, {"sigma": np.nan}, {"paf_width": -1}]
)
def test_impossible_codecs(options):
    with pytest.raises(ConfigError, match=next(iter(options))):
        PafCodec(STICK, **options)
