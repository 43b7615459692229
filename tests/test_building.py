"""Source archive and wheel: what is in them, what building says, and what runs with the short list alone."""

import json
import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from functools import partial

import cv2
import numpy as np
import pytest

import cpm
from cpm.models import export_onnx, get_model

from .conftest import ROOT, person, write_coco_to

MADE = shutil.ignore_patterns("*.egg-info", "*.so", "*.c", "__pycache__", ".*_cache")  # anywhere, and at the top:
TOP = {".git", ".venv", "build", "dist", "data", "output"}
FILES = {
    path
    for kind in ("py", "pyx", "pyi", "txt")
    for depth in ("*", "*/*", "*/*/*")
    for path in (ROOT / "cpm").glob(f"{depth}.{kind}")
}

slow = pytest.mark.slow("builds the package and fills environments, with packages of the index")


def copy_source(folder, target):
    """Copy a source tree without what is made of it."""

    def left_out(path, names):
        return {*MADE(path, names), *(TOP & set(names) if path == str(folder) else ())}

    shutil.copytree(folder, target, symlinks=True, ignore=left_out)


def run(*command, folder, path=os.environ["PATH"], **variables):
    """Run a command in a folder as a user whose variables say nothing of Python."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON") and key != "CC"}
    command = [str(word) for word in command]
    environment = {**kept, "PATH": path, **variables}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=500)


def make_environment(folder, *requirements):
    """Make an environment with packages of the index; returns its folder of programs."""
    assert run(sys.executable, "-m", "venv", folder, folder=folder.parent).returncode == 0
    process = run(folder / "bin" / "pip", "install", "-q", *requirements, folder=ROOT)
    if process.returncode:
        pytest.skip(f"no package index: {process.stderr[-500:]}")
    return folder / "bin"


@pytest.fixture(scope="module")
def tools(tmp_path_factory):
    """Install what builds, but for the compiler."""
    wanted = ("setuptools>=77", "cython>=3", "build")
    return make_environment(tmp_path_factory.mktemp("tools") / "venv", "-U", *wanted)


@pytest.fixture(scope="module")
def built(tools, tmp_path_factory):
    """Build source archive and wheel; returns their folder and what was printed."""
    if not any(map(shutil.which, ("cc", "gcc"))):
        pytest.skip("no C compiler")
    source = tmp_path_factory.mktemp("source") / "cpm"
    copy_source(ROOT, source)
    process = run(tools / "python", "-m", "build", "--no-isolation", ".", folder=source)
    assert process.returncode == 0, process.stdout + process.stderr
    return source / "dist", process.stdout + process.stderr


@pytest.fixture(scope="module")
def unpacked(built, tmp_path_factory):
    """Unpack the source archive; returns its folder."""
    (archive,) = built[0].glob("*.tar.gz")
    folder = tmp_path_factory.mktemp("unpacked")
    with tarfile.open(archive) as content:
        content.extractall(folder)
    return folder / f"cpm_pose-{cpm.__version__}"


@pytest.fixture(scope="module")
def installed(built, tmp_path_factory):
    """Install the wheel with the short list alone; returns the folder of programs, where no compiler is."""
    (wheel,) = built[0].glob("*.whl")
    programs = make_environment(tmp_path_factory.mktemp("runtime") / "venv", "-r", "requirements-runtime.txt")
    process = run(programs / "pip", "install", "-q", "--no-deps", wheel, folder=programs, path=str(programs))
    assert process.returncode == 0, process.stderr
    return programs


@slow
def test_building_warns_of_nothing(built):
    words = ("deprecat", "absent from the `packages`", "no files found")
    assert [line for line in built[1].splitlines() if any(word in line.lower() for word in words)] == []


@slow
def test_the_wheel_is_complete(built):
    (wheel,) = built[0].glob("cpm_pose-*.whl")
    with zipfile.ZipFile(wheel) as content:
        names = set(content.namelist())
    assert {str(path.relative_to(ROOT)) for path in FILES} <= names
    kernels = {path.stem for path in FILES if path.suffix == ".pyx"}
    assert {name.split("/")[-1].split(".")[0] for name in names if name.endswith((".so", ".pyd"))} == kernels
    folders = {name.split("/")[0] for name in names}
    assert folders == {"cpm", f"cpm_pose-{cpm.__version__}.dist-info"}


@slow
def test_the_source_archive_holds_what_its_tests_need(unpacked, built):
    (wheel,) = built[0].glob("*.whl")
    with zipfile.ZipFile(wheel) as content:
        content.extractall(unpacked, [name for name in content.namelist() if name.endswith((".so", ".pyd"))])
    pytest_there = partial(run, sys.executable, "-m", "pytest", "-q", folder=unpacked, PYTHONPATH=str(unpacked))
    collected = pytest_there("--collect-only", "tests")
    assert collected.returncode == 0, collected.stdout[-2000:]
    # Those that look at files beside the package.
    names = ["scripts", "imports", "package", "pretrained", "notebooks", "custom_data", "makefile", "container"]
    names += ["pages", "reproducing"]
    tests = [f"tests/test_{name}.py" for name in names]
    process = pytest_there("-m", "not slow", *tests)
    assert process.returncode == 0, process.stdout[-2000:]


@slow
def test_the_wheel_runs_without_mxnet_from_an_empty_folder(installed, tmp_path):
    def command(*arguments):
        process = run(installed / "cpm", *arguments, folder=tmp_path, path=str(installed))
        assert process.returncode == 0, process.stderr
        return process.stdout

    assert run(installed / "python", "-c", "import mxnet", folder=tmp_path).returncode == 1
    assert "predict" in command("--help")
    module = run(installed / "python", "-m", "cpm", "--version", folder=tmp_path)
    assert module.stdout == f"cpm {cpm.__version__}\n"

    pytest.importorskip("onnx", reason="onnx is not installed: pip install 'cpm-pose[onnx]'")
    export_onnx(get_model("cpm_small", channels=8, stages=1), tmp_path / "x.onnx")
    cv2.imwrite(str(tmp_path / "photo.jpg"), np.full((90, 60, 3), 128, np.uint8))
    command("predict", "photo.jpg", "--checkpoint", "x.onnx")
    assert (tmp_path / "output" / "predict" / "people.json").is_file()

    truth = write_coco_to(tmp_path, [[person(60, 60, 80)]]) / "annotations" / "person_keypoints_train2017.json"
    (annotation,) = json.loads(truth.read_text())["annotations"]
    result = {key: annotation[key] for key in ("image_id", "category_id", "keypoints")}
    (tmp_path / "results.json").write_text(json.dumps([{**result, "score": 0.9}]))
    assert "1.000" in command("score", "results.json", truth)


@slow
def test_without_a_compiler_building_says_what_to_do(unpacked, tools, tmp_path):
    folder = tmp_path / "source"
    copy_source(unpacked, folder)
    build = (tools / "pip", "wheel", "--no-build-isolation", "--no-deps", ".")
    process = run(*build, folder=folder, path=str(tools))
    assert process.returncode != 0
    (line,) = [line for line in (process.stdout + process.stderr).splitlines() if "cannot be compiled" in line]
    assert line.strip().startswith("error: the kernels of cpm cannot be compiled (")
    assert "apt-get install gcc libc6-dev python3-dev" in line


def test_without_cython_building_says_what_to_do():
    pytest.importorskip("setuptools", reason="setuptools is not installed")
    code = "import sys, runpy; sys.modules['Cython'] = None; runpy.run_path('setup.py')"
    process = run(sys.executable, "-c", code, folder=ROOT)
    assert process.returncode == 1
    assert process.stderr == (
        "error: building cpm takes Cython 3, which is not there: pip install 'cython>=3' setuptools\n"
    )
