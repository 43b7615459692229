"""The page about data of one's own: its code runs as it stands, from the JSON to the AP."""

import json
import subprocess
import sys

import pytest

from cpm.datasets.synthetic import write_synthetic

from .conftest import ROOT


@pytest.mark.slow("runs every script that the page names, and trains")
def test_five_joints_from_json_to_ap(run_script, tmp_path, monkeypatch):
    convert, recipe = (part.split("```")[0] for part in _page().split("```python")[1:3])
    write_synthetic(tmp_path / "data" / "synthetic", train=6, val=4, num_workers=0)
    (tmp_path / "make_torso.py").write_text(convert)
    (tmp_path / "torso.py").write_text(recipe)
    monkeypatch.chdir(tmp_path)
    subprocess.run([sys.executable, "make_torso.py"], check=True)
    content = json.loads((tmp_path / "data/torso/annotations/person_keypoints_val2017.json").read_text())
    assert all(len(person["keypoints"]) == 15 for person in content["annotations"])
    process = run_script("show_labels.py", "--config=torso.py", "--sheet=2")
    assert process.returncode == 0, process.stderr
    train = ("train_gluon_cpm.py", "--config=torso.py", "--gpus=-1", "--epochs=1", "--batch-size=2")
    process = run_script(*train, "--set=train.max_iterations=2", "--set=augment.crop=64")
    assert process.returncode == 0, process.stderr
    process = run_script("evaluate.py", "--resume=output/torso/last.npz", "--gpus=-1")
    assert process.returncode == 0 and "AP50" in process.stdout, process.stderr
    results = json.loads((tmp_path / "output/eval/torso-last/results.json").read_text())
    assert all(len(person["keypoints"]) == 15 for person in results)


def _page():
    return (ROOT / "docs" / "custom_data.md").read_text()
