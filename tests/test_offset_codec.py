"""Offsets within the cells: what is drawn, what comes back of it, and how exactly."""

import json

import numpy as np
import pytest

from cpm import ConfigError, DataError, Skeleton
from cpm.codecs import OffsetCodec, PafCodec, Targets
from cpm.evaluation.localisation import localisation_error
from cpm.skeletons import COCO_17, MPII_16, OPENPOSE_18

from .helpers.bodies import BODY

STICK = Skeleton("stick", ("a", "b"), (("a", "b"),), sigmas=(0.1, 0.1))
CODEC = OffsetCodec(STICK, stride=16)
PLAIN = PafCodec(STICK, stride=16)
SIZE = (96, 160)  # 6 rows, 10 columns


def stick(*joints):
    return np.array([[(x, y, v) for x, y, v in joints]], float)


def one(a, b=(120.0, 70.0)):
    """One person with both joints visible."""
    return stick((*a, 2), (*b, 2))


def test_one_cell_of_every_joint_is_written():
    targets = CODEC.encode(one((41.5, 20.0)), SIZE)
    assert targets["offsets"].shape == (4, 6, 10) and targets["offsets"].dtype == np.float32
    # Cell 2 has its centre at 39.5 and cell 1 at 23.5; rows come before columns.
    assert targets["offsets"][:2, 1, 2] == pytest.approx([0.5 - 2 / 16, 0.5 + 3.5 / 16])
    assert targets["offsets"][2:, 4, 7] == pytest.approx([0.5 - 0.5 / 16, 0.5 + 1.5 / 16])
    assert np.count_nonzero(targets["offsets"]) == 4
    plain = PLAIN.encode(one((41.5, 20.0)), SIZE)
    np.testing.assert_array_equal(targets["heatmaps"], plain["heatmaps"])
    np.testing.assert_array_equal(targets["pafs"], plain["pafs"])


@pytest.mark.parametrize(("stride", "x"), [(8, 23.5), (7, 20.5), (12, 35.5 - 1e-12), (16, 47.49999999)])
def test_what_is_written_is_above_zero(stride, x):
    """A joint on an edge belongs to the cell at its right, of which it says 1; just before an edge it says nearly 0."""
    codec = OffsetCodec(STICK, stride=stride)
    offsets = codec.encode(one((x, stride * 2.5 - 0.5)), (8 * stride, 12 * stride))["offsets"]
    column = int(np.floor((x + 0.5) / stride))
    assert 0 < offsets[0, 2, column] <= 1 and offsets[1, 2, column] == 0.5
    assert np.count_nonzero(offsets[0]) == 1
    assert column - offsets[0, 2, column] + 0.5 == pytest.approx((x + 0.5) / stride - 0.5, abs=1e-6)


def test_of_several_in_a_cell_the_nearest_to_its_centre_is_written():
    far, near, equal = one((46.0, 39.5)), one((41.5, 39.5)), one((37.5, 39.5))
    for people in ([far, near, equal], [near, equal, far], [near, far, equal]):
        offsets = CODEC.encode(np.concatenate(people), SIZE)["offsets"]
        assert offsets[:2, 2, 2] == pytest.approx([0.5 - 2 / 16, 0.5])
    assert CODEC.encode(np.concatenate([equal, near]), SIZE)["offsets"][0, 2, 2] == pytest.approx(0.5 + 2 / 16)


def test_joints_that_are_unlabelled_or_outside_write_nothing():
    for joint in ((41, 20, 0), (-0.6, 20, 2), (159.5, 20, 2), (41, 95.5, 2), (41, -1, 1)):
        assert not CODEC.encode(stick(joint, (0, 0, 0)), SIZE)["offsets"].any()
    for joint in ((-0.5, -0.5, 2), (159.4, 95.4, 1)):
        assert np.count_nonzero(CODEC.encode(stick(joint, (0, 0, 0)), SIZE)["offsets"]) == 2
    empty = CODEC.encode(np.zeros((0, 2, 3)), SIZE)
    assert not empty["offsets"].any() and CODEC.decode(empty.maps) == []


def test_targets_are_drawn_into_what_is_given():
    fresh = CODEC.encode(one((41.5, 20.0)), SIZE)
    out = Targets({name: np.full_like(maps, 7) for name, maps in fresh.maps.items()})
    assert CODEC.encode(one((41.5, 20.0)), SIZE, out) is out
    for name in ("heatmaps", "pafs", "offsets"):
        np.testing.assert_array_equal(out[name], fresh[name])


