"""Files and names of others: nothing outside of a folder is read for packing, nothing that never ends is opened."""

import json
import os
import time

import pytest

from cpm import DataError
from cpm.datasets import CocoKeypoints
from cpm.datasets.annotations import cache as annotation_cache
from cpm.datasets.images.reading import stored_size
from cpm.datasets.packed.convert import open_source
from cpm.datasets.packed.packed_keypoints import write_packed
from cpm.datasets.packed.picture_source import Picture, PictureSource, coco_source, write_coco
from cpm.datasets.packed.record_file import RecordFile

from .conftest import person

OUTSIDE = [
    "/etc/passwd",
    "../secret.jpg",
    "sub/../../secret.jpg",
    "..\\secret.jpg",
    "C:\\secret.jpg",
    "a\0.jpg",
    "",
    ".",
    "\ud800.jpg",
    7,
    None,
]


@pytest.fixture
def root(write_coco):
    root = write_coco([[person(50 + 8 * k, 60, 80)] for k in range(3)])
    (root / "secret.jpg").write_bytes(b"not to be passed on")
    return root


def annotations(root):
    return root / "annotations" / "person_keypoints_train2017.json"


def rename(root, name):
    content = json.loads(annotations(root).read_text())
    content["images"][1]["file_name"] = name
    annotations(root).write_text(json.dumps(content))


@pytest.mark.parametrize("name", OUTSIDE)
def test_names_that_leave_the_folder_are_not_read_for_packing(root, name):
    rename(root, name)
    with pytest.raises(
        DataError,
        match=r"image 2 has the file_name .*, expected one within|the file_name of image 2 is .*, expected a name",
    ) as caught:
        coco_source(root, "train2017")
    assert str(caught.value).isprintable()


@pytest.mark.parametrize("name", OUTSIDE)
def test_names_that_leave_the_folder_are_not_written(root, name, tmp_path):
    image = {"id": 1, "file_name": name, "width": 8, "height": 8}
    source = PictureSource(root, {"id": 1, "name": "person"}, 1, lambda: iter([Picture(image, [], b"data")]))
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(DataError, match="image 1 has the file_name"):
        write_coco(tmp_path / "out", source, "train2017")
    with pytest.raises(DataError, match="image 1 has the file_name"):
        write_packed(tmp_path / "out" / "train2017.rec", source, "train2017")
    assert sorted(path for path in tmp_path.rglob("*") if path != tmp_path / "out") == before


def test_names_with_folders_within_are_packed(root):
    (root / "train2017" / "sub").mkdir()
    (root / "train2017" / "000000000002.jpg").rename(root / "train2017" / "sub" / "2.jpg")
    rename(root, "sub/2.jpg")
    assert len(list(coco_source(root, "train2017").pictures())) == 3


@pytest.fixture(params=["pipe", "device"])
def endless(request, tmp_path):
    """Return a path that reads for ever."""
    path = tmp_path / "endless"
    if request.param == "pipe":
        os.mkfifo(path)
    else:
        path.symlink_to("/dev/zero")
    return path, f"a {request.param}, expected a file"


def test_a_picture_that_never_ends(root, endless):
    path, told = endless
    record = CocoKeypoints(root, "train2017").records[0]
    path.replace(record.path)
    pictures = coco_source(root, "train2017").pictures
    for read in (record.read_bgr, lambda: stored_size(record.path), lambda: list(pictures())):
        with pytest.raises(DataError, match=f"{record.path}: cannot read the image .*{told}"):
            read()


def test_annotations_that_never_end(root, endless):
    path, told = endless
    path.replace(annotations(root))
    for read in (CocoKeypoints, coco_source):
        with pytest.raises(DataError, match=f"{annotations(root)}: .*{told}"):
            read(root, "train2017")


def test_other_files_that_never_end(root, endless, tmp_path):
    path, told = endless
    with pytest.raises(DataError, match=told):
        open_source(path, "coco_json", "x", images=root, masks=root)
    record_file = tmp_path / "a.rec"
    record_file.with_suffix(".idx").write_text("0\t0\n")
    path.replace(record_file)
    with pytest.raises(DataError, match=told):
        RecordFile(record_file)
    record_file.replace(record_file.with_suffix(".idx"))
    with pytest.raises(DataError, match=told):
        RecordFile(record_file)


@pytest.mark.parametrize("how", ["written", "replaced"])
def test_a_change_of_equal_size_and_time_is_noticed_by_the_cache(root, monkeypatch, tmp_path, how):
    monkeypatch.setattr(annotation_cache, "SMALLEST", 0)
    path = annotations(root)
    assert CocoKeypoints(root, "train2017").records[0].width == 160
    status = path.stat()
    time.sleep(0.05)  # file systems tell times in steps of some milliseconds
    changed = path.read_bytes().replace(b'"width": 160', b'"width": 161')
    if how == "written":
        path.write_bytes(changed)
    else:
        (tmp_path / "new.json").write_bytes(changed)
        (tmp_path / "new.json").replace(path)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert (path.stat().st_size, path.stat().st_mtime_ns) == (status.st_size, status.st_mtime_ns)
    assert CocoKeypoints(root, "train2017").records[0].width == 161
