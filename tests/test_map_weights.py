"""What counts in the loss beside the mask: limbs, joints that are there, offsets; and networks that predict offsets."""

from dataclasses import replace
from types import SimpleNamespace

import mxnet as mx
import numpy as np
import pytest
from mxnet import autograd

from cpm import ConfigError
from cpm.codecs import HEATMAPS, OFFSETS, PAFS, OffsetCodec, PafCodec, bottom_up_codec, limb_weights
from cpm.configs import recipe
from cpm.datasets import Augmentation, CocoKeypoints, PersonFilter, TrainingSet
from cpm.inference import OnnxNetwork, PoseEstimator
from cpm.models import export_onnx, get_model, read_checkpoint
from cpm.skeletons import COCO_17, OPENPOSE_18
from cpm.training import StageLoss, build_trainer
from cpm.training.label_panels import label_panels, read_sample

from .conftest import person
from .helpers.arrows import FINNED_ARROW
from .helpers.networks import assert_close, maps_of
from .reference import labels as reference

ALL = (PAFS, HEATMAPS, OFFSETS)
SMALL = {"name": "cpm_small", "options": {"stages": 2, "channels": 16}}


@pytest.fixture
def root(write_coco):
    """Six pictures of two people; the one on the left has no legs."""
    legless = person(40, 60, 80)
    legless["keypoints"][3 * 13 :] = [0] * 12
    legless["num_keypoints"] = 13
    return write_coco([[legless, person(110, 60, 80)] for _ in range(6)])


def still(crop: int = 128) -> Augmentation:
    return Augmentation(crop, "image", 1.0, (1.0, 1.0), rotation=0, shift=0, flip=0)


def samples_of(root, codec=None, **options) -> TrainingSet:
    codec = codec or PafCodec(OPENPOSE_18)
    return TrainingSet(CocoKeypoints(root, "train2017"), codec, still(), PersonFilter(), seed=0, **options)


def config_of(root, **sections):
    values = {
        "model": SMALL,
        "data": {"root": str(root), "val": "train2017"},
        "augment": {"crop": 64},
        "optimizer": {"lr": 1e-3, "name": "adam"},
        "schedule": {"warmup": 0},
        "train": {"epochs": 2, "batch_size": 2, "num_workers": 0, "log_every": 1, "max_iterations": 2},
    }
    return recipe("test", **{**values, **sections})


def losses_of(run, name: str) -> list[float]:
    rows = [row.split(",") for row in (run / "losses.csv").read_text().split()]
    return [float(row[3]) for row in rows if row[1:3] == ["train", name]]


def pictures(count: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (count, 64, 96, 3), np.uint8)


@pytest.mark.parametrize("skeleton", [OPENPOSE_18, COCO_17])
def test_limb_weights_are_those_of_the_formula(skeleton):
    rng = np.random.default_rng(0)
    for stride, cells, width in ((8, (9, 12), 1.0), (4, (16, 11), 1.0), (8, (9, 12), 2.5)):
        keypoints = rng.uniform(-10, 110, (3, skeleton.num_joints, 3))
        keypoints[..., 2] = rng.integers(0, 3, keypoints.shape[:2])
        keypoints[0, 3] = keypoints[0, 2]  # a limb of no length
        found = limb_weights(keypoints, skeleton, stride, cells, width)
        expected = reference.limb_weights(keypoints, skeleton.limb_joints, stride, cells, width)
        assert found.dtype == np.float32 and 0.02 < (found > 0).mean() < 0.8
        np.testing.assert_allclose(found, expected, atol=1e-6)


def test_an_image_without_people_weighs_nothing():
    assert not limb_weights(np.zeros((0, 18, 3)), OPENPOSE_18, 8, (4, 5)).any()


