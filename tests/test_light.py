"""What loads when: help loads nothing heavy, and exported networks take neither MXNet nor what trains."""

import json
import os
import subprocess
import sys

import cv2
import numpy as np
import pytest

from cpm.commands import COMMANDS
from cpm.models import export_onnx, get_model

from .conftest import ROOT, person

HEAVY = ("mxnet", "gluoncv", "matplotlib", "scipy", "tensorboardX", "pandas", "PIL", "onnx")

_WITHOUT = f"""
import sys
class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {HEAVY}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Absent())
"""
_RUN = "\nfrom cpm.commands import main\nmain({arguments})"


@pytest.fixture
def python(tmp_path):
    """Run code in a process of its own, where nothing is but what the test put there."""

    def run(code):
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        command = [sys.executable, "-c", code]
        return subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120)

    return run


@pytest.fixture
def network(tmp_path):
    """Export a small network, and write a picture beside it."""
    pytest.importorskip("onnxruntime", reason="onnxruntime is not installed: pip install 'cpm-pose[onnx]'")
    export_onnx(get_model("cpm_small", channels=8, stages=1), tmp_path / "x.onnx")
    cv2.imwrite(str(tmp_path / "photo.jpg"), np.full((90, 60, 3), 128, np.uint8))


@pytest.mark.parametrize(
    "arguments", [["--help"], ["--version"], *([name, "--help"] for name in COMMANDS)], ids=" ".join
)
def test_help_loads_nothing_heavy(python, arguments):
    listed = f"\nfinally: print([name for name in {(*HEAVY, 'pycocotools', 'onnxruntime')} if name in sys.modules])"
    process = python(f"import sys\nfrom cpm.commands import main\ntry: main({arguments}){listed}")
    assert process.returncode == 0, process.stderr
    assert process.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize(
    "arguments",
    [["fetch", "--list"], ["train", "--list"], ["train-topdown", "--list"], ["evaluate", "--list-protocols"]],
    ids=" ".join,
)
def test_lists_are_shown_without_mxnet(python, arguments):
    process = python(_WITHOUT + _RUN.format(arguments=arguments))
    assert process.returncode == 0 and process.stdout, process.stderr


def test_exported_networks_predict_without_mxnet(python, network, tmp_path):
    process = python(_WITHOUT + _RUN.format(arguments=["predict", "photo.jpg", "--checkpoint", "x.onnx"]))
    assert process.returncode == 0, process.stderr
    assert (tmp_path / "output" / "predict" / "pictures" / "photo.jpg").is_file()


def test_results_are_scored_without_mxnet(python, write_coco):
    people = [[person(50 + 8 * k, 60, 80)] for k in range(2)]
    truth = write_coco(people) / "annotations" / "person_keypoints_train2017.json"
    fields = ("image_id", "category_id", "keypoints")
    results = [
        {"score": 0.9, **{field: annotation[field] for field in fields}}
        for annotation in json.loads(truth.read_text())["annotations"]
    ]
    (truth.parent / "results.json").write_text(json.dumps(results))
    process = python(_WITHOUT + _RUN.format(arguments=["score", "annotations/results.json", str(truth)]))
    assert process.returncode == 0, process.stderr
    assert process.stdout.split()[:2] + process.stdout.split()[10:13] == [
        "AP",
        "AP50",
        "results.json",
        "1.000",
        "1.000",
    ]


def test_people_are_found_decoded_and_drawn_without_mxnet(python, network):
    process = python(
        _WITHOUT + "import numpy as np\n"
        "import cpm\n"
        "from cpm.codecs import PafCodec\n"
        "from cpm.draw import draw_people\n"
        "from cpm.skeletons import COCO_17\n"
        "image = np.zeros((64, 64, 3), np.uint8)\n"
        "assert isinstance(cpm.load_estimator('x.onnx')(image), list)\n"
        "body = np.random.default_rng(0).uniform(8, 56, (1, 17, 3)); body[..., 2] = 2\n"
        "codec = PafCodec(COCO_17)\n"
        "people = codec.decode(codec.encode(body, (64, 64)).maps)\n"
        "print(len(people), draw_people(image, people, COCO_17).any())"
    )
    assert process.stdout == "1 True\n", process.stderr


def test_a_network_that_needs_mxnet_says_how_to_get_it(python, tmp_path):
    process = python(_WITHOUT + "import cpm\nfrom cpm.models import get_model\nget_model('cpm_small')")
    assert "pip install --no-deps mxnet==1.9.1" in process.stderr.strip().splitlines()[-1]