@pytest.mark.parametrize(("stride", "sigma"), [(8, 7.0), (16, 7.0), (16, 14.0)])
@pytest.mark.parametrize("scale", [1.0, (0.5, 0.8)])
def test_people_come_back_where_they_were(stride, sigma, scale):
    codec = OffsetCodec(OPENPOSE_18, stride, sigma)
    rng = np.random.default_rng(5)
    people = np.full((3, 18, 3), 2.0)
    people[..., :2] = 4 * BODY + [(120, 180), (340, 180), (560, 190)][0]
    people[..., 0] += 220 * np.arange(3)[:, None]
    people[..., :2] += rng.uniform(-8, 8, (3, 18, 2))
    targets = codec.encode(people, (384, 704))
    found = codec.decode(targets.maps, scale)
    expected = people.copy()
    expected[..., :2] = (expected[..., :2] + 0.5) / np.asarray(scale) - 0.5
    assert len(found) == 3
    for person in found:
        truth = expected[np.abs(expected - person.keypoints).sum(axis=(1, 2)).argmin()]
        np.testing.assert_allclose(person.keypoints[:, :2], truth[:, :2], atol=2e-3)
    plain = PafCodec(OPENPOSE_18, stride, sigma).decode(targets.maps, scale)
    assert [person.score for person in found] == [person.score for person in plain]


def found_at(heatmap_joint, offset_joint, change=lambda offsets: offsets):
    """Where joint a is found, if its heatmap is drawn at one place and its offset at another."""
    maps, places = CODEC.encode(one(heatmap_joint), SIZE), CODEC.encode(one(offset_joint), SIZE)
    (person,) = CODEC.decode({**maps.maps, "offsets": change(places["offsets"])})
    return person.keypoints[0, :2]


def test_the_offset_counts_not_the_heatmap():
    assert found_at((37, 41), (41.5, 36.0)) == pytest.approx([41.5, 36.0], abs=1e-3)


def test_the_cell_next_to_the_peak_is_read_where_that_of_the_peak_is_unwritten():
    """The peak is two pixels left of the edge at 47.5, the joint 0.5 pixels right of it."""
    assert found_at((45.5, 39.5), (48.0, 38.0)) == pytest.approx([48.0, 38.0], abs=1e-3)
    # Half a cell from the peak and farther it would be the joint of somebody else.
    assert found_at((45.5, 39.5), (55.0, 38.0)) == pytest.approx([45.5, 39.5], abs=0.01)
    # At the edge of the image there is nothing to read beyond.
    assert found_at((7.0, 7.0), (9.0, 9.0)) == pytest.approx([9.0, 9.0], abs=1e-3)
    assert found_at((7.0, 7.0), (50.0, 9.0)) == pytest.approx([7.0, 7.0], abs=0.6)


def test_without_offsets_joints_are_where_the_heatmaps_put_them():
    maps = CODEC.encode(one((41.0, 36.0)), SIZE)
    (plain,) = PLAIN.decode(maps.maps)
    for nothing in (0.0, np.nan, np.inf, 0.05):
        (person,) = CODEC.decode({**maps.maps, "offsets": np.full_like(maps["offsets"], nothing)})
        np.testing.assert_allclose(person.keypoints, plain.keypoints, atol=1e-4)


def test_a_peak_in_the_corner_of_small_offsets_is_read():
    """Both offsets are below 0.1, but so near is the peak to that corner that the cell is no unwritten one."""
    assert found_at((46.5, 46.8), (46.6, 46.4)) == pytest.approx([46.6, 46.4], abs=1e-3)


def test_any_offsets_leave_a_joint_in_its_cell():
    rng = np.random.default_rng(1)
    maps = CODEC.encode(one((41.0, 36.0)), SIZE)
    for _ in range(20):
        offsets = rng.normal(0, 3, maps["offsets"].shape).astype(np.float32)
        offsets[:, :, :] += 0.2
        (person,) = CODEC.decode({**maps.maps, "offsets": offsets})
        assert (np.abs(person.keypoints[0, :2] - [41, 36]) <= 16).all()
        offsets[:2, 2, 2] = rng.uniform(0.1, 4, 2)
        (person,) = CODEC.decode({**maps.maps, "offsets": offsets})
        assert (np.abs(person.keypoints[0, :2] - 39.5) <= 8).all()


