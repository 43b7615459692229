"""COCO brought to its place: downloaded, linked, unpacked and verified, small and in a mirror of its own."""

import json
import logging
import shutil
import zipfile
from collections import namedtuple

import cv2
import numpy as np
import pytest

from cpm import downloading
from cpm.datasets import CocoKeypoints
from cpm.datasets.coco_files import prepare as preparing
from cpm.datasets.coco_files import unpack as unpacking
from cpm.datasets.coco_files import verify as verifying
from cpm.datasets.coco_files.prepare import Archive, link_splits, next_command, prepare_coco
from cpm.datasets.coco_files.unpack import unpack
from cpm.datasets.coco_files.verify import check_reports, report_table, verify_split
from cpm.errors import ConfigError, DataError

from .conftest import person
from .helpers import server as running
from .helpers.commands import assert_one_line
from .helpers.people import UNLABELLED, crowd

SPLITS = ("val2017", "train2017")


@pytest.fixture
def coco(write_coco):
    """Write both splits: three images with people, of whom some are masked, and one without."""
    images = [
        [person(80, 60, 90), crowd(0, 0, 20, 90, True)],
        [person(50, 60, 80)],
        [],
        [person(60, 60, 80), person(99, 60, 80, **UNLABELLED)],
    ]
    write_coco(images[:2], "val2017")
    return write_coco(images)


@pytest.fixture
def mirror(coco, monkeypatch):
    """Zip both splits as COCO's server has them; return the folder."""
    folder = coco / "mirror"
    for name in ("zips", "annotations"):
        (folder / name).mkdir(parents=True)
    for split in SPLITS:
        write_zip(folder / "zips" / f"{split}.zip", (coco / split).iterdir(), split, monkeypatch)
    files = [*(coco / "annotations").iterdir(), coco / "annotations" / "captions_val2017.json"]
    files[-1].write_text("{}")
    write_zip(folder / "annotations" / "annotations_trainval2017.zip", files, "annotations", monkeypatch)
    files[-1].unlink()
    return folder


def write_zip(path, files, folder, monkeypatch, method=zipfile.ZIP_STORED):
    with zipfile.ZipFile(path, "w", method) as archive:
        for file in sorted(files):
            archive.write(file, f"{folder}/{file.name}")
        archive.writestr(f"{folder}/", "")
        archive.writestr("../outside.jpg", b"outside")
        archive.writestr(f"{folder}/../outside.jpg", b"outside")
        archive.writestr(f"{folder}/sub/inside.jpg", b"inside")
    declare(path, monkeypatch)


def declare(path, monkeypatch):
    """Make the size of a zip file the one that is expected."""
    archive = Archive(f"{path.parent.name}/{path.name}", path.stat().st_size)
    if path.stem in SPLITS:
        monkeypatch.setitem(preparing.PICTURES, path.stem, archive)
    else:
        monkeypatch.setattr(preparing, "ANNOTATIONS", archive)


