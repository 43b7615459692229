"""COCO.json and HDF5 of other systems: their people and masks, from a data set written as these systems do."""

import json
import sys

import numpy as np
import pytest

from cpm.codecs import PafCodec
from cpm.datasets import Augmentation, CocoKeypoints, PackedKeypoints, PersonFilter, TrainingSet
from cpm.datasets.packed.convert import open_source, write_dataset
from cpm.datasets.packed.training_formats import image_ids
from cpm.errors import ConfigError, DataError
from cpm.evaluation import score_coco
from cpm.skeletons import COCO_17, OPENPOSE_18, convert

from .helpers.packed import assert_same_batches, training_set
from .helpers.training_formats import write_hdf5, write_list, write_samples

SHOULDERS = [COCO_17.joints.index(f"{side}_shoulder") for side in ("left", "right")]


@pytest.fixture
def root(write_coco):
    return write_samples(write_coco)


@pytest.fixture
def as_list(root, tmp_path):
    return write_list(root, tmp_path)


@pytest.fixture
def as_hdf5(root, tmp_path):
    return write_hdf5(root, tmp_path / "train.h5")


def source_of_list(folder, **given):
    return open_source(folder / "COCO.json", "coco_json", "x", images=folder, masks=folder / "mask", **given)


def test_a_list_gives_the_batches_of_the_data_it_was_made_of(as_list):
    report = write_dataset(as_list / "new.rec", source_of_list(as_list), "new")
    assert "3 images, 6 annotations" in report  # five people and the mask
    own, packed = CocoKeypoints(as_list, "train2017"), PackedKeypoints(as_list / "new.rec")
    assert [each.id for each in packed.records] == [each.id for each in own.records] == [1, 2, 3]
    assert_same_batches(training_set(own), training_set(packed))
    crowd = packed.records[1].people[-1]
    assert crowd.is_crowd and not crowd.num_keypoints
    visibility = packed.records[0].people[0].keypoints[[5, 9, 0], 2]
    assert visibility.tolist() == [1, 0, 2]


def test_the_neck_needs_both_shoulders(as_list):
    write_dataset(as_list / "new.rec", source_of_list(as_list), "new")
    first, _, third = PackedKeypoints(as_list / "new.rec").records
    neck = OPENPOSE_18.joints.index("neck")
    joints = convert(first.labelled_keypoints(), COCO_17, OPENPOSE_18)
    np.testing.assert_allclose(
        joints[0, neck, :2], first.people[0].keypoints[SHOULDERS, :2].mean(axis=0), rtol=1e-6
    )  # one of them is occluded
    assert joints[0, neck, 2] > 0
    assert convert(third.labelled_keypoints(), COCO_17, OPENPOSE_18)[0, neck].tolist() == [0, 0, 0]


def test_a_list_in_the_layout_of_coco(as_list):
    report = write_dataset(as_list / "out", source_of_list(as_list), "mine")
    assert report == f"wrote the split mine in {as_list / 'out'}: 3 images, 6 annotations"
    own, new = CocoKeypoints(as_list, "train2017"), CocoKeypoints(as_list / "out", "mine")
    assert_same_batches(training_set(own), training_set(new))
    assert score_coco(new.annotation_file, [])["AP"] == 0  # the annotations are complete
    with pytest.raises(DataError, match="is there already"):
        write_dataset(as_list / "out", source_of_list(as_list), "mine")
    (as_list / "mask" / "train2017" / "mask_000000000003.jpg").unlink()
    with pytest.raises(DataError, match=r"mask_000000000003\.jpg: cannot read the image"):
        write_dataset(as_list / "out", source_of_list(as_list), "more")
    assert sorted(path.name for path in (as_list / "out").iterdir()) == ["annotations", "mine"]


