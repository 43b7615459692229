"""Which category of an annotation file is that of people, however an export calls it."""

import copy

import pytest

from cpm import DataError
from cpm.datasets.annotations.coco_json import read_annotations
from cpm.skeletons import COCO_17

from .conftest import person

JOINTS = list(COCO_17.joints)


def content_of(categories, *owners, joints=()):
    """Return annotations of these categories, of which those in `joints` have keypoints."""
    annotations = []
    for number, owner in enumerate(owners, start=1):
        entry = person(80, 60, 90, id=number, image_id=1, category_id=owner)
        if owner not in joints:
            del entry["keypoints"], entry["num_keypoints"]
        annotations.append(entry)
    images = [{"id": 1, "file_name": "a.jpg", "width": 160, "height": 120}]
    return {"images": images, "annotations": annotations, "categories": categories}


def chosen(content, **choice):
    return read_annotations(content, (COCO_17,), **choice).category["id"]


PLAIN = {
    "dummy of the same name": ([{"id": 0, "name": "person"}, {"id": 1, "name": "person", "keypoints": JOINTS}], [1]),
    "a capital": ([{"id": 1, "name": "Person", "keypoints": JOINTS}, {"id": 2, "name": "Ball"}], [1]),
    "body": ([{"id": 3, "name": "Ball"}, {"id": 4, "name": "body", "keypoints": JOINTS}], [4]),
    "no names of joints": ([{"id": 1, "name": "ball"}, {"id": 2, "name": "worker"}], [2]),
    "super-category first": ([{"id": 0, "name": "people"}, {"id": 1, "name": "worker", "keypoints": JOINTS}], [1]),
    "a dog with joints": (
        [{"id": 1, "name": "dog", "keypoints": JOINTS}, {"id": 2, "name": "person", "keypoints": JOINTS}],
        [2, 1],
    ),
    "person without joints": ([{"id": 1, "name": "person"}, {"id": 2, "name": "player", "keypoints": JOINTS}], [2]),
    "joints in the names only": (
        [{"id": 1, "name": "a"}, {"id": 2, "name": "b", "keypoints": JOINTS}],
        [2, 1],
    ),
    "id as text": ([{"id": "7", "name": "person"}, {"id": 8, "name": "ball"}], [7]),
    "the only one": ([{"id": 5, "name": "anything"}], [5]),
    "no categories": ([], [3]),
}


@pytest.mark.parametrize("kind", PLAIN)
def test_category_that_is_plain(kind):
    categories, joints = PLAIN[kind]
    owners = [*joints, *[each["id"] for each in categories if int(each["id"]) not in joints]]
    content = content_of(categories, *owners, joints=joints)
    before = copy.deepcopy(content)
    assert chosen(content) == joints[0] and content == before
    assert len(read_annotations(content).people) == 1


OPEN = [{"id": 1, "name": "worker", "keypoints": JOINTS}, {"id": 2, "name": "guard", "keypoints": JOINTS}]


def test_category_that_is_open_is_asked_for():
    content = content_of(OPEN, 1, 2, 2, joints=[1, 2])
    message = r"1 'worker' \(1 with keypoints\), 2 'guard' \(2 with keypoints\); choose by --category"
    with pytest.raises(DataError, match=message):
        read_annotations(content)
    assert [chosen(content, category=wanted) for wanted in ("worker", "GUARD", "2", "1")] == [1, 2, 2, 1]
    with pytest.raises(DataError, match=r"no category 'dog' in it; there are 1 'worker'"):
        read_annotations(content, category="dog")


def test_files_without_keypoints_are_told_what_to_export():
    points = [{"id": k, "name": name, "keypoints": []} for k, name in enumerate(JOINTS, start=1)]
    with pytest.raises(DataError, match="17 categories, and no annotation has keypoints; export skeletons"):
        read_annotations(content_of(points))
    with pytest.raises(DataError, match="no annotation has keypoints; export skeletons"):
        read_annotations(content_of([{"id": 1, "name": "person"}], 1, 1))
    assert read_annotations(content_of([{"id": 1, "name": "person"}])).people == []


def test_annotations_of_no_listed_category(caplog):
    content = content_of([{"id": 1, "name": "person"}], 0, 0, joints=[0])
    with pytest.raises(DataError, match="no annotation is of its category 1 'person'; they are of 0"):
        read_annotations(content)
    content = content_of([{"id": 1, "name": "person"}, {"id": 2, "name": "ball"}], 1, 0, joints=[0, 1])
    assert "1 annotations with keypoints are of no listed category" in read_annotations(content).remarks[0]


@pytest.mark.parametrize(
    ("categories", "message"),
    [
        ("person", "'categories' is 'person', expected a list"),
        ([1], "'categories' is"),
        ([{"name": "person"}], "the id of category 'person': None is no whole number"),
        ([{"id": 1, "name": "a"}, {"id": 1, "name": "b"}], "1 'a' and 1 'b' have the same id"),
        ([{"id": 1, "name": "a", "keypoints": "nose"}], "the joints of category 1 'a' are 'nose'"),
    ],
)
def test_broken_categories(categories, message):
    with pytest.raises(DataError, match=message):
        read_annotations(content_of(categories, 1, joints=[1]))
