"""Networks: their shapes, sizes and outputs, with and without hybridization, and the trunks of the model zoos."""

import functools

import mxnet as mx
import numpy as np
import pytest
from mxnet.gluon.model_zoo import vision

from cpm.codecs import PAFS
from cpm.errors import CheckpointError, ConfigError, DataError
from cpm.models import get_model, list_models
from cpm.models.files.parameters import network_parameters
from cpm.models.networks import gluoncv_models, trunks
from cpm.skeletons import MPI_15, Skeleton, skeleton_from_spec, skeleton_to_spec

from .helpers.networks import NETWORKS, small
from .helpers.scale import mostly_slow

QUICK = ("cpm_small", "cpm_mobilenet", "lightweight_openpose", "pose_small")
ARROW = Skeleton(
    "arrow",
    ("tip", "left_fin", "right_fin"),
    (("tip", "left_fin"), ("tip", "right_fin")),
    sigmas=(0.1, 0.2, 0.2),
    derived={"tip": ("left_fin", "right_fin")},
)


@functools.cache
def shared(case):
    """Return such a network that several tests look at and none changes."""
    return small(case)


def pictures(batch=2, height=64, width=96, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (batch, height, width, 3), np.uint8)


def flat(stages):
    return [maps.asnumpy() for stage in stages for maps in stage.values()]


def test_every_network_is_measured():
    assert {case.split()[0] for case in NETWORKS} == set(list_models())


