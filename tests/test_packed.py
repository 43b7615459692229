"""Packed data sets: the same batches and scores as from loose files, and broken files."""

import json
import shutil
import struct
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import numpy as np
import pytest
from mxnet.recordio import MXIndexedRecordIO

from cpm.codecs import HeatmapCodec
from cpm.datasets import (
    CocoKeypoints,
    CropAugmentation,
    PackedKeypoints,
    PersonChoice,
    PersonSet,
    open_dataset,
    write_packed,
)
from cpm.datasets.annotations.index import ARRAYS
from cpm.datasets.packed.picture_source import coco_source
from cpm.datasets.packed.record_file import RecordFile
from cpm.datasets.synthetic import write_synthetic
from cpm.errors import DataError
from cpm.evaluation import BoxOksEvaluator, Report, annotated_boxes, evaluate_coco, run
from cpm.inference import Look
from cpm.person import Person
from cpm.skeletons import COCO_17, OPENPOSE_18

from .conftest import person
from .helpers.commands import TINY, assert_one_line
from .helpers.packed import assert_same_batches, rewritten, training_set
from .helpers.people import UNLABELLED, crowd

MAGIC = struct.pack("<I", 0xCED7230A)  # of RecordIO


@pytest.fixture
def loose(write_coco):
    """Five images of people, others without keypoints, a crowd, and one without anybody."""
    box = {key: value for key, value in person(20, 25, 30, **UNLABELLED).items() if key != "segmentation"}
    images = [
        [person(80, 60, 90), crowd(0, 0, 20, 90, True), box],
        [person(50, 60, 80), person(120, 50, 70)],
        [],
        [person(60, 60, 80), person(99, 60, 80, **UNLABELLED)],
        [person(70, 60, 80)],
    ]
    write_coco(images[:2], "val2017")
    return write_coco(images)


def pack(root, path, split="train2017", **options):
    write_packed(path, coco_source(root, split), split, **options)
    return PackedKeypoints(path)


def person_set(dataset):
    people = PersonChoice().people(dataset, 48 / 64)
    return PersonSet(people, dataset.skeleton, HeatmapCodec(COCO_17), (48, 64), CropAugmentation(), 0)


def test_real_images_give_the_same_batches(test_data, tmp_path):
    root = test_data / "coco_mini"
    packed = pack(root, tmp_path / "train.rec")
    own = CocoKeypoints(root, "train2017")
    for name in ARRAYS:
        np.testing.assert_array_equal(getattr(packed.index, name), getattr(own.index, name))
    assert (packed.index.joints, packed.category_id, packed.skeleton) == (own.index.joints, 1, COCO_17)
    assert (packed.split, len(packed), packed.annotation_file) == ("train2017", 80, tmp_path / "train.rec")
    assert_same_batches(training_set(own, 368), training_set(packed, 368), workers=3, epochs=1)
    assert_same_batches(person_set(own), person_set(packed), epochs=1)
    for one, other in zip(own.records, packed.records):
        assert one.path.read_bytes() == other.load() and one.path.name == other.path.name
        assert other.path.parent == tmp_path / "train.rec"


def test_synthetic_images_and_masks_give_the_same_batches(loose, tmp_path):
    write_synthetic(tmp_path / "drawn", train=12, val=1, size=(120, 160), num_workers=0)
    for root in (tmp_path / "drawn", loose):
        packed = pack(root, tmp_path / f"{root.name}.rec")
        own = CocoKeypoints(root, "train2017")
        assert_same_batches(training_set(own), training_set(packed), workers=2)
        assert_same_batches(person_set(own), person_set(packed))
        masks = [(one.mask_miss(), other.mask_miss()) for one, other in zip(own.records, packed.records)]
        for one, other in masks:
            np.testing.assert_array_equal(one, other)
    assert sum(one is not None for one, _ in masks) == 2


