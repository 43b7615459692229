"""MPII: both layouts, against each other and the official truth, as training data, and mistakes."""

import gzip
import json
import shutil
import tracemalloc

import cv2
import numpy as np
import pytest
from PIL import Image

from cpm.codecs import PafCodec
from cpm.datasets import Augmentation, MpiiPeople, PersonFilter, TrainingSet
from cpm.datasets.images.reading import stored_size
from cpm.errors import DataError
from cpm.evaluation import read_mpii_truth, score_mpii
from cpm.skeletons import MPI_15, MPII_16, convert


@pytest.fixture
def microsoft(test_data, tmp_path):
    """Five real images in Microsoft's layout."""
    (tmp_path / "annot").mkdir()
    (tmp_path / "annot" / "valid.json").symlink_to(test_data / "mpii" / "test_mpii.json")
    (tmp_path / "images").symlink_to(test_data / "mpii" / "images")
    return MpiiPeople(tmp_path, "valid")


@pytest.fixture(scope="module")
def cpm_valid(test_data):
    """All validation people in the file of Convolutional Pose Machines."""
    return MpiiPeople(test_data / "mpii", "valid")


def microsoft_entry(image="000000001.jpg", **fields):
    joints = np.column_stack([np.linspace(20, 60, 16), np.linspace(30, 90, 16)])
    entry = {"image": image, "center": [41, 61], "scale": 0.5, "joints": joints.tolist(), "joints_vis": [1] * 16}
    return {**entry, **fields}


def cpm_entry(image="000000001.jpg", left=20, others=(), **fields):
    joints = np.column_stack([np.linspace(left, left + 40, 16), np.linspace(30, 90, 16), np.ones(16)]).tolist()
    many = len(others) != 1  # MATLAB writes one as itself and several as a list
    joints_others, places, scales = ([other[key] for other in others] for key in ("joint_self", "objpos", "scale"))
    entry = {
        "img_paths": image,
        "img_width": 160.0,
        "img_height": 120.0,
        "isValidation": 0.0,
        "objpos": [left + 20, 61],
        "scale": 0.5,
        "scale_provided": 0.5,
        "joint_self": joints,
        "numOtherPeople": float(len(others)),
        "joint_others": joints_others if many else joints_others[0],
        "objpos_other": places if many else places[0],
        "scale_provided_other": scales if many else scales[0],
    }
    return {**entry, **fields}


def write(root, content, name="annot/train.json"):
    (root / "images").mkdir(exist_ok=True)
    (root / name).parent.mkdir(exist_ok=True)
    (root / name).write_text(json.dumps(content))
    return root


def test_both_layouts_give_the_same_people(microsoft, cpm_valid):
    assert microsoft.annotation_file.name == "valid.json" and len(microsoft) == len(microsoft.people) == 5
    for person in microsoft.people:
        (twin,) = (other for other in cpm_valid.people if other.image_name == person.image_name)
        assert (person.path.name, person.image_id) == (twin.path.name, twin.image_id) and person.path.is_file()
        assert person.center == twin.center and person.scale == pytest.approx(twin.scale, abs=5.1e-4)
        np.testing.assert_array_equal(person.keypoints[:, 2] > 0, twin.keypoints[:, 2] > 0)
        np.testing.assert_allclose(person.keypoints[:, :2], twin.keypoints[:, :2], atol=6e-4)
        assert person.size is None and twin.size == stored_size(person.path)
    for record in microsoft.records:
        (twin,) = (other for other in cpm_valid.records if other.id == record.id)
        assert (record.width, record.height, record.path.name) == (twin.width, twin.height, twin.path.name)
        np.testing.assert_allclose(record.people[0].bbox, twin.people[0].bbox, atol=0.2)


def test_coordinates_are_counted_from_0(microsoft):
    person = next(person for person in microsoft.people if person.image_name == "005808361.jpg")
    assert person.center == (965, 339) and person.scale == 4.718488 and person.image_id == 5808361
    np.testing.assert_array_equal(person.keypoints[MPII_16.joints.index("right_ankle")], [803, 710, 2])
    side = 200 * 4.718488
    record = next(record for record in microsoft.records if record.id == person.image_id)
    assert record.people[0].bbox == pytest.approx((965 - side / 2, 339 - side / 2, side, side))
    assert record.people[0].area == pytest.approx(side**2) and record.mask_miss() is None


