"""Every option of the scripts that take data, on each data set: it changes what is shown, or is refused in one line."""

import json
import os
import shutil

import numpy as np
import pytest
from scipy.io import savemat

from cpm.codecs import RULES
from cpm.configs import recipe, to_json
from cpm.errors import DeviceError
from cpm.inference import BoxEstimator, PoseEstimator
from cpm.models import get_model, save_network
from cpm.training import PoseTrainer

from .conftest import person, write_coco_to
from .helpers.commands import call, options_of

SMALL = {"channels": 8, "stages": 2, "offsets": True}
PICTURE = "coco/val2017/000000000001.jpg"

# What each script is given besides an option.
USUAL = {
    ("evaluate", "coco"): ["--resume=whole.npz"],
    ("evaluate", "mpii"): ["--resume=whole_mpii.npz"],
    ("evaluate_topdown", "coco"): ["--resume=box.npz"],
    ("evaluate_topdown", "mpii"): ["--resume=box_mpii.npz"],
    ("predict", "whole images"): [PICTURE, "--resume=whole.npz"],
    ("predict", "boxes"): [PICTURE, "--resume=box.npz"],
    ("train_gluon_cpm", "coco"): ["--dataset-root=coco"],
    ("train_gluon_cpm", "mpii"): ["--dataset=mpii", "--dataset-root=mpii"],
    ("train_pose_resnet", "coco"): ["--dataset-root=coco"],
    ("train_pose_resnet", "mpii"): ["--dataset=mpii", "--dataset-root=mpii"],
}
SCRIPT = {
    "evaluate": ["--gpus=-1", "--output=out"],
    "evaluate_topdown": ["--gpus=-1", "--output=out"],
    "predict": ["--gpus=-1", "--output=out", "--min-score=0", "--min-joints=1", "--min-joint-score=0"],
    "train_gluon_cpm": [
        "--gpus=-1",
        "--output=out",
        "--batch-size=2",
        "--num-workers=0",
        "--set=model.name=cpm_small",
        "--set=model.pretrained=",
        "--set=model.options={'channels': 8, 'stages': 2}",
        "--set=optimizer.lr_mults=()",
        "--set=augment.crop=64",
    ],
    "train_pose_resnet": [
        "--gpus=-1",
        "--output=out",
        "--batch-size=2",
        "--num-workers=0",
        "--set=model.name=pose_small",
        "--set=model.pretrained=",
        "--set=model.options={}",
        "--set=augment.size=(64, 64)",
    ],
}