class Knowing:
    """In place of an estimator of either kind: knows the people by the pixels of their image."""

    codec = SimpleNamespace(skeleton=COCO_17)

    def __init__(self, dataset):
        self.people = {
            record.read_bgr()[..., ::-1].tobytes(): [Person(each.keypoints, 1.0) for each in record.people]
            for record in dataset.records
        }

    def look(self, image, boxes=()):
        people = self.people[image.tobytes()]
        if boxes:
            people = [each for each in people if each.keypoints.any()][: len(boxes)]
        return Look(people, list)

    def settings(self):
        return {}


def test_scores_are_the_same(loose, tmp_path):
    own, packed = CocoKeypoints(loose, "val2017"), pack(loose, tmp_path / "val2017.rec", "val2017")
    found = []
    for dataset in (own, packed):
        estimator = Knowing(own)
        crowds = evaluate_coco(estimator, dataset, output=tmp_path / "out", progress=False)
        results = json.loads((tmp_path / "out" / "results.json").read_text())
        boxes = annotated_boxes(dataset, 48 / 64)
        in_boxes = run(estimator, boxes, BoxOksEvaluator(dataset, COCO_17), Report(progress=False))
        found.append((crowds, results, in_boxes))
    assert found[0] == found[1]
    assert found[0][0]["AP"] == found[0][2]["AP"] == 1 and len(found[0][1]) == 3


def test_an_image_that_is_broken_is_as_broken_in_the_pack(loose, tmp_path):
    image = loose / "train2017" / "000000000002.jpg"
    image.write_bytes(image.read_bytes()[:900])
    samples = training_set(pack(loose, tmp_path / "train.rec"))
    problems = [problem for index in range(len(samples)) for problem in samples[0, index].problems]
    assert set(problems) == {f"{tmp_path / 'train.rec' / image.name}: the JPEG file is cut short after 900 bytes"}


def test_roots_that_open_packed_data(loose, tmp_path):
    for split in ("train2017", "val2017"):
        pack(loose, tmp_path / "packed" / f"{split}.rec", split)
        dataset = open_dataset("coco", tmp_path / "packed", split)
        assert isinstance(dataset, PackedKeypoints) and dataset.split == split
    path = tmp_path / "packed" / "val2017.rec"
    assert len(open_dataset("coco", path, "val2017", OPENPOSE_18)) == 2
    with pytest.raises(DataError, match=f"{path}: it holds the split val2017, not train2017"):
        open_dataset("coco", path, "train2017")
    shutil.copy(path, loose / "val2017.rec")
    assert type(open_dataset("coco", loose, "val2017")) is CocoKeypoints  # the files it was made of are the truth
    with pytest.raises(DataError, match=r"nowhere\.rec"):
        open_dataset("coco", tmp_path / "nowhere.rec", "val2017")


def test_own_joints_are_packed(write_coco, tmp_path):
    root = write_coco([[person(50, 60, 80, keypoints=[1, 2, 2] * 18, category_id=4)]])
    path = root / "annotations" / "person_keypoints_train2017.json"
    content = json.loads(path.read_text())
    content["categories"] = [{"id": 4, "name": "robot", "keypoints": list(OPENPOSE_18.joints)}]
    path.write_text(json.dumps(content))
    pack_path = tmp_path / "robots.rec"
    write_packed(pack_path, coco_source(root, "train2017"), "train2017")
    dataset = PackedKeypoints(pack_path, skeleton=OPENPOSE_18)
    assert (dataset.category_id, dataset.skeleton) == (4, OPENPOSE_18)
    with pytest.raises(DataError, match="its 18 joints"):
        PackedKeypoints(pack_path)


@pytest.fixture
def records(tmp_path):
    """Write records with the magic number in them; return their file and contents."""
    contents = [
        b"",
        b"a",
        MAGIC,
        MAGIC * 3,
        b"four" + MAGIC + b"xyz",
        b"un" + MAGIC + b"aligned",
        bytes(range(256)) * 9,
    ]
    writer = MXIndexedRecordIO(str(tmp_path / "a.idx"), str(tmp_path / "a.rec"), "w")
    for key, content in enumerate(contents):
        writer.write_idx(key, content)
    writer.close()
    return tmp_path / "a.rec", contents


