"""Outlines as tools write them: read where they can be drawn, and the box in their place where they cannot."""

import numpy as np
import pytest
from pycocotools import mask as coco_mask

from cpm.datasets import CocoKeypoints

from .conftest import person
from .helpers.people import UNLABELLED

SQUARE = [10, 10, 30, 10, 30, 40, 10, 40]
PAIRS = [[10, 10], [30, 10], [30, 40], [10, 40]]
BOX = [50, 20, 20, 30]


def codes(size=(120, 160), value=1):
    mask = np.zeros(size, np.uint8, order="F")
    mask[10:40, 10:30] = value
    code = coco_mask.encode(mask)
    return {"size": list(size), "counts": code["counts"].decode()}


READ = {
    "flat": SQUARE,
    "nested": [[SQUARE]],
    "deeper": [[[SQUARE]]],
    "pairs": [PAIRS],
    "pairs alone": PAIRS,
    "nested pairs": [[PAIRS]],
    "code in a list": [codes()],
    "beside an empty one": [SQUARE, []],
    "beside a line": [SQUARE, [90, 90, 95, 95, 99, 99]],
    "beside a point": [[3, 3], SQUARE],
}
DEGENERATE = {
    "empty polygon": [[]],
    "point": [[10, 10]],
    "one number": [[10]],
    "two points": [[10, 10, 30, 10]],
    "box of four": [[10, 10, 50, 60]],
    "odd": [[10, 10, 30, 10, 30, 40, 10]],
    "line": [[10, 10, 20, 20, 30, 30, 40, 40]],
    "one place": [[10, 10] * 4],
    "nan": [[10, 10, 30, 10, float("nan"), 40]],
    "far": [[10, 10, 30, 10, 1e6, 40]],
    "far the other way": [[10, 10, 30, 10, -1e300, 40]],
    "words": "outline",
    "number": 7,
    "words in it": [["a", "b", "c", "d", "e", "f"]],
    "nothing in it": [None],
    "deep": [[[[[[SQUARE]]]]]],
    "code of another size": codes((10, 10), 0),
    "code turned round": codes((160, 120)),
    "empty code": codes(value=0),
    "code of too much": {"size": [120, 160], "counts": [0, 99999]},
    "broken code": {"size": [120, 160], "counts": "ñandú"},
    "code without counts": {"size": [120, 160]},
    "code of words": {"size": "big", "counts": [1, 2]},
}
NONE = {"none": None, "no polygons": [], "no code": {}}


def masked(left, top, width, height):
    mask = np.full((120, 160), 255)
    mask[top : top + height, left : left + width] = 0
    return mask


def person_without(**fields):
    return person(80, 60, 60, **{**UNLABELLED, **fields})


@pytest.mark.parametrize("kind", READ)
def test_odd_outlines_are_read(write_coco, caplog, kind):
    dataset = CocoKeypoints(write_coco([[person_without(segmentation=READ[kind], bbox=BOX)]]), "train2017")
    np.testing.assert_array_equal(dataset.records[0].mask_miss(), masked(10, 10, 20, 30))
    (warning,) = [record.getMessage() for record in caplog.records]
    assert warning.endswith(
        "1 outlines are not COCO's polygons or codes: 1 are read all the same, for 0 the box stands"
    )


@pytest.mark.parametrize("kind", DEGENERATE)
def test_box_stands_for_an_outline_that_cannot_be_drawn(write_coco, caplog, kind):
    dataset = CocoKeypoints(write_coco([[person_without(segmentation=DEGENERATE[kind], bbox=BOX)]]), "train2017")
    np.testing.assert_array_equal(dataset.records[0].mask_miss(), masked(*BOX))
    (warning,) = [record.getMessage() for record in caplog.records]
    assert warning.endswith("0 are read all the same, for 1 the box stands")


@pytest.mark.parametrize("kind", NONE)
def test_box_stands_for_no_outline_without_a_word(write_coco, caplog, kind):
    dataset = CocoKeypoints(write_coco([[person_without(segmentation=NONE[kind], bbox=BOX)]]), "train2017")
    np.testing.assert_array_equal(dataset.records[0].mask_miss(), masked(*BOX))
    assert caplog.records == []


def test_one_warning_counts_all_and_the_others_stay(write_coco, caplog):
    good, code = [SQUARE, [60, 60, 70, 60, 70, 70.5]], codes()
    people = [person_without(segmentation=each) for each in (good, [[]], code, SQUARE, [[5, 5]], good)]
    dataset = CocoKeypoints(write_coco([people[:4], people[4:]]), "train2017")
    found = [each.segmentation for record in dataset.records for each in record.people]
    assert found == [good, None, code, [SQUARE], None, good]
    (warning,) = [record.getMessage() for record in caplog.records]
    assert "3 outlines are not COCO's polygons or codes: 1 are read all the same, for 2 the box stands" in warning


def test_people_of_no_size_are_masked_nowhere(write_coco):
    nobody = person_without(segmentation=[], bbox=[0, 0, 0, 0], area=0)
    mask = CocoKeypoints(write_coco([[nobody]]), "train2017").records[0].mask_miss()
    assert (mask == 255).all()
