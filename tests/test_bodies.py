"""Every body trains: any number of joints and limbs, trees, loops and several parts, in every network."""

import os
import subprocess
import sys
from dataclasses import replace

import mxnet as mx
import numpy as np
import pytest

from cpm import ConfigError, Skeleton
from cpm.configs import recipe
from cpm.datasets import open_dataset
from cpm.evaluation import evaluate_coco, evaluate_dataset
from cpm.inference import open_network
from cpm.models import get_model
from cpm.tasks import bottom_up, top_down
from cpm.training import build_trainer
from cpm.training.amp import lower_precision

from .conftest import ROOT
from .helpers.bodies import body_of, random_body, write_body
from .helpers.networks import NETWORKS, small
from .helpers.scale import mostly_slow, repeats

# Joints and limbs whose maps with the features fill blocks of 8 or 16 channels, of which one ends within a block.
BLOCKS = ((3, 2), (17, 19))
BLOCKS_WITH_OFFSETS = (7, 5)
STAGED = [case for case in NETWORKS if len(NETWORKS[case][2]) > 1 and " of MPII" not in case]
WITH_OFFSETS = ("cpm_vgg19", "cpm_res50", "cpm_mobilenet", "cpm_small", "openpose_v2")
QUICK = ("cpm_small", "cpm_mobilenet")
LIMBLESS = Skeleton("POINTS", ("point", "other"), ())


@pytest.mark.slow("trains hundreds of networks in a process of its own")
def test_maps_of_every_number_of_channels_can_be_joined():
    command = [sys.executable, "-m", "tests.helpers.joining"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}  # the maps are small
    process = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert process.returncode == 0, process.stderr[-500:]


@pytest.mark.parametrize("case", mostly_slow(STAGED, QUICK, "trains a network of many layers"))
def test_maps_that_fill_blocks_of_channels_train_in_every_network(case):
    for joints, limbs in BLOCKS:
        take_a_step(small(case, skeleton=body_of(joints, limbs)))


@pytest.mark.parametrize("case", mostly_slow(WITH_OFFSETS, QUICK, "trains a network of many layers"))
def test_and_with_offsets(case):
    take_a_step(small(case, skeleton=body_of(*BLOCKS_WITH_OFFSETS), offsets=True))


def test_and_in_16_bits_and_on_two_devices():
    net = get_model("cpm_small", skeleton=body_of(3, 2), channels=20, ctx=[mx.cpu(0), mx.cpu(1)])
    for context in (mx.cpu(0), mx.cpu(1)):
        take_a_step(net, context)
    net = get_model("cpm_small", skeleton=body_of(3, 2), channels=20)
    lower_precision(net, "bfloat16")
    take_a_step(net)


def test_and_where_heatmaps_are_refined_too():
    take_a_step(get_model("openpose_v2", skeleton=body_of(5, 5), paf_stages=2, heatmap_stages=2))


def take_a_step(net, context=None):
    with mx.autograd.record():
        stages = net(mx.nd.random.uniform(0, 255, (1, 32, 32, 3), ctx=context or mx.cpu()))
        loss = sum(maps.square().sum() for stage in stages for maps in stage.values())
    loss.backward()
    assert np.isfinite(loss.asnumpy()).all()


@pytest.mark.parametrize("name", ["cpm_small", "openpose_v2", "paf_resnet"])
def test_people_of_whole_images_need_limbs(name):
    with pytest.raises(ConfigError, match=f"{name}: skeleton 'POINTS' has no limbs.*train-topdown") as caught:
        get_model(name, skeleton=LIMBLESS)
    assert "\n" not in str(caught.value)


def test_a_body_without_limbs_is_refused_before_data_are_looked_for(tmp_path):
    config = recipe("points", labels={"skeleton": LIMBLESS}, data={"root": str(tmp_path / "nowhere")})
    with pytest.raises(ConfigError, match="has no limbs"):
        build_trainer(config, [mx.cpu()], tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_body_of_one_joint_trains_in_a_box(tmp_path):
    rng = np.random.default_rng(0)
    body = body_of(1, 0)
    root = write_body(tmp_path / "data", body, rng)
    # -1 would say that there was nobody to find.
    assert score(train(body, root, tmp_path / "run", "top_down", rng), root, "top_down")["AP"] != -1


@pytest.mark.parametrize(("joints", "limbs"), [((), ()), (("a", "b"), (("a", "a"),)), (("a", "b"), (("a",),))])
def test_what_is_no_body_is_refused(joints, limbs):
    with pytest.raises(ConfigError, match=r"no joints|does not join two"):
        Skeleton("none", joints, limbs)


def test_limbs_that_are_there_twice_train():
    twice = Skeleton("TWICE", ("a", "b"), (("a", "b"), ("b", "a"), ("a", "b")))
    take_a_step(get_model("cpm_small", skeleton=twice, channels=8))


@pytest.mark.parametrize("number", mostly_slow(range(repeats(12, 200)), range(2), "trains"))
def test_random_bodies_train_and_are_evaluated(number, tmp_path):
    rng = np.random.default_rng(number)
    body = random_body(rng)
    root = write_body(tmp_path / "data", body, rng)
    task = "bottom_up" if body.limbs else "top_down"
    checkpoint = train(body, root, tmp_path / "run", task, rng)
    if body.sigmas:
        assert score(checkpoint, root, task)["AP"] != -1
    else:
        with pytest.raises(ConfigError, match="sigmas") as caught:
            score(checkpoint, root, task)
        assert "\n" not in str(caught.value)


def train(body, root, output, task, rng):
    """Train a small network for two steps and return its checkpoint."""
    channels = int(rng.choice([8, 12, 16]))
    names = {"bottom_up": "cpm_small", "top_down": "pose_small"}
    options = {"offsets": bool(rng.integers(2))} if task == "bottom_up" else {}
    config = recipe(
        "body",
        task,
        model={"name": names[task], "options": {"channels": channels, **options}},
        data={"root": str(root)},
        labels={"skeleton": body},
        people={"min_keypoints": 1},
        augment={"crop": 48, "height": 0.8} if task == "bottom_up" else {"size": (48, 48)},
        optimizer={"name": "adam", "lr": 1e-3},
        train={"epochs": 2, "batch_size": 2, "num_workers": 0, "max_iterations": 1},
    )
    build_trainer(config, [mx.cpu()], output).fit()
    return output / "last.npz"


def score(checkpoint, root, task):
    """Return the figures of a checkpoint on the pictures to validate on."""
    net, meta = open_network(checkpoint, None, mx.cpu())
    dataset = open_dataset("coco", root, "val2017", net.skeleton)
    if task == "bottom_up":
        settings = replace(bottom_up.settings(meta, checkpoint), scales=(1.0,), box_size=48)
        return evaluate_coco(bottom_up.estimator(net, settings), dataset, progress=False)
    estimator = top_down.estimator(net, top_down.settings(meta, checkpoint))
    return evaluate_dataset(estimator, dataset)[0]
