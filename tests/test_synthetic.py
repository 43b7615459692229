"""The embedded synthetic people: pictures, annotations, and the data set on disk."""

import json
from functools import lru_cache

import cv2
import numpy as np
import pytest
from pycocotools.coco import COCO

from cpm import ConfigError, DataError
from cpm.datasets.synthetic import SyntheticPeople, write_synthetic
from cpm.datasets.synthetic.body import articulate, sample_build
from cpm.datasets.synthetic.canvas import Canvas, Ellipsoid, Tube
from cpm.datasets.synthetic.poses import LIMITS, sample_pose
from cpm.skeletons import COCO_17

COUNT = 150
PAIRED = [name for name in LIMITS if name.split("_")[0] in ("shoulder", "elbow", "hip", "knee", "ankle")]


@lru_cache(maxsize=1)
def pictures():
    people = SyntheticPeople(seed=7)
    return [people.picture("train", index) for index in range(COUNT)]


def persons():
    """(height, width), annotation, keypoints (17, 3) of every single person."""
    for image, annotations in pictures():
        for annotation in annotations:
            if not annotation["iscrowd"]:
                yield image.shape[:2], annotation, np.reshape(annotation["keypoints"], (-1, 3))


def filled(polygons, size):
    mask = np.zeros(size, np.uint8)
    for polygon in polygons:
        outline = np.reshape(polygon, (-1, 2)) - 0.5
        cv2.fillPoly(mask, [np.round(outline * 16).astype(np.int32)], 1, shift=4)
    return mask


def test_a_picture_depends_on_seed_split_and_index_alone():
    image, annotations = SyntheticPeople(seed=7).picture("train", 5)
    expected_image, expected_annotations = pictures()[5]
    np.testing.assert_array_equal(image, expected_image)
    assert annotations == expected_annotations
    for other in (SyntheticPeople(7).picture("val", 5), SyntheticPeople(8).picture("train", 5)):
        assert not np.array_equal(image, other[0])


@pytest.mark.parametrize("size", [(240, 320), (304, 200), (64, 64)])
def test_size_is_height_times_width(size):
    image, annotations = SyntheticPeople(size=size).picture("train", 0)
    assert image.shape == (*size, 3)
    assert image.dtype == np.uint8
    assert all(annotation["bbox"][2] <= size[1] for annotation in annotations)


def test_fields_agree_with_each_other():
    labelled = 0
    for (height, width), annotation, keypoints in persons():
        told = keypoints[:, 2] > 0
        labelled += told.any()
        assert annotation["category_id"] == 1
        assert annotation["num_keypoints"] == told.sum()
        assert set(keypoints[:, 2]) <= {0, 1, 2}
        assert (keypoints[~told] == 0).all()
        assert (keypoints[told, :2] >= 0).all()
        assert (keypoints[told, :2] <= (width - 1, height - 1)).all()
        left, top, box_width, box_height = annotation["bbox"]
        assert left >= 0
        assert top >= 0
        assert left + box_width <= width
        assert top + box_height <= height
        assert 0 < annotation["area"] <= box_width * box_height
    assert labelled > COUNT


def test_visible_joints_lie_on_the_person():
    inside = total = 0
    for size, annotation, keypoints in persons():
        near = cv2.dilate(filled(annotation["segmentation"], size), np.ones((3, 3), np.uint8))
        x, y = keypoints[keypoints[:, 2] == 2, :2].round().astype(int).T
        inside, total = inside + near[y, x].sum(), total + len(x)
    assert total > 10 * COUNT
    assert inside / total > 0.995


def test_polygons_cover_the_area():
    for size, annotation, _ in persons():
        covered = filled(annotation["segmentation"], size).sum()
        # Polygons have no holes, between an arm and the waist for instance, hence the one-sided slack.
        assert 0.9 * annotation["area"] - 30 < covered < 1.35 * annotation["area"] + 60


