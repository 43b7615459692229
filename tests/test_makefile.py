"""`make` sets up the environment that PYTHON asks for, whatever was there before."""

import os
import shutil
import subprocess

import pytest

from .conftest import ROOT

pytestmark = pytest.mark.skipif(
    not ((ROOT / "Makefile").is_file() and shutil.which("make")), reason="make or the Makefile is not there"
)

# Stands for an interpreter: writes down what it is asked, makes an environment of itself, and fails without a network.
_INTERPRETER = """#!/bin/sh
echo "{version} $*" >> {log}
case "$*" in
    -c*) echo {version} ;;
    *venv*) rm -rf .venv; mkdir -p .venv/bin; cp "$0" .venv/bin/python ;;
    *pip*) test ! -e offline ;;
esac
"""


@pytest.fixture
def project(tmp_path):
    """Make a folder with what the Makefile looks at, and two interpreters."""
    for name in ("Makefile", "setup.py", "pyproject.toml", "requirements.txt"):
        shutil.copy(ROOT / name, tmp_path)
    for name, version in (("old", "3.11.7"), ("new", "3.13.0"), ("ancient", "")):
        script = tmp_path / name
        script.write_text(_INTERPRETER.format(version=version, log=tmp_path / "log"))
        script.chmod(0o755)
    return tmp_path


def make(project, *arguments):
    environment = {key: value for key, value in os.environ.items() if key not in ("PYTHON", "MAKEFLAGS", "MAKELEVEL")}
    command = ["make", "lint", *arguments]
    (project / "log").write_text("")
    return subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True, timeout=60)


def asked(project, what):
    """Return the versions of the interpreters that were asked to do this."""
    return [line.split()[0] for line in (project / "log").read_text().splitlines() if what in line]


def test_the_environment_is_that_of_the_interpreter_asked_for(project):
    assert make(project, "PYTHON=./old").returncode == 0
    assert asked(project, "-m venv") == ["3.11.7"]
    assert make(project, "PYTHON=./old").returncode == 0
    assert asked(project, "-m venv") == asked(project, "-m pip") == []
    assert make(project, "PYTHON=./new").returncode == 0
    assert asked(project, "-m venv") == ["3.13.0"]
    assert asked(project, "--no-deps mxnet==1.9.1") == ["3.13.0"]


def test_without_a_name_the_environment_that_is_there_is_kept(project):
    make(project, "PYTHON=./new")
    assert make(project).returncode == 0
    assert asked(project, "-m venv") == []
    assert asked(project, "-m ruff") == ["3.13.0"] * 2


def test_a_set_up_that_failed_is_taken_up_again(project):
    (project / "offline").touch()
    assert make(project, "PYTHON=./old").returncode != 0
    (project / "offline").unlink()
    assert make(project, "PYTHON=./new").returncode == 0
    assert asked(project, "-m ruff") == ["3.13.0"] * 2


@pytest.mark.parametrize("name", ["./ancient", "./nowhere"])
def test_no_python_is_told_at_once(project, name):
    process = make(project, f"PYTHON={name}")
    assert process.returncode == 2
    assert process.stderr.splitlines()[0].startswith(f"error: {name} is no Python 3.9 or newer; ")
    assert not (project / ".venv").exists()