# Options: what is given, and what is shown in consequence that is not shown without it; or the words that refuse it.
EVALUATION = {
    "--checkpoint": ("--checkpoint=nowhere.npz", "nowhere.npz: no such file"),
    "--config": ("--config=FILE.py", "FILE.py"),
    "--dataset-root": ("--dataset-root=nowhere", "nowhere"),
    "--flip": ("--flip", {"flip": True}),
    "--backend": ("--backend=onnxruntime", "onnxruntime runs exported networks"),
    "--gpus": ("--gpus=99", "there is no GPU 99"),
    "--output": ("--output=taken", "choose another --output"),
    "--overwrite": ("--output=taken --overwrite", {"taken over": True}),
    "--viz": ("--viz", {"people.jpg": True}),
    "--show": ("--show", "there is no display"),
}
OF_COCO = {
    "--limit": ("--limit=1", {"limit": 1, "images": 1}),
    "--dataset": ("--dataset=mpii", "data/mpii"),
    "--split": ("--split=train2017", {"split": "train2017", "images": 2}),
    "--truth": ("--truth=truth.mat", "truth: not for COCO"),
    "--category": ("--category=animal", "animal"),
    "--skip-unlisted": ("--split=unlisted --skip-unlisted", {"split": "unlisted", "skip_unlisted": True}),
    "--subset": ("--subset=all", {"subset": "all", "images": 4}),
    "--sigmas": ("--sigmas=0.1,0.1", "sigmas"),
}
OF_MPII = {
    "--limit": ("--limit=1", {"limit": 1, "people": 1}),
    "--dataset": ("--dataset=coco", "data/coco"),
    "--split": ("--split=train", {"split": "train", "images": 2}),
    "--truth": ("--truth=truth.mat", {"truth": "truth.mat"}),
    "--category": ("--category=1", "category=1: not for MPII"),
    "--skip-unlisted": ("--skip-unlisted", "skip_unlisted=True: not for MPII"),
    "--subset": ("--subset=all", "subset: not for MPII"),
    "--sigmas": ("--sigmas=0.1", "sigmas: not for "),
}
WHOLE_IMAGES = {
    "--model": ("--model=cpm_vgg19", "cpm_vgg19"),
    "--stage": ("--stage=1", {"stage": 0}),
    "--list-protocols": ("--list-protocols", {"rtpose-1160-flip": True}),
    "--scales": ("--scales=1,0.5", {"scales": [1.0, 0.5]}),
    "--box-size": ("--box-size=32", {"box_size": 32}),
    "--reference": ("--reference=shorter", {"reference": "shorter"}),
    "--rules": ("--rules=usual", {"rules": "usual", "decoded by": "usual"}),
    "--no-offsets": ("--no-offsets", {"no_offsets": True, "maps": ("pafs", "heatmaps")}),
}
BOXES = {
    "--size": ("--size=32x64", {"size": [32, 64]}),
    "--shift": ("--no-shift", {"no_shift": True, "shift": False}),
    "--unbiased": ("--unbiased", {"unbiased": True}),
}
SHARED = ("--checkpoint", "--flip", "--backend", "--gpus", "--output", "--overwrite")
PREDICTION = {
    **{key: EVALUATION[key] for key in SHARED},
    "--min-score": ("--min-score=0.9", {"min_score": 0.9}),
    "--min-joints": ("--min-joints=18", {"min_joints": 18}),
    "--min-joint-score": ("--min-joint-score=1", {"min_joint_score": 1.0}),
    "--format": ("--format coco csv", {"coco.json": True, "people.csv": True}),
    "--draw": ("--no-draw", {"people.jpg": None}),
}
TRAINING = {
    "--set": ("--set=train.log_every=7", {"train.log_every": 7}),
    "--list": ("--list", {"Published": True}),
    "--dataset-root": ("--dataset-root=nowhere", "nowhere"),
    "--output": ("--output=other", {"output": "other"}),
    "--overwrite": ("--output=run --overwrite", {"output": "run"}),
    "--epochs": ("--epochs=3", {"train.epochs": 3}),
    "--batch-size": ("--batch-size=1", {"train.batch_size": 1}),
    "--lr": ("--lr=0.5", {"optimizer.lr": 0.5}),
    "--num-workers": ("--num-workers=1", {"train.num_workers": 1}),
    "--seed": ("--seed=5", {"train.seed": 5}),
    "--log": ("--log=wandb", "pip install wandb"),
    "--gpus": ("--gpus=99", "there is no GPU 99"),
    "--amp": ("--amp=float16", "float16"),
    "--disable-fusion": ("--disable-fusion", {"fusion": "0"}),
}
TRAINING_COCO = {
    "--dataset": ("--dataset=mpii --dataset-root=mpii", {"data.dataset": "mpii"}),
    "--resume": ("--resume=nowhere.npz", "nowhere.npz: no such file"),
    "--category": ("--category=animal", "animal"),
    "--skip-unlisted": ("--skip-unlisted", {"data.skip_unlisted": True}),
}
TRAINING_MPII = {
    "--dataset": ("--dataset=coco --dataset-root=coco", {"data.dataset": "coco"}),
    "--config": ("--config=quickstart", "--dataset=mpii: --config brings a recipe"),
    "--resume": ("--resume=nowhere.npz", "--dataset=mpii: --resume brings a recipe"),
    "--category": ("--category=1", "category=1: not for MPII"),
    "--skip-unlisted": ("--skip-unlisted", "skip_unlisted=True: not for MPII"),
}
OPTIONS = {
    ("evaluate", "coco"): {
        **EVALUATION,
        **OF_COCO,
        **WHOLE_IMAGES,
        "--protocol": ("--protocol=val2017-single", {"name": "val2017-single"}),
    },
    ("evaluate", "mpii"): {
        **EVALUATION,
        **OF_MPII,
        **WHOLE_IMAGES,
        "--protocol": ("--protocol=mpii", {"name": "mpii", "scales": [0.7, 1.0, 1.3]}),
    },
    ("evaluate_topdown", "coco"): {
        **EVALUATION,
        **OF_COCO,
        **BOXES,
        "--boxes": ("--boxes=boxes.json", {"boxes": "boxes.json", "people": 1}),
        "--nms": ("--nms=0", {"nms_threshold": 0}),
    },
    ("evaluate_topdown", "mpii"): {
        **EVALUATION,
        **OF_MPII,
        **BOXES,
        "--boxes": ("--boxes=boxes.json", "boxes: not for MPII"),
        "--nms": ("--nms=0.5", "nms: not for MPII"),
    },
    ("predict", "whole images"): {
        **PREDICTION,
        "--scales": ("--scales=1,0.5", {"scales": [1.0, 0.5]}),
        "--box-size": ("--box-size=32", {"box_size": 32}),
        "--rules": ("--rules=usual", {"rules": "usual", "decoded by": "usual"}),
        "--boxes": ("--boxes=boxes.json", "not for it"),
        "--detector": ("--detector ssd boxes.json", "not for it"),
        "--detector-threshold": ("--detector-threshold=0.3", "not for it"),
        "--size": ("--size=64x32", "not for it"),
    },
    ("predict", "boxes"): {
        **PREDICTION,
        "--min-score": ("--min-score=0.9", {"min_score": 0.9, "people found": 0}),
        "--min-joints": ("--min-joints=18", {"min_joints": 18, "people found": 0}),
        "--min-joint-score": ("--min-joint-score=1", {"min_joint_score": 1.0, "people found": 0}),
        "--scales": ("--scales=1,0.5", "not for it"),
        "--box-size": ("--box-size=32", "not for it"),
        "--rules": ("--rules=usual", "not for it"),
        "--boxes": ("--boxes=given.json", {"boxes": "given.json", "people found": 2}),
        "--detector": ("--detector ssd boxes.json", "detector 'ssd' is unknown"),
        "--detector-threshold": ("--detector-threshold=0.3", "not without --detector"),
        "--size": ("--size=64x32", {"size": [64, 32]}),
    },
    ("train_gluon_cpm", "coco"): {
        **TRAINING,
        **TRAINING_COCO,
        "--config": ("--config=quickstart", {"name": "quickstart"}),
        "--backbone": ("--backbone=res50", {"name": "cpm_res50_coco"}),
    },
    ("train_gluon_cpm", "mpii"): {**TRAINING, **TRAINING_MPII, "--backbone": ("--backbone=res50", "cpm_res50_mpii")},
    ("train_pose_resnet", "coco"): {
        **TRAINING,
        **TRAINING_COCO,
        "--config": ("--config=quickstart_topdown", {"name": "quickstart_topdown"}),
        "--size": ("--size=384x288", {"name": "pose_resnet50_coco_384x288"}),
        "--depth": ("--depth=101", {"name": "pose_resnet101_coco_256x192"}),
    },
    ("train_pose_resnet", "mpii"): {
        **TRAINING,
        **TRAINING_MPII,
        "--size": ("--size=384x384", {"name": "pose_resnet50_mpii_384x384"}),
        "--depth": ("--depth=101", "pose_resnet101_mpii_256x256"),
    },
}
CASES = [(script, data, option) for (script, data), options in OPTIONS.items() for option in options]