def test_mistakes_are_named():
    targets = CODEC.encode(one((41.5, 20.0)), SIZE)
    with pytest.raises(DataError, match=r"offsets \(3, 6, 10\) do not fit, stick expects .* offsets \(4, h, w\)"):
        CODEC.decode({**targets.maps, "offsets": targets["offsets"][:3]})
    with pytest.raises(DataError, match=r"heatmaps \(2, 6, 10\) .*do not fit"):
        CODEC.decode({**targets.maps, "heatmaps": targets["heatmaps"][:2]})
    with pytest.raises(DataError, match="scale is 0"):
        CODEC.decode(targets.maps, 0)
    with pytest.raises(DataError, match="multiples of the stride 16"):
        CODEC.encode(one((41.5, 20.0)), (90, 160))
    with pytest.raises(DataError, match="out holds offsets"):
        CODEC.encode(one((4, 2)), SIZE, Targets({**targets.maps, "offsets": targets["offsets"][:3]}))


def stick_truth():
    """One image of twice the size with one stick, at (41.5, 20) and (120, 70) of the input."""
    entry = {
        "id": 1,
        "image_id": 1,
        "category_id": 1,
        "iscrowd": 0,
        "area": 9000.0,
        "bbox": [80, 40, 160, 100],
        "keypoints": [83.5, 40.5, 2, 240.5, 140.5, 1],
        "num_keypoints": 2,
    }
    images = [{"id": 1, "height": 192, "width": 320}]
    return {"images": images, "annotations": [entry], "categories": [{"id": 1, "name": "person"}]}


def test_the_error_is_measured_in_pixels_of_the_input():
    exact = localisation_error(CODEC, stick_truth(), height=96, skeleton=STICK)
    assert exact.errors == pytest.approx([0, 0], abs=1e-4) and exact.labelled == 2 and exact.found == 1
    whole = localisation_error(PLAIN, stick_truth(), height=96, skeleton=STICK, whole_cells=True)
    # The centres of the cells are (39.5, 23.5) and (119.5, 71.5).
    assert sorted(whole.errors) == pytest.approx([np.hypot(0.5, 1.5), np.hypot(2, 3.5)], abs=1e-4)
    assert whole.mean == whole.mean_of_all == pytest.approx((np.hypot(0.5, 1.5) + np.hypot(2, 3.5)) / 2, abs=1e-4)


def test_mistakes_in_measuring_are_named(tmp_path):
    truth = stick_truth()
    with pytest.raises(DataError, match="no image with labelled people"):
        localisation_error(CODEC, truth, image_ids=[7], skeleton=STICK)
    with pytest.raises(ConfigError, match="height=0"):
        localisation_error(CODEC, truth, 0, skeleton=STICK)
    with pytest.raises(ConfigError, match="MPII_16 defines no sigmas"):
        localisation_error(OffsetCodec(MPII_16), truth, skeleton=STICK)
    del truth["images"][0]["width"]
    (tmp_path / "truth.json").write_text(json.dumps(truth))
    with pytest.raises(DataError, match=r"truth\.json: image 1 lacks its entry or its size"):
        localisation_error(CODEC, tmp_path / "truth.json", skeleton=STICK)


@pytest.mark.parametrize("skeleton", [OPENPOSE_18, COCO_17])
@pytest.mark.parametrize(("stride", "sigma", "most"), [(16, 7.0, 0.25), (16, 14.0, 0.25), (8, 7.0, 0.7)])
def test_offsets_place_joints_of_real_people_better(test_data, skeleton, stride, sigma, most):
    """Against places between the cells, which only people in each other's way disturb, and against whole cells."""
    truth = test_data / "coco_scoring" / "val_subset.json"
    plain = PafCodec(skeleton, stride, sigma)
    between = localisation_error(plain, truth)
    whole = localisation_error(plain, truth, whole_cells=True)
    offset = localisation_error(OffsetCodec(skeleton, stride, sigma), truth)
    assert offset.mean <= most * between.mean
    assert offset.mean <= 0.01 * whole.mean and offset.mean_of_all < between.mean_of_all
    assert min(offset.found, between.found) > 0.92