def test_pafs_count_along_the_limbs_of_the_crop(root):
    plain, weighed = samples_of(root), samples_of(root, weigh_limbs=True)
    assert plain[0, 0].targets.weights == {}
    targets = weighed.batch([(0, 0), (0, 1)]).targets
    weights = targets.weights["pafs"]
    assert list(targets.weights) == ["pafs"] and weights.shape == targets["pafs"].shape
    np.testing.assert_array_equal(plain.batch([(0, 0), (0, 1)]).targets["pafs"], targets["pafs"])
    full = np.abs(targets["pafs"]).max(axis=1) > 0  # every cell of a limb counts somewhat for its limb
    assert (weights.max(axis=1)[full] > 0.1).all() and (weights.max(axis=1) == 0).any()


def test_what_the_person_of_the_sample_lacks_does_not_count(root):
    # Both people are in both crops; the samples alternate between the two.
    samples = samples_of(root, OffsetCodec(OPENPOSE_18), mask_missing=True)
    legless, whole = (samples[0, index].targets for index in (0, 1))
    assert legless.weights["heatmaps"].shape == (19, 1, 1) and legless.weights["pafs"].shape == (38, 1, 1)
    joints = legless.weights["heatmaps"][:, 0, 0]
    missing = [OPENPOSE_18.joints.index(f"{side}_{joint}") for side in ("left", "right") for joint in ("knee", "ankle")]
    assert set(np.flatnonzero(joints == 0)) == set(missing)
    for limb, (a, b) in enumerate(OPENPOSE_18.limb_joints):
        expected = float(a not in missing and b not in missing)
        assert (legless.weights["pafs"][2 * limb : 2 * limb + 2] == expected).all()
    np.testing.assert_array_equal(legless.weights["offsets"][:, 0, 0], np.repeat(joints[:-1], 2))
    assert legless["heatmaps"][missing].max() > 0.5  # of the other one
    assert all(weights.all() for weights in whole.weights.values())


def test_offsets_count_in_the_cells_of_joints_and_send_no_gradient():
    heatmaps = mx.nd.array(np.random.default_rng(0).normal(size=(2, 4, 3, 5)))
    heatmaps.attach_grad()
    offsets = mx.nd.array(np.random.default_rng(1).integers(0, 2, (2, 6, 3, 5)))
    maps = {"heatmaps": heatmaps, "offsets": offsets}
    other = {"heatmaps": mx.nd.zeros((2, 4, 3, 5)), "offsets": mx.nd.zeros((2, 6, 3, 5))}
    expected = np.repeat(np.maximum(heatmaps.asnumpy()[:, :3], 0), 2, axis=1)
    for kind, targets, predicted, wanted in (
        ("predicted", other, maps, expected),
        ("target", maps, other, expected * offsets.asnumpy()),
    ):
        options = SimpleNamespace(offset_weights=kind, offset_epoch=3)
        with autograd.record():
            weights = OFFSETS.counting(mx.nd, targets, predicted, options, epoch=3)
            weights.sum().backward()
        np.testing.assert_array_equal(weights.asnumpy(), wanted)
        assert not heatmaps.grad.asnumpy().any()
        assert not OFFSETS.counting(mx.nd, targets, predicted, options, epoch=2).asnumpy().any()


def test_the_cross_entropy_is_that_of_the_book():
    rng = np.random.default_rng(0)
    prediction, target = rng.uniform(0.01, 0.99, (2, 2, 3, 4, 4)).astype(np.float32)
    expected = -(target * np.log(prediction) + (1 - target) * np.log(1 - prediction)).reshape(2, -1).sum(axis=1)
    loss = StageLoss("sum", "bce")(*map(mx.nd.array, (prediction, target, np.ones((2, 1, 4, 4)))))
    np.testing.assert_allclose(loss.asnumpy(), expected, rtol=1e-4)
    sure = StageLoss("sum", "bce")(*(mx.nd.array(np.full((1, 1, 1, 1), value)) for value in (0, 1, 1)))
    assert np.isfinite(sure.asnumpy()).all()


