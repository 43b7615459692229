"""The scripts, run as a user runs them."""

import json
import re

import pytest

from cpm.commands import COMMANDS
from cpm.evaluation import score_coco

from .conftest import ROOT, person
from .helpers.commands import TINY, assert_one_line, call, options_of

SCRIPTS = sorted(path.stem for path in (ROOT / "scripts").glob("*.py"))
PAGES = ["README.md", "CONTRIBUTING.md", *(f"docs/{path.name}" for path in sorted((ROOT / "docs").glob("*.md")))]
FOLDERS = "scripts|configs|docs|figures|notebooks|benchmarks|tests"  # others are the user's, as data/coco


@pytest.fixture
def coco(write_coco):
    people = [[person(50 + 8 * k, 60, 80)] for k in range(4)]
    write_coco(people[:2], "val2017")
    return write_coco(people, "train2017")


@pytest.mark.parametrize("name", SCRIPTS)
def test_help_says_what_every_option_does(capsys, name):
    assert [option for option, action in options_of(name).items() if not action.help] == []
    assert call(name, "--help") == 0
    printed = capsys.readouterr()
    described = re.findall(r"^ +(--?[a-z-]+)\b", printed.out, re.MULTILINE)
    assert printed.err == "" and set(options_of(name)) == set(described)


def test_recipes_are_listed(run_script):
    names = run_script("train_gluon_cpm.py", "--list").stdout.split()
    assert {"cpm_vgg19_coco", "cpm_res50_coco", "cpm_mobilenet_coco", "quickstart"} <= set(names)


def test_train_resume_and_evaluate(run_script, coco, tmp_path):
    train = ("train_gluon_cpm.py", f"--dataset-root={coco}", f"--output={tmp_path / 'run'}")
    process = run_script(*train, *TINY)
    assert process.returncode == 0, process.stderr
    assert "next: cpm evaluate --checkpoint=" in process.stdout
    assert_one_line(run_script(*train, *TINY), "holds a run already", "--overwrite")

    last = tmp_path / "run" / "last.npz"
    process = run_script("train_gluon_cpm.py", f"--resume={last}", "--epochs=2", "--gpus=")
    assert process.returncode == 0, process.stderr
    rows = (tmp_path / "run" / "losses.csv").read_text().splitlines()
    assert [row.split(",")[0] for row in rows if ",val,loss," in row] == ["2", "4"]

    process = run_script("evaluate.py", f"--resume={last}", "--scales=1", "--viz", f"--output={tmp_path / 'eval'}")
    assert process.returncode == 0, process.stderr
    assert "AP50" in process.stdout
    metrics = json.loads((tmp_path / "eval" / "metrics.json").read_text())
    truth, results = coco / "annotations" / "person_keypoints_val2017.json", tmp_path / "eval" / "results.json"
    assert metrics["AP"] == score_coco(truth, results)["AP"]
    assert metrics["protocol"]["images"] == 2 and metrics["seconds_per_image"] > 0
    assert metrics["protocol"]["dataset"] == str(coco) and metrics["protocol"]["flip"] is True
    assert len(list((tmp_path / "eval" / "viz").iterdir())) == 2 and (tmp_path / "eval" / "people.jpg").exists()


@pytest.mark.slow("trains and evaluates in processes of their own")
def test_the_documented_skeleton_trains_and_is_scored(run_script, coco, tmp_path):
    """Take the recipe of docs/skeletons.md to data whose annotations have its joints and another category id."""
    code = (ROOT / "docs" / "skeletons.md").read_text().split("```python")[2].split("```")[0]
    (tmp_path / "my_recipe.py").write_text(code)
    joints = ["head", "left_hand", "right_hand", "left_foot", "right_foot"]
    for path in (coco / "annotations").iterdir():
        content = json.loads(path.read_text())
        content["categories"] = [{"id": 7, "name": "cross", "keypoints": joints}]
        for annotation in content["annotations"]:
            annotation.update(category_id=7, num_keypoints=5, keypoints=annotation["keypoints"][:15])
        path.write_text(json.dumps(content))
    run = (f"--output={tmp_path / 'run'}", f"--dataset-root={coco}")
    process = run_script("train_gluon_cpm.py", *TINY, f"--config={tmp_path / 'my_recipe.py'}", *run)
    assert process.returncode == 0, process.stderr
    process = run_script(
        "evaluate.py",
        f"--resume={tmp_path / 'run' / 'last.npz'}",
        "--scales=1",
        "--rules=usual",
        f"--output={tmp_path}",
    )
    assert process.returncode == 0, process.stderr
    assert "AP50" in process.stdout


@pytest.mark.slow("starts a process for every mistake")
def test_mistakes_in_training_are_one_line(run_script, coco, tmp_path):
    def train(*arguments):
        output = tmp_path / "never"
        process = run_script("train_gluon_cpm.py", *TINY, f"--dataset-root={coco}", f"--output={output}", *arguments)
        assert not output.exists()
        return process

    assert_one_line(train("--dataset-root=nowhere"), "nowhere: no such data set folder")
    assert_one_line(train("--gpus=99"), "there is no GPU 99", "--gpus=-1")
    assert_one_line(train("--gpus=zero"), "expected numbers")
    assert_one_line(train("--set=train.epoch=1"), "unknown key 'train.epoch'", "epochs")
    assert_one_line(train("--set=model.name=vgg"), "vgg", "cpm_vgg19")
    assert_one_line(train("--resume=nowhere.npz"), "nowhere.npz: no such file")
    assert_one_line(train("--set=train.log_every=0"), "train.log_every=0: expected at least 1")
    assert_one_line(train("--set=augment.crop=100"), "augment.crop=100: cpm_small needs multiples of 8, such as 96")
    assert_one_line(train("--set=model.options.skeleton=COCO_17"), "not an option of a network")
    assert_one_line(train("--set=optimizer.lr_mults=('bias', 2)"), "expected pairs (pattern, factor)")
    assert_one_line(train("--config=quickstart", "--backbone=vgg"), "trains a cpm_small, not the cpm_vgg19")
    (coco / "annotations" / "person_keypoints_val2017.json").write_text('{"images": []}')
    assert_one_line(train(), "person_keypoints_val2017.json", "'annotations'")


@pytest.mark.parametrize("page", PAGES)
def test_pages_name_only_what_is_there(page):
    """Follow the links to files, and look up every name that begins with a folder of the project."""
    text = (ROOT / page).read_text()
    links = [link.partition("#")[0] for link in re.findall(r"\]\(([^)\s]+)\)", text) if "://" not in link]
    assert [link for link in links if not is_there((ROOT / page).parent / link)] == []
    names = re.findall(rf"(?<![\w/.-])(?:{FOLDERS})/[\w./-]*\w", text)
    assert [name for name in names if not is_there(ROOT / name)] == []


def is_there(path):
    """Tell whether a file is at its place, or within the package, where source archives have it."""
    return path.exists() or (path.is_relative_to(ROOT) and (ROOT / "cpm" / path.relative_to(ROOT)).exists())


def test_the_pages_name_every_command():
    pages = "".join((ROOT / page).read_text() for page in PAGES)
    assert [name for name in COMMANDS if not re.search(rf"\bcpm {name}\b(?!-)", pages)] == []