def test_records_are_those_that_mxnet_reads(records, loose, tmp_path):
    path, contents = records
    assert [RecordFile(path).read(key) for key in range(len(contents))] == contents
    packed = pack(loose, tmp_path / "train.rec")
    reader = MXIndexedRecordIO(str(tmp_path / "train.idx"), str(tmp_path / "train.rec"), "r")
    assert sorted(reader.keys) == list(range(7))
    for key, record in enumerate(packed.records, start=2):
        assert reader.read_idx(key) == record.load() == (loose / "train2017" / record.path.name).read_bytes()


def test_threads_do_not_disturb_each_other(records):
    path, contents = records
    file = RecordFile(path)
    keys = np.random.default_rng(0).integers(len(contents), size=4000).tolist()
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(file.read, keys)) == [contents[key] for key in keys]


def test_damage_is_told_or_harmless(records):
    path, _ = records
    places = path.with_suffix(".idx")
    good, good_places, rng, told = path.read_bytes(), places.read_bytes(), np.random.default_rng(0), 0
    for round_ in range(600):
        victim, data = (places, bytearray(good_places)) if round_ % 3 == 0 else (path, bytearray(good))
        if rng.integers(4):
            data[rng.integers(len(data))] ^= 1 << int(rng.integers(8))
        else:
            del data[rng.integers(len(data)) :]
        path.write_bytes(good)
        places.write_bytes(good_places)
        victim.write_bytes(data)
        problem = problem_of(path)
        told += bool(problem)
        assert not problem or problem.startswith((f"{path}: ", f"{places}: ", f"{places}, line ")), problem
        assert problem.isprintable()
    assert told > 200


def problem_of(path):
    """Read all records; return what is wrong with them."""
    try:
        file = RecordFile(path)
        for key in range(len(file)):
            assert len(file.read(key)) <= path.stat().st_size
    except DataError as error:
        return str(error)
    return ""


@pytest.mark.parametrize(
    ("name", "shape", "message"),
    [
        ("points", [1 << 50], "buffer is smaller"),
        ("points", [-1], "shape"),
        ("image_ids", [4], "is int64"),
        ("keypoints", [1, 17, 3], "broken"),
        ("people_offsets", [], "broken"),
    ],
)
def test_forged_arrays_are_refused(loose, tmp_path, name, shape, message):
    path = tmp_path / "train.rec"
    pack(loose, path)
    head, rest = RecordFile(path).read(0).split(b"\n", 1)
    meta = json.loads(head)
    meta["shapes"][name] = shape
    forged = json.dumps(meta).encode() + b"\n"
    filling = -(len(head) + 1) % 8
    rewritten(path, forged + b" " * (-len(forged) % 8) + rest[filling:])
    with pytest.raises(DataError, match=message) as error:
        PackedKeypoints(path)
    assert str(error.value).startswith(f"{path}: not a packed data set, or a broken one (")


def test_other_and_cut_files_are_told(loose, records, tmp_path):
    with pytest.raises(DataError, match=r"a\.rec: not a packed data set"):
        PackedKeypoints(records[0])
    path = tmp_path / "train.rec"
    pack(loose, path)
    rewritten(path, RecordFile(path).read(0).replace(b'"version": 2', b'"version": 1'))
    with pytest.raises(DataError, match=r"train\.rec: .*version 1; expected cpm packed keypoints, version 2"):
        PackedKeypoints(path)
    packed = pack(loose, path, overwrite=True)
    lines = path.with_suffix(".idx").read_text().splitlines()
    path.with_suffix(".idx").write_text("\n".join(line for line in lines if not line.startswith("6\t")))
    with pytest.raises(DataError, match="6 records for 5 images"):
        PackedKeypoints(path)
    path.with_suffix(".idx").unlink()
    with pytest.raises(DataError, match=r"train\.idx: no such index; it belongs beside train\.rec"):
        PackedKeypoints(path)
    path.unlink()
    assert packed.records[4].load() == (loose / "train2017" / "000000000005.jpg").read_bytes()  # it was open


