"""Folders for what one run has found: nothing of another run lies beside it."""

import json
import os

import pytest

from cpm import ConfigError
from cpm.outputs import Contents, OutputFolder, check_output_files, writing

FIGURES = Contents("report.json", ("list.json", "viz/[0-9]*.jpg"), options="how")
PEOPLE = Contents("people.json", ("people.jpg", "pictures/*"), listed=True)


def run(folder, options, names=("list.json", "viz/1.jpg"), contents=FIGURES):
    """Write files that say by which options they were made, and publish them."""
    with folder.writing(contents, options) as draft:
        for name in names:
            path = draft.folder / name
            path.parent.mkdir(exist_ok=True)
            path.write_text(json.dumps(options))
        report = {"how": options, "files": draft.files, **options}
        (draft.folder / contents.report).write_text(json.dumps(report))
        draft.publish()
    return folder.path


def files(path):
    return {str(each.relative_to(path)) for each in path.rglob("*") if each.is_file()}


def test_the_same_run_again_replaces_its_files(tmp_path):
    run(OutputFolder(tmp_path / "out"), {"limit": None, "scales": (1, 2)}, ["list.json", "viz/1.jpg", "viz/2.jpg"])
    run(OutputFolder(tmp_path / "out"), {"limit": None, "scales": (1, 2)}, ["list.json", "viz/2.jpg"])
    assert files(tmp_path / "out") == {"report.json", "list.json", "viz/2.jpg"}


def test_other_options_are_refused_or_replace_all(tmp_path):
    run(OutputFolder(tmp_path), {"limit": None})
    (tmp_path / "viz" / "mine.jpg").write_text("of the user")
    before = {name: (tmp_path / name).read_text() for name in files(tmp_path)}
    with pytest.raises(
        ConfigError, match=r"holds results of other options \(limit None, not 3\); choose another --out"
    ):
        run(OutputFolder(tmp_path), {"limit": 3})
    assert {name: (tmp_path / name).read_text() for name in files(tmp_path)} == before
    run(OutputFolder(tmp_path, overwrite=True), {"limit": 3}, ["list.json", "viz/7.jpg"])
    assert files(tmp_path) == {"report.json", "list.json", "viz/7.jpg", "viz/mine.jpg"}
    assert json.loads((tmp_path / "list.json").read_text()) == {"limit": 3}


def test_of_long_options_it_is_said_that_they_differ(tmp_path):
    run(OutputFolder(tmp_path), {"pictures": ["a/folder/with/a/long/name/1.jpg"], "limit": 1})
    with pytest.raises(ConfigError, match=r"of other options \(other pictures; limit 1, not 2\)"):
        run(OutputFolder(tmp_path), {"pictures": ["a/folder/with/a/long/name/2.jpg"], "limit": 2})


def test_a_default_folder_makes_way(tmp_path, caplog):
    places = [run(OutputFolder(tmp_path / "net", makes_way=True), {"limit": limit}) for limit in (None, 3, 4, 3, None)]
    assert [path.name for path in places] == ["net", "net-2", "net-3", "net-2", "net"]
    assert run(OutputFolder(tmp_path / "net", makes_way=True, overwrite=True), {"limit": 9}).name == "net"


@pytest.mark.parametrize("report", [b"{", b"[]", b"[" * 100_000, b"\xff", b'{"how": 3}'])
def test_a_report_of_others_is_one_of_other_options(tmp_path, report):
    (tmp_path / "report.json").write_bytes(report)
    with pytest.raises(ConfigError, match="holds results of other options"):
        run(OutputFolder(tmp_path), {"limit": 3})
    run(OutputFolder(tmp_path, overwrite=True), {"limit": 3})


