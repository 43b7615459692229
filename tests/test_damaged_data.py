"""Damaged packed files, training files, caches and archives: told in one line, within bounded memory and time."""

import json
import shutil
import zipfile

import numpy as np
import pytest

from cpm import DataError
from cpm.datasets import CocoKeypoints, PackedKeypoints
from cpm.datasets.annotations import cache as annotation_cache
from cpm.datasets.coco_files.unpack import unpack
from cpm.datasets.packed.convert import open_source
from cpm.datasets.packed.packed_keypoints import write_packed
from cpm.datasets.packed.picture_source import coco_source
from cpm.datasets.packed.record_file import RecordFile
from cpm.files import write_arrays

from .conftest import person
from .helpers.mutations import check_survival, mutate, mutate_json
from .helpers.packed import rewritten
from .helpers.people import UNLABELLED, crowd
from .helpers.scale import repeats
from .helpers.training_formats import write_hdf5, write_list, write_samples

COUNT = repeats(300, 5000)


@pytest.fixture
def coco(write_coco):
    """Write two small images with people, of whom some are masked."""
    images = [[person(40, 30, 50), crowd(0, 0, 20, 40, True)], [person(50, 30, 40), person(20, 30, 40, **UNLABELLED)]]
    return write_coco(images, size=(80, 60))


@pytest.fixture
def root(write_coco):
    return write_samples(write_coco)


@pytest.fixture
def as_list(root, tmp_path):
    return write_list(root, tmp_path)


@pytest.fixture
def as_hdf5(root, tmp_path):
    return write_hdf5(root, tmp_path / "train.h5")


@pytest.fixture
def packed(coco):
    path = coco / "train.rec"
    write_packed(path, coco_source(coco, "train2017"), "train2017")
    return path


def use(dataset):
    """Read everything in a data set, as training and checking do; the first problem is raised at the end."""
    problems = []
    for record in dataset.records:
        for read in (record.read_bgr, record.mask_miss, record.labelled_keypoints):
            try:
                read()
            except DataError as error:
                problems.append(error)
    if problems:
        raise problems[0]


def use_packed(path):
    dataset = PackedKeypoints(path.with_suffix(".rec"))
    dataset.truth()
    use(dataset)


def test_packed_files(packed):
    content = packed.read_bytes()
    refused = check_survival(use_packed, lambda rng: mutate(content, rng), packed, COUNT)
    assert refused > COUNT // 4


def test_indices_of_packed_files(packed):
    places = packed.with_suffix(".idx")
    content = places.read_bytes()
    assert check_survival(use_packed, lambda rng: mutate(content, rng), places, COUNT) > COUNT // 2


@pytest.mark.parametrize("key", [0, 1])
def test_descriptions_in_packed_files(packed, key):
    """The record is sound, as of somebody who forges it; what its JSON says is damaged."""
    content = RecordFile(packed).read(key)
    head, newline, rest = content.partition(b"\n")

    def damage(rng):
        changed = (mutate_json if rng.integers(2) else mutate)(head, rng)
        changed += b" " * (-len(changed + newline) % 8) if newline else b""
        rewritten(packed, changed + newline + rest, key)
        return packed.read_bytes()

    assert check_survival(use_packed, damage, packed, COUNT // 2) > COUNT // 8


def test_lists_of_people(as_list):
    path = as_list / "COCO.json"
    content = path.read_bytes()

    def read(path):
        source = open_source(path, "coco_json", "x", images=as_list, masks=as_list / "mask")
        for picture in source.pictures():
            json.dumps([picture.image, picture.people])

    def damage(rng):
        return (mutate if rng.integers(3) == 0 else mutate_json)(content, rng)

    assert check_survival(read, damage, path, COUNT) > COUNT // 4


def test_hdf5(as_hdf5):
    content = as_hdf5.read_bytes()

    def read(path):
        for picture in open_source(path, "hdf5", "x").pictures():
            json.dumps([picture.image, picture.people])

    assert check_survival(read, lambda rng: mutate(content, rng), as_hdf5, COUNT) > COUNT // 50


def test_notes_in_hdf5(as_hdf5):
    """The file is sound, but not what is noted in it of a sample."""
    h5py = pytest.importorskip("h5py")
    with h5py.File(as_hdf5, "r") as file:
        note = file["datum"]["0000001"].attrs["meta"].encode()

    def damage(rng):
        changed = (mutate if rng.integers(3) == 0 else mutate_json)(note, rng)
        with h5py.File(as_hdf5, "r+") as file:
            file["datum"]["0000001"].attrs["meta"] = np.bytes_(changed)
        return as_hdf5.read_bytes()

    def read(path):
        for picture in open_source(path, "hdf5", "x").pictures():
            json.dumps([picture.image, picture.people])

    assert check_survival(read, damage, as_hdf5, COUNT) > COUNT // 4


@pytest.fixture
def cache(coco, monkeypatch, tmp_path):
    monkeypatch.setattr(annotation_cache, "SMALLEST", 0)
    monkeypatch.setenv("CPM_HOME", str(tmp_path / "home"))
    CocoKeypoints(coco, "train2017")
    return coco / "annotations" / "person_keypoints_train2017.cache.npz"


def test_caches_of_annotations(cache, coco):
    content = cache.read_bytes()
    check_survival(lambda _: use(CocoKeypoints(coco, "train2017")), lambda rng: mutate(content, rng), cache, COUNT)


def test_forged_caches_of_annotations(cache, coco):
    """The archive is sound, but not the bytes of an array in it."""
    with np.load(cache) as held:
        arrays = dict(held)
    names = sorted(arrays)

    def damage(rng):
        name = names[rng.integers(len(names))]
        array = arrays[name]
        content = bytearray(mutate(array.tobytes() or bytes(8), rng))
        content = content[: array.nbytes].ljust(array.nbytes, b"\0")
        write_arrays(cache, {**arrays, name: np.frombuffer(bytes(content), array.dtype).reshape(array.shape)})
        return cache.read_bytes()

    check_survival(lambda _: use(CocoKeypoints(coco, "train2017")), damage, cache, COUNT)


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_archives(coco, method):
    path = coco / "train2017.zip"
    with zipfile.ZipFile(path, "w", method) as archive:
        for file in sorted((coco / "train2017").iterdir()):
            archive.write(file, f"train2017/{file.name}")
    content = path.read_bytes()
    out = coco / "out"

    def read(path):
        try:
            unpack(path, out, r"train2017/\w[\w.-]*\.jpg")
        finally:
            found = {each.name for each in out.iterdir()} if out.exists() else set()
            shutil.rmtree(out, ignore_errors=True)
            assert all(name.endswith(".jpg") and not name.startswith(".") for name in found)

    assert check_survival(read, lambda rng: mutate(content, rng), path, COUNT // 2) > COUNT // 4
