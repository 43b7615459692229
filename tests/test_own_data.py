"""A data set in a layout of one's own, which a recipe file makes known without a change of the package."""

import json

import mxnet as mx
import pytest

from cpm import ConfigError, DataError
from cpm.configs import load_config, recipe
from cpm.datasets import DATASETS, DataRef, GivenKeypoints
from cpm.evaluation import evaluate_dataset
from cpm.inference import open_network
from cpm.skeletons import COCO_17
from cpm.tasks import bottom_up
from cpm.training import build_trainer

from .conftest import person

RECIPE = """
import json
from pathlib import Path

from cpm.configs import recipe
from cpm.datasets import GivenKeypoints, Layout, register_dataset


def read(ref, skeleton):
    file = Path(ref.root) / f"{ref.split}.lines"
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    names = sorted({name for name, _, _ in lines})
    images = [{"id": k, "file_name": name, "width": 160, "height": 120} for k, name in enumerate(names)]
    people = [{"image_id": names.index(name), "keypoints": joints, "bbox": box} for name, joints, box in lines]
    return GivenKeypoints(file, ref.split, Path(ref.root) / "pictures", skeleton, images, people)


register_dataset("lines", Layout(read, "ROOT", "train", "train"))
config = recipe(
    "own",
    data={"dataset": "lines", "root": "ROOT", "train": "train", "val": "train"},
    model={"name": "cpm_small", "options": {"stages": 1, "channels": 8}},
    labels={"skeleton": "COCO_17"},
    people={"min_keypoints": 1, "min_area": 0.0, "min_distance": 0.0},
    augment={"crop": 32},
    train={"epochs": 1, "batch_size": 2, "num_workers": 0, "max_iterations": 1},
    test={"scales": (1.0,), "flip": False, "box_size": 32},
)
"""


@pytest.fixture
def own(write_coco, tmp_path, monkeypatch):
    """Return the path of a recipe whose data are lines of JSON beside pictures."""
    monkeypatch.setattr("cpm.datasets.opening.DATASETS", dict(DATASETS))
    root = write_coco([[person(80, 60, 50)] for _ in range(3)])
    content = json.loads((root / "annotations" / "person_keypoints_train2017.json").read_text())
    names = {image["id"]: image["file_name"] for image in content["images"]}
    (root / "train2017").rename(root / "pictures")
    lines = [json.dumps([names[each["image_id"]], each["keypoints"], each["bbox"]]) for each in content["annotations"]]
    (root / "train.lines").write_text("\n".join(lines))
    path = tmp_path / "own.py"
    path.write_text(RECIPE.replace("ROOT", str(root)))
    return path


def test_a_layout_of_a_recipe_file_trains_and_is_scored(own, tmp_path):
    config = load_config(str(own))
    trainer = build_trainer(config, [mx.cpu()], tmp_path / "run")
    trainer.fit()
    net, meta = open_network(tmp_path / "run" / "last.npz", None, mx.cpu())
    settings = bottom_up.settings(meta, tmp_path / "run" / "last.npz")
    dataset = settings.data.open(net.skeleton)
    assert len(dataset) == 3 and isinstance(dataset, GivenKeypoints)
    figures, _ = evaluate_dataset(bottom_up.estimator(net, settings), dataset)
    assert set(figures) >= {"AP", "AR"}


def test_its_people_can_be_cropped(own):
    config = load_config(str(own))
    dataset = DataRef("lines", config.data.root, "train").open(COCO_17)
    people = dataset.boxed_people(0.75, 1.25)
    assert len(people) == 3 and people[0].keypoints.shape == (17, 3)


def test_mistakes_of_a_reader_are_told_with_its_file(own):
    config = load_config(str(own))
    file = own.parent / "train.lines"
    file.write_text('["000000000001.jpg", [1, 2], [0, 0, 5, 5]]')
    with pytest.raises(DataError, match=r"train\.lines: "):
        DataRef("lines", config.data.root, "train").open(COCO_17)


def test_a_layout_that_nobody_made_known_is_refused(tmp_path):
    config = recipe("strange", data={"dataset": "lines"})
    with pytest.raises(ConfigError, match="data set 'lines' is unknown, expected one of coco, mpii"):
        build_trainer(config, [mx.cpu()], tmp_path / "run")
    assert not (tmp_path / "run").exists()