def test_keys_that_would_not_count_are_refused(root, tmp_path):
    with pytest.raises(ConfigError, match=r"loss\.kind='bce': needs heatmaps between 0 and 1.*sigmoid=True"):
        build_trainer(config_of(root, loss={"kind": "bce"}), [mx.cpu()], tmp_path / "run")
    with pytest.raises(ConfigError, match=r"loss\.offset_epoch=5: cpm_small predicts no offsets"):
        build_trainer(config_of(root, loss={"offset_epoch": 5}), [mx.cpu()], tmp_path / "run")
    offsets = {**SMALL, "options": {"offsets": True}}
    with pytest.raises(ConfigError, match=r"loss\.offset_epoch=2: offsets would never count in 2 epochs"):
        build_trainer(config_of(root, loss={"offset_epoch": 2}, model=offsets), [mx.cpu()], tmp_path / "run")
    with pytest.raises(ConfigError, match="sigmoid='yes', expected True or False"):
        get_model("cpm_small", sigmoid="yes")


@pytest.mark.slow("trains for many steps")
def test_cross_entropy_and_offsets_are_learned(root, tmp_path):
    options = {**SMALL["options"], "sigmoid": True, "offsets": True}
    config = config_of(root, loss={"kind": "bce"}, model={**SMALL, "options": options})
    config.train.update(epochs=12, max_iterations=0)
    config.optimizer.lr = 5e-3
    config.augment.update(rotation=0.0, shift=0.0, scale=(1.0, 1.0), flip=0.0)
    trainer = build_trainer(config, [mx.cpu()], tmp_path / "run")
    trainer.fit()
    for kind in ("heatmaps", "offsets"):
        losses = losses_of(tmp_path / "run", f"stage2_{kind}")
        assert len(losses) == 72 and sum(losses[-6:]) < 0.5 * sum(losses[:6]), kind
    heatmaps = trainer.net(mx.nd.zeros((1, 64, 64, 3)))[-1]["heatmaps"].asnumpy()
    assert heatmaps.min() > 0 and heatmaps.max() < 1


@pytest.mark.parametrize("weights", ["target", "predicted"])
def test_offsets_are_learned_from_their_epoch_on(root, tmp_path, weights):
    options = {**SMALL["options"], "offsets": True}
    config = config_of(
        root,
        model={**SMALL, "options": options},
        labels={"weigh_limbs": True, "mask_missing": True},
        loss={"offset_epoch": 1, "offset_weights": weights},
    )
    trainer = build_trainer(config, [mx.cpu(0), mx.cpu(1)], tmp_path / "run")
    trainer.fit()
    offsets, pafs = (losses_of(tmp_path / "run", f"stage2_{kind}") for kind in ("offsets", "pafs"))
    assert offsets[:2] == [0, 0] and min(offsets[2:]) > 0 and min(pafs) > 0
    assert read_checkpoint(tmp_path / "run" / "last.npz").meta["options"]["offsets"] is True


def test_heads_of_networks():
    images = mx.nd.array(pictures(1))
    for name, options in (("cpm_small", {"stages": 2}), ("openpose_v2", {"paf_stages": 2, "heatmap_stages": 1})):
        net = get_model(name, offsets=True, sigmoid=True, **options)
        assert net.kinds[-1] == ALL and net.sigmoid
        stage = net(images)[-1]
        assert {name: maps.shape[1] for name, maps in stage.items()} == {"pafs": 38, "heatmaps": 19, "offsets": 36}
        heatmaps, pafs = stage["heatmaps"].asnumpy(), stage["pafs"].asnumpy()
        assert 0 <= heatmaps.min() < heatmaps.max() <= 1 and pafs.min() < 0
        assert isinstance(bottom_up_codec(net), OffsetCodec)
    assert isinstance(bottom_up_codec(get_model("cpm_small")), PafCodec)


def test_networks_with_offsets_are_exported(tmp_path):
    pytest.importorskip("onnxruntime")
    net = get_model("cpm_small", channels=16, stages=2, offsets=True, sigmoid=True)
    export_onnx(net, tmp_path / "net.onnx")
    exported = OnnxNetwork(tmp_path / "net.onnx")
    assert exported.kinds == (ALL,)
    images = pictures(2).astype(np.float32)
    assert_close(exported(images)[0], maps_of(net, images))


