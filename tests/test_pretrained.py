"""The table of published networks, and how one is fetched, from a mirror or from copies, in Python and by script."""

import re
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from cpm.errors import CheckpointError, ConfigError
from cpm.files import home
from cpm.models import list_models
from cpm.models.published import fetch as fetching
from cpm.models.published.fetch import fetch, next_command
from cpm.models.published.page import describe_networks, markdown_table
from cpm.models.published.pretrained import PRETRAINED, Pretrained, SourceFile
from cpm.skeletons import SKELETONS

from .conftest import ROOT
from .helpers.commands import assert_one_line
from .reference.caffe_writer import caffemodel

XML = b"<net></net>"


@pytest.fixture(autouse=True)
def own_home(tmp_path, monkeypatch):
    monkeypatch.setenv("CPM_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("CPM_MIRROR", raising=False)


@pytest.fixture
def imported(monkeypatch):
    """Replace the import by one that notes what it is given."""
    calls = []

    def note(entry, file, output, source):
        calls.append((entry, file, source))
        output.parent.mkdir(parents=True, exist_ok=True)
        output.write_bytes(b"".join(Path(file).with_name(part.name).read_bytes() for part in entry.files))

    monkeypatch.setattr(fetching, "_import", note)
    return calls


@pytest.fixture
def mirror(tmp_path, monkeypatch):
    """Put a network into the table whose files are nowhere but in a mirror; return the folder of that."""
    files = (SourceFile("net.xml", "file:///nowhere/net.xml", len(XML)), SourceFile("net.bin", None, 4))
    entry = Pretrained("two", "Two files", "cpm_small", files, "none", "none", "RGB", "https://example.org/two")
    monkeypatch.setitem(PRETRAINED, "two", entry)
    folder = tmp_path / "a mirror" / "two"
    folder.mkdir(parents=True)
    (folder / "net.xml").write_bytes(XML)
    (folder / "net.bin").write_bytes(b"bins")
    return folder.parent


@pytest.mark.parametrize("name", PRETRAINED)
def test_entries_are_well_formed(name):
    entry = PRETRAINED[name]
    assert re.fullmatch(r"[a-z0-9_]+", name) and entry.name == name
    assert entry.model in list_models() and entry.part in ("whole", "trunk")
    assert SKELETONS.keys() >= {entry.options.get("skeleton", "COCO_17")}
    assert entry.title and entry.published and entry.licence and entry.input
    assert urlsplit(entry.homepage).scheme == "https" and "|" not in "".join(
        (entry.title, entry.published, entry.licence, entry.input)
    )
    assert entry.files and len({Path(file.name).suffix for file in entry.files}) == len(entry.files)
    for file in entry.files:
        assert re.fullmatch(r"[\w.-]+", file.name)
        assert file.url is None or (urlsplit(file.url).scheme in ("http", "https") and file.name in file.url)
        assert file.size is None or file.size > 0
        assert file.sha256 is None or (re.fullmatch(r"[0-9a-f]{64}", file.sha256) and file.size)


def test_hashes_are_different():
    hashes = [file.sha256 for entry in PRETRAINED.values() for file in entry.files if file.sha256]
    assert len(set(hashes)) == len(hashes) >= 8


def test_page_ends_with_the_table():
    page = (ROOT / "pretrained" / "README.md").read_text()
    command = "python scripts/fetch_pretrained.py --table pretrained/README.md"
    assert page.endswith("\n\n" + markdown_table()), f"run {command}"
    rows = [line.split(" | ") for line in markdown_table().splitlines()]
    assert len(rows) == len(PRETRAINED) + 2 and {len(row) for row in rows[2:]} == {6}
    for name in re.findall(r"`(scripts/\w+\.py)", page):
        assert (ROOT / name).exists(), name


def test_home(monkeypatch):
    monkeypatch.setenv("CPM_HOME", "~/weights")
    assert home() == Path.home() / "weights"
    monkeypatch.delenv("CPM_HOME")
    assert home() == Path.home() / ".cpm"


def test_fetch_from_a_mirror(mirror, imported, tmp_path, monkeypatch, caplog):
    path = fetch("two", mirror=str(mirror))
    assert path == tmp_path / "home" / "models" / "two.npz" and path.read_bytes() == XML + b"bins"
    entry, file, source = imported[0]
    assert entry is PRETRAINED["two"] and file == tmp_path / "home" / "downloads" / "two" / "net.xml"
    assert source["name"] == "two" and [len(part["sha256"]) for part in source["files"]] == [64, 64]
    assert fetch("two") == path and len(imported) == 1  # is there already
    assert "is there already" not in caplog.text
    assert fetch("two", [mirror / "two" / "net.xml"]) == path and len(imported) == 1
    assert "two.npz is there already, the files given are not read" in caplog.text
    path.unlink()
    assert fetch("two") == path and len(imported) == 2  # its downloads are there already
    (tmp_path / "home" / "downloads" / "two" / "net.bin").unlink()
    path.unlink()
    monkeypatch.setenv("CPM_MIRROR", mirror.as_uri() + "/")
    assert fetch("two").read_bytes() == XML + b"bins"


def test_fetch_copies(mirror, imported, tmp_path):
    copy = tmp_path / "renamed.bin"
    copy.write_bytes(b"BINS")
    path = fetch("two", files=[str(copy), mirror / "two" / "net.xml"])
    assert path.read_bytes() == XML + b"BINS" and copy.read_bytes() == b"BINS"
    path.unlink()
    cached = tmp_path / "home" / "downloads" / "two" / "net.bin"
    assert fetch("two", files=[cached]).read_bytes() == XML + b"BINS"  # a copy that is in its place already
    path.unlink()
    assert fetch("two", files=[mirror / "two" / "net.bin"]).read_bytes() == XML + b"bins"  # replaces what was there


def test_mistakes(mirror, imported, tmp_path):
    with pytest.raises(ConfigError, match="'one' is unknown, expected one of lightweight_openpose_openvino, "):
        fetch("one")
    with pytest.raises(CheckpointError, match=r"nowhere/net\.xml: No such file or directory; .*--file, --mirror"):
        fetch("two")
    with pytest.raises(CheckpointError, match=r"two: net\.bin cannot .* https://example\.org/two .*--file"):
        fetch("two", files=[mirror / "two" / "net.xml"])
    with pytest.raises(CheckpointError, match=r"net\.pth: no such file, expected net\.xml or net\.bin"):
        fetch("two", files=["net.pth"])
    with pytest.raises(ConfigError, match=r"b\.bin: a\.bin is the net\.bin of two already"):
        fetch("two", files=["a.bin", "b.bin"])
    with pytest.raises(CheckpointError, match=r"absent\.xml: no such file"):
        fetch("two", files=["absent.xml"])
    (mirror / "two" / "net.bin").write_bytes(b"longer")
    with pytest.raises(CheckpointError, match=r"net\.bin: not the published file, 6 bytes, expected 4"):
        fetch("two", mirror=str(mirror))
    assert not imported and not (tmp_path / "home" / "models").exists()


def test_copies_under_other_names(mirror, imported, tmp_path, monkeypatch):
    graph = tmp_path / "graph"
    graph.write_bytes(XML)
    numbers = tmp_path / "numbers.dat"
    numbers.write_bytes(b"BINS")
    assert fetch("two", files=[numbers, graph]).read_bytes() == XML + b"BINS"
    file = SourceFile("net.pth", "https://example.org/net.pth")
    monkeypatch.setitem(PRETRAINED, "one", Pretrained("one", "", "cpm_small", (file,), "", "", "", ""))
    copy = tmp_path / "net.ckpt"
    copy.write_bytes(caffemodel({"a": [[1.0]]}))
    assert fetch("one", files=[copy]).read_bytes() == copy.read_bytes()


def test_a_web_page_in_place_of_a_file(imported, tmp_path, monkeypatch):
    page = tmp_path / "mirror" / "one" / "net.pth"
    page.parent.mkdir(parents=True)
    page.write_bytes(b"<html><title>Sign in</title></html>")
    for size in (None, 1234):
        file = SourceFile("net.pth", None, size)
        monkeypatch.setitem(PRETRAINED, "one", Pretrained("one", "", "cpm_small", (file,), "", "", "", ""))
        with pytest.raises(CheckpointError, match=r"net\.pth: .*a web page \('Sign in'\)"):
            fetch("one", files=[page])
    file = SourceFile("net.pth", None)
    monkeypatch.setitem(PRETRAINED, "one", Pretrained("one", "", "cpm_small", (file,), "", "", "", ""))
    with pytest.raises(CheckpointError, match="a web page"):
        fetch("one", mirror=str(tmp_path / "mirror"))
    assert not (tmp_path / "home" / "downloads" / "one" / "net.pth").exists()  # or it would be taken the next time
    assert not imported


def test_wrong_hash_of_a_copy(monkeypatch, imported, tmp_path):
    file = SourceFile("net.pth", None, 9, "0" * 64)
    monkeypatch.setitem(PRETRAINED, "one", Pretrained("one", "", "cpm_small", (file,), "", "", "", ""))
    copy = tmp_path / "net.pth"
    copy.write_bytes(b"\x12\x01" + bytes(7))
    with pytest.raises(CheckpointError, match=rf"net\.pth: .*its SHA-256 is .*, expected {'0' * 64}"):
        fetch("one", files=[copy])
    assert copy.exists() and not imported


def test_what_comes_next():
    assert next_command("openpose_coco", "x.npz") == "cpm evaluate --checkpoint=x.npz"
    assert next_command("vgg19_caffe", "x.npz") == "cpm train --set model.trunk_file=x.npz"


def test_published_files_have_the_hashes_of_the_table(test_data, imported):
    name = "lightweight_openpose_openvino_int8"
    files = [test_data / "lightweight_openpose" / file.name for file in PRETRAINED[name].files]
    fetch(name, files)
    assert [part["sha256"] for part in imported[0][2]["files"]] == [file.sha256 for file in PRETRAINED[name].files]


def test_script(run_script, tmp_path):
    script = "fetch_pretrained.py"
    process = run_script(script, "--list")
    assert process.returncode == 0 and process.stdout == describe_networks() + "\n"
    assert max(map(len, process.stdout.splitlines())) <= 100
    (tmp_path / "README.md").write_text("Words.\n\n" + markdown_table().replace("Apache-2.0", "none"))
    process = run_script(script, "--table", tmp_path / "README.md")
    assert process.returncode == 0 and (tmp_path / "README.md").read_text() == "Words.\n\n" + markdown_table()
    ready = tmp_path / "home" / "models" / "openpose_coco.npz"
    ready.parent.mkdir(parents=True)
    ready.touch()
    process = run_script(script, "openpose_coco")
    assert process.returncode == 0
    assert process.stdout.splitlines() == [str(ready), f"next: cpm evaluate --checkpoint={ready}"]


@pytest.mark.slow("starts a process for every mistake")
def test_mistakes_in_the_script_are_one_line(run_script, tmp_path):
    script = "fetch_pretrained.py"
    assert_one_line(run_script(script, "vgg"), "'vgg' is unknown", "openpose_coco")
    assert_one_line(run_script(script, "pose_resnet_50_256x192"), "browser", "--file PATH")
    (tmp_path / "pose_iter_440000.caffemodel").write_bytes(b"weights")
    process = run_script(script, "openpose_coco", "--file", tmp_path / "pose_iter_440000.caffemodel")
    assert_one_line(process, "pose_iter_440000.caffemodel: not the published file, 7 bytes, expected 209274056")
    process = run_script(script, "openpose_mpi", "--mirror", tmp_path)
    assert_one_line(process, "openpose_mpi/pose_iter_160000.caffemodel: No such file or directory")
