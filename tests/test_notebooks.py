"""The notebooks run from the first cell to the last, on what the quick start leaves."""

import json
import subprocess
import sys

import pytest

from cpm.datasets.synthetic import write_synthetic
from cpm.models import get_model, save_network

from .conftest import ROOT
from .helpers.scale import mostly_slow

NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
QUICK = [ROOT / "notebooks" / "labels.ipynb"]

pytestmark = pytest.mark.skipif(not NOTEBOOKS, reason="the notebooks are not in this archive")


@pytest.fixture(scope="module")
def quickstart(tmp_path_factory):
    """Make a folder with the pictures and the network of a quick start, small and untrained."""
    folder = tmp_path_factory.mktemp("quickstart")
    write_synthetic(folder / "data" / "synthetic", train=1, val=4, num_workers=0)
    save_network(folder / "output" / "quickstart" / "last.npz", get_model("cpm_small", channels=16, stages=2))
    return folder


def cells_of(path):
    content = json.loads(path.read_text())
    assert content["nbformat"] == 4
    return content["cells"]


@pytest.mark.parametrize("path", mostly_slow(NOTEBOOKS, QUICK, "runs a whole notebook"), ids=lambda path: path.stem)
def test_every_cell_runs(path, quickstart, tmp_path):
    code = ["import matplotlib", "matplotlib.use('Agg')"]
    code += ["".join(cell["source"]) for cell in cells_of(path) if cell["cell_type"] == "code"]
    code.append("import matplotlib.pyplot as plt\nassert plt.get_fignums()\nprint('the end')")
    (tmp_path / "cells.py").write_text("\n\n".join(code))
    process = subprocess.run(
        [sys.executable, str(tmp_path / "cells.py")], cwd=quickstart, capture_output=True, text=True, timeout=300
    )
    assert process.returncode == 0, process.stderr
    assert process.stdout.endswith("the end\n")


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_no_outputs_are_kept(path):
    assert all(not cell.get("outputs") for cell in cells_of(path))


def test_the_tour_begins_as_users_begin():
    first = next(cell for cell in cells_of(ROOT / "notebooks" / "tour.ipynb") if cell["cell_type"] == "code")
    assert first["source"][0].startswith("import cpm.models")
