"""Reading COCO keypoints, and the samples made of them."""

import json

import cv2
import numpy as np
import pytest

from cpm import DataError
from cpm.codecs import PafCodec
from cpm.datasets import Augmentation, CocoKeypoints, PersonFilter, TrainingSet
from cpm.skeletons import COCO_17, OPENPOSE_18, Skeleton

from .conftest import person
from .helpers.people import UNLABELLED, crowd


def test_records_and_their_people(write_coco):
    root = write_coco([[person(80, 60, 90), person(30, 60, 50, **UNLABELLED)], []])
    dataset = CocoKeypoints(root, "train2017")
    first, second = dataset.records
    assert (first.id, first.width, first.height, first.path.name) == (1, 160, 120, "000000000001.jpg")
    assert [each.num_keypoints for each in first.people] == [17, 0]
    assert first.labelled_keypoints().shape == (1, 17, 3)
    assert second.people == () and second.mask_miss() is None


@pytest.mark.parametrize("compressed", [False, True])
def test_mask_leaves_out_crowds_and_people_without_keypoints(write_coco, compressed):
    polygon = [[10, 10, 30, 10, 30, 40, 10, 40]]
    people = [
        person(110, 60, 90),
        person(20, 25, 30, **{**UNLABELLED, "segmentation": polygon}),
        crowd(60, 80, 40, 30, compressed),
    ]
    mask = CocoKeypoints(write_coco([people]), "train2017").records[0].mask_miss()
    expected = np.full((120, 160), 255)
    expected[10:40, 10:30] = 0
    expected[80:110, 60:100] = 0
    np.testing.assert_array_equal(mask, expected)


def test_mask_falls_back_to_the_box_where_there_is_no_segmentation(write_coco):
    unlabelled = person(20, 25, 30, **UNLABELLED)
    del unlabelled["segmentation"]
    unlabelled["bbox"] = [10, 5, 20, 30]
    mask = CocoKeypoints(write_coco([[unlabelled]]), "train2017").records[0].mask_miss()
    assert (mask == 0).sum() == 600 and not mask[5:35, 10:30].any()


@pytest.mark.parametrize("border", [0, 255])
@pytest.mark.parametrize("seed", range(20))
def test_warped_mask_is_the_mean_of_the_warped_pixels(seed, border):
    rng = np.random.default_rng(seed)
    mask = np.full((120, 160), 255, np.uint8)
    for _ in range(seed % 4):
        center, axes = rng.integers(-20, 160, 2).tolist(), rng.integers(1, 50, 2).tolist()
        cv2.ellipse(mask, center, axes, 30, 0, 360, 0, cv2.FILLED)
    warp = Augmentation(crop=128).draw((80.0, 60.0), 70.0, rng)
    pixels = warp.image(np.repeat(mask[..., None], 3, axis=2), border)[..., 0].astype(float)
    expected = pixels.reshape(16, 8, 16, 8).mean(axis=(1, 3)) / 255
    found = warp.mask(mask, border, 8)
    assert found.dtype == np.float32
    # OpenCV rounds places to 1/32 of a pixel and means to 1/255.
    np.testing.assert_allclose(found, expected, atol=1.6 / 255)


def test_filter_keeps_labelled_large_and_separate_people(write_coco):
    few = person(140, 60, 60)
    few["keypoints"][12:] = [0] * 39
    people = [person(40, 60, 90), person(45, 62, 88), few, person(90, 30, 40, area=500.0), person(110, 60, 90)]
    record = CocoKeypoints(write_coco([people]), "train2017").records[0]
    assert PersonFilter().select(record) == [0, 4]
    assert PersonFilter(min_keypoints=1, min_area=0, min_distance=0).select(record) == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("people", [PersonFilter(), PersonFilter(1, 0, 0), PersonFilter(1, 0, 1.5)])
def test_filter_of_all_images_is_that_of_each(write_coco, people):
    rng = np.random.default_rng(0)
    images = [
        [person(*rng.uniform(0, 120, 2), 90) for _ in range(k % 5)] + [crowd(0, 0, 20, 120, True)] * (k % 2)
        for k in range(12)
    ]
    dataset = CocoKeypoints(write_coco(images), "train2017")
    expected = [(row, place) for row, record in enumerate(dataset.records) for place in people.select(record)]
    assert [tuple(pair) for pair in people.select_all(dataset.index).tolist()] == expected


def test_sample_has_labels_of_everyone_and_the_mask(write_coco):
    people = [person(60, 60, 80), person(110, 60, 80), crowd(0, 0, 20, 120, True)]
    dataset = CocoKeypoints(write_coco([people]), "train2017")
    augmentation = Augmentation(crop=160, height=0.5, scale=(1, 1), rotation=0, shift=0, flip=0)
    samples = TrainingSet(dataset, PafCodec(OPENPOSE_18), augmentation, PersonFilter(), seed=0)
    assert len(samples) == 2
    sample = samples[0, 0]
    assert sample.image.shape == (160, 160, 3) and sample.image.dtype == np.uint8
    assert sample.targets["heatmaps"].shape == (19, 20, 20) and sample.targets["pafs"].shape == (38, 20, 20)
    nose = sample.targets["heatmaps"][0]
    assert ((nose > 0.5).sum() >= 2) and sample.problems == ()
    # The person at (60, 60) stands at (79.5, 79.5) of the crop: the crowd covers its columns 19.5 to 38.5.
    np.testing.assert_allclose(sample.mask[0, 3:17, 3], 0, atol=0.01)
    np.testing.assert_allclose(sample.mask[0, :, [0, 1, 5, 6, 19]], 1, atol=0.01)
    assert samples_without_border(dataset).mask[0, :, [0, 1]].max() == 0


