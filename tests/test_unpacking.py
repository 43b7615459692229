"""Archives to unpack: links, bombs and files that overlap are refused before anything is written."""

import stat
import struct
import zipfile

import pytest

from cpm import DataError
from cpm.datasets.coco_files import unpack as unpacking
from cpm.datasets.coco_files.unpack import unpack

WANTED = r"train2017/\w[\w.-]*\.jpg"


@pytest.fixture
def archive(tmp_path):
    """Return a maker of archives of members, by name; a tuple is a member's own description and its bytes."""

    def make(members: dict, method: int = zipfile.ZIP_STORED):
        path = tmp_path / "train2017.zip"
        with zipfile.ZipFile(path, "w", method) as writer:
            for name, content in members.items():
                writer.writestr(*content if isinstance(content, tuple) else (name, content))
        return path

    return make


def refused(path, message):
    out = path.with_name("out")
    with pytest.raises(DataError, match=message) as caught:
        unpack(path, out, WANTED)
    assert str(caught.value).startswith(f"{path}: ") and str(caught.value).isprintable()
    assert not out.exists() or list(out.iterdir()) == []


def test_links_are_refused(archive):
    member = zipfile.ZipInfo("train2017/a.jpg")
    member.external_attr = (stat.S_IFLNK | 0o777) << 16
    refused(archive({"link": (member, "/etc/passwd")}), r"'train2017/a\.jpg' is a link in it, expected a file")


@pytest.mark.parametrize("name", ["/etc/a.jpg", "../a.jpg", "train2017/../../a.jpg", "train2017/../a.jpg", "C:/a.jpg"])
def test_names_that_lead_elsewhere_are_not_followed(archive, name, tmp_path):
    path = archive({name: b"outside", "train2017/b.jpg": b"inside"})
    assert unpack(path, tmp_path / "out", WANTED) == 1
    assert [each.name for each in (tmp_path / "out").iterdir()] == ["b.jpg"] and not (tmp_path / "a.jpg").exists()


def test_bombs_are_refused_by_their_ratio(archive):
    path = archive({"train2017/a.jpg": bytes(20_000_000)}, zipfile.ZIP_DEFLATED)
    refused(path, r"'train2017/a\.jpg' would have 20,000,000 bytes of the 19,\d+ in it, which no file of COCO has")


def test_large_members_are_refused(archive, monkeypatch):
    monkeypatch.setattr(unpacking, "LARGEST", 1000)
    refused(archive({"train2017/a.jpg": bytes(1001)}), "would have 1,001 bytes of the 1,001")


def test_members_that_overlap_are_refused(archive):
    """Many entries of the list that share the same bytes make a bomb whose every member looks harmless."""
    path = archive({f"train2017/{name}.jpg": bytes(5000) for name in "abc"})
    content = bytearray(path.read_bytes())
    directory = content.index(b"PK\x01\x02")
    for place in range(directory, len(content)):
        if content[place : place + 4] == b"PK\x01\x02":
            struct.pack_into("<L", content, place + 20, 15_000)  # as if each had the bytes of all
    path.write_bytes(content)
    refused(path, r"its files would take 45,000 bytes of its 15,\d+: they overlap")


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_other_compressions_are_refused(archive, method):
    refused(archive({"train2017/a.jpg": b"abc" * 100}, method), "is not stored or deflated in it")


def test_two_members_of_the_same_name_are_refused(archive):
    refused(archive({"one": ("train2017/a.jpg", b"one"), "two": ("train2017/a.jpg", b"two")}), "have the same name")


@pytest.mark.parametrize("declared", [10, 400])
def test_members_of_another_size_than_declared_are_told(archive, declared):
    path = archive({"train2017/a.jpg": b"abc" * 100}, zipfile.ZIP_DEFLATED)
    content = bytearray(path.read_bytes())
    struct.pack_into("<L", content, content.index(b"PK\x01\x02") + 24, declared)
    path.write_bytes(content)
    refused(path, r"'train2017/a\.jpg' is broken in it")