def test_occluded_joints_are_told_from_unlabelled_ones(microsoft, cpm_valid):
    joints = ("right_ankle", "left_ankle", "right_wrist", "right_elbow", "right_knee")
    rows = [MPII_16.joints.index(joint) for joint in joints]
    for dataset, expected in ((cpm_valid, [0, 0, 1, 1, 2]), (microsoft, [0, 0, 2, 2, 2])):
        person = next(person for person in dataset.people if person.image_name == "051423444.jpg")
        assert person.keypoints[rows, 2].tolist() == expected
        assert not person.keypoints[rows[0]].any()


def test_validation_people_are_those_of_the_official_truth(test_data, cpm_valid):
    truth = read_mpii_truth(test_data / "mpii" / "detections_our_format.mat")
    keypoints = np.stack([person.keypoints for person in cpm_valid.people])
    assert keypoints.shape == (2958, 16, 3)
    np.testing.assert_array_equal(keypoints[..., 2] > 0, truth.visible)
    away = np.abs(keypoints[..., :2] + 1 - truth.joints).max(axis=2)[truth.visible]
    # The truth has 0 for some numbers of 13 joints, which 10 people own, and the annotations have not.
    assert (away > 1e-3).sum() == 13 and len(away) == 44240
    truth.check_people(keypoints)
    with pytest.raises(DataError, match=r"29\d\d of 2958 people are not where the truth has them, the first is number"):
        truth.check_people(np.roll(keypoints, 1, axis=0))
    with pytest.raises(DataError, match="2958 of 2958 people"):
        truth.check_people(keypoints + np.array([1, 1, 0]))
    assert score_mpii(keypoints[..., :2], truth)["mean@0.1"] == pytest.approx(100, abs=0.04)


def test_splits_share_no_image_and_index_everybody(test_data, cpm_valid):
    train = MpiiPeople(test_data / "mpii", "train")
    assert (len(train.people), len(train), len(cpm_valid.people), len(cpm_valid)) == (22246, 14679, 2958, 2729)
    assert not set(train.index.image_ids.tolist()) & set(cpm_valid.index.image_ids.tolist())
    # All 28883 people of MPII with joints; those of train are all people of their own.
    assert (len(train.index.areas), len(cpm_valid.index.areas)) == (22246, 2958 + 3679)
    for dataset in (train, cpm_valid):
        dataset.index.check()
        assert len(dataset.records) == len(set(dataset.index.image_ids.tolist())) == len(dataset)


def test_others_are_people_once(tmp_path):
    stranger, second = cpm_entry(left=90), cpm_entry(left=60)
    first = cpm_entry(others=[second, stranger])
    second = cpm_entry(left=60, others=[cpm_entry(), stranger])
    alone = cpm_entry("000000002.jpg", others=[stranger], isValidation=1.0)
    root = write(tmp_path, {"root": [first, second, alone]}, "mpii_annotations.json")
    dataset = MpiiPeople(root, "train")
    assert [person.center for person in dataset.people] == [(39, 60), (79, 60)]
    (record,) = dataset.records
    assert [person.keypoints[0, 0] for person in record.people] == [19, 59, 89]
    assert (record.id, record.width, record.height) == (1, 160, 120)
    for split, people, everybody in (("valid", 1, 2), ("trainval", 3, 5)):
        dataset = MpiiPeople(root, split)
        assert (len(dataset.people), len(dataset.index.areas)) == (people, everybody)


@pytest.mark.parametrize("layout", ["microsoft", "cpm"])
def test_trains_in_place_of_coco(layout, microsoft, cpm_valid):
    dataset = {"microsoft": microsoft, "cpm": cpm_valid}[layout]
    augmentation = Augmentation(crop=184, height=0.6, scale=(1, 1), rotation=0, shift=0, flip=0)
    codec = PafCodec(MPI_15)
    samples = TrainingSet(dataset, codec, augmentation, PersonFilter(), seed=0)
    assert samples.codec.skeleton is MPI_15 and len(samples) >= 5
    names = {person.image_name for person in microsoft.people}
    rows = [
        k
        for k, (row, place) in enumerate(samples.samples.tolist())
        if place == 0 and dataset.records[row].path.name in names
    ]
    assert len(rows) == 5
    for k in rows:
        record = dataset.records[int(samples.samples[k, 0])]
        (person,) = (person for person in dataset.people if person.image_id == record.id)
        sample = samples[0, k]
        assert sample.problems == () and sample.image.std() > 20 and sample.mask.min() == 1
        scale = 0.6 * 184 / (200 * person.scale)
        joints = convert(person.keypoints[None], MPII_16, MPI_15)[0]
        places = (joints[:, :2] - person.center) * scale + (184 - 1) / 2
        cells = np.rint((places - 3.5) / 8).astype(int)
        seen = [joint for joint in np.flatnonzero(joints[:, 2]) if (abs(places[joint] - 91.5) < 87).all()]
        assert len(seen) >= 6
        for joint in seen:
            # The nearest cell is at most 4 pixels away along each axis; sigma is 7.
            assert sample.targets["heatmaps"][joint][tuple(cells[joint][::-1])] >= np.exp(-32 / 98)
        # The crop shows what is around the person.
        matrix = np.array([[scale, 0, 91.5 - scale * person.center[0]], [0, scale, 91.5 - scale * person.center[1]]])
        image = cv2.imread(str(record.path))
        crop = cv2.warpAffine(image, matrix, (184, 184), borderValue=(128, 128, 128))[..., ::-1]
        assert np.abs(crop.astype(int) - sample.image).mean() < 12