def save(path, net, task, **sections):
    """Write a network of a recipe with these sections."""
    config = recipe(path.stem, task, test={"flip": False, **sections.pop("test", {})}, **sections)
    save_network(path, net, extra={"config": to_json(config)})


def write_mpii(root, pictures):
    """Write three people of MPII in three pictures to validate on and two to train on, and the official truth."""
    joints = np.random.default_rng(0).uniform(20, 100, (3, 16, 2)).round()
    people = [
        {"image": f"{place:012d}.jpg", "center": [70, 60], "scale": 0.4, "joints": of.tolist(), "joints_vis": [1] * 16}
        for place, of in enumerate(joints, start=1)
    ]
    (root / "annot").mkdir(parents=True)
    (root / "images").symlink_to(pictures)
    (root / "annot" / "valid.json").write_text(json.dumps(people))
    (root / "annot" / "train.json").write_text(json.dumps(people[:2]))
    heads = np.tile([[[0.0], [0.0]], [[30.0], [40.0]]], 3)
    truth = {"pos_gt_src": joints.transpose(1, 2, 0), "jnt_missing": np.zeros((16, 3)), "headboxes_src": heads}
    savemat(root.parent / "truth.mat", truth)


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """Make data sets of both kinds, a network for each and each task, and files that options name."""
    root = tmp_path_factory.mktemp("place")
    (root / "coco").mkdir()
    people = [[person(50 + 8 * k, 60, 80)] for k in range(3)]
    write_coco_to(root / "coco", [*people, []], "val2017")
    write_coco_to(root / "coco", people[:2], "train2017")
    write_coco_to(root / "coco", people, "unlisted")
    annotations = root / "coco" / "annotations" / "person_keypoints_unlisted.json"
    content = json.loads(annotations.read_text())
    annotations.write_text(json.dumps({**content, "images": content["images"][:2]}))
    write_mpii(root / "mpii", root / "coco" / "val2017")
    mpii = {"dataset": "mpii", "root": "mpii", "val": "valid"}
    small = {"scales": (1.0,), "box_size": 64}
    size = {"size": (64, 64)}
    save(root / "whole.npz", get_model("cpm_small", **SMALL), "bottom_up", data={"root": "coco"}, test=small)
    save(
        root / "whole_mpii.npz",
        get_model("cpm_small", skeleton="MPI_15", **SMALL),
        "bottom_up",
        data=mpii,
        labels={"skeleton": "MPI_15"},
        test=small,
    )
    save(root / "box.npz", get_model("pose_small"), "top_down", data={"root": "coco"}, augment=size)
    save(
        root / "box_mpii.npz",
        get_model("pose_small", skeleton="MPII_16"),
        "top_down",
        data=mpii,
        labels={"skeleton": "MPII_16"},
        augment=size,
    )
    (root / "FILE.py").write_text("1 / 0")
    box = {"image_id": 1, "category_id": 1, "bbox": [30, 20, 40, 80], "score": 0.9}
    (root / "boxes.json").write_text(json.dumps([box]))
    (root / "given.json").write_text(json.dumps({"000000000001.jpg": [[30, 20, 40, 80], [60, 20, 40, 80]]}))
    return root