def change(folder, place, **fields):
    content = json.loads((folder / "COCO.json").read_text())
    content["root"][place].update(fields)
    (folder / "COCO.json").write_text(json.dumps(content))


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"joint_self": [[1, 2, 5]] * 17}, "the codes of its joints are \\[5.0\\], expected 0 to 3"),
        ({"joint_self": [[1, 2, 1]] * 16}, "the joints of the shape \\(16, 3\\)"),
        ({"bbox": [1, 2, float("nan"), 4]}, "the box of the shape"),
        ({"img_paths": "../secret.jpg"}, "expected a file"),
        ({"img_paths": "/secret.jpg"}, "expected a file"),
        ({"numOtherPeople": 5}, "joint_others of the shape"),
        ({"img_width": 0}, "an image of 0 x 120"),
        ({"image_id": "one"}, "one"),
        ({"segment_area": None}, "area"),
    ],
)
def test_broken_entries_are_told(as_list, fields, message):
    change(as_list, 1, **fields)
    with pytest.raises(DataError, match=rf"COCO\.json: entry 1 is not a training sample: .*{message}"):
        source_of_list(as_list)


def test_two_images_of_one_id_are_told(as_list):
    change(as_list, 3, image_id=1)
    with pytest.raises(DataError, match="two of its images have the same image_id"):
        source_of_list(as_list)


def test_subsets_go_by_is_validation(as_list):
    change(as_list, 3, isValidation=1)
    assert [source_of_list(as_list, subset=subset).count for subset in ("train", "val", "all")] == [2, 1, 3]
    change(as_list, 2, isValidation=1)
    assert source_of_list(as_list).count == 1
    for place in (0, 1):
        change(as_list, place, isValidation=1)
    with pytest.raises(DataError, match="no entry of the subset train in it"):
        source_of_list(as_list)


def test_hdf5_gives_the_images_people_and_masks(as_hdf5, root):
    report = write_dataset(as_hdf5.with_suffix(".rec"), open_source(as_hdf5, "hdf5", "x"), "train")
    assert "3 images, 6 annotations" in report
    own, packed = CocoKeypoints(root, "train2017"), PackedKeypoints(as_hdf5.with_suffix(".rec"))
    assert [each.path.name for each in packed.records] == [f"{k:012d}.png" for k in (1, 2, 3)]
    for one, other in zip(own.records, packed.records):
        np.testing.assert_array_equal(one.read_bgr(), other.read_bgr())
        np.testing.assert_array_equal(one.labelled_keypoints(), other.labelled_keypoints())
        assert (one.mask_miss() is None) == (other.mask_miss() is None)
    np.testing.assert_array_equal(own.records[1].mask_miss(), packed.records[1].mask_miss())
    sets = []
    for dataset in (own, packed):
        people = PersonFilter(min_distance=0)
        sets.append(TrainingSet(dataset, PafCodec(OPENPOSE_18), Augmentation(128), people, 0))
    assert sets[0].samples.tolist() == sets[1].samples.tolist()
    for index in range(len(sets[0])):  # boxes come back from centres and heights, but for their last bits
        one, other = (samples[0, index] for samples in sets)
        assert np.abs(one.image.astype(int) - other.image).mean() < 0.1
        np.testing.assert_allclose(one.targets["heatmaps"], other.targets["heatmaps"], atol=1e-4)
        np.testing.assert_allclose(one.mask, other.mask, atol=0.01)


def test_hdf5_as_jpeg_is_nearly_the_same(as_hdf5, root):
    source = open_source(as_hdf5, "hdf5", "x", jpeg_quality=90)
    write_dataset(as_hdf5.parent / "out", source, "train")
    own, new = CocoKeypoints(root, "train2017"), CocoKeypoints(as_hdf5.parent / "out", "train")
    for one, other in zip(own.records, new.records):
        assert other.path.suffix == ".jpg"
        assert 0 < np.abs(one.read_bgr().astype(int) - other.read_bgr()).mean() < 3


