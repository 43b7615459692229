"""Lists of pictures: what is in a folder, what was read, searched and drawn, and what is said of the rest."""

import json
import os
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from cpm import ConfigError, DataError, Person
from cpm.datasets import list_images
from cpm.inference import Delivery, Selection, given_boxes, list_pictures, predict_files
from cpm.models import get_model, save_network
from cpm.skeletons import COCO_17

from .helpers.commands import assert_one_line


def write_picture(path: Path, size: tuple[int, int] = (48, 32), kind: str = "JPEG") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, (90, 120, 150)).save(path, kind)
    return path


def one_person(path, image):
    keypoints = np.zeros((17, 3))
    keypoints[0] = (5, 6, 0.9)
    return [Person(keypoints, 0.5)]


def predict(tmp_path, places, find=one_person, **delivery):
    pictures = list_pictures(places, tmp_path / "found")
    return predict_files(find, pictures, COCO_17, tmp_path / "found", Delivery(**delivery), progress=False)


def test_a_folder_lists_what_begins_or_is_called_as_a_picture(tmp_path):
    write_picture(tmp_path / "a.JPG")
    write_picture(tmp_path / "no_suffix")
    write_picture(tmp_path / "wrong.txt", kind="PNG")
    write_picture(tmp_path / ".hidden.jpg")
    write_picture(tmp_path / os.fsdecode(b"\xff.jpg"))
    (tmp_path / "b.heic").write_bytes(b"anything")
    (tmp_path / "c").write_bytes(b"GIF89a")
    (tmp_path / "d.png").write_bytes(b"")
    (tmp_path / "dangling.jpg").symlink_to("nowhere")
    (tmp_path / "notes.txt").write_text("BMW: P6 or II")
    (tmp_path / "boxes.json").write_text("{}")
    os.mkfifo(tmp_path / "pipe.jpg")
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder.jpg").mkdir()
    names = {os.fsencode(path.name) for path in list_images(tmp_path)}
    pictures = {b"a.JPG", b"no_suffix", b"wrong.txt", b"\xff.jpg"}
    assert names == pictures | {b"b.heic", b"c", b"d.png", b"dangling.jpg", b"pipe.jpg"}
    predictions = predict(tmp_path, [tmp_path])
    assert len(predictions.photos) == len(pictures)
    assert str(predictions) == "4 people in 4 pictures; 5 not read: b.heic, c, d.png, dangling.jpg, pipe.jpg"


def test_folders_in_a_folder_are_searched_but_for_that_of_the_drawings(tmp_path):
    inner = write_picture(tmp_path / "day1" / "hall" / "a.png", kind="PNG")
    other = write_picture(tmp_path / "day2" / "a.png", kind="PNG")
    write_picture(tmp_path / ".day3" / "a.jpg")
    (tmp_path / "loop").symlink_to(tmp_path)
    (tmp_path / "notes").mkdir()
    with pytest.raises(DataError, match=r"notes: no pictures in it \(.jpg"):
        list_images(tmp_path / "notes")
    path = write_picture(tmp_path / "b.webp", kind="WebP")
    assert list_images(tmp_path) == [path, inner, other]
    predict(tmp_path, [tmp_path])
    assert list_images(tmp_path / "found" / "pictures") == [
        tmp_path / "found" / "pictures" / name for name in ("b.webp.jpg", "day1/hall/a.png", "day2/a.png")
    ]
    assert list_images(tmp_path, tmp_path / "found") == [path, inner, other]