@pytest.fixture(scope="module")
def known():
    """Hold what the scripts show without a further option."""
    return {}


@pytest.fixture
def show(place, monkeypatch, capsys):
    """Run a script; returns its status, the lines of stderr and all that it lets be seen, by name."""
    seen = {}

    def check_display():
        raise DeviceError("there is no display")

    def fit(trainer):
        for section, values in trainer.config.items():
            seen.update(
                {f"{section}.{key}": value for key, value in values.items()} if isinstance(values, dict) else {}
            )
        seen.update(name=trainer.config.name, output=str(trainer.output), fusion=os.environ["MXNET_USE_FUSION"])

    def decode(estimator, *arguments):
        rules = [name for name, rules in RULES.items() if rules == estimator.codec.rules]
        seen.update({"decoded by": rules[0], "maps": tuple(kind.name for kind in estimator.codec.kinds)})
        return whole(estimator, *arguments)

    def heatmaps(estimator, *arguments):
        seen.update(shift=estimator.codec.shift_flipped)
        return boxes(estimator, *arguments)

    whole = PoseEstimator.decode
    boxes = BoxEstimator.heatmaps
    monkeypatch.setattr(PoseEstimator, "decode", decode)
    monkeypatch.setattr(BoxEstimator, "heatmaps", heatmaps)
    monkeypatch.setattr(PoseTrainer, "fit", fit)
    monkeypatch.setattr("cpm.evaluation.reports.check_display", check_display)
    monkeypatch.setenv("MXNET_USE_FUSION", "1")
    monkeypatch.chdir(place)

    def show(script, arguments):
        for folder in ("out", "other", "taken", "run"):
            shutil.rmtree(folder, ignore_errors=True)
        for path in ("taken/results.json", "taken/people.jpg", "run/last.npz"):
            (place / path).parent.mkdir(exist_ok=True)
            (place / path).write_text("of another run")
        seen.clear()
        status = call(script, *arguments)
        printed = capsys.readouterr()
        return status, printed.err.splitlines(), {**seen, **dict.fromkeys(printed.out.split(), True), **left(place)}

    return show