@pytest.mark.parametrize("case", NETWORKS)
def test_size_and_output(case):
    options, parameters, kinds, _ = NETWORKS[case]
    net = get_model(case.split()[0], **options)
    trainable = [value for value in net.collect_params().values() if value.grad_req != "null"]
    assert sum(np.prod(value.shape) for value in trainable) == parameters
    assert len({value.name for value in trainable}) == len(trainable)
    stages = net(mx.nd.array(pictures(), dtype="uint8"))
    assert net.kinds == kinds and len(stages) == len(kinds)
    skeleton, grid = net.skeleton, (64 // net.stride, 96 // net.stride)
    channels = {"pafs": 2 * skeleton.num_limbs, "heatmaps": skeleton.num_joints + (PAFS in kinds[-1])}
    for stage, names in zip(stages, kinds):
        assert list(stage) == [kind.name for kind in names]
        assert [maps.shape for maps in stage.values()] == [(2, channels[name], *grid) for name in stage]
        assert all(maps.dtype == np.float32 for maps in stage.values())
    assert net.name == case.split()[0] and net.multiple % net.stride == 0
    default = "COCO_17" if net.name.startswith("pose_") else "OPENPOSE_18"
    assert skeleton.name == options.get("skeleton", default)


@pytest.mark.parametrize("case", mostly_slow(NETWORKS, QUICK, "compiles a network of many layers"))
def test_hybridized_equals_imperative(case):
    net = shared(case)
    images = mx.nd.array(pictures(), dtype="uint8")
    hybrid = flat(net(images))
    net.hybridize(active=False)
    imperative = flat(net(images))
    net.hybridize(static_alloc=True)
    for maps, expected in zip(hybrid, imperative):
        np.testing.assert_allclose(maps, expected, rtol=1e-5, atol=1e-5 * np.abs(expected).max())


@pytest.mark.parametrize("case", NETWORKS)
def test_inputs_of_both_types_and_other_sizes(case):
    net = shared(case)
    images = pictures()
    whole = net(mx.nd.array(images, dtype="uint8"))
    before = flat(whole)
    for maps, expected in zip(flat(net(mx.nd.array(images.astype(np.float32)))), before):
        np.testing.assert_array_equal(maps, expected)
    assert net(mx.nd.array(pictures(1, 32, 64)))[-1]["heatmaps"].shape[2:] == (32 // net.stride, 64 // net.stride)
    # Static memory must not be shared between calls.
    for maps, expected in zip(flat(whole), before):
        np.testing.assert_array_equal(maps, expected)


@pytest.mark.parametrize("case", NETWORKS)
def test_a_step_of_training_reaches_every_parameter(case):
    net = small(case)
    images = mx.nd.array(pictures(), dtype="uint8")
    with mx.autograd.record():
        loss = sum((maps - 1).square().sum() for stage in net(images) for maps in stage.values())
    loss.backward()
    for place, value in network_parameters(net).items():
        if value.grad_req != "null":
            assert np.abs(value.grad().asnumpy()).max() > 0, place


@pytest.mark.parametrize("case", mostly_slow(NETWORKS, QUICK, "compiles a network of many layers"))
def test_export(case, tmp_path):
    net = shared(case)
    images = mx.nd.array(pictures().astype(np.float32))
    expected = flat(net(images))
    net.export(str(tmp_path / "net"))
    block = mx.gluon.SymbolBlock.imports(str(tmp_path / "net-symbol.json"), ["data"], str(tmp_path / "net-0000.params"))
    found = block(images)
    for maps, other in zip(found if isinstance(found, list) else [found], expected):
        assert maps.shape == other.shape
        assert np.abs(maps.asnumpy() - other).max() < 1e-4 * np.abs(other).max()


@pytest.mark.parametrize("skeleton", [MPI_15, ARROW])
def test_other_skeletons(skeleton):
    net = small("cpm_mobilenet", skeleton=skeleton, stages=1)
    (stage,) = net(mx.nd.array(pictures()))
    assert stage["pafs"].shape[1] == 2 * skeleton.num_limbs
    assert stage["heatmaps"].shape[1] == skeleton.num_joints + 1


def test_options_build_the_same_network_again():
    net = small("cpm_mobilenet", skeleton=ARROW, normalisation="centred")
    again = get_model(net.name, **net.options)
    assert again.options == net.options
    assert (again.options["width"], again.options["normalisation"]) == (0.25, "centred")
    assert again.skeleton == ARROW
    assert skeleton_from_spec(skeleton_to_spec(ARROW)) == ARROW


def test_normalisation():
    image = np.array([[[[0, 128, 255]]]], np.uint8)
    imagenet = small("cpm_mobilenet").normalise(mx.nd.array(image, dtype="uint8")).asnumpy().ravel()
    mean, deviation = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
    np.testing.assert_allclose(imagenet, (image.ravel() / 255 - mean) / deviation, rtol=1e-5)
    centred = small("cpm_mobilenet", normalisation="centred").normalise(mx.nd.array(image)).asnumpy().ravel()
    np.testing.assert_allclose(centred, image.ravel() / 255 - 0.5, rtol=1e-5)


def test_first_values_follow_the_random_generator_and_biases_are_zero():
    first, second, third = (_seeded(seed) for seed in (1, 1, 2))
    for place, value in network_parameters(first).items():
        array = value.data().asnumpy()
        np.testing.assert_array_equal(array, network_parameters(second)[place].data().asnumpy())
        if place.endswith("bias"):
            assert not array.any()
    weight = "trunk.0.weight"
    assert (network_parameters(first)[weight].data() != network_parameters(third)[weight].data()).asnumpy().any()


def _seeded(seed):
    mx.random.seed(seed)
    return small("cpm_mobilenet")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"name": "cpm_vgg"}, "'cpm_vgg' is unknown.*cpm_mobilenet, .*cpm_res50, .*cpm_small, cpm_vgg19"),
        ({"name": "cpm_vgg19", "width": 0.5}, "no option 'width'.*stages, normalisation, offsets, sigmoid"),
        ({"name": "cpm_mobilenet", "width": 0}, "cpm_mobilenet: width=0, expected a number from"),
        ({"name": "cpm_mobilenet", "width": float("nan")}, "width=nan"),
        ({"name": "cpm_mobilenet", "stages": 0}, "stages=0, expected a whole number from 1"),
        ({"name": "cpm_mobilenet", "stages": 2.0}, "stages=2.0, expected a whole number"),
        ({"name": "cpm_mobilenet", "stages": "3"}, "stages='3'"),
        ({"name": "cpm_mobilenet", "normalisation": "none"}, "'none' is unknown.*centred.*imagenet"),
        ({"name": "cpm_mobilenet", "skeleton": "COCO"}, "skeleton 'COCO' is unknown.*OPENPOSE_18"),
        ({"name": "cpm_mobilenet", "skeleton": {"name": "x"}}, "skeleton.*joints"),
        ({"name": "cpm_mobilenet", "width": 0.6, "pretrained": "imagenet"}, "width=0.6.*1.0, 0.75, 0.5, 0.25"),
        (
            {"name": "cpm_mobilenet", "normalisation": "centred", "pretrained": "imagenet"},
            "normalisation='imagenet'",
        ),
        ({"name": "lightweight_openpose", "block": "wide"}, "block='wide', expected one of separable, reduced"),
        ({"name": "openpose_v2", "heatmap_stages": 5}, "heatmap_stages=5, expected a whole number from 1 to 4"),
        ({"name": "cpm_vgg19", "pretrained": "lightweight_openpose"}, "of a lightweight_openpose, not of a cpm_vgg19"),
        ({"name": "paf_resnet", "depth": 51}, "depth=51, expected one of 18, 34, 50, 101, 152"),
        ({"name": "cpm_vgg19_bn", "dropout": 1.5}, "dropout=1.5, expected a number from 0.0 to 0.95"),
        ({"name": "cpm_mobilenet", "pretrained": "x.npz", "trunk_file": "x.params"}, "leave out trunk_file"),
    ],
)
def test_wrong_arguments(arguments, message):
    with pytest.raises(ConfigError, match=message) as caught:
        get_model(**arguments)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("shape", [(1, 3, 64, 64), (64, 64, 3), (1, 60, 64, 3)])