def test_neck_stays_where_one_shoulder_is_outside_of_the_crop(write_coco):
    lonely = person(80, 60, 80)
    joints = {"left_shoulder": (100, 60), "right_shoulder": (20, 60)}
    for name, place in joints.items():
        start = 3 * COCO_17.joints.index(name)
        lonely["keypoints"][start : start + 2] = place
    augmentation = Augmentation(64, height=80 / 64, scale=(1, 1), rotation=0, shift=0, flip=0)
    dataset = CocoKeypoints(write_coco([[lonely]]), "train2017")
    samples = TrainingSet(dataset, PafCodec(OPENPOSE_18), augmentation, PersonFilter(), seed=0)
    heatmaps = samples[0, 0].targets["heatmaps"]
    # The crop shows columns 48.5 to 111.5 of the image: the neck at 60 is in it, the right shoulder is not.
    assert heatmaps[OPENPOSE_18.joints.index("neck")].max() > 0.7
    assert heatmaps[OPENPOSE_18.joints.index("right_shoulder")].max() == 0


def test_skeletons_without_a_common_joint_are_an_error(write_coco):
    fish = Skeleton("fish", ("mouth", "tail"), (("mouth", "tail"),))
    dataset = CocoKeypoints(write_coco([[person(60, 60, 80)]]), "train2017", fish)
    with pytest.raises(DataError, match="the joints of COCO_17 give none of fish"):
        TrainingSet(dataset, PafCodec(fish), Augmentation(64), PersonFilter(), seed=0)


def samples_without_border(dataset):
    augmentation = Augmentation(160, height=0.5, scale=(1, 1), rotation=0, shift=0, flip=0, supervise_border=False)
    return TrainingSet(dataset, PafCodec(OPENPOSE_18), augmentation, PersonFilter(), seed=0)[0, 0]


def test_broken_image_is_replaced_and_reported(write_coco):
    root = write_coco([[person(80, 60, 90)]] * 3)
    path = root / "train2017" / "000000000002.jpg"
    path.write_bytes(path.read_bytes()[:700])
    samples = TrainingSet(CocoKeypoints(root, "train2017"), PafCodec(OPENPOSE_18), Augmentation(64), PersonFilter(), 0)
    assert samples[0, 0].problems == ()
    (problem,) = samples[0, 1].problems
    assert "000000000002.jpg" in problem
    for each in (root / "train2017").iterdir():
        each.unlink()
    with pytest.raises(DataError, match=r"3 images in a row cannot be used; the first: .*cannot read"):
        samples[0, 0]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "no such annotation file"),
        ("{", "cannot be read as JSON"),
        ('{"images": []}', "no 'annotations' in it"),
        ("[]", "no 'images' in it"),
        ('{"images": [{"id": 1}], "annotations": []}', "file_name of image 1 is None"),
    ],
)
def test_broken_annotation_files_are_told_apart(write_coco, content, message):
    root = write_coco([])
    path = root / "annotations" / "person_keypoints_train2017.json"
    path.unlink()
    if content is not None:
        path.write_text(content)
    with pytest.raises(DataError, match=message):
        CocoKeypoints(root, "train2017")


def test_missing_folders_and_foreign_joints_are_told(write_coco, tmp_path):
    with pytest.raises(DataError, match="nowhere: no such data set folder"):
        CocoKeypoints(tmp_path / "nowhere", "train2017")
    root = write_coco([[person(80, 60, 90)]])
    assert CocoKeypoints(root, "train2017", OPENPOSE_18).skeleton is COCO_17
    path = root / "annotations" / "person_keypoints_train2017.json"
    path.write_text(path.read_text().replace('"nose"', '"snout"'))
    with pytest.raises(DataError, match=r"its 17 joints snout, .* are those of neither COCO_17 nor OPENPOSE_18"):
        CocoKeypoints(root, "train2017", OPENPOSE_18)
    path.write_text(path.read_text().replace('"snout"', '"nose"'))
    (root / "train2017").rename(root / "elsewhere")
    with pytest.raises(DataError, match="train2017: no such folder"):
        CocoKeypoints(root, "train2017")


def test_nobody_to_train_on_is_an_error(write_coco):
    dataset = CocoKeypoints(write_coco([[person(80, 60, 90, **UNLABELLED)]]), "train2017")
    with pytest.raises(DataError, match=r"none of the people in its 1 images passes the filter"):
        TrainingSet(dataset, PafCodec(OPENPOSE_18), Augmentation(64), PersonFilter(), 0)


def test_real_annotations(test_data):
    root = test_data / "coco_mini"
    content = json.loads((root / "annotations" / "person_keypoints_train2017.json").read_text())
    dataset = CocoKeypoints(root, "train2017")
    assert len(dataset) == 80
    labelled = sum(len(record.labelled_keypoints()) for record in dataset.records)
    assert labelled == sum(each["num_keypoints"] > 0 and not each["iscrowd"] for each in content["annotations"]) == 86
    for record in dataset.records:
        mask = record.mask_miss()
        has_unlabelled = any(person.is_crowd or not person.num_keypoints for person in record.people)
        assert (mask is not None) == has_unlabelled
        if mask is not None:
            assert mask.shape == (record.height, record.width) and 0 < (mask == 0).mean() < 1
    assert COCO_17 is dataset.skeleton