def test_truth_of_other_images_is_told(loose, tmp_path):
    path = tmp_path / "train.rec"
    packed = pack(loose, path)
    rewritten(path, packed._file.read(1).replace(b'"id":5,', b'"id":6,'), 1)
    with pytest.raises(DataError, match=r"train\.rec: the truth in record 1 is broken \(it is of other images\)"):
        PackedKeypoints(path).truth()


def test_nothing_is_half_written_or_overwritten(loose, tmp_path):
    folder = tmp_path / "packed"
    pack(loose, folder / "a.rec")
    with pytest.raises(DataError, match=r"a\.rec: is there already"):
        pack(loose, folder / "a.rec")
    with pytest.raises(DataError, match=r"a\.bin: expected a name that ends in \.rec"):
        pack(loose, folder / "a.bin")
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    (loose / "train2017" / "000000000004.jpg").unlink()
    with pytest.raises(DataError, match=r"000000000004\.jpg: cannot read the image"):
        pack(loose, folder / "a.rec", overwrite=True)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


@pytest.mark.slow("packs, trains and evaluates in processes of their own")
def test_scripts_pack_and_train(run_script, loose, tmp_path):
    for split in ("train2017", "val2017"):
        output = tmp_path / "packed" / f"{split}.rec"
        process = run_script("pack_dataset.py", loose, f"--output={output}")
        assert process.returncode == 0, process.stderr
        assert f"wrote {output} and its .idx: {5 if split[0] == 't' else 2} images" in process.stdout
    process = run_script(
        "train_gluon_cpm.py", *TINY, f"--dataset-root={tmp_path / 'packed'}", f"--output={tmp_path / 'run'}"
    )
    assert process.returncode == 0, process.stderr
    for root, name in ((tmp_path / "packed" / "val2017.rec", "packed"), (loose, "loose")):
        options = (f"--dataset-root={root}", "--scales=1", f"--output={tmp_path / name}")
        process = run_script("evaluate.py", f"--resume={tmp_path / 'run' / 'last.npz'}", *options)
        assert process.returncode == 0, process.stderr
    one, other = ((tmp_path / name / "results.json").read_text() for name in ("packed", "loose"))
    assert one == other


@pytest.mark.slow("starts a process for every mistake")
@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        (["{}", "--output={}/x.rec", "--split=test"], ["person_keypoints_test.json", "no such file"]),
        (["{}", "--output={}/train2017.rec", "--images=x"], ["--images is not an option of --from=coco"]),
        (["{}", "--output={}", "--split=train2017"], ["is there already"]),
        (["{}", "--output={}/new", "--split=train2017", "--overwrite"], ["--overwrite replaces a packed file"]),
        (["{}/a.json", "--from=coco_json", "--output={}/x.rec"], ["--from=coco_json needs --images"]),
        (
            ["{}/a.json", "--from=coco_json", "--output={}/x.rec", "--images={}", "--masks={}"],
            ["a.json: cannot be read"],
        ),
        (["{}/a.h5", "--from=hdf5", "--output={}/x.rec", "--jpeg-quality=0"], ["jpeg_quality=0: expected 1 to 100"]),
        (["{}/a.h5", "--from=hdf5", "--output={}/x.rec"], ["a.h5"]),
    ],
)
def test_mistakes_are_told_in_one_line(run_script, loose, arguments, parts):
    process = run_script("pack_dataset.py", *(argument.format(loose) for argument in arguments))
    assert_one_line(process, *parts)
    assert not (loose / "x.rec").exists() and not (loose / "new").exists()
