"""Values of recipes: whatever is given is refused in one line, or builds a training."""

import json
import math

import mxnet as mx
import numpy as np
import pytest

from cpm import ConfigError, CpmError
from cpm.cli import parse_assignments
from cpm.configs import TASKS, from_json, load_config, override, recipe, set_value, to_json
from cpm.configs.limits import NUMBERS, RANGES
from cpm.models import get_model, list_models
from cpm.models.registry import find_entry
from cpm.skeletons import COCO_17, skeleton_from_spec
from cpm.training import build_trainer

from .conftest import person
from .helpers.scale import repeats

KEYS = [(task, f"{section}.{key}") for task in TASKS for section in TASKS[task] for key in TASKS[task][section]]
DEEP = [[]]
for _ in range(500):
    DEEP = [DEEP]
ODD = (
    *(None, True, -1, 0, 1, 0.5, -0.5, 1e300, -1e300, 1e-300, math.nan, math.inf, -math.inf, 10**30, 10**400, 2**20000),
    *(2**31, -(2**31), 3j, ..., object, "", "7", "nan", "x" * 1000, "\0", "\ud800", "ключ", b"x", set(), {1}),
    *((), (1,), (1, 2), (2, 1), (0, 0), (1, "a"), (True, True), (math.nan, math.nan), (0.5, math.inf), (1e300, 1e300)),
    *((10**400, 10**400), [], [[]], [("a", 1)], [("(", 1)], [("a", -1)], [("a", math.nan)], [("a", 10**400)]),
    *([(1, 1)], [("a",)], {}, {"a": 1}, {1: 2}, {"items": 3}, {"__class__": 3}, {"a": {"update": 1}}, {"a": math.nan}),
    *({"skeleton": "COCO_17"}, DEEP, COCO_17),
)
TINY = {
    "bottom_up": {"model.name": "cpm_small", "model.options": {"channels": 8, "stages": 1}, "augment.crop": 64},
    "top_down": {"model.name": "pose_small", "model.options": {}, "augment.size": (64, 64)},
}


def values_for(key):
    """Return odd values, and those at the ends of the range and just outside."""
    ends = [*RANGES.get(key, ())]
    if key in NUMBERS:
        ends += [(NUMBERS[key].low,) * 2, (NUMBERS[key].high,) * 2, (NUMBERS[key].high,) * 2000]
    beyond = [ends[0] - 1, ends[1] + 1] if key in RANGES else []
    return [*ODD, *ends, *beyond]


def check_line(error):
    """Check that a message is one line that nobody's value makes long."""
    assert str(error).isprintable() and len(str(error)) < 700, str(error)


@pytest.mark.parametrize(("task", "key"), KEYS)
def test_a_value_is_refused_in_one_line_or_survives_json(task, key):
    taken = 0
    for value in values_for(key):
        config = recipe("test", task)
        try:
            set_value(config, key, value)
        except ConfigError as error:
            check_line(error)
            assert config == recipe("test", task)
            continue
        taken += 1
        skeleton = skeleton_from_spec(config.labels.skeleton)
        again = from_json(json.dumps(json.loads(to_json(config))), skeleton)
        again.labels.skeleton = config.labels.skeleton
        assert again == config
    assert taken < len(ODD) / 2


@pytest.mark.parametrize("key", sorted({key for _, key in KEYS if key in RANGES}))
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, -1, 10**400])
def test_no_number_is_without_limits(key, value):
    task = next(task for task, each in KEYS if each == key and not isinstance(_default(task, key), tuple))
    with pytest.raises(ConfigError, match=key.replace(".", r"\.")):
        set_value(recipe("test", task), key, value)


def test_every_number_has_a_range():
    for task, key in KEYS:
        default = _default(task, key)
        if type(default) in (int, float):
            assert key in RANGES and type(default)(RANGES[key][0]) == RANGES[key][0]
        if isinstance(default, tuple):
            assert key in NUMBERS or key == "optimizer.lr_mults"


def _default(task, key):
    section, name = key.split(".")
    return TASKS[task][section][name]


@pytest.fixture
def coco(write_coco):
    people = [[person(50 + 8 * k, 60, 80)] for k in range(4)]
    write_coco(people[:2], "val2017")
    return write_coco(people, "train2017")


def test_a_value_that_is_taken_builds_a_training(coco, tmp_path):
    rng = np.random.default_rng(3)
    pairs = [(task, key, value) for task, key in KEYS for value in values_for(key)]
    order = rng.permutation(len(pairs))
    built = 0
    for number in order[: repeats(400, len(order))]:
        task, key, value = pairs[number]
        config = recipe("test", task)
        changes = {**TINY[task], "data.root": str(coco), "train.num_workers": 0, "train.batch_size": 2, key: value}
        try:
            for each, tried in changes.items():
                set_value(config, each, tried)
            build_trainer(config, [mx.cpu()], tmp_path / "run")
            built += 1
        except CpmError as error:
            check_line(error)
    assert built > 10 and not (tmp_path / "run").exists()


@pytest.mark.parametrize("name", list_models())
def test_options_of_networks_are_refused_or_build(name):
    rng = np.random.default_rng(5)
    for option in find_entry(name).defaults:
        chosen = rng.permutation(len(ODD))[: repeats(6, len(ODD))]
        for value in (ODD[place] for place in chosen):
            config = recipe("test")
            try:
                set_value(config, f"model.options.{option}", value)
                get_model(name, **config.model.options)
            except CpmError as error:
                check_line(error)


