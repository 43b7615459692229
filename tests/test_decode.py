"""Decoding: against its plain Python twin, and people that are drawn must come back."""

import numpy as np
import pytest

from cpm import ConfigError, DataError, Skeleton
from cpm.codecs import RULES, DecodeRules, PafCodec
from cpm.ops import find_peaks, join_peaks
from cpm.skeletons import COCO_17, MPI_15, OPENPOSE_18, convert

from .helpers.bodies import BODY
from .helpers.scale import mostly_slow
from .reference import decode as reference

STICK = Skeleton("stick", ("a", "b"), (("a", "b"),))
RING = Skeleton("ring", ("a", "b", "c", "d"), (("a", "b"), ("b", "c"), ("c", "d"), ("d", "a")))
PAIRS = Skeleton("pairs", ("a", "b", "c", "d"), (("a", "b"), ("c", "d")))
ONE = DecodeRules(min_joints=1)


def crowd(columns, rows, rng=None):
    """(N, 18, 3) OPENPOSE_18 people in a grid, and the size of the picture."""
    size = (rows * 96, columns * 72)
    centers = np.array([(72 * i + 36, 96 * j + 46) for j in range(rows) for i in range(columns)], float)
    people = np.full((len(centers), 18, 3), 2.0)
    people[..., :2] = BODY + centers[:, None]
    if rng is not None:
        people[..., :2] += rng.uniform(-3, 3, (len(centers), 18, 2))
    return people, size


def named(heatmaps, pafs):
    return {"heatmaps": heatmaps, "pafs": pafs}


def peaks_of(heatmaps, threshold=0.1, sigma=0.875, limit=256):
    heatmaps = np.ascontiguousarray(heatmaps, np.float32)
    peaks, counts = np.empty((len(heatmaps), limit, 3), np.float32), np.empty(len(heatmaps), np.int32)
    find_peaks(heatmaps, threshold, sigma, peaks, counts)
    return [peaks[k, :count].tolist() for k, count in enumerate(counts)]


@pytest.mark.parametrize("levels", [2, 4, 10, 1000])
def test_peaks_are_those_of_the_reference(levels):
    rng = np.random.default_rng(levels)
    heatmaps = rng.integers(-1, levels, (12, 17, 23)) / np.float32(levels)
    heatmaps[rng.random(heatmaps.shape) < 0.02] = np.nan
    for heatmap, found in zip(heatmaps, peaks_of(heatmaps)):
        expected = reference.find_peaks(heatmap, 0.1, 0.875)
        assert len(found) == len(expected) > 0
        np.testing.assert_allclose(found, expected, atol=1e-5)


@pytest.mark.parametrize(
    ("cells", "center"),
    [
        ([(4, 4), (4, 5)], (4.5, 4)),
        ([(3, 3), (3, 4), (4, 3), (4, 4)], (3.5, 3.5)),
        ([(2, 2), (3, 3), (2, 4)], (3, 7 / 3)),  # a V: both ends come before the cell that joins them
        ([(y, x) for y in range(10) for x in range(10)], (4.5, 4.5)),
    ],
)
def test_a_plateau_is_one_peak(cells, center):
    heatmap = np.zeros((1, 10, 10), np.float32)
    heatmap[0][tuple(np.transpose(cells))] = 0.8
    ((x, y, score),) = peaks_of(heatmap)[0]
    assert (x, y, score) == pytest.approx((*center, 0.8))


def test_a_plateau_below_a_higher_cell_is_no_peak():
    heatmap = np.zeros((1, 10, 10), np.float32)
    heatmap[0, 5, 2:8], heatmap[0, 5, 8] = 0.5, 0.6
    assert [score for _, _, score in peaks_of(heatmap)[0]] == pytest.approx([0.6])


def test_peaks_at_the_threshold_are_left_out_and_the_highest_stay():
    heatmap = np.zeros((1, 9, 9), np.float32)
    heatmap[0, 1::3, 1::3] = [[0.1, 0.3, 0.9], [0.2, 0.7, 0.4], [0.5, 0.6, 0.8]]
    assert [peak[2] for peak in peaks_of(heatmap)[0]] == pytest.approx([0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2])
    assert [peak[2] for peak in peaks_of(heatmap, limit=3)[0]] == pytest.approx([0.9, 0.8, 0.7])


