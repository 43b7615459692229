"""People written for other tools are read back with the same numbers."""

import csv
import json

import numpy as np
import pytest
from PIL import Image
from pycocotools.coco import COCO

from cpm import ConfigError, Person
from cpm.inference import Delivery, list_pictures, predict_files
from cpm.skeletons import COCO_17, MPI_15, OPENPOSE_18, Skeleton, convert

SIZE = (90, 120)  # height and width


def people_of(skeleton, seed, count):
    """Return people with joints within the picture, some of them not found."""
    rng = np.random.default_rng(seed)
    people = []
    for _ in range(count):
        keypoints = np.column_stack(
            [
                rng.uniform(0, SIZE[1] - 1, skeleton.num_joints),
                rng.uniform(0, SIZE[0] - 1, skeleton.num_joints),
                rng.uniform(0.1, 1, skeleton.num_joints),
            ]
        )
        keypoints[rng.random(skeleton.num_joints) < 0.3] = 0
        people.append(Person(keypoints.round(3), round(float(rng.uniform(0.1, 1)), 5)))
    return people


@pytest.fixture
def written(tmp_path):
    """Write the people of three pictures, two of which are called alike, in all formats."""

    def write(skeleton=COCO_17, formats=("coco", "openpose", "csv", "yolo")):
        places = [tmp_path / "in" / name for name in ("a.jpg", "a.png", "day/b.jpg")]
        people = {}
        for count, path in enumerate(places):
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.new("RGB", SIZE[::-1]).save(path)
            people[path] = people_of(skeleton, count, count)
        pictures = list_pictures([tmp_path / "in"])
        folder = tmp_path / "out"
        predict_files(lambda path, image: people[path], pictures, skeleton, folder, Delivery(formats=formats), False)
        return folder, people

    return write


def test_json_has_boxes_sizes_and_names_of_joints(written):
    folder, people = written(formats=())
    content = json.loads((folder / "people.json").read_text())
    assert content["joints"] == list(COCO_17.joints)
    for entry, (path, expected) in zip(content["images"], sorted(people.items())):
        assert (entry["image"], entry["height"], entry["width"]) == (str(path), *SIZE)
        for found, person in zip(entry["people"], expected):
            np.testing.assert_allclose(found["keypoints"], person.keypoints)
            np.testing.assert_allclose(found["bbox"], person.bbox, atol=1e-3)


def test_coco_reads_its_file(written):
    folder, people = written()
    coco = COCO(str(folder / "coco.json"))
    assert coco.loadCats(1)[0]["keypoints"] == list(COCO_17.joints)
    images = {image["file_name"]: image for image in coco.loadImgs(coco.getImgIds())}
    for path, expected in people.items():
        image = images[str(path)]
        assert (image["height"], image["width"]) == SIZE
        found = coco.loadAnns(coco.getAnnIds(imgIds=image["id"]))
        assert len(found) == len(expected)
        for annotation, person in zip(found, expected):
            keypoints = np.reshape(annotation["keypoints"], (-1, 3))
            np.testing.assert_allclose(keypoints[:, :2], person.keypoints[:, :2])
            np.testing.assert_array_equal(keypoints[:, 2], 2 * person.found)
            np.testing.assert_allclose(annotation["joint_scores"], person.keypoints[:, 2])
            assert annotation["score"] == person.score and annotation["num_keypoints"] == person.found.sum()
    results = coco.loadRes(coco.dataset["annotations"])
    assert len(results.anns) == sum(map(len, people.values()))


def read_openpose(path):
    """Read a file as OpenPose describes it: 18 joints of x, y and confidence for each person."""
    content = json.loads(path.read_text())
    assert content["version"] == 1.3
    return [np.reshape(person["pose_keypoints_2d"], (18, 3)) for person in content["people"]]


@pytest.mark.parametrize("skeleton", [COCO_17, OPENPOSE_18, MPI_15])
def test_openpose_is_read_back_with_its_joints(written, skeleton):
    folder, people = written(skeleton, ("openpose",))
    for path, stem in zip(sorted(people), ("a", "a.png", "day/b")):
        found = read_openpose(folder / "openpose" / f"{stem}_keypoints.json")
        assert len(found) == len(people[path])
        for joints, person in zip(found, people[path]):
            (expected,) = convert(person.keypoints[None], skeleton, OPENPOSE_18)
            np.testing.assert_allclose(joints, expected, atol=1e-3)


def test_openpose_has_no_place_for_other_bodies(written):
    cross = Skeleton("CROSS", ("north", "south"), (("north", "south"),))
    with pytest.raises(ConfigError, match="its 18 joints are none of CROSS"):
        written(cross, ("openpose",))


def test_csv_has_a_row_for_each_person(written):
    folder, people = written()
    with open(folder / "people.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    expected = [(path, person) for path, each in sorted(people.items()) for person in each]
    assert len(rows) == len(expected)
    for row, (path, person) in zip(rows, expected):
        assert row["image"] == str(path) and float(row["score"]) == person.score
        joints = [[float(row[f"{joint}_{axis}"]) for axis in ("x", "y", "score")] for joint in COCO_17.joints]
        np.testing.assert_allclose(joints, person.keypoints, atol=1e-3)
        box = [float(row[side]) for side in ("left", "top", "width", "height")]
        np.testing.assert_allclose(box, person.bbox, atol=1e-3)


def test_yolo_has_shares_of_the_picture(written):
    folder, people = written()
    for path, stem in zip(sorted(people), ("a", "a.png", "day/b")):
        lines = (folder / "labels" / f"{stem}.txt").read_text().splitlines()
        assert len(lines) == len(people[path])
        for line, person in zip(lines, people[path]):
            kind, x, y, width, height, *joints = map(float, line.split())
            left, top, box_width, box_height = person.bbox
            assert kind == 0
            middle = (x * SIZE[1] - 0.5, y * SIZE[0] - 0.5)  # their integers are edges of pixels
            assert middle == pytest.approx((left + box_width / 2, top + box_height / 2), abs=1e-3)
            assert (width * SIZE[1], height * SIZE[0]) == pytest.approx((box_width, box_height), abs=1e-3)
            found = np.reshape(joints, (-1, 3))
            np.testing.assert_array_equal(found[:, 2], 2 * person.found)
            places = found[person.found, :2] * SIZE[::-1] - 0.5
            np.testing.assert_allclose(places, person.keypoints[person.found, :2], atol=1e-3)


def test_a_second_run_takes_the_files_of_the_first_away(written):
    folder, _ = written()
    assert (folder / "coco.json").exists()
    written(formats=("csv",))
    assert not (folder / "coco.json").exists() and not list(folder.rglob("*.txt"))
    assert (folder / "people.csv").exists()