def test_people_who_are_nowhere_the_main_one_get_no_sample(as_hdf5):
    """Make the second person of an image, who is large, one whom the source has left out."""
    import h5py

    with h5py.File(as_hdf5, "a") as file:
        del file["datum/0000001"]
    write_dataset(as_hdf5.with_suffix(".rec"), open_source(as_hdf5, "hdf5", "x"), "train")
    packed = PackedKeypoints(as_hdf5.with_suffix(".rec"))
    assert len(packed.records[0].labelled_keypoints()) == 3
    assert PersonFilter().select(packed.records[0]) == [0]


@pytest.mark.parametrize("kind", ["dtype", "planes", "meta", "joints", "nobody", "external", "soft"])
def test_broken_samples_are_told(as_hdf5, kind):
    import h5py

    with h5py.File(as_hdf5, "a") as file:
        array = file["datum/0000001"]
        meta, planes = json.loads(array.attrs["meta"]), array[()]
        del file["datum/0000001"]
        if kind == "soft":
            file["datum/0000001"] = h5py.ExternalLink("other.h5", "/datum/0000000")
        elif kind == "external":
            options = {"external": [("COCO.json", 0, planes.size)]}
            array = file.create_dataset("datum/0000001", planes.shape, np.uint8, **options)
        else:
            planes = {"dtype": planes.astype(np.int16), "planes": planes[:4]}.get(kind, planes)
            array = file.create_dataset("datum/0000001", data=planes)
        meta["joints"] = {"joints": [meta["joints"][0][:9]], "nobody": []}.get(kind, meta["joints"])
        if kind != "soft":
            array.attrs["meta"] = "[" if kind == "meta" else json.dumps(meta)
    with pytest.raises(DataError, match=r"train\.h5: .*0000001"):
        list(open_source(as_hdf5, "hdf5", "x").pictures())


def test_other_files_and_missing_h5py_are_told(as_hdf5, tmp_path, monkeypatch):
    import h5py

    (tmp_path / "a.h5").write_bytes(as_hdf5.read_bytes()[:900])
    with pytest.raises(DataError, match=r"a\.h5: cannot be read as HDF5"):
        open_source(tmp_path / "a.h5", "hdf5", "x")
    with h5py.File(tmp_path / "b.h5", "w") as file:
        file["other"] = [1]
    with pytest.raises(DataError, match=r"b\.h5: no group 'datum' in it"):
        open_source(tmp_path / "b.h5", "hdf5", "x")
    with pytest.raises(DataError, match=r"c\.h5: no such file"):
        open_source(tmp_path / "c.h5", "hdf5", "x")
    with pytest.raises(DataError, match=r"train\.h5: no entry of the subset val"):
        open_source(as_hdf5, "hdf5", "x", subset="val")
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(ConfigError, match="pip install h5py"):
        open_source(as_hdf5, "hdf5", "x")


def test_ids_are_the_numbers_of_the_names_unless_two_are_the_same():
    assert image_ids(["b/COCO_train2014_000000000036.jpg", "a/7.jpg"]) == {
        "b/COCO_train2014_000000000036.jpg": 36,
        "a/7.jpg": 7,
    }
    assert image_ids(["b/7.jpg", "a/7.jpg"]) == {"a/7.jpg": 1, "b/7.jpg": 2}
    assert image_ids(["b/7.jpg", "c.jpg"]) == {"b/7.jpg": 1, "c.jpg": 2}


@pytest.mark.slow("starts a process for every format")
def test_scripts_bring_them_to_a_packed_file(run_script, as_list, as_hdf5):
    options = {
        "coco_json": [as_list / "COCO.json", f"--images={as_list}", f"--masks={as_list / 'mask'}"],
        "hdf5": [as_hdf5, "--subset=train"],
    }
    for kind, arguments in options.items():
        process = run_script("pack_dataset.py", f"--from={kind}", f"--output={as_list / kind}.rec", *arguments)
        assert process.returncode == 0, process.stderr
        dataset = PackedKeypoints(as_list / f"{kind}.rec", kind)
        assert len(dataset) == 3 and len(training_set(dataset)) == 4