@pytest.mark.parametrize("skeleton", [OPENPOSE_18, COCO_17, MPI_15, RING, PAIRS], ids=lambda skeleton: skeleton.name)
@pytest.mark.parametrize("noise", mostly_slow([0.0, 0.1], [0.0], "decodes much noise in plain Python"))
@pytest.mark.parametrize("limb_by_limb", [False, True])
def test_people_are_those_of_the_reference(skeleton, noise, limb_by_limb):
    rng = np.random.default_rng(5)
    rules = DecodeRules(peak_threshold=0.1, min_score=0.15, max_gap=0.3 + 4 * noise, limb_by_limb=limb_by_limb)
    for people in (2, 5):
        codec = PafCodec(skeleton, rules=rules)
        keypoints = np.full((people, skeleton.num_joints, 3), 2.0)
        keypoints[..., :2] = rng.uniform(20, 110, (people, 1, 2)) + rng.normal(0, 20, (people, skeleton.num_joints, 2))
        keypoints[rng.random(keypoints.shape[:2]) < 0.2, 2] = 0
        targets = codec.encode(keypoints, (128, 128))
        heatmaps = targets["heatmaps"] + noise * rng.normal(0, 1, targets["heatmaps"].shape).astype(np.float32)
        pafs = targets["pafs"] + 3 * noise * rng.normal(0, 1, targets["pafs"].shape).astype(np.float32)
        peaks = peaks_of(heatmaps[:-1], rules.peak_threshold)
        expected = reference.decode(pafs, skeleton.limb_joints, peaks, codec.rules)
        found = codec.decode(named(heatmaps, pafs))
        assert len(found) == len(expected) > 0
        expected.sort(key=lambda person: -person["score"])
        for person, twin in zip(found, expected):
            assert person.score * (skeleton.num_joints + skeleton.num_limbs) == pytest.approx(twin["score"], abs=1e-4)
            assert set(np.flatnonzero(person.found)) == set(twin["peaks"])
            for joint, peak in twin["peaks"].items():
                x, y, score = peaks[joint][peak]
                assert person.keypoints[joint] == pytest.approx((8 * x + 3.5, 8 * y + 3.5, score), abs=1e-3)


@pytest.mark.parametrize("skeleton", [OPENPOSE_18, COCO_17], ids=lambda skeleton: skeleton.name)
@pytest.mark.parametrize("shift", [0, 1])
def test_all_thirty_people_come_back(skeleton, shift):
    people, size = crowd(6, 5, np.random.default_rng(shift) if shift else None)
    people = convert(people, OPENPOSE_18, skeleton)
    codec = PafCodec(skeleton)
    targets = codec.encode(people, size)
    found = codec.decode(targets.maps)
    assert len(found) == 30
    for person in people:
        error = [np.abs(other.keypoints[:, :2] - person[:, :2]).max() for other in found]
        assert min(error) < 0.1
        assert found[int(np.argmin(error))].found.all()
    assert all(0.5 < person.score <= 1 for person in found)


@pytest.mark.parametrize("scale", [1.0, 0.5, (1.5, 0.25)])
@pytest.mark.parametrize(("stride", "sigma"), [(8, 7.0), (8, 4.0), (4, 7.0), (1, 3.0)])
def test_a_joint_comes_back_to_its_pixel(scale, stride, sigma):
    codec, size = PafCodec(STICK, stride, sigma, rules=ONE), (96, 144)
    scale_xy = np.broadcast_to(scale, 2)
    for pixel in [(70, 50), (71.5, 43.5), (67.5, 39.5), (0, 0), (143, 95), (1.7, 93.2), (141, 4)]:
        targets = codec.encode([[[*pixel, 2], [0, 0, 0]]], size)
        (person,) = codec.decode(targets.maps, scale)
        expected = (np.array(pixel) + 0.5) / scale_xy - 0.5
        assert np.abs((person.keypoints[0, :2] - expected) * scale_xy).max() < 0.1
        assert person.found.tolist() == [True, False]
        assert person.keypoints[1].tolist() == [0, 0, 0]