def test_unknown_sizes_are_read_when_asked_for_and_once(tmp_path):
    entries = [microsoft_entry(), microsoft_entry(center=[51, 61]), microsoft_entry("000000002.jpg")]
    dataset = MpiiPeople(write(tmp_path, entries), "train")
    assert not dataset.index.sizes.any() and len(dataset.records) == 2 and len(dataset.people) == 3
    cv2.imwrite(str(tmp_path / "images" / "000000001.jpg"), np.zeros((90, 120, 3), np.uint8))
    for _ in range(2):
        record = dataset.records[0]
        assert (record.width, record.height, len(record.people)) == (120, 90, 2)
        record.path.unlink(missing_ok=True)
    with pytest.raises(DataError, match=r"000000002\.jpg: cannot read the image \(No such file"):
        list(dataset.records)


def test_test_people_have_no_joints_and_names_no_numbers(tmp_path):
    entry = {"image": "b.jpg", "center": [10, 20], "scale": 1.5}
    dataset = MpiiPeople(write(tmp_path, [entry, {**entry, "image": "a.jpg"}], "annot/test.json"), "test")
    assert [(person.image_name, person.image_id) for person in dataset.people] == [("b.jpg", 2), ("a.jpg", 1)]
    assert not dataset.people[0].keypoints.any()


def test_stored_size_of_real_images(test_data):
    paths = sorted((test_data / "mpii" / "images").iterdir()) + sorted((test_data / "coco_mini").glob("*/*.jpg"))
    assert len(paths) > 100
    for path in paths:
        height, width = cv2.imread(str(path), cv2.IMREAD_UNCHANGED).shape[:2]
        assert stored_size(path) == (height, width), path


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"optimize": True, "exif": True}, {"format": "png"}])
def test_stored_size_of_other_files(tmp_path, options):
    exif = Image.Exif()
    exif[0x0112] = 6  # shown turned by 90 degrees
    options = {"format": "jpeg", **options, **({"exif": exif} if "exif" in options else {})}
    Image.new("RGB", (48, 32)).save(tmp_path / "a", **options)
    assert stored_size(tmp_path / "a") == (32, 48)


def test_stored_size_of_jpeg_is_found_without_decoding(tmp_path, monkeypatch):
    path = tmp_path / "a.jpg"
    Image.new("RGB", (48, 32)).save(path)
    data = path.read_bytes()
    monkeypatch.setattr("cpm.datasets.images.reading._decode", None)
    table = b"\xff\xc4\x00\x0c" + b"\x08\x00\x07\x00\x09" * 2  # its marker lies among those of frames
    for head in (b"", b"\xff\xff", table, b"\xff\x01", b"\xff\xe1\x00\x02"):
        path.write_bytes(data[:2] + head + data[2:])
        assert stored_size(path) == (32, 48)


def test_stored_size_without_a_frame_header(tmp_path):
    path = tmp_path / "a.jpg"
    Image.new("RGB", (48, 32)).save(path)
    data = path.read_bytes()
    frame = data.index(b"\xff\xc0")
    for broken in (data[:2], data[:3], data[: frame + 4], data[: frame + 8], b"\xff\xd8\xff\xe0\0\0", b"GIF", b""):
        path.write_bytes(broken)
        with pytest.raises(DataError, match=r"a\.jpg: "):
            stored_size(path)
    with pytest.raises(DataError, match="cannot read the image"):
        stored_size(tmp_path)