def left(place):
    """Return by name what a script has written down, and which files it has left."""
    found = {path.name: True for path in (place / "out").rglob("*")}
    if "metrics.json" in found:
        found |= json.loads((place / "out" / "metrics.json").read_text())["protocol"]
    if "people.json" in found:
        content = json.loads((place / "out" / "people.json").read_text())
        found |= {**content["options"], "people found": len(content["images"][0]["people"])}
    return {**found, "taken over": any((place / "taken" / name).exists() for name in ("metrics.json", "people.json"))}


@pytest.mark.parametrize(("script", "data"), OPTIONS)
def test_every_option_has_its_row(script, data):
    assert {*options_of(script)} == {"-h", *OPTIONS[script, data]}


@pytest.mark.parametrize(("script", "data", "option"), CASES)
def test_an_option_counts_or_is_refused_in_one_line(show, known, script, data, option):
    usual = [*SCRIPT[script], *USUAL[script, data]]
    given, effect = OPTIONS[script, data][option]
    assert option in given or option.replace("--", "--no-") in given
    if (script, data) not in known:
        status, lines, known[script, data] = show(script, usual)
        assert status is None, lines
    status, lines, shown = show(script, [*usual, *given.split()])
    if isinstance(effect, str):
        assert status == 2 and len(lines) == 1 and effect in lines[0], lines
        return
    before = known[script, data]
    assert {name: shown.get(name) for name in effect} == effect, lines
    assert [name for name in effect if before.get(name) == shown.get(name)] == []


@pytest.mark.parametrize("script", ["evaluate", "evaluate_topdown"])
@pytest.mark.parametrize("limit", ["0", "-5"])
def test_a_limit_of_people_leaves_somebody(show, script, limit):
    status, lines, _ = show(script, [*SCRIPT[script], *USUAL[script, "mpii"], f"--limit={limit}"])
    assert status == 2 and len(lines) == 1 and "--limit" in lines[0], lines


@pytest.mark.parametrize(
    ("script", "option"),
    [
        ("train_gluon_cpm", "--dataset=mpii"),
        ("train_pose_resnet", "--dataset=mpii"),
        ("train_pose_resnet", "--size=64x64"),
        ("train_pose_resnet", "--depth=50"),
    ],
)
@pytest.mark.parametrize("source", ["--config=quickstart", "--resume=nowhere.npz"])
def test_what_chooses_a_recipe_is_refused_beside_one(show, script, option, source):
    status, lines, _ = show(script, [*SCRIPT[script], option, source])
    assert status == 2 and len(lines) == 1, lines
    assert lines[0].startswith(f"error: {option}: {source.split('=')[0]} brings a recipe")
