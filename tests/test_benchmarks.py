"""The benchmarks run and say what they measured; how long it took is no test's business."""

import json
import subprocess
import sys

import pytest

from .conftest import ROOT

FOLDER = ROOT / "benchmarks"
PARTS = ("labels", "decode", "loader", "network", "train", "evaluate")

pytestmark = pytest.mark.skipif(not FOLDER.is_dir(), reason="the benchmarks are not in this archive")


def run(*arguments: object) -> subprocess.CompletedProcess:
    command = [sys.executable, str(FOLDER / "run.py"), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=300)


def test_help_names_parts_and_options():
    process = run("--help")
    assert process.returncode == 0, process.stderr
    for name in (*PARTS, "--json", "--repeat", "--quick", "--checkpoint", "--images", "--workers", "--ir"):
        assert name in process.stdout


@pytest.mark.slow("runs a benchmark")
def test_labels_and_decode(tmp_path):
    process = run("labels", "decode", "--quick", "--repeat=2", f"--json={tmp_path / 'speed.json'}")
    assert process.returncode == 0, process.stderr
    machine, heading, *lines = process.stdout.splitlines()
    rows = [line for line in lines if not line.startswith(" ")]  # others go on with a last cell
    assert "OMP_NUM_THREADS" in machine and "mxnet 1.9.1" in machine
    assert heading.split()[:4] == ["part", "what", "median", "min"] and "required" in heading
    content = json.loads((tmp_path / "speed.json").read_text())
    results = content["results"]
    assert len(results) == len(rows) and content["quick"] is True and content["machine"]["cores"] >= 1
    for result, row in zip(results, rows):
        assert row.split()[0] == result["part"] in ("labels", "decode") and result["what"] in row
        assert len(result["seconds"]) == len(result["yardstick_seconds"]) == 2
        assert 0 < result["minimum"] <= result["median"] and result["ratio"] > 0 and result["ratio_of_minima"] > 0
    required = {(result["what"], result["yardstick"]): result["required"] for result in results}
    assert required["encode, 10 people, 46x46", "zeros in the same maps"] == 12
    assert required["encode, 10 people, 46x46", "the formulas in NumPy"] == 1 / 70
    apart = [result for result in results if "people apart" in result["what"]]
    assert [result["required"] for result in apart] == [None, None, 1 / 25, 1 / 6]
    assert [result["figures"]["recovered"] for result in apart] == ["4/4", "12/12", "40/40", "120/120"]


@pytest.mark.slow("runs a benchmark")
def test_loader():
    process = run("loader", "--quick", "--repeat=2")
    assert process.returncode == 0, process.stderr
    for what in ("one sample, 3 people", "masked", "packed", "a batch of 10", "second time"):
        assert what in process.stdout


@pytest.mark.slow("starts a process for every mistake")
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["lables", "--quick"], "unknown part 'lables'"),
        (["evaluate", "--images=nowhere"], "--images nowhere: no pictures there"),
    ],
)
def test_mistakes_are_told(arguments, message):
    process = run(*arguments)
    assert process.returncode == 2 and message in process.stderr and "Traceback" not in process.stderr
