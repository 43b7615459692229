"""Batches are the same for any number of workers."""

import threading

import numpy as np
import pytest

from cpm import ConfigError, DataError
from cpm.codecs import PafCodec
from cpm.datasets import Augmentation, BatchLoader, CocoKeypoints, PersonFilter, TrainingSet
from cpm.skeletons import OPENPOSE_18

from .conftest import person


@pytest.fixture
def samples(write_coco) -> TrainingSet:
    root = write_coco([[person(50 + 5 * k, 60, 80)] for k in range(10)])
    return TrainingSet(
        CocoKeypoints(root, "train2017"), PafCodec(OPENPOSE_18), Augmentation(64), PersonFilter(), seed=3
    )


def batches_of(loader: BatchLoader, epoch: int, start: int = 0) -> list:
    return [batch.arrays() for batch in loader.epoch(epoch, start)]


def assert_same(first: list, second: list) -> None:
    assert len(first) == len(second)
    for one, other in zip(first, second):
        assert one.keys() == other.keys()
        for name in one:
            np.testing.assert_array_equal(one[name], other[name])


def test_workers_make_no_difference(samples):
    alone = BatchLoader(samples, 3, num_workers=0)
    many = BatchLoader(samples, 3, num_workers=3)
    assert len(alone) == 3
    for epoch in range(2):
        assert_same(batches_of(alone, epoch), batches_of(many, epoch))


def test_epochs_differ_and_come_back(samples):
    loader = BatchLoader(samples, 3, num_workers=0)
    first, second, again = (batches_of(loader, epoch) for epoch in (0, 1, 0))
    assert_same(first, again)
    assert (first[0]["image"] != second[0]["image"]).any()
    assert_same(first[2:], batches_of(loader, 0, start=2))


def test_one_epoch_shows_every_sample_once(samples):
    loader = BatchLoader(samples, 5, num_workers=0)
    keys = [key for batch in loader._batches for key in batch]
    assert sorted(index for _, index in keys) == list(range(10))


def test_shapes_and_types(samples):
    arrays = batches_of(BatchLoader(samples, 3, 0), 0)[0]
    image = arrays.pop("image")
    assert (image.shape, image.dtype) == ((3, 64, 64, 3), np.uint8)
    shapes = {"maps.heatmaps": (3, 19, 8, 8), "maps.pafs": (3, 38, 8, 8), "mask": (3, 1, 8, 8)}
    assert {name: array.shape for name, array in arrays.items()} == shapes
    assert {array.dtype for array in arrays.values()} == {np.dtype(np.float32)}


def test_validation_keeps_the_last_batch_and_the_order(samples):
    loader = BatchLoader(samples, 4, num_workers=0, shuffle=False)
    assert [len(batch["image"]) for batch in batches_of(loader, 0)] == [4, 4, 2]
    assert len(loader) == 3


def test_batch_larger_than_the_set_is_an_error(samples):
    with pytest.raises(ConfigError, match=r"train\.batch_size=11: expected 1 to 10"):
        BatchLoader(samples, 11, num_workers=0)


def test_a_batch_holds_its_samples(samples):
    keys = [(1, 4), (0, 2), (1, 9)]
    batch = samples.batch(keys)
    for place, key in enumerate(keys):
        single = samples[key]
        assert batch.arrays().keys() == single.arrays().keys()
        for name, array in single.arrays().items():
            np.testing.assert_array_equal(batch.arrays()[name][place], array)
        np.testing.assert_array_equal(batch.keypoints[place], single.keypoints[0])
        np.testing.assert_array_equal(batch.at(place).targets["pafs"], single.targets["pafs"])


def test_annotations_are_one_object_for_all_threads_and_cannot_be_written(samples, monkeypatch):
    seen = []
    make = TrainingSet._make

    def watch(self, *arguments):
        seen.append((threading.get_ident(), id(self.dataset.records)))
        make(self, *arguments)

    monkeypatch.setattr(TrainingSet, "_make", watch)
    for _ in range(2):
        batches_of(BatchLoader(samples, 3, num_workers=2), 0)
    threads, objects = zip(*seen)
    assert threading.get_ident() not in threads and set(objects) == {id(samples.dataset.records)}
    with pytest.raises(ValueError, match="read-only"):
        samples.dataset.records[0].people[0].keypoints[:] = 0


@pytest.mark.parametrize("workers", [0, 2])
def test_broken_images_are_told_by_the_workers_too(samples, workers):
    loader = BatchLoader(samples, 2, workers, shuffle=False)
    record = samples.dataset.records[3]
    record.path.write_bytes(b"")
    problems = [batch.problems for batch in loader.epoch(0)]
    assert [len(each) for each in problems] == [0, 1, 0, 0, 0] and str(record.path) in problems[1][0]
    for record in samples.dataset.records:
        record.path.unlink(missing_ok=True)
    with pytest.raises(DataError, match="10 images in a row cannot be used"):
        next(loader.epoch(0))
