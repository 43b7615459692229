"""Packed data sets: forged, and compared by the batches they give."""

import numpy as np
from mxnet.recordio import MXIndexedRecordIO

from cpm.codecs import PafCodec
from cpm.datasets import Augmentation, BatchLoader, PersonFilter, TrainingSet
from cpm.datasets.packed.record_file import RecordFile
from cpm.skeletons import OPENPOSE_18


def training_set(dataset, crop=128):
    return TrainingSet(dataset, PafCodec(OPENPOSE_18), Augmentation(crop), PersonFilter(), seed=3)


def assert_same_batches(first, second, workers=0, epochs=2):
    assert len(first) == len(second) > 0
    loaders = [BatchLoader(samples, min(4, len(samples)), workers) for samples in (first, second)]
    for epoch in range(epochs):
        for one, other in zip(*(loader.epoch(epoch) for loader in loaders)):
            assert not one.problems and not other.problems
            arrays = other.arrays()
            assert one.arrays().keys() == arrays.keys()
            for name, array in one.arrays().items():
                np.testing.assert_array_equal(array, arrays[name])


def rewritten(path, record, place=0):
    """Put other bytes in the place of a record, as somebody would who forges a file."""
    file = RecordFile(path)
    contents = [file.read(key) for key in range(len(file))]
    contents[place] = record
    writer = MXIndexedRecordIO(str(path.with_suffix(".idx")), str(path), "w")
    for key, content in enumerate(contents):
        writer.write_idx(key, content)
    writer.close()