def test_nothing_there_is_nobody():
    codec = PafCodec(OPENPOSE_18)
    heatmaps, pafs = np.zeros((19, 46, 46), np.float32), np.zeros((38, 46, 46), np.float32)
    assert codec.decode(named(heatmaps, pafs)) == []
    assert codec.decode(named(heatmaps[:, :0], pafs[:, :0])) == []
    heatmaps[:18, 20, 20] = 0.1
    assert codec.decode(named(heatmaps, pafs)) == []


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 3e38])
def test_broken_maps_do_no_harm(bad):
    rng = np.random.default_rng(3)
    people, size = crowd(2, 2)
    targets = PafCodec(OPENPOSE_18).encode(people, size)
    for share in (0.01, 0.3, 1.0):
        maps = named(targets["heatmaps"].copy(), targets["pafs"].copy())
        for each in maps.values():
            each[rng.random(each.shape) < share] = bad
        for person in PafCodec(OPENPOSE_18).decode(maps):
            assert np.isfinite(person.keypoints[:, :2]).all()


@pytest.mark.parametrize("most", [4, DecodeRules().max_peaks])
def test_of_noise_no_more_candidates_are_kept_than_the_rules_say(most):
    """Which bounds the time: every candidate is tried with those of a few other joints."""
    rng = np.random.default_rng(4)
    heatmaps, pafs = (rng.normal(0, 1, (n, 92, 92)).astype(np.float32) for n in (19, 38))
    assert min(len(found) for found in peaks_of(heatmaps, limit=92**2)) > 2 * most
    codec = PafCodec(OPENPOSE_18, rules=DecodeRules(max_peaks=most, min_joints=1, min_score=0))
    assert sum(person.found.sum() for person in codec.decode(named(heatmaps, pafs))) == 18 * most


def test_of_two_limbs_the_surer_stays():
    """Two As claim one B: the one with the stronger field gets it, the other keeps what is its own."""
    codec = PafCodec(STICK, rules=DecodeRules(min_joints=1, max_gap=0))
    heatmaps, pafs = np.zeros((3, 20, 20), np.float32), np.zeros((2, 20, 20), np.float32)
    heatmaps[0, 10, 2], heatmaps[0, 10, 18], heatmaps[1, 10, 10] = 0.9, 0.8, 0.9
    pafs[0, 8:13, 2:10], pafs[0, 8:13, 11:19] = 0.5, -0.9
    first, second = codec.decode(named(heatmaps, pafs))
    assert first.keypoints[:, 0].tolist() == [18 * 8 + 3.5, 10 * 8 + 3.5]
    assert second.keypoints[0, 0] == 2 * 8 + 3.5
    assert second.found.tolist() == [True, False]


def test_a_loop_that_is_closed_counts():
    codec = PafCodec(RING)
    square = np.array([[[40, 40, 2], [100, 40, 2], [100, 100, 2], [40, 100, 2]]], float)
    targets = codec.encode(square, (144, 144))
    (closed,) = codec.decode(targets.maps)
    targets["pafs"][6:] = 0
    (open_,) = codec.decode(targets.maps)
    assert closed.found.all()
    assert open_.found.all()
    assert closed.score > open_.score + 0.1


def test_thirty_people_in_noise_come_back_and_nobody_else():
    people, size = crowd(6, 5)
    rng = np.random.default_rng(3)
    targets = PafCodec(OPENPOSE_18).encode(people, size)
    noisy = [
        maps + rng.normal(0, 0.01, maps.shape).astype(np.float32) for maps in (targets["heatmaps"], targets["pafs"])
    ]
    found = PafCodec(OPENPOSE_18).decode(named(*noisy))
    assert len(found) == 30
    distances = np.linalg.norm(
        [[person.keypoints[:, :2] - truth for person in found] for truth in people[..., :2]], axis=3
    )
    assert ((distances < 4).sum(axis=2).max(axis=1) == 18).all()


def test_the_usual_rules_are_less_generous():
    people, size = crowd(1, 1)
    people[0, 2:, 2] = 0
    maps = PafCodec(OPENPOSE_18).encode(people, size).maps
    assert len(PafCodec(OPENPOSE_18).decode(maps)) == 1
    assert PafCodec(OPENPOSE_18, rules=RULES["usual"]).decode(maps) == []