@pytest.mark.parametrize(
    "text",
    [
        "(" * 90 + ")" * 90,
        "[" * 5000,
        "-" * 5000 + "1",
        "1e999",
        "-1e999",
        "nan",
        "9" * 5000,
        "0x" + "f" * 9000,
        "b'a'",
        "{1, 2}",
        "{'a': 1}",
        "None",
        "...",
        "1j",
        "'\\d'",
        "'unended",
        "",
        " ",
        "\0",
        "\u2028",
        "f''",
        "__import__('os')",
        "lambda: 0",
        "[1, 2, [3, [4]]]",
        "(1,)",
        "True",
        "1_000",
        "x" * 20_000,
        "{'model': {'name': 1}}",
        "\n3",
        "3\n4",
    ],
)
def test_assignments_are_refused_or_taken(recwarn, text):
    for key in (
        "train.epochs",
        "optimizer.lr",
        "test.scales",
        "labels.skeleton",
        "model.options.stages",
        "model.options",
    ):
        config = recipe("test")
        try:
            override(config, [f"{key}={text}"])
        except ConfigError as error:
            check_line(error)
    assert not recwarn.list


@pytest.mark.parametrize(
    "assignment",
    [
        "=3",
        " =3",
        "",
        "train",
        "train=3",
        "train.=3",
        ".epochs=3",
        "train.epochs.x=3",
        "__class__=3",
        "train.__class__=3",
        "model.options.__class__=3",
        "model.options.items=3",
        "model.options.=3",
        "model.options.a b=3",
        "ключ=3",
        "model={'name': 'x'}",
        "model.options={'skeleton': 'COCO_17'}",
        "model.options.ctx=3",
        "name=x",
        "task=topdown",
        "x" * 5000 + "=3",
        "train.\ud800=3",
        "model.options.stages={1, 2}",
        "model.options.stages=1e999",
        "model.options.stages=b'1'",
        "model.options.stages=" + "9" * 4000,
    ],
)
def test_keys_that_are_none(assignment):
    config = recipe("test")
    with pytest.raises(ConfigError) as caught:
        override(config, [assignment])
    check_line(caught.value)
    assert config == recipe("test")


def test_the_last_of_an_assignment_wins_as_given():
    assert parse_assignments(["a = 3", "b=x=y", "c= text ", "a=4"]) == {"a": 4, "b": "x=y", "c": " text "}


HEAD = "from cpm.configs import recipe\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (HEAD + "config = recipe('a',,)\n\n", r"SyntaxError: .* \(line 2\)"),
        (HEAD + "\nconfig = recipe('a', train={'epochs': 1 / 0})", r"ZeroDivisionError: division by zero \(line 3\)"),
        (HEAD + "def f():\n    raise KeyError('x' * 9999)\nf()", r"KeyError: 'x{1,100}… \(line 3\)"),
        (HEAD + "config = recipe('a', train={'epohcs': 2})", r"unknown key 'train\.epohcs'.* \(line 2\)"),
        (HEAD + "config = recipe('a', trian={})", r"'trian': not a section.* \(line 2\)"),
        (HEAD + "config = recipe('a', train=3)", r"'train': not a section.* \(line 2\)"),
        (HEAD + "config = recipe('a', task=[])", r"task=\[\]: expected bottom_up or top_down"),
        (HEAD + "config = recipe(3)", r"name=3: expected a name"),
        (HEAD + "config = recipe('../../a')", r"name='\.\./\.\./a': expected a name"),
        (HEAD + "config = recipe()", r"TypeError: recipe\(\) missing .* \(line 2\)"),
        (HEAD + "config = recipe('a')\nconfig.train.epochs = 'many'", r"train\.epochs='many': expected int"),
        (HEAD + "config = recipe('a')\nconfig.train.epohcs = 3", r"unknown key 'train\.epohcs'"),
        (HEAD + "config = recipe('a')\ndel config['name']", r"name=None: expected a name"),
        (HEAD + "config = recipe('a')\nconfig.more = 3", r"'more': not a section"),
        ("from easydict import EasyDict\nconfig = EasyDict(a=1)", r"expected bottom_up or top_down"),
        ("config = {}", "defines no config"),
        ("raise SystemExit(3)", r"SystemExit: 3 \(line 1\)"),
        ("import sys\nsys.exit('a\\nb')", r"SystemExit: a\\nb \(line 2\)"),
        ("x = '\0'", "null bytes"),
        ("x = '\xff'", "SyntaxError: .*utf-8"),
        ("def f(): f()\nf()", r"RecursionError: .* \(line 1\)"),
        ("import nowhere", r"ModuleNotFoundError: No module named 'nowhere' \(line 1\)"),
    ],
)
def test_broken_recipe_files(tmp_path, text, message):
    path = tmp_path / "mine.py"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(ConfigError, match=r"mine\.py: .*" + message) as caught:
        load_config(str(path))
    check_line(caught.value)


def test_a_changed_recipe_keeps_what_its_file_changed(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(HEAD + "config = recipe('mine')\nconfig.train.epochs = 3\nconfig.test.scales = [1]\n")
    config = load_config(str(path))
    assert config.train.epochs == 3 and config.test.scales == (1,)
    (tmp_path / "folder.py").mkdir()
    with pytest.raises(ConfigError, match="no such file"):
        load_config(str(tmp_path / "folder.py"))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "3",
        "{",
        "[" * 100_000,
        '{"labels": 3}',
        '{"train": {"epochs": NaN}}',
        '{"task": {}}',
        '{"base": {}}',
        '{"name": 3}',
        '{"model": null}',
        '{"model": {"options": {"items": 3}}}',
    ],
)
def test_broken_json_of_a_recipe(text):
    with pytest.raises(ConfigError) as caught:
        from_json(text, COCO_17)
    check_line(caught.value)
