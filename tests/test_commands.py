"""The command `cpm`: what it lists, how its options are called, and that it is there at once."""

import shutil
import subprocess
import sys

import pytest

from cpm import __version__
from cpm.commands import COMMANDS, GROUPS, main

from .conftest import ROOT

# Of options that are called alike in several commands, what else than the same they are for.
OWN_MEANING = {
    "--output": "a folder, or a file where one is written",
    "--overwrite": "what is there",
    "--list": "what there is",
    "--config": "a recipe, or where a network brings one a file that makes its data known",
    "--resume": "a run that goes on; elsewhere another name of --checkpoint",
    "--gpus": "all devices of a training; elsewhere one",
    "--split": "of what",
    "--dataset": "of what",
    "--seed": "of what",
    "--size": "of what",
    "--height": "of the pictures of labels; elsewhere another name of --box-size",
    "--mirror": "of what",
    "--masks": "to read or to write",
    "--num-workers": "threads or processes",
    "--boxes": "of a data set or of pictures",
    "--scales": "with their defaults",
    "--box-size": "with their defaults",
    "--rules": "with their defaults",
    "--limit": "of what",
    "--show": "of what",
    "--stage": "of what",
    "--checkpoint": "with or without exported networks",
    "--set": "a value of the recipe; of import another name of --option",
    "--subset": "which images; of pack another name of --entries",
    "--model": "of a checkpoint, or to be made",
    "--format": "of networks or of people",
    "--images": "of COCO.json, or to calibrate on",
}


def run_python(*arguments):
    return subprocess.run([sys.executable, *arguments], capture_output=True, text=True, timeout=60, cwd="/tmp")


def actions_of(name):
    return [action for action in COMMANDS[name].parser()._actions if action.option_strings]


def test_help_lists_every_command_by_what_people_do():
    process = run_python("-m", "cpm", "--help")
    assert process.returncode == 0, process.stderr
    lines = process.stdout.splitlines()
    assert max(map(len, lines)) <= 100
    assert [group for group in GROUPS if f"{group}:" not in lines] == []
    listed = {line.split()[0] for line in lines if line.startswith("  ") and line.split()[0] in COMMANDS}
    assert listed == set(COMMANDS)
    assert run_python("-m", "cpm").stdout == process.stdout
    assert run_python("-m", "cpm", "--version").stdout.strip() == f"cpm {__version__}"


def test_an_unknown_command_is_one_line(capsys):
    with pytest.raises(SystemExit) as end:
        main(["evalute"])
    printed = capsys.readouterr()
    assert end.value.code == 2 and printed.out == ""
    assert printed.err.startswith("error: ") and "evalute" in printed.err and printed.err.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["predit", "a.jpg"], "no command 'predit', did you mean predict?"),
        (["xyz"], "no command 'xyz'; --help"),
        (["predict", "a.jpg"], "which network? --checkpoint=FILE, or a name of cpm fetch --list"),
        (["predict", "a.jpg", "--checkpoint=openpose_cocoo"], "did you mean openpose_coco?"),
        (["predict", "a.jpg", "--checkpoint=xyz"], "xyz: no such file nor published network"),
        (["predict", "a.jpg", "--checkpoint=xyz.npz"], "xyz.npz: no such file"),
    ],
)
def test_what_is_misspelt_is_said_in_one_line(arguments, told):
    process = run_python("-m", "cpm", *arguments)
    assert process.returncode == 2 and process.stdout == ""
    assert told in process.stderr and process.stderr.count("\n") == 1


def test_a_clone_without_kernels_says_so(tmp_path):
    for name in ("cpm", "ops", "codecs", "configs"):
        shutil.copytree(ROOT / name, tmp_path / name, symlinks=True, ignore=shutil.ignore_patterns("*.so", "*.pyd"))
    command = [sys.executable, "-c", "import cpm.codecs"]
    process = subprocess.run(command, capture_output=True, text=True, timeout=60, cwd=tmp_path)
    assert process.returncode == 1
    assert "its kernels are not compiled; run `pip install -e .` in the clone" in process.stderr.splitlines()[-1]


@pytest.mark.parametrize("name", COMMANDS)
def test_help_of_a_command_shows_how_it_is_called_and_loads_no_mxnet(name):
    code = (
        "import sys\n"
        "from cpm.commands import main\n"
        f"try: main([{name!r}, '--help'])\n"
        "except SystemExit: print(sorted({'mxnet', 'gluoncv', 'scipy', 'matplotlib'} & set(sys.modules)))"
    )
    process = run_python("-c", code)
    lines = process.stdout.splitlines()
    assert lines[-1] == "[]", process.stderr
    assert lines[0].startswith(f"usage: cpm {name} ")
    assert any(line.startswith(f"cpm {name}") for line in lines[1:])


def test_options_called_alike_mean_the_same():
    meanings = {}
    for name in COMMANDS:
        for action in actions_of(name):
            for option in action.option_strings:
                if option.startswith("--"):
                    meanings.setdefault(option, set()).add((action.metavar, str(action.choices), action.help))
    assert {option for option, found in meanings.items() if len(found) > 1} - set(OWN_MEANING) == set()


def test_a_network_is_called_the_same_everywhere():
    called = [action for name in COMMANDS for action in actions_of(name) if "--checkpoint" in action.option_strings]
    assert len(called) == 5
    assert all(action.option_strings == ["--checkpoint", "--resume"] for action in called)


def test_scripts_are_faces_of_commands():
    faces = sorted((ROOT / "scripts").glob("*.py"))
    assert len(faces) == len(COMMANDS)
    for path in faces:
        assert len(path.read_text().splitlines()) <= 6
