"""What `cpm --completion` prints completes commands, options and files in a shell."""

import re
import shutil
import subprocess
import sys

import pytest

from cpm.commands import COMMANDS, main, print_completion

BASH = shutil.which("bash")
needs_bash = pytest.mark.skipif(BASH is None, reason="bash is not there")

# Asks the function of the script as bash does when TAB is pressed after the words.
_TAB = """
source ./script
COMP_WORDS=("$@")
COMP_CWORD=$(($# - 1))
_shtab_cpm cpm "${COMP_WORDS[COMP_CWORD]}"
echo "${COMPREPLY[*]}"
"""


@pytest.fixture
def script(tmp_path, capsys):
    """Write the script of bash; returns its text."""
    main(["--completion", "bash"])
    (tmp_path / "script").write_text(capsys.readouterr().out)
    return (tmp_path / "script").read_text()


@needs_bash
def test_bash_accepts_the_script(script, tmp_path):
    process = subprocess.run([BASH, "-n", tmp_path / "script"], capture_output=True, text=True)
    assert (process.returncode, process.stderr) == (0, "")


def test_the_script_names_all_commands(script):
    (listed,) = [line for line in script.splitlines() if line.startswith("_shtab_cpm_subparsers=")]
    assert listed == f"_shtab_cpm_subparsers=({' '.join(COMMANDS)})"


@needs_bash
@pytest.mark.parametrize(
    ("typed", "completed"),
    [
        (["pred"], "predict"),
        (["--vers"], "--version"),
        (["predict", "--check"], "--checkpoint"),
        (["predict", "--rules", ""], "default usual"),
        (["predict", "pho"], "photo.jpg photos"),
        (["predict", "--checkpoint", "pho"], "photo.jpg photos"),
        (["predict", "photo.jpg", "--output", "pho"], "photos"),
    ],
)
def test_words_are_completed(script, tmp_path, typed, completed):
    (tmp_path / "photo.jpg").touch()
    (tmp_path / "photos").mkdir()
    command = [BASH, "-c", _TAB, "bash", "cpm", *typed]
    process = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert " ".join(sorted(process.stdout.split())) == completed, process.stderr


@pytest.mark.parametrize("shell", ["zsh", "tcsh"])
def test_other_shells_have_scripts_too(capsys, shell):
    print_completion(shell)
    assert "prepare-coco" in capsys.readouterr().out


def test_without_shtab_the_command_that_installs_it_is_told(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "shtab", None)
    with pytest.raises(SystemExit) as end:
        main(["--completion", "bash"])
    assert end.value.code == 2
    assert re.fullmatch(r"error: .*shtab.*; try: \S+ -m pip install shtab\n", capsys.readouterr().err)
