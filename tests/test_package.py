"""What `import cpm` does before anything else."""

import os
import re
import shlex
import subprocess
import sys

import mxnet as mx
import numpy as np
import pytest
from packaging.requirements import Requirement

import cpm

from .conftest import ROOT

PROJECT = (ROOT / "pyproject.toml").read_text()


def run_python(code, **environment):
    kept = {key: value for key, value in os.environ.items() if key != "OMP_NUM_THREADS"}
    command = [sys.executable, "-c", code]
    return subprocess.run(command, capture_output=True, text=True, env={**kept, **environment}, timeout=60)


def test_version_is_the_same_everywhere():
    (cited,) = re.findall(r"^version: (.*)", (ROOT / "CITATION.cff").read_text(), re.MULTILINE)
    assert cited == cpm.__version__
    assert run_python("from cpm.commands import main; main(['--version'])").stdout == f"cpm {cpm.__version__}\n"
    assert 'version = { attr = "cpm.__version__" }' in PROJECT  # the build reads the same place


def test_pythons_are_the_same_everywhere():
    declared = re.findall(r'"Programming Language :: Python :: (3\.\d+)"', PROJECT)
    assert declared[0] == re.search(r'requires-python = ">=(.*)"', PROJECT)[1]
    assert [f"3.{minor}" for minor in re.findall(r'"cp3(\d+)-\*"', PROJECT)] == declared
    workflow = (ROOT / ".github" / "workflows" / "ci.yml").read_text()
    assert re.findall(r'"(3\.\d+)"', re.search(r"python: (\[.*\])", workflow)[1]) == declared


@pytest.mark.parametrize("list_of", ["requirements.txt", "requirements-runtime.txt"])
def test_requirements_are_for_any_python(list_of):
    lines = [line.partition("#")[0].strip() for line in (ROOT / list_of).read_text().splitlines()]
    requirements = [Requirement(line) for line in lines if line]
    for name in {requirement.name for requirement in requirements} - {"mxnet", "setuptools"}:
        alike = [requirement for requirement in requirements if requirement.name == name]
        for python in ("3.9", "3.12", "3.13", "3.14"):
            environment = {"python_version": python}
            assert sum(not each.marker or each.marker.evaluate(environment) for each in alike) == 1, (name, python)


def test_numpy_is_left_as_it_was():
    process = run_python(
        "import types, numpy as np\n"
        "def names(): return {name for name in dir(np) if not isinstance(getattr(np, name), types.ModuleType)}\n"
        "before, values = names(), {name: getattr(np, name) for name in names()}\n"
        "import cpm\n"
        "from cpm import _compat\n"
        "_compat.load_mxnet(); _compat.load_gluoncv()\n"
        "changed = [name for name in before if getattr(np, name, None) is not values[name]]\n"
        "print(sorted(names() ^ before), changed)"
    )
    assert process.stdout.strip() == "[] []", process.stderr


def test_mxnet_has_the_names_that_numpy_dropped():
    taken = vars(mx.numpy.multiarray._np)
    assert all(name in taken for name in ("bool", "Inf", "float_", "product", "in1d", "row_stack"))
    assert np.isposinf(mx.np.PINF)
    picked = mx.np.in1d(mx.np.array([[1.0, 2.0], [3.0, 1.0]]), mx.np.array([1.0]))
    assert picked.asnumpy().tolist() == [True, False, False, True]


@pytest.mark.parametrize(
    ("given", "expected"), [({}, str(len(os.sched_getaffinity(0)))), ({"OMP_NUM_THREADS": "1"}, "1")]
)
def test_threads_are_the_cores_unless_the_user_says_otherwise(given, expected):
    process = run_python("import cpm, os, mxnet; print(os.environ['OMP_NUM_THREADS'])", **given)
    assert process.stdout.strip() == expected, process.stderr


def test_a_broken_mxnet_gives_one_helpful_line(tmp_path):
    (tmp_path / "mxnet").mkdir()
    (tmp_path / "mxnet" / "__init__.py").write_text("raise OSError('libcudart.so.11.0: cannot open')")
    process = run_python("import cpm.models; cpm.models.get_model", PYTHONPATH=str(tmp_path))
    last = process.stderr.strip().splitlines()[-1]
    assert process.returncode != 0
    expected = "cpm cannot load MXNet (libcudart.so.11.0: cannot open); try: "
    command = f"{shlex.quote(sys.executable)} -m pip install --force-reinstall --no-deps mxnet==1.9.1"
    assert last == f"cpm.errors.PackageError: {expected}{command}"
    assert "During handling" not in process.stderr


@pytest.mark.parametrize(
    ("package", "requirement"),
    [
        ("mxnet", "--no-deps mxnet==1.9.1"),
        ("gluoncv", "gluoncv==0.10.5.post0"),
        ("requests", "requests"),
    ],
)
def test_a_missing_package_gives_the_command_that_installs_it(package, requirement):
    process = run_python(
        "import sys\n"
        "class Blocked:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        f"        if name == {package!r}: raise ModuleNotFoundError(f'No module named {{name!r}}', name=name)\n"
        "sys.meta_path.insert(0, Blocked())\n"
        "try:\n"
        "    import cpm\n"
        "    from cpm import _compat\n"
        "    _compat.load_mxnet(); _compat.load_gluoncv()\n"
        "except ImportError as error: print(error)"
    )
    command = f"{shlex.quote(sys.executable)} -m pip install {requirement}"
    assert process.stdout.strip().endswith(f"(No module named '{package}'); try: {command}"), process.stderr


def test_the_cpu_build_over_the_cuda_build_is_noticed(tmp_path):
    (tmp_path / "mxnet_cu112-1.9.1.dist-info").mkdir()
    (tmp_path / "mxnet_cu112-1.9.1.dist-info" / "METADATA").write_text("Name: mxnet-cu112\nVersion: 1.9.1\n")
    process = run_python("import cpm.models; cpm.models.get_model", PYTHONPATH=str(tmp_path))
    assert "pip install --force-reinstall --no-deps mxnet-cu112==1.9.1" in process.stderr.strip().splitlines()[-1]


def test_subpackages_are_found_from_any_folder():
    process = run_python("import os; os.chdir('/'); import cpm.ops, cpm.datasets.synthetic; print(cpm.ops.__name__)")
    assert process.stdout.strip() == "cpm.ops", process.stderr


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        ("ImportError('libGL.so.1: cannot open shared object file')", "libGL.so.1: cannot open shared object file"),
        ("ModuleNotFoundError('No module named cv2', name='cv2')", "No module named cv2"),
    ],
)
def test_opencv_that_cannot_be_loaded_gives_one_helpful_line(tmp_path, broken, message):
    (tmp_path / "cv2.py").write_text(f"raise {broken}")
    command = f"{shlex.quote(sys.executable)} -m pip install opencv-python-headless"
    expected = (
        f"cpm cannot load OpenCV ({message}); try: {command}, "
        "or, for opencv-python on Debian: apt-get install libgl1 libglib2.0-0"
    )
    process = run_python("import cpm.draw", PYTHONPATH=str(tmp_path))
    assert process.stderr.strip().splitlines()[-1] == f"cpm.errors.PackageError: {expected}"
    assert "During handling" not in process.stderr
    for command in (["predict", "photo.jpg", "--checkpoint=x.onnx"], ["predict", "--help"], ["score", "a", "b"]):
        process = run_python(f"from cpm.commands import main; main({command})", PYTHONPATH=str(tmp_path))
        assert (process.returncode, process.stderr) == (2, f"error: {expected}\n")
