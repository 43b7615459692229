"""Files appear whole or not at all, and paths are checked before they are opened."""

import errno
import os
import socket

import numpy as np
import pytest

from cpm import files
from cpm.files import (
    append_rows,
    atomic_path,
    check_regular,
    clear_temporaries,
    is_name_within,
    no_follow,
    write_arrays,
)


@pytest.fixture
def odd_files(tmp_path):
    """Make a pipe, a socket and a link to a device."""
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "device").symlink_to("/dev/zero")
    with socket.socket(socket.AF_UNIX) as listening:
        before = os.getcwd()
        os.chdir(tmp_path)  # the names of sockets are short
        listening.bind("socket")
        os.chdir(before)
        yield tmp_path


@pytest.mark.parametrize("kind", ["pipe", "socket", "device"])
def test_what_never_ends_is_refused_before_it_is_opened(odd_files, kind):
    with pytest.raises(OSError, match=f"a {kind}, expected a file"):
        check_regular(odd_files / kind)


def test_files_links_to_files_and_folders(tmp_path):
    (tmp_path / "file").write_text("")
    (tmp_path / "link").symlink_to("file")
    check_regular(tmp_path / "file")
    check_regular(str(tmp_path / "link"))
    with pytest.raises(IsADirectoryError):
        check_regular(tmp_path)
    with pytest.raises(FileNotFoundError):
        check_regular(tmp_path / "nowhere")


@pytest.mark.parametrize("kind", ["pipe", "device"])
@pytest.mark.parametrize("mode", ["ab", "rb", "a+"])
def test_files_that_stay_open_follow_no_links(odd_files, kind, mode):
    told = r"a link, which is not followed|a pipe, expected a file|No such device"
    with pytest.raises(OSError, match=told), open(odd_files / kind, mode, opener=no_follow):
        pass


@pytest.mark.parametrize(
    "name", ["a.jpg", "folder/a.jpg", "ä b.jpg", "a..b.jpg", ".hidden.jpg", "a/./b.jpg", "xy:z.jpg"]
)
def test_names_within_a_folder(name):
    assert is_name_within(name)


@pytest.mark.parametrize(
    "name",
    [
        "",
        ".",
        "/",
        "/etc/passwd",
        "//server/share/a",
        "../a",
        "a/../../b",
        "a/..",
        "..",
        "C:\\a.jpg",
        "C:a.jpg",
        "C:/a.jpg",
        "..\\a.jpg",
        "a\\b.jpg",
        "a\0.jpg",
        "a\n.jpg",
        "\ud800.jpg",
        None,
        7,
        ["a.jpg"],
        b"a.jpg",
    ],
)
def test_names_that_lead_out_of_a_folder_or_are_none(name):
    assert not is_name_within(name)


def test_temporaries_of_killed_writers_are_cleared_and_nothing_else(tmp_path):
    left = [".last-abcd1234.npz", ".last-________.npz", ".epoch-005-a1b2c3d4.npz", ".losses-abcdefgh.csv"]
    kept = [".last-short.npz", ".last-ABCD1234.npz", ".mine-abcd1234.npz", "last-abcd1234.npz", ".last-abcd1234.txt"]
    for name in left + kept:
        (tmp_path / name).write_text("")
    (tmp_path / ".last-folder00.npz").mkdir()
    (tmp_path / ".last-link0000.npz").symlink_to("elsewhere")
    clear_temporaries(tmp_path, ("last.npz", "epoch-*.npz", "losses.*"))
    found = sorted(path.name for path in tmp_path.iterdir())
    assert found == sorted([*kept, ".last-folder00.npz", ".last-link0000.npz"])


def test_names_that_atomic_path_makes_are_those_that_are_cleared(tmp_path):
    with atomic_path(tmp_path / "epoch-005.npz") as temporary:
        os.link(temporary, tmp_path / "kept")
        (tmp_path / "kept").replace(tmp_path / temporary.name)
        clear_temporaries(tmp_path, ("epoch-*.npz",))
        assert not temporary.exists()
        temporary.write_text("")


def test_arrays_are_those_of_numpy(tmp_path):
    arrays = {
        "net/a.weight": np.arange(6.0).reshape(2, 3),
        "meta": np.frombuffer(b"{}", np.uint8),
        "one": np.float32(1),
    }
    write_arrays(tmp_path / "ours.npz", arrays)
    np.savez(tmp_path / "theirs.npz", **arrays)
    with np.load(tmp_path / "ours.npz") as ours, np.load(tmp_path / "theirs.npz") as theirs:
        assert ours.files == theirs.files
        for name in theirs.files:
            assert ours[name].dtype == theirs[name].dtype
            np.testing.assert_array_equal(ours[name], theirs[name])
    with pytest.raises(ValueError, match="allow_pickle"):
        write_arrays(tmp_path / "ours.npz", {"objects": np.array([{}], object)})


def test_rows_are_appended(tmp_path):
    append_rows(tmp_path / "table.csv", [["1", "a,b"]])
    append_rows(tmp_path / "table.csv", [["2", "c"], ["3", "d"]])
    assert (tmp_path / "table.csv").read_text().split() == ['1,"a,b"', "2,c", "3,d"]


def test_errors_of_writing_name_the_file_and_others_stay_as_they_are(tmp_path):
    for number, filename, expected in (
        (errno.ENOSPC, None, "a.json"),
        (errno.EDQUOT, None, "a.json"),
        (errno.EIO, None, None),
        (errno.ENOSPC, "other.txt", "other.txt"),
    ):
        with pytest.raises(OSError, match="no") as caught, atomic_path(tmp_path / "a.json"):
            raise OSError(number, "no", filename)
        assert caught.value.filename == (str(tmp_path / expected) if expected == "a.json" else expected)
    with pytest.raises(ZeroDivisionError), atomic_path(tmp_path / "a.json"):
        raise ZeroDivisionError
    assert list(tmp_path.iterdir()) == []


def test_a_writer_that_says_something_else_of_a_full_disk_is_understood(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "_probe", lambda path: (_ for _ in ()).throw(OSError(errno.ENOSPC, "full")))
    with pytest.raises(OSError, match="full") as caught, atomic_path(tmp_path / "a.onnx"):
        raise RuntimeError("Check failed: fwrite")
    assert caught.value.filename == str(tmp_path / "a.onnx")
