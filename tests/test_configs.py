"""Recipes: every key known, every value of its type."""

import pytest

from cpm import ConfigError
from cpm.configs import from_json, list_configs, load_config, override, recipe, to_json
from cpm.skeletons import skeleton_from_spec


def test_every_recipe_loads_and_survives_json():
    assert {"cpm_vgg19_coco", "cpm_res50_coco", "cpm_mobilenet_coco", "quickstart"} <= set(list_configs())
    for name in list_configs():
        config = load_config(name)
        assert config.name == name
        again = from_json(to_json(config), skeleton_from_spec(config.labels.skeleton))
        again.labels.skeleton = config.labels.skeleton
        assert again == config


def test_overrides_are_typed():
    config = recipe("test")
    override(
        config,
        [
            "train.epochs=3",
            "optimizer.lr=1",
            "augment.scale=(1, 1.5)",
            "data.root=my data",
            "test.flip=False",
            "model.options.stages=2",
            "optimizer.lr_mults=[['bias$', 2]]",
        ],
    )
    assert config.train.epochs == 3
    assert config.optimizer.lr == 1.0 and isinstance(config.optimizer.lr, float)
    assert config.augment.scale == (1, 1.5)
    assert config.data.root == "my data" and config.test.flip is False
    assert config.model.options.stages == 2
    assert config.optimizer.lr_mults == (("bias$", 2),)


@pytest.mark.parametrize(
    ("assignment", "message"),
    [
        ("train.epoch=3", "unknown key 'train.epoch'; train has: .*epochs"),
        ("training.epochs=3", "unknown key .* the sections are: model, data"),
        ("train", "expected key=value"),
        ("train.epochs=many", "train.epochs='many': expected int"),
        ("train.epochs=2.5", "expected int"),
        ("train.epochs=True", "expected int"),
        ("test.flip=1", "expected bool"),
        ("augment.scale=1", "expected tuple"),
    ],
)
def test_wrong_overrides_are_errors(assignment, message):
    with pytest.raises(ConfigError, match=message):
        override(recipe("test"), [assignment])


def test_recipe_files_of_the_user(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text("from cpm.configs import recipe\nconfig = recipe('mine', train={'epochs': 2})\n")
    assert load_config(str(path)).train.epochs == 2
    path.write_text("from cpm.configs import recipe\nconfig = recipe('mine', train={'epohcs': 2})\n")
    with pytest.raises(ConfigError, match=r"mine\.py: unknown key 'train\.epohcs'"):
        load_config(str(path))
    path.write_text("1 / 0")
    with pytest.raises(ConfigError, match="fails with ZeroDivisionError"):
        load_config(str(path))
    path.write_text("")
    with pytest.raises(ConfigError, match="defines no config"):
        load_config(str(path))
    with pytest.raises(ConfigError, match="no such file"):
        load_config(str(tmp_path / "nowhere.py"))
    with pytest.raises(ConfigError, match=r"unknown recipe 'cpm_vgg'; known: .*cpm_vgg19_coco"):
        load_config("cpm_vgg")


def test_a_variant_says_what_differs():
    base = recipe("base", optimizer={"lr": 1.0}, model={"options": {"stages": 2}})
    variant = recipe("variant", base=base, loss={"kind": "log"})
    assert (variant.name, variant.optimizer.lr, variant.model.options.stages) == ("variant", 1.0, 2)
    variant.model.options.stages = 3
    assert (base.loss.kind, base.model.options.stages, variant.loss.kind) == ("l2", 2, "log")
    with pytest.raises(ConfigError, match="other: task='top_down', but base is for 'bottom_up'"):
        recipe("other", task="top_down", base=base)


@pytest.mark.parametrize(
    ("key", "with_it", "without"),
    [
        ("optimizer.momentum=0.5", "optimizer.name=sgd", "optimizer.name=adam"),
        ("schedule.steps=(1,)", "schedule.kind=step", "schedule.kind=cosine"),
        ("schedule.gamma=0.5", "schedule.kind=step", "schedule.kind=cosine"),
        ("schedule.unit=epochs", "schedule.kind=step", "schedule.kind=cosine"),
        ("model.init=xavier", "model.pretrained=imagenet", "model.pretrained=other.npz"),
    ],
)
def test_a_key_that_another_leaves_unread_is_refused(key, with_it, without):
    override(recipe("test"), [key, with_it])
    name = key.split("=")[0]
    with pytest.raises(ConfigError, match=f"^{name}: is not read with {without.split('=')[0]}='.*'; leave it out$"):
        override(recipe("test"), [key, without])


def test_what_a_recipe_holds_unread_may_be_changed_around():
    config = recipe("test", schedule={"kind": "step", "gamma": 0.5})
    override(config, ["schedule.kind=cosine"])
    assert config.schedule.kind == "cosine" and config.schedule.gamma == 0.5