def test_what_makes_masks_and_visibility_matter_is_there():
    counts = [sum(not annotation["iscrowd"] for annotation in annotations) for _, annotations in pictures()]
    assert set(counts) >= {0, 1, 2, 3}
    crowds = [annotation for _, annotations in pictures() for annotation in annotations if annotation["iscrowd"]]
    assert 2 <= len(crowds) <= 0.12 * COUNT
    for crowd in crowds:
        assert crowd["num_keypoints"] == 0
        assert sum(crowd["segmentation"]["counts"]) == 240 * 320
        assert sum(crowd["segmentation"]["counts"][1::2]) == crowd["area"]
    keypoints = np.array([points for _, _, points in persons()])
    unlabelled = (keypoints[..., 2] == 0).all(axis=1)
    assert 0.02 < unlabelled.mean() < 0.15
    assert unlabelled.sum() == sum(bool(a["segmentation"]) and not a["num_keypoints"] for _, a, _ in persons())
    share = [(keypoints[~unlabelled][..., 2] == v).mean() for v in range(3)]
    assert min(share) > 0.04
    assert share[2] > 0.5


@pytest.mark.parametrize(("yaw", "left_is"), [(0, 1), (180, -1)])
def test_left_is_left(yaw, left_is):
    rng = np.random.default_rng(0)
    upright = {name: np.zeros(2 if name in PAIRED else ()) for name in LIMITS}
    body = articulate(sample_build(rng), upright, yaw, 0, 0)
    for joint in ("eye", "ear", "shoulder", "elbow", "wrist", "hip", "knee", "ankle"):
        left, right = body.points[f"left_{joint}"], body.points[f"right_{joint}"]
        assert (left[0] - right[0]) * left_is > 0.01
        assert left[1] == pytest.approx(right[1])
    assert body.points["nose"][2] * left_is > body.points["head"][2] * left_is
    assert body.points["nose"][1] < body.points["left_hip"][1] < body.points["left_knee"][1]


def test_angles_stay_within_human_limits():
    rng = np.random.default_rng(1)
    for _ in range(200):
        pose = sample_pose(rng)
        assert set(pose) == set(LIMITS)
        for name, (low, high) in LIMITS.items():
            assert np.shape(pose[name]) == ((2,) if name in PAIRED else ())
            assert np.all((low <= pose[name]) & (pose[name] <= high))


def test_bones_keep_their_lengths_in_every_pose():
    rng = np.random.default_rng(2)
    build = sample_build(rng)
    for _ in range(20):
        body = articulate(build, sample_pose(rng), rng.uniform(-180, 180), 10, 5).placed(200, 160, 120)
        np.testing.assert_allclose(body.points["pelvis"], (160, 120, 0))
        for bone, a, b in (("thigh", "left_hip", "left_knee"), ("forearm", "right_elbow", "right_wrist")):
            assert np.linalg.norm(body.points[a] - body.points[b]) == pytest.approx(200 * build[bone])


def test_the_nearer_solid_hides_the_farther_in_either_order():
    front = Tube(np.array([20.0, 10, 9]), np.array([20.0, 30, 9]), (5, 5), np.eye(3), (255, 0, 0))
    back = Ellipsoid(np.array([20.0, 20, -9]), (9, 9, 5), np.eye(3), (0, 0, 255))
    for first, second in ((front, back), (back, front)):
        canvas = Canvas(np.zeros((40, 40, 3), np.float32), np.array([0.0, 0, 1]), 0.5)
        for number, part in ((1, first), (2, second)):
            canvas.begin(number, 0)
            canvas.draw([part])
        red, _, blue = canvas.image[20, 20]
        assert red > 200
        assert blue == 0
        assert canvas.owner[20, 20] == (1 if first is front else 2)
        assert canvas.owner[20, 28] == (2 if first is front else 1)
        assert canvas.depth[20, 20] == pytest.approx(14, abs=0.1)