def test_people_without_neck_stay_whole():
    people, size = crowd(3, 1)
    people[:, 1, 2] = 0
    whole, pieces = (PafCodec(OPENPOSE_18, rules=DecodeRules(max_gap=gap)) for gap in (0.5, 0))
    targets = whole.encode(people, size)
    assert len(pieces.decode(targets.maps)) > 3
    found = whole.decode(targets.maps)
    assert [person.found.sum() for person in found] == [17, 17, 17]
    for person in found:
        assert person.bbox[2] < 40  # nobody got the legs of a neighbour


def test_neighbours_with_a_joint_in_common_stay_apart():
    pair = np.array([[[20, 20, 2], [50, 20, 2]], [[20, 34, 2], [50, 34, 2]]], float)
    codec = PafCodec(STICK, stride=4, rules=DecodeRules(max_gap=10))
    targets = codec.encode(pair, (64, 96))
    assert len(codec.decode(targets.maps)) == 2


def test_unsure_and_small_people_are_rejected():
    people, size = crowd(1, 1)
    people[0, 3:, 2] = 0
    maps = PafCodec(OPENPOSE_18).encode(people, size).maps
    assert len(PafCodec(OPENPOSE_18, rules=DecodeRules(min_joints=3)).decode(maps)) == 1
    assert PafCodec(OPENPOSE_18, rules=DecodeRules(min_joints=4)).decode(maps) == []
    assert PafCodec(OPENPOSE_18, rules=DecodeRules(min_score=0.99)).decode(maps) == []


def test_more_joints_and_surer_ones_rank_higher():
    people, size = crowd(2, 1)
    people[1, 8:, 2] = 0
    codec = PafCodec(OPENPOSE_18)
    targets = codec.encode(people, size)
    full, half = codec.decode(targets.maps)
    assert full.found.sum() > half.found.sum()
    assert full.score > half.score
    fainter = codec.decode(named(0.5 * targets["heatmaps"], 0.5 * targets["pafs"]))
    assert fainter[0].score == pytest.approx(full.score / 2, rel=0.1)


def test_mistakes_are_named():
    codec = PafCodec(OPENPOSE_18)
    heatmaps, pafs = np.zeros((19, 8, 9), np.float32), np.zeros((38, 8, 9), np.float32)
    for wrong in [(heatmaps[:18], pafs), (heatmaps, pafs[:37]), (heatmaps, pafs[:, :7]), (heatmaps[0], pafs)]:
        with pytest.raises(DataError) as error:
            codec.decode(named(*wrong))
        assert str(wrong[0].shape) in str(error.value)
        assert str(wrong[1].shape) in str(error.value)
    for scale in (0, -1.0, (1, np.nan), (1, 2, 3)):
        with pytest.raises(DataError, match="scale"):
            codec.decode(named(heatmaps, pafs), scale)


@pytest.mark.parametrize(
    "options",
    [{"peak_threshold": -0.1}, {"max_peaks": 0}, {"samples": 1}, {"min_ratio": 1.5}, {"long_limb": 0}, {"max_gap": -1}],
)
def test_impossible_rules(options):
    with pytest.raises(ConfigError, match=next(iter(options))):
        DecodeRules(**options)


def test_kernels_refuse_arrays_that_do_not_fit():
    maps, peaks = np.zeros((2, 5, 5), np.float32), np.zeros((2, 3, 3), np.float32)
    counts = np.array([4, 0], np.int32)
    with pytest.raises(ValueError, match="do not fit"):
        find_peaks(maps, 0.1, 1.0, peaks[:1], counts)
    people, totals = np.empty((4, 2), np.int32), np.empty((4, 2))
    limbs = np.array([[0, 1]], np.int32)
    with pytest.raises(ValueError, match="4 peaks of joint 0"):
        join_peaks(maps, limbs, peaks, counts, 10, 0.05, 0.8, 5.0, 0.2, 0.5, False, people, totals)
    with pytest.raises(ValueError, match="limb 0"):
        join_peaks(maps, limbs + 1, peaks, counts, 10, 0.05, 0.8, 5.0, 0.2, 0.5, False, people, totals)
