"""A data set in a layout of one's own, which a recipe file makes known without a change of the package."""

import json

import mxnet as mx
import pytest

from cpm import ConfigError, DataError
from cpm.configs import load_config, override, recipe
from cpm.datasets import DATASETS, DataRef, GivenKeypoints
from cpm.evaluation import evaluate_dataset
from cpm.inference import open_network
from cpm.skeletons import COCO_17
from cpm.tasks import bottom_up
from cpm.training import build_trainer
from cpm.training.build import choose_recipe

from .conftest import ROOT, person

SMALL = (
    "model.name=cpm_small",
    "model.options.stages=1",
    "model.options.channels=8",
    "labels.skeleton=COCO_17",
    "people.min_keypoints=1",
    "people.min_area=0.0",
    "people.min_distance=0.0",
    "augment.crop=32",
    "train.epochs=1",
    "train.batch_size=2",
    "train.num_workers=0",
    "train.max_iterations=1",
    "test.scales=(1.0,)",
    "test.flip=False",
    "test.box_size=32",
    "data.val=train",
    "model.pretrained=''",
)


@pytest.fixture
def own(write_coco, tmp_path, monkeypatch):
    """Return the path of the recipe of docs/custom_data.md whose data are lines of JSON, with such data."""
    monkeypatch.setitem(DATASETS, "lines", None)  # and away again after the test
    root = write_coco([[person(80, 60, 50)] for _ in range(3)])
    content = json.loads((root / "annotations" / "person_keypoints_train2017.json").read_text())
    names = {image["id"]: image["file_name"] for image in content["images"]}
    (root / "train2017").rename(root / "pictures")
    lines = [json.dumps([names[each["image_id"]], each["keypoints"], each["bbox"]]) for each in content["annotations"]]
    (root / "train.lines").write_text("\n".join(lines))
    page = (ROOT / "docs" / "custom_data.md").read_text()
    text = page.split("```python")[-1].split("```")[0]
    path = tmp_path / "lines.py"
    path.write_text(text.replace("data/lines", str(root)).replace("640", "160").replace("480", "120"))
    return path


def test_a_layout_of_a_recipe_file_trains_and_is_scored(own, tmp_path):
    config = load_config(str(own))
    override(config, SMALL)
    build_trainer(config, [mx.cpu()], tmp_path / "run").fit()
    net, meta = open_network(tmp_path / "run" / "last.npz", None, mx.cpu())
    settings = bottom_up.settings(meta, tmp_path / "run" / "last.npz")
    dataset = settings.data.open(net.skeleton)
    assert len(dataset) == 3 and isinstance(dataset, GivenKeypoints)
    figures, _ = evaluate_dataset(bottom_up.estimator(net, settings), dataset)
    assert set(figures) >= {"AP", "AR"}


def test_a_run_on_it_goes_on_where_its_recipe_makes_it_known(own, tmp_path):
    config = load_config(str(own))
    override(config, SMALL)
    build_trainer(config, [mx.cpu()], tmp_path / "run").fit()
    last = tmp_path / "run" / "last.npz"
    del DATASETS["lines"]
    config, checkpoint = choose_recipe(None, "quickstart", None, last, ["train.epochs=2"])
    with pytest.raises(ConfigError, match=r"data set 'lines' is unknown, .*\(--config\) makes it known"):
        build_trainer(config, [mx.cpu()], tmp_path / "run", checkpoint)
    config, checkpoint = choose_recipe(str(own), "quickstart", None, last, ["train.epochs=2"])
    build_trainer(config, [mx.cpu()], tmp_path / "run", checkpoint).fit()


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


def test_data_of_another_kind_are_where_that_kind_is():
    ref = DataRef("coco", "data/own", "val2017", "person", True)
    assert ref.changed(kind="mpii") == DataRef("mpii", "data/mpii", "valid")
    assert ref.changed(kind="mpii", root="here", split="train") == DataRef("mpii", "here", "train")
    assert ref.changed(kind="coco") == ref
    with pytest.raises(ConfigError, match="data set 'cub' is unknown"):
        ref.changed(kind="cub")