def test_written_data_loads_as_coco_and_holds_the_pictures(tmp_path):
    assert write_synthetic(tmp_path / "a", train=24, val=4, seed=7, num_workers=2)
    assert write_synthetic(tmp_path / "b", train=24, val=4, seed=7, num_workers=0)
    files = sorted(path.relative_to(tmp_path / "a") for path in (tmp_path / "a").rglob("*") if path.is_file())
    assert len(files) == 24 + 4 + 3
    for file in files:
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()

    coco = COCO(tmp_path / "a/annotations/person_keypoints_train2017.json")
    assert len(coco.imgs) == 24
    category = coco.cats[1]
    assert tuple(category["keypoints"]) == COCO_17.joints
    assert min(min(limb) for limb in category["skeleton"]) == 1
    for index, (image_id, record) in enumerate(sorted(coco.imgs.items())):
        picture, expected = pictures()[index]
        written = cv2.imread(str(tmp_path / "a/train2017" / record["file_name"]))[..., ::-1]
        assert written.shape == (record["height"], record["width"], 3)
        assert np.abs(written.astype(float) - picture).mean() < 8
        found = coco.loadAnns(coco.getAnnIds(imgIds=image_id))
        told = [{key: value for key, value in ann.items() if key not in ("id", "image_id")} for ann in found]
        assert told == expected
        for ann in found:
            area = coco.annToMask(ann).sum()
            assert area >= 0.9 * ann["area"] - 30


def test_complete_data_is_left_alone_and_other_data_untouched(tmp_path):
    root = tmp_path / "people"
    write_synthetic(root, train=2, val=1, num_workers=0)
    annotations = root / "annotations/person_keypoints_val2017.json"
    before = annotations.stat().st_mtime_ns
    assert not write_synthetic(root, train=2, val=1, num_workers=0)
    assert annotations.stat().st_mtime_ns == before
    with pytest.raises(DataError, match=r"train=2.*--overwrite"):
        write_synthetic(root, train=1, val=1, num_workers=0)
    assert write_synthetic(root, train=1, val=1, num_workers=0, overwrite=True)
    assert len(list((root / "train2017").iterdir())) == 1

    annotations.unlink()  # as after an interruption
    assert write_synthetic(root, train=1, val=1, num_workers=0)
    assert annotations.exists()

    (root / "synthetic.json").unlink()  # now it looks like somebody else's COCO
    with pytest.raises(DataError, match="other data"):
        write_synthetic(root, train=1, val=1, num_workers=0, overwrite=True)
    assert annotations.exists()


def test_user_mistakes_are_told(tmp_path):
    with pytest.raises(ConfigError, match="size: found 240x20"):
        SyntheticPeople(size=(240, 20))
    with pytest.raises(ConfigError, match="seed: found -1"):
        SyntheticPeople(seed=-1)
    with pytest.raises(ConfigError, match="'test', expected one of train, val"):
        SyntheticPeople().picture("test", 0)
    with pytest.raises(ConfigError, match="val: found -3"):
        write_synthetic(tmp_path, val=-3)
    (tmp_path / "file").touch()
    with pytest.raises(DataError, match="expected a folder"):
        write_synthetic(tmp_path / "file")
    assert json.dumps(sorted(path.name for path in tmp_path.iterdir())) == '["file"]'


@pytest.mark.slow("starts a process for every choice")
def test_script(tmp_path, run_script):
    assert "--num-workers" in run_script("make_synthetic.py", "--help").stdout
    arguments = ("--output", tmp_path / "s", "--train", 3, "--val", 1, "--size", "96x128")
    done = run_script("make_synthetic.py", *arguments)
    assert done.returncode == 0, done.stderr
    images = json.loads((tmp_path / "s/annotations/person_keypoints_train2017.json").read_text())["images"]
    assert [(image["width"], image["height"]) for image in images] == [(128, 96)] * 3
    again = run_script("make_synthetic.py", *arguments)
    assert again.returncode == 0
    assert "there already" in again.stdout
    other = run_script("make_synthetic.py", *arguments, "--seed", 1)
    assert other.returncode == 2
    assert other.stderr.startswith("error: ")
    assert len(other.stderr.strip().splitlines()) == 1
