"""What `import cpm` does before anything else."""

import os
import re
import subprocess
import sys

import numpy as np
import pytest

import cpm

from .conftest import ROOT


def run_python(code, **environment):
    kept = {key: value for key, value in os.environ.items() if key != "OMP_NUM_THREADS"}
    command = [sys.executable, "-c", code]
    return subprocess.run(command, capture_output=True, text=True, env={**kept, **environment}, timeout=60)


def test_version_is_the_same_everywhere():
    for name, pattern in (("pyproject.toml", r'^version = "(.*)"'), ("CITATION.cff", r"^version: (.*)")):
        (version,) = re.findall(pattern, (ROOT / name).read_text(), re.MULTILINE)
        assert version == cpm.__version__


def test_numpy_has_the_names_that_mxnet_misses():
    assert np.bool is bool


@pytest.mark.parametrize(
    ("given", "expected"), [({}, str(len(os.sched_getaffinity(0)))), ({"OMP_NUM_THREADS": "1"}, "1")]
)
def test_threads_are_the_cores_unless_the_user_says_otherwise(given, expected):
    process = run_python("import cpm, os; print(os.environ['OMP_NUM_THREADS'])", **given)
    assert process.stdout.strip() == expected, process.stderr


def test_a_broken_mxnet_gives_one_helpful_line(tmp_path):
    (tmp_path / "mxnet").mkdir()
    (tmp_path / "mxnet" / "__init__.py").write_text("raise OSError('libcudart.so.11.0: cannot open')")
    process = run_python("import cpm", PYTHONPATH=str(tmp_path))
    last = process.stderr.strip().splitlines()[-1]
    assert process.returncode != 0
    assert last.startswith("ImportError: cpm cannot load MXNet (libcudart.so.11.0: cannot open); try: pip install")
    assert "During handling" not in process.stderr


def test_the_cpu_build_over_the_cuda_build_is_noticed(tmp_path):
    (tmp_path / "mxnet_cu112-1.9.1.dist-info").mkdir()
    (tmp_path / "mxnet_cu112-1.9.1.dist-info" / "METADATA").write_text("Name: mxnet-cu112\nVersion: 1.9.1\n")
    process = run_python("import cpm", PYTHONPATH=str(tmp_path))
    assert "pip install --force-reinstall --no-deps mxnet-cu112==1.9.1" in process.stderr.strip().splitlines()[-1]


def test_subpackages_are_found_from_any_folder():
    process = run_python("import os; os.chdir('/'); import cpm.ops, cpm.datasets.synthetic; print(cpm.ops.__name__)")
    assert process.stdout.strip() == "cpm.ops", process.stderr