def test_missing_folders_and_files(tmp_path):
    with pytest.raises(DataError, match="nowhere: no such data set folder"):
        MpiiPeople(tmp_path / "nowhere", "train")
    with pytest.raises(
        DataError, match=r"no MPII annotations, expected annot/train\.json or mpii_annotations\.json or"
    ):
        MpiiPeople(tmp_path, "train")
    root = write(tmp_path, [cpm_entry()], "mpii_annotations.json")
    with pytest.raises(DataError, match="the split 'test' is not in it, expected one of train, valid, trainval"):
        MpiiPeople(root, "test")
    with pytest.raises(DataError, match="nobody of the split valid in it"):
        MpiiPeople(root, "valid")
    shutil.rmtree(root / "images")
    with pytest.raises(DataError, match=r"images: no such folder; the images of mpii_annotations\.json belong there"):
        MpiiPeople(root, "train")


def test_what_unpacks_to_too_much_is_refused_before_memory_is_taken(tmp_path):
    """Half a megabyte that becomes half a gigabyte."""
    (tmp_path / "images").mkdir()
    path = tmp_path / "mpii_annotations.json.gz"
    with gzip.open(path, "wb", compresslevel=9) as file:
        for _ in range(512):
            file.write(bytes(1 << 20))
    assert path.stat().st_size < 1 << 20
    tracemalloc.start()
    with pytest.raises(DataError, match=r"gz: unpacks to more than 134,217,728 bytes"):
        MpiiPeople(tmp_path, "train")
    assert tracemalloc.get_traced_memory()[1] < 300 << 20
    tracemalloc.stop()


def test_broken_files(tmp_path):
    whole = gzip.compress(json.dumps([cpm_entry()]).encode())
    write(tmp_path, [])
    for name, data in (
        ("annot/train.json", b'[{"image": '),
        ("annot/train.json", b"\xff\xfe\xfa"),
        ("annot/train.json", b"[" * 100_000),
        ("annot/train.json", b'{"images": []}'),
        ("annot/train.json", b"[]"),
        ("mpii_annotations.json.gz", b"[]"),
        ("mpii_annotations.json.gz", whole[:-20]),
        ("mpii_annotations.json.gz", whole[:20] + b"\xff\xff" + whole[22:]),
    ):
        (tmp_path / "annot" / "train.json").unlink(missing_ok=True)
        (tmp_path / name).write_bytes(data)
        with pytest.raises(DataError, match=rf"{name}: "):
            MpiiPeople(tmp_path, "train")
    (tmp_path / name).write_bytes(whole)
    assert len(MpiiPeople(tmp_path, "train")) == 1


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"image": 7}, "the image 7, expected a file name"),
        ({"center": [1]}, r"centre of the shape \(1,\), expected finite numbers of the shape \(2,\)"),
        ({"center": None}, "centre of the shape"),
        ({"scale": -1.0}, "the scale -1, expected above 0"),
        ({"scale": float("nan")}, r"scale of the shape \(\), expected finite numbers"),
        ({"scale": 10**400}, "too large"),
        ({"joints": [[1, 2]] * 15}, r"joints of the shape \(15, 2\), expected finite numbers of the shape \(16, 2\)"),
        ({"joints": [[1, 2]] * 15 + [[1]]}, "sequence"),
        ({"joints": "none"}, "string"),
        ({"joints_vis": [1] * 17}, r"joints_vis of the shape \(17,\)"),
    ],
)
def test_wrong_entries_of_microsoft(tmp_path, fields, message):
    root = write(tmp_path, [microsoft_entry(), microsoft_entry(**fields)])
    with pytest.raises(DataError, match=rf"train\.json: person 1 is not one of MPII: .*{message}"):
        MpiiPeople(root, "train")


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"joint_self": [[1, 2, 2]] * 16}, r"the third numbers of its joints are \[2\.0\], expected 0 and 1"),
        ({"joint_self": [[1, 2]] * 16}, r"joint_self of the shape \(16, 2\)"),
        ({"img_width": 0}, "an image of 0 x 120 pixels"),
        ({"img_width": None}, "int"),
        ({"numOtherPeople": 1}, "joint_others of the shape"),
        ({"numOtherPeople": 2, "joint_others": [[[1, 2, 1]] * 16] * 2}, "objpos_other of the shape"),
    ],
)
def test_wrong_entries_of_cpm(tmp_path, fields, message):
    root = write(tmp_path, [cpm_entry(), cpm_entry(**fields)], "mpii_annotations.json")
    with pytest.raises(DataError, match=rf"annotations\.json: person 1 is not one of MPII: .*{message}"):
        MpiiPeople(root, "train")


def test_entries_of_another_kind(tmp_path):
    for entry, message in (({"image": "a.jpg"}, "no 'center'"), (7, ""), (None, ""), ([], ""), ("joints", "")):
        with pytest.raises(DataError, match=rf"person 0 is not one of MPII: {message}"):
            MpiiPeople(write(tmp_path, [entry]), "train")