def files_of(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def assert_same(root, coco):
    """Check that a data set is that of the fixture, and that there is nothing else but locks."""
    expected = {name: data for name, data in files_of(coco).items() if name.split("/")[0] in (*SPLITS, "annotations")}
    found = files_of(root)
    assert {name: data for name, data in found.items() if not name.endswith(".lock")} == expected and expected


@pytest.mark.parametrize("as_url", [False, True])
def test_download_and_again(mirror, coco, as_url, caplog):
    root = coco / "deep" / "new"
    with caplog.at_level(logging.INFO):
        reports = prepare_coco(root, mirror=mirror.as_uri() + "/" if as_url else str(mirror))
    assert_same(root, coco)
    assert "val2017.zip: 2 files unpacked" in caplog.text and "train2017.zip: 4 files unpacked" in caplog.text
    assert [(report.split, report.problem_count) for report in reports] == [("val2017", 0), ("train2017", 0)]
    before = {path: path.stat().st_mtime_ns for path in root.rglob("*")}
    shutil.rmtree(mirror)
    assert prepare_coco(root, mirror=str(mirror)) == reports
    assert {path: path.stat().st_mtime_ns for path in root.rglob("*")} == before


def test_one_split_takes_only_what_it_needs(mirror, coco):
    root = coco / "new"
    prepare_coco(root, ["val2017"], str(mirror))
    assert not (root / "train2017").exists() and len(list((root / "annotations").iterdir())) == 1
    assert next_command(root, ["val2017"]) == f"cpm prepare-coco --splits=train2017 --output={root}"
    linked = next_command(root, ["val2017"], "/my disk/coco")
    assert linked.endswith(f"--output={root} --link='/my disk/coco'")
    (mirror / "zips" / "val2017.zip").unlink()  # is not asked for
    prepare_coco(root, mirror=str(mirror))
    assert_same(root, coco)
    assert next_command(root, SPLITS) == f"cpm train --backbone=res50 --dataset-root={root}"
    own = "cpm train --backbone=res50 --set data.train=own --set data.val=own"
    assert next_command("data/coco", ["own"]) == own


def test_kept_archives_mend_what_has_another_size(mirror, coco, caplog):
    root = coco / "new"
    prepare_coco(root, mirror=str(mirror), keep_archives=True)
    shutil.rmtree(mirror)
    (root / "val2017" / "000000000002.jpg").write_bytes(b"\xff\xd8")
    (root / "train2017" / "000000000003.jpg").unlink()
    with caplog.at_level(logging.INFO):
        prepare_coco(root, mirror=str(mirror))
    assert "val2017.zip: 1 files unpacked" in caplog.text and "train2017.zip: 1 files unpacked" in caplog.text
    assert_same(root, coco)  # this time without the archives


def test_resume(mirror, coco, server, monkeypatch):
    content = (mirror / "zips" / "val2017.zip").read_bytes()
    monkeypatch.setattr(running, "CONTENT", content)
    monkeypatch.setattr(running, "SIZE", len(content))
    shutil.copytree(coco / "annotations", coco / "new" / "annotations")
    (coco / "new" / "val2017.zip.part").write_bytes(content[:1000])
    server.cuts[:] = [500]
    report = prepare_coco(coco / "new", ["val2017"], server.url)[0]
    assert server.ranges == ["bytes=1000-", "bytes=1500-"] and not report.problem_count
    assert files_of(coco / "new" / "val2017") == files_of(coco / "val2017")


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_broken_member(mirror, coco, monkeypatch, method):
    path, root = mirror / "zips" / "train2017.zip", coco / "new"
    write_zip(path, (coco / "train2017").iterdir(), "train2017", monkeypatch, method)
    whole = path.read_bytes()
    with zipfile.ZipFile(path) as archive:
        offset = archive.getinfo("train2017/000000000003.jpg").header_offset
    path.write_bytes(whole[: offset + 500] + b"\0" * 100 + whole[offset + 600 :])
    with pytest.raises(DataError, match=r"new/train2017\.zip: 'train2017/000000000003\.jpg' is broken in it .*delete"):
        prepare_coco(root, mirror=str(mirror))
    assert sorted(path.name for path in (root / "train2017").iterdir()) == ["000000000001.jpg", "000000000002.jpg"]
    path.write_bytes(whole)
    (root / "train2017.zip").unlink()
    prepare_coco(root, mirror=str(mirror))
    assert_same(root, coco)


def test_zip_files_that_are_none_of_coco(mirror, coco, monkeypatch):
    path = mirror / "zips" / "val2017.zip"
    path.write_bytes(b"PK" + bytes(1000))
    with pytest.raises(DataError, match=r"val2017\.zip: not the published file, 1002 bytes, expected \d+; --mirror"):
        prepare_coco(coco / "new", mirror=str(mirror))
    declare(path, monkeypatch)
    with pytest.raises(DataError, match=r"new/val2017\.zip: not a whole zip file .*delete it"):
        prepare_coco(coco / "new", mirror=str(mirror))
    (coco / "new" / "val2017.zip").write_bytes(b"PK")
    with pytest.raises(DataError, match=r"new/val2017\.zip: 2 bytes, expected the 1,002 of COCO's; delete"):
        prepare_coco(coco / "new", mirror=str(mirror))
    with pytest.raises(DataError, match=r"train2017\.zip: nothing in it is called other/"):
        unpack(mirror / "zips" / "train2017.zip", coco / "other", r"other/.*\.jpg")
    assert not (coco / "other").exists()


def test_verify_lists_broken_pictures(coco):
    folder = coco / "train2017"
    names = [folder / f"{number:012d}.jpg" for number in (1, 2, 3, 4)]
    names[0].unlink()
    names[1].write_bytes(names[1].read_bytes()[:-400])
    cv2.imwrite(str(names[2]), np.zeros((120, 150, 3), np.uint8))
    names[3].write_text("<html><body>404</body></html>")
    report = verify_split(CocoKeypoints(coco, "train2017"))
    parts = (
        "1.jpg: cannot read",
        "2.jpg: the JPEG file is cut short",
        "3.jpg: the image is 150 pixels wide and 120 high",
        "4.jpg: not an image but a web page",
    )
    assert report.problem_count == 4 and all(part in line for part, line in zip(parts, report.problems))
    quick = verify_split(CocoKeypoints(coco, "train2017"), decode=False)
    assert quick.problem_count == 1 and "1.jpg: cannot read" in quick.problems[0]
    with pytest.raises(DataError, match="problems: 4 in train2017, 1 in train2017, see above"):
        check_reports([report, quick])
    assert "\ntrain2017: " + report.problems[3] in report_table([report, quick])


def test_a_png_file_called_jpg_is_no_problem(coco):
    """COCO itself has some."""
    png = cv2.imencode(".png", np.zeros((120, 160, 3), np.uint8))[1].tobytes()
    (coco / "train2017" / "000000000001.jpg").write_bytes(png)
    assert verify_split(CocoKeypoints(coco, "train2017")).problem_count == 0


def test_long_lists_are_cut(coco):
    shutil.rmtree(coco / "val2017")
    (coco / "val2017").mkdir()
    path = coco / "annotations" / "person_keypoints_val2017.json"
    content = json.loads(path.read_text())
    content["images"] = [
        {**content["images"][0], "id": number, "file_name": f"{number}.jpg"} for number in range(1, 40)
    ]
    path.write_text(json.dumps(content))
    report = verify_split(CocoKeypoints(coco, "val2017"))
    assert report.problem_count == 39 and len(report.problems) == 10 and "/1.jpg: " in report.problems[0]
    lines = report_table([report]).splitlines()
    assert len(lines) == 13 and lines[1].split()[-1] == "39" and lines[-1] == "val2017: and 29 more"


def test_broken_outlines_are_listed(write_coco):
    broken = person(20, 25, 30, **{**UNLABELLED, "segmentation": {"size": [10, 10], "counts": [100]}})
    report = verify_split(CocoKeypoints(write_coco([[person(80, 60, 90)], [broken]]), "train2017"))
    assert report.problem_count == 1 and report.problems[0].startswith("1 outlines are not")


def test_masks(coco, tmp_path):
    dataset = CocoKeypoints(coco, "train2017")
    report = prepare_coco(coco, ["train2017"], check_only=True, masks=tmp_path / "masks")[0]
    masks = {record.path.stem: record.mask_miss() for record in dataset.records}
    expected = {f"train2017/{stem}.png": mask for stem, mask in masks.items() if mask is not None}
    written = files_of(tmp_path / "masks")
    assert written.keys() == expected.keys() and len(expected) == 2 == report.masked_images
    for name, mask in expected.items():
        image = cv2.imread(str(tmp_path / "masks" / name), cv2.IMREAD_UNCHANGED)
        assert image.dtype == np.uint8
        np.testing.assert_array_equal(image, mask)
    zeros = sum(int((mask == 0).sum()) for mask in expected.values())
    assert report.masked_pixels == pytest.approx(zeros / (4 * 160 * 120)) and zeros
    row = report_table([report]).splitlines()[1].split()
    assert row == ["train2017", "4", "3", "5", "3", "1", "50.00%", f"{report.masked_pixels:.2%}", "0"]


@pytest.mark.parametrize("name", ["../out.jpg", "/out.jpg", ".."])
def test_masks_stay_in_their_folder(coco, name, tmp_path):
    path = coco / "annotations" / "person_keypoints_val2017.json"
    content = json.loads(path.read_text())
    content["images"][0]["file_name"] = name
    path.write_text(json.dumps(content))
    with pytest.raises(DataError, match="not the name of an image"):
        verify_split(CocoKeypoints(coco, "val2017"), masks=tmp_path / "masks" / "val2017")
    assert not (tmp_path / "masks").exists()


def test_numbers_are_compared_with_the_published_ones(coco, monkeypatch):
    assert {split: counts["images"] for split, counts in verifying.PUBLISHED.items()} == {
        "val2017": 5000,
        "train2017": 118287,
    }
    dataset = CocoKeypoints(coco, "train2017")
    right = {"images": 4, "with_people": 3, "with_keypoints": 3}
    wrong = {**right, "with_keypoints": 6}
    for published, count in ((right, 0), ({**wrong, "images": 5}, 0), (wrong, 1)):
        monkeypatch.setitem(verifying.PUBLISHED, "train2017", published)
        report = verify_split(dataset)
        assert report.problem_count == count
    assert report.problems[0].endswith("person_keypoints_train2017.json: 3 people with keypoints, published are 6")


def test_real_images(test_data, tmp_path):
    reports = prepare_coco(tmp_path / "linked", link=test_data / "coco_mini")
    assert [report.counts for report in reports] == [
        verifying.Counts(79, 39, 118, 68, 1),
        verifying.Counts(80, 36, 172, 86, 5),
    ]
    assert [report.problem_count for report in reports] == [0, 0] and 0 < reports[0].masked_pixels < 0.1


def test_link(coco):
    elsewhere, root = coco / "elsewhere", coco / "new"
    (elsewhere / "images").mkdir(parents=True)
    shutil.move(coco / "train2017", elsewhere / "images" / "train2017")
    shutil.move(coco / "val2017", elsewhere / "val2017")
    shutil.move(coco / "annotations", elsewhere / "annotations")
    (root / "annotations").mkdir(parents=True)
    (root / "val2017").symlink_to(coco / "gone")
    for _ in range(2):
        reports = prepare_coco(root, link=elsewhere)
        assert [report.problem_count for report in reports] == [0, 0]
    assert (root / "train2017").resolve() == elsewhere / "images" / "train2017"
    assert (root / "val2017").is_symlink() and not (root / "annotations").is_symlink()
    (elsewhere / "val2017" / "000000000001.jpg").unlink()
    assert prepare_coco(root, ["val2017"], "file:///nowhere")[0].problem_count == 1  # nothing is put into the link
    assert prepare_coco(elsewhere, ["val2017"], link=elsewhere)[0].problem_count == 1  # where it is already


def test_link_zip_files(mirror, coco):
    flat = coco / "flat"
    flat.mkdir()
    for path in mirror.rglob("*.zip"):
        shutil.move(path, flat)
    prepare_coco(coco / "new", link=flat)
    assert_same(coco / "new", coco)
    assert len(list(flat.iterdir())) == 3


def test_mistakes_in_linking(coco):
    root = coco / "new"
    with pytest.raises(DataError, match="nowhere: no such folder"):
        link_splits(root, coco / "nowhere", SPLITS)
    (coco / "train2017").rename(coco / "train")
    with pytest.raises(
        DataError, match=r"the pictures of train2017 are missing, looked for .*/images/train2017, .*zip"
    ):
        link_splits(root, coco, SPLITS)
    with pytest.raises(
        DataError, match=r"annotations of own are missing, looked for \S*person_keypoints_own\.json, \S*$"
    ):
        link_splits(root, coco, ["own"])
    assert not root.exists()
    (root / "val2017").mkdir(parents=True)
    with pytest.raises(DataError, match=r"new/val2017: is there already and is not .*/val2017; delete it"):
        link_splits(root, coco, ["val2017"])
    assert not (root / "annotations").exists()


def test_mistakes_in_options(coco, mirror):
    with pytest.raises(ConfigError, match="--splits: 'test2017' is unknown, expected val2017 or train2017"):
        prepare_coco(coco / "new", ["test2017"])
    for splits in ([], [""], ["val2017", "val2017"], ["../up"]):
        with pytest.raises(ConfigError, match="expected names with commas"):
            prepare_coco(coco / "new", splits)
    with pytest.raises(ConfigError, match="--mirror and --link exclude each other"):
        prepare_coco(coco / "new", mirror=str(mirror), link=coco)
    with pytest.raises(DataError, match="new: no such folder; without --check-only"):
        prepare_coco(coco / "new", check_only=True)
    assert not (coco / "new").exists()
    (coco / "file").write_bytes(b"")
    with pytest.raises(DataError, match="file: a file, expected a folder"):
        prepare_coco(coco / "file", mirror=str(mirror))


def test_server_that_is_not_there(coco, monkeypatch):
    monkeypatch.setattr(downloading, "_PAUSE", 0)
    monkeypatch.setenv("no_proxy", "*")
    with pytest.raises(DataError, match=r"127\.0\.0\.1:1/annotations/\S+zip: cannot be reached .*--mirror .*--link"):
        prepare_coco(coco / "new", mirror="http://127.0.0.1:1", splits=["val2017"])


def test_room_on_the_disk(coco, mirror, monkeypatch):
    """Only as much as is needed at once: the larger archive and what is in it, beside the smaller split."""
    sizes = {split: preparing.PICTURES[split].size for split in SPLITS}
    rest = preparing.ANNOTATIONS.size + sizes["val2017"]
    usage = namedtuple("Usage", "free")
    free = rest + 2 * sizes["train2017"]
    monkeypatch.setattr(unpacking.shutil, "disk_usage", lambda place: usage(free - 1))
    with pytest.raises(DataError, match=r"new: \S+ GB are needed there, \S+ GB are free; --output"):
        prepare_coco(coco / "new", mirror=str(mirror))
    assert not (coco / "new").exists()
    monkeypatch.setattr(unpacking.shutil, "disk_usage", lambda place: usage(free))
    with pytest.raises(DataError, match="GB are needed there"):
        prepare_coco(coco / "new", mirror=str(mirror), keep_archives=True)
    prepare_coco(coco / "new", mirror=str(mirror))
    monkeypatch.setattr(unpacking.shutil, "disk_usage", lambda place: usage(0))
    prepare_coco(coco / "new", mirror=str(mirror))  # nothing is needed any more
    with pytest.raises(DataError, match="GB are needed there"):
        unpack(mirror / "zips" / "val2017.zip", coco / "other", r"val2017/\d+\.jpg")


@pytest.mark.slow("starts a process for every step and mistake")
def test_script(run_script, coco):
    root = coco / "new"
    process = run_script("prepare_coco.py", "--link", coco, "--output", root, "--masks", coco / "masks")
    assert process.returncode == 0, process.stderr
    lines = process.stdout.splitlines()
    assert lines[0].split()[:2] == ["split", "images"] and [line.split()[:2] for line in lines[1:3]] == [
        ["val2017", "2"],
        ["train2017", "4"],
    ]
    assert lines[3] == f"next: cpm train --backbone=res50 --dataset-root={root}"
    assert len(files_of(coco / "masks")) == 3
    (coco / "val2017" / "000000000002.jpg").unlink()
    process = run_script("prepare_coco.py", "--check-only", "--no-decode", "--output", root)
    assert process.returncode == 2 and process.stderr.splitlines()[-1].startswith("error: problems: 1 in val2017, see")
    assert "val2017: " in process.stdout and "000000000002.jpg: cannot read the image" in process.stdout
    assert "next:" not in process.stdout
    assert_one_line(run_script("prepare_coco.py", "--splits", "val2018", "--output", root), "'val2018' is unknown")
    assert_one_line(run_script("prepare_coco.py", "--link", coco / "mask", "--output", root), "mask: no such folder")