def test_files_that_no_report_tells_about_are_not_replaced(tmp_path):
    (tmp_path / "pictures").mkdir()
    (tmp_path / "pictures" / "mine.jpg").write_text("of the user")
    names = ["people.jpg", "pictures/a.jpg"]
    with pytest.raises(ConfigError, match=r"holds files that no people\.json tells about \(mine\.jpg\)"):
        run(OutputFolder(tmp_path), {"model": "a"}, names, PEOPLE)
    run(OutputFolder(tmp_path, overwrite=True), {"model": "a"}, names, PEOPLE)
    run(OutputFolder(tmp_path, overwrite=True), {"model": "b"}, ["people.jpg", "pictures/b.jpg"], PEOPLE)
    assert files(tmp_path) == {"people.json", "people.jpg", "pictures/mine.jpg", "pictures/b.jpg"}


def test_a_report_cannot_have_files_elsewhere_removed(tmp_path):
    (tmp_path / "secret").write_text("")
    out = tmp_path / "out"
    out.mkdir()
    (out / "people.json").write_text(json.dumps({"model": "a", "files": ["../secret", str(tmp_path / "secret"), 3]}))
    run(OutputFolder(out), {"model": "a"}, ["people.jpg"], PEOPLE)
    assert (tmp_path / "secret").exists()


def test_a_failure_leaves_the_former_run(tmp_path):
    run(OutputFolder(tmp_path), {"limit": 3})
    with pytest.raises(IsADirectoryError):
        run(OutputFolder(tmp_path), {"limit": 3}, ["list.json", "."])
    assert json.loads((tmp_path / "list.json").read_text()) == {"limit": 3}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["list.json", "report.json", "viz"]


@pytest.mark.parametrize("moment", range(8))
def test_a_kill_leaves_files_of_one_run(tmp_path, monkeypatch, moment):
    """Let a child process die at every step of the publication."""
    run(OutputFolder(tmp_path), {"limit": 3}, ["list.json", "viz/1.jpg"])
    child = os.fork()
    if child == 0:
        _die_after(moment)
        run(OutputFolder(tmp_path, overwrite=True), {"limit": 4}, ["list.json", "viz/1.jpg", "viz/2.jpg"])
        os._exit(0)
    os.waitpid(child, 0)
    left = {name: json.loads((tmp_path / name).read_text()) for name in files(tmp_path) if name[0] != "."}
    told = left.pop("report.json", None)
    assert len({each["limit"] for each in left.values()}) < 2
    assert told is None or all(each == told["how"] for each in left.values())
    run(OutputFolder(tmp_path, overwrite=told is not None and told["limit"] == 3), {"limit": 4}, ["viz/1.jpg"])
    assert files(tmp_path) == {"report.json", "viz/1.jpg"}


def _die_after(moment):
    """Have this process die instead of the next removal or renaming after so many."""
    from pathlib import Path

    left = [moment]

    def counting(act):
        def step(self, *arguments, **options):
            if left[0] == 0:
                os._exit(9)
            left[0] -= 1
            return act(self, *arguments, **options)

        return step

    Path.unlink, Path.replace = counting(Path.unlink), counting(Path.replace)


def test_two_runs_do_not_write_to_one_folder(tmp_path):
    other = OutputFolder(tmp_path)
    with OutputFolder(tmp_path).writing(FIGURES, {}), pytest.raises(ConfigError, match="another run is writing to it"):
        run(other, {})
    with writing(None, FIGURES, {}) as draft:
        assert draft is None


def test_places_that_are_no_folders(tmp_path):
    (tmp_path / "file").write_text("")
    for path in ("file", "file/below", "file/far/below"):
        with pytest.raises(ConfigError, match=r"cannot be made the output folder \(.*file is a file\)"):
            OutputFolder(tmp_path / path)
        with pytest.raises(ConfigError, match=r"a file|the output folder"):
            check_output_files(tmp_path / path / "net.onnx")
    with pytest.raises(ConfigError, match="a folder, expected the name of a file"):
        check_output_files(tmp_path)
    assert os.listdir(tmp_path) == ["file"]