class PerfectNet:
    """Says what the codec draws for a person whose tip is white, the left fin blue and the right one red.

    The heatmaps are those of joints at the centres of their cells: only the offsets say where in the cell they are.
    """

    kinds = (ALL,)

    def __init__(self, codec):
        self.codec = codec

    def __call__(self, images):
        targets = [self._draw(image) for image in images]
        return [{kind.name: mx.nd.array(np.stack([each[kind.name] for each in targets])) for kind in self.kinds[0]}]

    def _draw(self, image):
        image = image.astype(int) - 128
        white, red, blue = image.min(axis=2), image[..., 0] - image[..., 1], image[..., 2] - image[..., 1]
        places = [np.unravel_index(light.argmax(), light.shape)[::-1] for light in (white, blue, red)]
        # As in a real network, which fin is the left one follows from what the input shows.
        places[1:] = sorted(places[1:], key=lambda place: -place[0])
        joints = np.array([[(x, y, 2) for x, y in places]], float)
        exact = self.codec.encode(joints, image.shape[:2])
        joints[..., :2] = joints[..., :2] // 16 * 16 + 7.5
        return {**self.codec.encode(joints, image.shape[:2]).maps, "offsets": exact["offsets"]}


@pytest.mark.parametrize("flip", [False, True])
def test_a_joint_lands_on_its_pixel_with_offsets(flip):
    codec = OffsetCodec(FINNED_ARROW, stride=16)
    image = np.full((192, 256, 3), 128, np.uint8)
    for (x, y), colour in (((81, 60), (255, 255, 255)), ((123, 100), (128, 128, 255)), ((38, 121), (255, 128, 128))):
        image[y, x] = colour
    estimator = PoseEstimator(PerfectNet(codec), codec, (1.0,), flip, box_size=192)
    (found,) = estimator(image)
    np.testing.assert_allclose(found.keypoints[:, :2], [(81, 60), (123, 100), (38, 121)], atol=1e-3)
    (rough,) = PoseEstimator(PerfectNet(codec), PafCodec(FINNED_ARROW, stride=16), (1.0,), flip, box_size=192)(image)
    np.testing.assert_allclose(rough.keypoints[:, :2], [(87.5, 55.5), (119.5, 103.5), (39.5, 119.5)], atol=1e-3)


def test_of_several_scales_the_offsets_are_those_of_the_largest():
    codec = OffsetCodec(FINNED_ARROW, stride=16)
    image = np.full((192, 256, 3), 128, np.uint8)
    # Squares, which are still there at half the size; each is twice its pixel at scale 2.
    for (x, y), colour in (((80, 60), (255, 255, 255)), ((122, 100), (128, 128, 255)), ((38, 120), (255, 128, 128))):
        image[y : y + 2, x : x + 2] = colour
    both = PoseEstimator(PerfectNet(codec), codec, (0.5, 1.0), False, box_size=192)
    one = PoseEstimator(PerfectNet(codec), codec, (1.0,), False, box_size=192)
    np.testing.assert_array_equal(both.maps(image).maps["offsets"], one.maps(image).maps["offsets"])
    (found,) = both(image)
    np.testing.assert_allclose(found.keypoints[:, :2], [(80, 60), (122, 100), (38, 120)], atol=1e-3)


def test_offsets_of_another_shape_are_refused():
    class Short(PerfectNet):
        def __call__(self, images):
            stage = super().__call__(images)[0]
            return [{**stage, "offsets": stage["offsets"][:, :4]}]

    codec = OffsetCodec(FINNED_ARROW, stride=16)
    image = np.zeros((192, 256, 3), np.uint8)
    for flip in (False, True):
        with pytest.raises(
            ConfigError, match=r"the network returns .* and offsets \(4, 12, 16\), .* offsets \(6, 12, 16\)"
        ):
            PoseEstimator(Short(codec), codec, (1.0,), flip, box_size=192)(image)