def test_wrong_images(shape):
    with pytest.raises(DataError, match="both sides multiples of 8"):
        small("cpm_mobilenet")(mx.nd.zeros(shape))


class TestTrunks:
    @pytest.mark.parametrize("naming", ["structural", "legacy"])
    @pytest.mark.parametrize(
        ("name", "options", "classifier"),
        [
            ("cpm_mobilenet", {"width": 0.5}, lambda: vision.mobilenet0_5()),
            ("cpm_vgg19", {}, lambda: vision.vgg19()),
            ("cpm_res50", {}, lambda: gluoncv_models.resnet(50, dilated=True)),
        ],
    )
    def test_features_are_those_of_the_zoo(self, name, options, classifier, naming, tmp_path):
        zoo = classifier()
        if name == "cpm_vgg19":
            # The trunk ends long before the layers with most of the parameters.
            zoo = _truncated(zoo, 30)
        zoo.initialize(mx.init.Xavier("gaussian", "in", 2))
        normalised = mx.nd.random.normal(shape=(1, 3, 64, 64))
        zoo(normalised)
        for value in zoo.collect_params(".*(gamma|running_var)").values():
            value.set_data(mx.nd.random.uniform(0.5, 2, value.shape))
        path = tmp_path / "zoo.params"
        if naming == "structural":
            zoo.save_parameters(str(path))
        else:
            zoo.collect_params().save(str(path))
        net = get_model(name, stages=1, trunk_file=path, **options)
        expected = _zoo_features(zoo, name, normalised).asnumpy()
        np.testing.assert_allclose(net.trunk(normalised).asnumpy(), expected, rtol=1e-4, atol=1e-5 * expected.max())

    def test_file_of_another_network(self, tmp_path):
        zoo = vision.mobilenet0_25()
        zoo.initialize()
        zoo(mx.nd.zeros((1, 3, 32, 32)))
        path = tmp_path / "zoo.params"
        zoo.save_parameters(str(path))
        with pytest.raises(CheckpointError, match=r"zoo.params.*features.0.weight \(8, 3, 3, 3\) in place of 0.weight"):
            get_model("cpm_mobilenet", trunk_file=path)

    @pytest.mark.parametrize("content", [b"", b"rubbish" * 50, None])
    def test_broken_file(self, content, tmp_path):
        path = tmp_path / "zoo.params"
        if content is not None:
            path.write_bytes(content)
        with pytest.raises(CheckpointError, match=r"zoo\.params: ") as caught:
            small("cpm_mobilenet", trunk_file=path)
        assert "\n" not in str(caught.value)

    @pytest.mark.parametrize("name", ["cpm_vgg19", "cpm_res50", "cpm_mobilenet"])
    def test_failed_download_says_where_the_file_goes(self, name, monkeypatch):
        def fail(*args):
            raise OSError("no\nnetwork")

        for store in (trunks.gluon_store, gluoncv_models.model_store()):
            monkeypatch.setattr(store, "get_model_file", fail)
        with pytest.raises(CheckpointError, match=r"-[0-9a-f]{8}\.params.*models.*trunk_file") as caught:
            get_model(name, pretrained="imagenet", stages=1)
        assert "\n" not in str(caught.value)

    def test_a_network_without_a_trunk_in_the_zoo_says_so(self):
        with pytest.raises(ConfigError, match="cpm_small has no trunk in the model zoo"):
            get_model("cpm_small", pretrained="imagenet")


def _truncated(zoo, layers):
    part = mx.gluon.nn.HybridSequential()
    part.add(*zoo.features[:layers])
    return part


def _zoo_features(zoo, name, x):
    """Run the classifier as far as the trunk goes, at a stride of 8."""
    if name == "cpm_res50":
        for part in ("conv1", "bn1", "relu", "maxpool", "layer1", "layer2", "layer3", "layer4"):
            x = getattr(zoo, part)(x)
        return x
    if name == "cpm_vgg19":
        for layer in zoo[:23]:
            x = layer(x)
        return x
    depthwise = 0
    for layer in zoo.features[: 3 + 11 * 6]:
        if isinstance(layer, mx.gluon.nn.Conv2D) and layer._kwargs["num_group"] > 1:
            depthwise += 1
            if depthwise == 6:
                layer._kwargs.update(stride=(1, 1))
            if depthwise == 7:
                layer._kwargs.update(pad=(2, 2), dilate=(2, 2))
        x = layer(x)
    return x