def test_a_single_file_is_the_list_whatever_it_is(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    assert list_images(tmp_path / "pipe") == [tmp_path / "pipe"]
    with pytest.raises(DataError, match="nowhere: no such file or folder"):
        list_images(tmp_path / "nowhere")


def test_names_that_collide_are_drawn_apart(tmp_path):
    paths = [
        write_picture(tmp_path / "x" / "a.jpg"),
        write_picture(tmp_path / "x" / "a.png", kind="PNG"),
        write_picture(tmp_path / "x" / "a"),
        write_picture(tmp_path / "y" / "a.jpg"),
    ]
    predictions = predict(tmp_path, [*paths, paths[0]])
    drawn = sorted(path.name for path in (tmp_path / "found" / "pictures").iterdir())
    assert drawn == ["a-2.jpg", "a-3.jpg", "a.jpg", "a.png"]
    assert str(predictions) == "4 people in 4 pictures"


def test_what_was_not_read_is_named_counted_and_written_down(tmp_path, caplog):
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(write_picture(tmp_path / "a.jpg").read_bytes()[:300])
    odd = tmp_path / "two\nlines.jpg"
    odd.write_bytes(b"")
    predictions = predict(tmp_path, [tmp_path / "a.jpg", broken, odd])
    assert str(predictions) == "1 person in 1 picture; 2 not read: broken.jpg, 'two\\nlines.jpg'"
    messages = [record.getMessage() for record in caplog.records]
    assert len(messages) == 2 and not any("\n" in message for message in messages)
    content = json.loads((tmp_path / "found" / "people.json").read_text())
    assert [entry["image"] for entry in content["images"]] == [str(tmp_path / "a.jpg")]
    assert set(content["skipped"]) == {str(broken), str(odd)}


def test_a_picture_that_cannot_be_searched_is_skipped(tmp_path):
    def find(path, image):
        if path.name == "b.jpg":
            raise DataError("nobody looked")
        return one_person(path, image)

    paths = [write_picture(tmp_path / name) for name in ("a.jpg", "b.jpg")]
    assert predict(tmp_path, paths, find).skipped == {paths[1]: "nobody looked"}


def test_where_nothing_can_be_read_nothing_is_written(tmp_path):
    paths = [tmp_path / f"{number}.jpg" for number in range(8)]
    for path in paths:
        path.touch()
    with pytest.raises(DataError, match=r"none of the 8 pictures can be read: .*/0\.jpg.*/4\.jpg.*; and 3 more$"):
        predict(tmp_path, paths)
    assert not (tmp_path / "found").exists()


@pytest.mark.parametrize("size", [(3000, 1), (1, 3000)])
def test_slivers_are_drawn_within_bounds(tmp_path, size):
    paths = [write_picture(tmp_path / "a.png", size, "PNG"), write_picture(tmp_path / "b.jpg")]
    predict(tmp_path, paths)
    assert cv2.imread(str(tmp_path / "found" / "pictures" / "a.png")).shape == (size[1], size[0], 3)
    sheet = cv2.imread(str(tmp_path / "found" / "people.jpg"))
    assert sheet.shape[0] == 240 and sheet.shape[1] < 20 * 240


def test_a_bad_box_is_left_out_and_counted(tmp_path, caplog):
    good = [2, 3, 20, 25]
    bad = [
        [1, 2],
        None,
        "wide",
        [1, 2, "x", 4],
        [5, 5, -3, 8],
        [float("nan")] * 4,
        [900, 900, 5, 5],
        [10**400, 0, 5, 5],
    ]
    (tmp_path / "boxes.json").write_text(json.dumps({"a.jpg": [good, *bad, good], "b.jpg": []}))
    look_up = given_boxes(tmp_path / "boxes.json")
    image = np.zeros((32, 48, 3), np.uint8)
    assert len(look_up(Path("a.jpg"), image, 0.75, 1.25)) == 2
    assert "8 of 10 boxes of 'a.jpg' left out: box [1, 2]" in caplog.text and len(caplog.records) == 1
    assert look_up(Path("b.jpg"), image, 0.75, 1.25) == []


def test_predicting_says_what_it_left_out(run_script, tmp_path):
    write_picture(tmp_path / "pictures" / "a.jpg")
    write_picture(tmp_path / "pictures" / "sliver.png", (600, 2), "PNG")
    (tmp_path / "pictures" / "b.heic").write_bytes(b"\0\0\0\x18ftypheic" + bytes(500))
    save_network(tmp_path / "net.npz", get_model("cpm_small", channels=16, stages=1))
    options = (f"--resume={tmp_path / 'net.npz'}", "--gpus=-1", "--box-size=64", f"--output={tmp_path / 'found'}")
    process = run_script("predict.py", tmp_path / "pictures", *options)
    assert process.returncode == 0, process.stderr
    assert "in 2 pictures; 1 not read: b.heic" in process.stdout
    first, second = process.stderr.splitlines()
    assert "a sliver of 600 x 2 pixels" in first and "b.heic: a HEIC picture, which cannot be read" in second
    process = run_script("predict.py", tmp_path / "pictures" / "b.heic", *options, "--overwrite")
    assert_one_line(process, "none of the 1 pictures can be read", "a HEIC picture")


def sure_and_not(path, image):
    """Find one who is sure, one of a low score, and one of two joints."""
    keypoints = np.zeros((3, 17, 3))
    keypoints[:2, :5] = (20, 10, 0.8)
    keypoints[:2, 4, 2] = 0.1
    keypoints[2, :2] = (20, 10, 0.8)
    return [Person(each, score) for each, score in zip(keypoints, (0.7, 0.1, 0.5))]


@pytest.mark.parametrize(
    ("select", "joints"),
    [
        (Selection(), [5, 5, 2]),
        (Selection(min_score=0.2), [5, 2]),
        (Selection(min_joints=3), [5, 5]),
        (Selection(min_joint_score=0.5), [4, 4, 2]),
        (Selection(0.2, 4, 0.5), [4]),
        (Selection(0.2, 5, 0.5), []),
    ],
)
def test_who_is_not_sure_enough_is_neither_counted_nor_drawn(tmp_path, select, joints):
    predictions = predict(tmp_path, [write_picture(tmp_path / "a.png", kind="PNG")], sure_and_not, select=select)
    (photo,) = predictions.photos
    assert [person.found.sum() for person in photo.people] == joints
    assert str(predictions).partition(" ")[0] == str(len(joints))
    drawing = np.asarray(Image.open(tmp_path / "found" / "pictures" / "a.png"))
    assert (drawing != (90, 120, 150)).any() == bool(joints)


def test_pictures_are_drawn_in_their_own_size_or_not_at_all(tmp_path):
    path = write_picture(tmp_path / "a.png", (61, 47), "PNG")
    predict(tmp_path, [path])
    assert Image.open(tmp_path / "found" / "pictures" / "a.png").size == (61, 47)
    predict(tmp_path, [path], draw=False)
    assert [each.name for each in (tmp_path / "found").iterdir()] == ["people.json"]


@pytest.mark.parametrize("values", [{"min_score": 1.5}, {"min_joint_score": -0.1}, {"min_joints": 0}])
def test_limits_out_of_range_are_refused(values):
    with pytest.raises(ConfigError, match=f"{next(iter(values))}="):
        Selection(**values)