@pytest.mark.slow("trains in a process of its own")
def test_scripts_train_and_evaluate_offsets(root, run_script, tmp_path):
    options = ("stages=1", "channels=8", "offsets=True")
    train = [
        "--config=quickstart",
        f"--dataset-root={root}",
        f"--output={tmp_path / 'run'}",
        "--gpus=-1",
        "--set=data.val='train2017'",
        *(f"--set=model.options.{each}" for each in options),
        "--set=augment.crop=64",
        "--batch-size=2",
        "--epochs=1",
        "--set=train.max_iterations=2",
    ]
    process = run_script("train_gluon_cpm.py", *train)
    assert process.returncode == 0, process.stderr
    evaluate = [
        "--resume",
        tmp_path / "run" / "last.npz",
        "--split=train2017",
        "--scales=1",
        "--box-size=64",
        "--gpus=-1",
    ]
    for number, extra in enumerate(([], ["--no-offsets"])):
        process = run_script("evaluate.py", *evaluate, f"--output={tmp_path / f'eval{number}'}", *extra)
        assert process.returncode == 0 and "AP50" in process.stdout, process.stderr


def test_offsets_that_are_not_there_cannot_be_left_out():
    with pytest.raises(ConfigError, match="no offsets: the network has none"):
        bottom_up_codec(get_model("cpm_small"), unread=(OFFSETS,))


def test_offsets_of_the_mirror_image_come_back():
    codec = OffsetCodec(OPENPOSE_18)
    rng = np.random.default_rng(0)
    keypoints = np.concatenate([rng.uniform(0, 128, (1, 18, 2)), np.full((1, 18, 1), 2)], axis=2)
    keypoints[..., :2] += 0.05 - (keypoints[..., :2] + 0.5) % 8 * 0.01  # none on the edge of a cell
    mirrored = keypoints[:, OPENPOSE_18.flip_joints].copy()
    mirrored[..., 0] = 127 - mirrored[..., 0]
    offsets, other = (codec.encode(each, (128, 128))["offsets"] for each in (keypoints, mirrored))
    np.testing.assert_allclose(OFFSETS.average(np.zeros_like(other), other, OPENPOSE_18), offsets, atol=1e-5)
    np.testing.assert_allclose(OFFSETS.average(offsets, other, OPENPOSE_18), offsets, atol=1e-5)
    assert not OFFSETS.average(np.zeros_like(other), np.full_like(other, 0.05), OPENPOSE_18).any()


def test_a_network_without_offsets_cannot_be_decoded_with_them():
    net = get_model("cpm_small", channels=16)
    estimator = PoseEstimator(net, OffsetCodec(OPENPOSE_18), (1.0,), box_size=64)
    with pytest.raises(ConfigError, match="only pafs and heatmaps, people need pafs and heatmaps and offsets"):
        estimator(pictures(1)[0])


def test_the_pictures_show_what_counts(root):
    samples = samples_of(root, OffsetCodec(OPENPOSE_18), weigh_limbs=True, mask_missing=True)
    sample = read_sample(samples, 0, 0)
    panels = label_panels(sample, 256)
    names = [kind.name for kind in samples.codec.kinds]
    assert len(panels) == 2 + 2 * len(names) == 8
    nothing = {name: np.zeros_like(maps) for name, maps in sample.sample.targets.maps.items()}
    uncounted = {name: np.zeros_like(weights) for name, weights in sample.sample.targets.weights.items()}
    for place, name in enumerate(names):
        targets = sample.sample.targets
        empty = replace(targets, maps={**targets.maps, name: nothing[name]})
        changed_by(sample, empty, panels, 2 + place)
        empty = replace(targets, weights={**targets.weights, name: uncounted[name]})
        changed_by(sample, empty, panels, 2 + len(names) + place)


def changed_by(labelled, targets, panels, number):
    """Check that other targets change one of the pictures, and no other."""
    others = label_panels(replace(labelled, sample=replace(labelled.sample, targets=targets)), 256)
    changed = [a.shape != b.shape or bool((a != b).any()) for a, b in zip(panels, others)]
    assert changed == [place == number for place in range(len(panels))]
