"""The cache of annotations: it changes nothing, and a stale, broken or forged one does no harm."""

import numpy as np
import pytest

from cpm import DataError
from cpm.datasets import CocoKeypoints
from cpm.datasets.annotations import cache as annotation_cache
from cpm.datasets.annotations.coco_json import read_annotations
from cpm.datasets.annotations.index import ARRAYS
from cpm.skeletons import COCO_17, OPENPOSE_18

from .conftest import person
from .helpers.people import UNLABELLED, crowd


@pytest.fixture
def cached(write_coco, tmp_path, monkeypatch):
    """Return the root of a data set whose annotations are kept in a cache, and where."""
    monkeypatch.setattr(annotation_cache, "SMALLEST", 0)
    monkeypatch.setenv("CPM_HOME", str(tmp_path / "home"))
    box = {key: value for key, value in person(20, 25, 30, **UNLABELLED).items() if key != "segmentation"}
    two = {"segmentation": [[1, 2, 3.5, 4, 5, 6], [7, 8, 9, 10, 11, 12.25, 13, 14]]}
    images = [
        [person(80, 60, 90), crowd(0, 0, 20, 90, True), box],
        [],
        [crowd(9, 9, 9, 9, False)],
        [person(40, 60, 80, **two), person(99, 60, 80, **UNLABELLED), person(9, 9, 9, segmentation=[])],
    ]
    root = write_coco(images)
    return root, root / "annotations" / "person_keypoints_train2017.cache.npz"


def content_of(dataset: CocoKeypoints) -> list:
    return [
        (
            record.id,
            record.path,
            record.width,
            record.height,
            record.mask_miss() is None,
            [
                (each.keypoints.tolist(), each.bbox, each.area, each.segmentation, each.is_crowd)
                for each in record.people
            ],
        )
        for record in dataset.records
    ]


def is_parsed(root, monkeypatch) -> bool:
    """Open a data set; return whether its JSON was parsed."""
    parsed = []
    with monkeypatch.context() as patch:
        patch.setattr(
            "cpm.datasets.coco.read_annotations",
            lambda *given, **choice: parsed.append(1) or read_annotations(*given, **choice),
        )
        CocoKeypoints(root, "train2017")
    return bool(parsed)


def test_second_opening_reads_the_cache_and_nothing_changes(cached, monkeypatch):
    root, cache = cached
    first = CocoKeypoints(root, "train2017")
    assert cache.is_file() and [path.name for path in cache.parent.iterdir() if path.name.startswith(".")] == []
    second = CocoKeypoints(root, "train2017", OPENPOSE_18)
    assert not is_parsed(root, monkeypatch)
    assert content_of(first) == content_of(second) and (second.category_id, second.skeleton) == (1, COCO_17)
    segmentations = [each.segmentation for each in second.records[3].people]
    assert segmentations[0] == [[1, 2, 3.5, 4, 5, 6], [7, 8, 9, 10, 11, 12.25, 13, 14]] and segmentations[2] is None
    assert isinstance(second.records[0].people[1].segmentation["counts"], str)
    assert second.records[0].people[2].segmentation is None
    assert [record.id for record in second.records[1:-1]] == [2, 3] and second.records[-1].id == 4
    with pytest.raises(IndexError):
        second.records[4]
    assert (second.records[0].mask_miss() == first.records[0].mask_miss()).all()


def test_small_files_have_no_cache(write_coco):
    root = write_coco([[person(80, 60, 90)]])
    CocoKeypoints(root, "train2017")
    assert [path.suffix for path in (root / "annotations").iterdir()] == [".json"]


def test_cache_of_a_file_that_has_changed_is_made_anew(cached, monkeypatch):
    root, cache = cached
    CocoKeypoints(root, "train2017")
    before, path = cache.read_bytes(), root / "annotations" / "person_keypoints_train2017.json"
    path.write_text(path.read_text().replace('"width": 160', '"width": 320'))
    assert CocoKeypoints(root, "train2017").records[0].width == 320
    assert cache.read_bytes() != before and not is_parsed(root, monkeypatch)


def forge(cache, **changes):
    """Write a cache with other arrays in it; None leaves one out."""
    with np.load(cache) as held:
        arrays = {**held, **changes}
    with open(cache, "wb") as file:
        np.savez(file, **{name: array for name, array in arrays.items() if array is not None})


BROKEN = {
    "cut": lambda cache: cache.write_bytes(cache.read_bytes()[:-100]),
    "flipped": lambda cache: cache.write_bytes(cache.read_bytes().replace(b"0001.jpg", b"0002.jpg", 1)),
    "foreign": lambda cache: cache.write_bytes(b"not a zip"),
    "empty": lambda cache: cache.write_bytes(b""),
    "compressed": lambda cache: np.savez_compressed(cache, **np.load(cache)),
    "pickled": lambda cache: forge(cache, areas=np.array([{}] * 7, object)),
    "lacking": lambda cache: forge(cache, boxes=None),
    "too few": lambda cache: forge(cache, crowds=np.zeros(2, bool)),
    "of another type": lambda cache: forge(cache, keypoints=np.zeros((7, 17, 3))),
    "out of bounds": lambda cache: forge(cache, people_offsets=np.array([0, 3, 3, 4, 900])),
    "backwards": lambda cache: forge(cache, shape_offsets=np.array([0, 9, -5, 1, 1, 3, 4, 4])),
    "no offsets": lambda cache: forge(cache, polygon_offsets=np.zeros(0, np.int64)),
    "meta": lambda cache: forge(cache, meta=np.frombuffer(b"[1]", np.uint8)),
}


@pytest.mark.parametrize("damage", BROKEN)
def test_broken_cache_is_passed_over_and_made_anew(cached, monkeypatch, damage):
    root, cache = cached
    expected, good = content_of(CocoKeypoints(root, "train2017")), cache.read_bytes()
    BROKEN[damage](cache)
    assert cache.read_bytes() != good
    assert content_of(CocoKeypoints(root, "train2017")) == expected
    assert cache.read_bytes() == good and not is_parsed(root, monkeypatch)


def test_forged_text_is_an_error_that_names_the_cache(cached):
    root, cache = cached
    CocoKeypoints(root, "train2017")
    with np.load(cache) as held:
        texts = np.full_like(held["texts"], ord("{"))
    forge(cache, texts=texts)
    with pytest.raises(DataError, match="not JSON; delete the annotation cache"):
        CocoKeypoints(root, "train2017").records[0]


def test_cache_goes_home_where_the_folder_cannot_be_written(cached, tmp_path, monkeypatch):
    root, cache = cached
    cache.mkdir()
    CocoKeypoints(root, "train2017")
    assert len(list((tmp_path / "home").glob("cache/*/*.npz"))) == 1 and not is_parsed(root, monkeypatch)
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("CPM_HOME", str(tmp_path / "file"))
    assert len(CocoKeypoints(root, "train2017")) == 4 and is_parsed(root, monkeypatch)


def test_index_is_of_plain_arrays_that_cannot_be_written(cached):
    index = CocoKeypoints(cached[0], "train2017").index
    assert all(not getattr(index, name).flags.writeable for name in ARRAYS)
