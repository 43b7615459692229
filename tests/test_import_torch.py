"""Weights of PyTorch networks: what is imported computes what PyTorch does, and no tensor goes unaccounted for."""

import mxnet as mx
import numpy as np
import pytest

from cpm.codecs import HEATMAPS, JOINT_HEATMAPS, PAFS
from cpm.errors import CheckpointError, ConfigError
from cpm.models import INPUTS, get_model, import_trunk, import_weights, load_network, save_network
from cpm.models.files.parameters import network_parameters

torch = pytest.importorskip("torch", reason="PyTorch is not installed, it runs the networks to compare with")

from .reference.torch_networks import (  # noqa: E402  (needs PyTorch)
    CmuNew,
    CmuOld,
    LightweightOpenPose,
    Numbered,
    PoseResNet,
    Vgg,
    caffe_state,
    randomise,
)

torch.set_num_threads(1)  # both frameworks bring threads of their own
BOTH = (PAFS, HEATMAPS)
MEAN, DEVIATION = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
# What the networks of the publishers see, of RGB images from 0 to 255.
PREPARE = {
    "openpose-bgr": lambda images: images[..., ::-1] / 256 - 0.5,
    "openpose-rgb": lambda images: images / 256 - 0.5,
    "caffe-bgr": lambda images: images[..., ::-1] - np.array([103.939, 116.779, 123.68]),
    "imagenet-rgb": lambda images: (images / 255 - MEAN) / DEVIATION,
    "imagenet-bgr": lambda images: (images[..., ::-1] / 255 - MEAN) / DEVIATION,
    "centred-rgb": lambda images: images / 255 - 0.5,
}


def state(net):
    return net.state_dict()


def state_in_parallel(net):
    return torch.nn.DataParallel(net).state_dict()


def state_and_optimizer(net):
    return {"state_dict": net.state_dict(), "optimizer": torch.optim.Adam(net.parameters()).state_dict(), "iter": 1000}


def state_in_training(net):
    """Return the weights beside the states of an optimizer and of a schedule that have been at work."""
    last = list(net.parameters())[-4:]
    optimizer = torch.optim.Adam(last, lr=1e-4)
    schedule = torch.optim.lr_scheduler.StepLR(optimizer, 1)
    for parameter in last:
        parameter.grad = torch.ones_like(parameter)
    optimizer.step()
    schedule.step()
    saved = {"epoch": 3, "opt_state": optimizer.state_dict(), "lr_state": schedule.state_dict()}
    return {"model_state": net.state_dict(), **saved}


# What builds it in PyTorch, what is saved of it, its name here, the options it needs and what its stages return.
CASES = {
    "numbered": (Numbered, state, "cpm_vgg19", {}, (BOTH,) * 6),
    "numbered, in parallel": (lambda: Numbered(2), state_in_parallel, "cpm_vgg19", {}, (BOTH,) * 2),
    "Caffe's names": (lambda: Numbered(3), caffe_state, "cpm_vgg19", {}, (BOTH,) * 3),
    "CMU_old": (lambda: CmuOld(3), state_in_training, "cpm_vgg19", {}, (BOTH,) * 3),
    "CMU_new": (CmuNew, state, "openpose_v2", {}, ((PAFS,), (PAFS,), BOTH, BOTH)),
    "light": (LightweightOpenPose, state_and_optimizer, "lightweight_openpose", {}, (BOTH,) * 2),
    "light, not refined": (lambda: LightweightOpenPose(0), state, "lightweight_openpose", {}, (BOTH,)),
    "light, of 15 joints": (
        lambda: LightweightOpenPose(3, pafs=28, heatmaps=16),
        state_and_optimizer,
        "lightweight_openpose",
        {"skeleton": "MPI_15"},
        (BOTH,) * 4,
    ),
    "pose_resnet": (PoseResNet, state, "pose_resnet", {}, ((JOINT_HEATMAPS,),)),
    "pose_resnet of MPII": (
        lambda: PoseResNet(18, joints=16),
        state,
        "pose_resnet",
        {"depth": 18, "skeleton": "MPII_16"},
        ((JOINT_HEATMAPS,),),
    ),
}
OLD_FILES = ("numbered, in parallel", "light")


@pytest.fixture
def save(tmp_path):
    """Save what PyTorch holds, as an archive or an old file; returns the path, where nothing stays after the test."""

    def write(content, name="net.pth", old=False):
        torch.save(content, tmp_path / name, _use_new_zipfile_serialization=not old)
        return tmp_path / name

    yield write
    for path in tmp_path.iterdir():
        path.unlink()


def pictures():
    """Return coarse noise, (2, 64, 96, 3) uint8: fine noise would average out in a deep network."""
    coarse = np.random.default_rng(0).integers(0, 256, (2, 8, 12, 3), np.uint8)
    return coarse.repeat(8, axis=1).repeat(8, axis=2)


def run_torch(network, kind):
    """Run a PyTorch network on the pictures, made ready as it wants them."""
    planes = PREPARE[kind](pictures().astype(np.float64)).transpose(0, 3, 1, 2)
    with torch.no_grad():
        return network(torch.from_numpy(np.ascontiguousarray(planes, np.float32)))


def run(net):
    return [[maps.asnumpy() for maps in stage.values()] for stage in net(mx.nd.array(pictures(), dtype="uint8"))]


def check_same(net, network, kind):
    """Check every map of every stage against PyTorch."""
    found, expected = run(net), run_torch(network, kind)
    assert [len(stage) for stage in found] == [len(stage) for stage in expected]
    for number, (stage, other) in enumerate(zip(found, expected)):
        for kind, maps, wanted in zip(net.kinds[number], stage, other):
            check_close(maps, wanted.numpy(), f"{kind.name} of stage {number}")


def check_close(maps, wanted, what):
    """Check maps that vary over the images, so that a mistake shows; rounding makes a relative error of some 1e-6."""
    assert maps.shape == wanted.shape, what
    scale, spread = np.abs(wanted).max(), wanted.std(axis=(0, 2, 3)).max()
    assert spread > 1e-3 and spread > 1e-2 * scale, what
    assert np.abs(maps - wanted).max() < 1e-4 * scale, what


def check_refused(error, match, call, *arguments, **options):
    with pytest.raises(error, match=match) as caught:
        call(*arguments, **options)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("case", CASES)
def test_same_as_pytorch(case, save):
    build, content, model, options, kinds = CASES[case]
    network = randomise(build())
    net = import_weights(save(content(network), old=case in OLD_FILES), model, **options)
    assert (net.name, net.kinds) == (model, kinds)
    check_same(net, network, "imagenet-bgr" if model == "pose_resnet" else "openpose-bgr")


@pytest.mark.parametrize("kind", INPUTS)
def test_another_input(kind, save):
    network = randomise(Numbered(1))
    net = import_weights(save(state(network), "net.pth.tar"), "cpm_vgg19", source_input=kind)
    assert net.options["normalisation"] == INPUTS[kind][1]
    check_same(net, network, kind)


def test_what_is_imported_can_be_kept(save, tmp_path):
    net = import_weights(save(state(randomise(LightweightOpenPose())), "net.pt"), "lightweight_openpose")
    save_network(tmp_path / "net.npz", net)
    again = load_network(tmp_path / "net.npz")
    for stage, other in zip(run(again), run(net)):
        for maps, wanted in zip(stage, other):
            np.testing.assert_array_equal(maps, wanted)


@pytest.fixture(scope="module")
def weights():
    return state(randomise(LightweightOpenPose(2)))


class TestAccounting:
    @pytest.mark.parametrize(
        ("changes", "message"),
        [
            ({"cpm.conv.0.bias": None}, "cpm.conv.0.bias is missing"),
            ({"model.3.4.running_var": None}, "model.3.4.running_var is missing"),
            ({"model.0.0.bias": (32,)}, r"model.0.0.bias \(32,\) has no place"),
            ({"cpm.align.1.weight": (2, 3)}, r"cpm.align.1.weight \(2, 3\) has no place"),
            ({"model.0.1.bias": (31,)}, r"model.0.1.bias \(31,\) in place of \(32,\)"),
            ({"cpm.align.0.weight": (512, 128, 1, 1)}, r"align.0.weight \(512, 128, 1, 1\) in place of \(128, 512, 1"),
            (
                {"refinement_stages.0.trunk.0.initial.0.weight": (128, 186, 1, 1)},
                r"stages.0.trunk.0.initial.0.weight \(128, 186, 1, 1\) in place of \(128, 185, 1, 1\)$",
            ),
            (
                {"cpm.conv.0.bias": None, "model.0.1.bias": (31,), "more.weight": (5,)},
                r"bias \(31,\) in place of \(32,\); cpm.conv.0.bias is missing; more.weight \(5,\) has no place$",
            ),
        ],
    )
    def test_a_tensor_too_few_too_many_or_of_another_shape(self, changes, message, weights, save):
        changed = {**weights, **{name: shape and torch.ones(shape) for name, shape in changes.items()}}
        path = save({name: tensor for name, tensor in changed.items() if tensor is not None})
        match = f"^{path}: not the weights of this lightweight_openpose: .*{message}"
        check_refused(CheckpointError, match, import_weights, path, "lightweight_openpose")

    def test_a_whole_stage_is_missing(self, weights, save):
        path = save({name: tensor for name, tensor in weights.items() if "refinement_stages.0" not in name})
        match = f"^{path}: its stages are not those of a network of up to 16$"
        check_refused(CheckpointError, match, import_weights, path, "lightweight_openpose")

    def test_options_of_another_network(self, weights, save):
        path, model = save(weights), "lightweight_openpose"
        match = r"initial_stage.pafs.1.0.weight \(38, 512, 1, 1\) in place of \(28, 512, 1, 1\)"
        check_refused(CheckpointError, match, import_weights, path, model, skeleton="MPI_15")
        for options, match in (
            ({"stages": 2}, "of a lightweight_openpose with stages=3, not stages=2"),
            ({"block": "reduced"}, "of a lightweight_openpose with block='separable', not block='reduced'"),
        ):
            check_refused(CheckpointError, f"^{path}: {match}$", import_weights, path, model, **options)

    def test_a_stage_beyond_all_bounds(self, weights, save):
        path = save({**weights, f"refinement_stages.{10**300}.x": torch.ones(1)})
        match = f"^{path}: its stages are not those of a network of up to 16$"
        check_refused(CheckpointError, match, import_weights, path, "lightweight_openpose")

    def test_another_network(self, weights, save):
        path = save(weights)
        for model in ("cpm_vgg19", "openpose_v2", "pose_resnet", "cpm_mobilenet"):
            match = f"^{path}: no known layout of a {model}, its .* tensors are model.0.0.weight, "
            check_refused(CheckpointError, match, import_weights, path, model)
        check_refused(CheckpointError, "no known layout of the trunk of a cpm_vgg19", import_trunk, path)
        check_refused(ConfigError, "'cpm_vgg' is unknown", import_weights, path, "cpm_vgg")
        check_refused(ConfigError, "'bgr' is unknown", import_weights, path, "lightweight_openpose", source_input="bgr")


class TestTrunk:
    def test_same_as_pytorch_and_kept_alone(self, save, tmp_path):
        classifier = randomise(Vgg(2, 2, 4, 4, 4))
        net = import_trunk(save(state(classifier)))
        save_network(tmp_path / "trunk.npz", net, part="trunk.")
        other = get_model("cpm_vgg19", trunk_file=tmp_path / "trunk.npz", stages=1)
        expected = run_torch(classifier.features[:23], "imagenet-rgb").numpy()
        for each in (net, other):
            features = each.trunk(each.normalise(mx.nd.array(pictures(), dtype="uint8")))
            check_close(features.asnumpy(), expected, "features")
        found = network_parameters(other.trunk)
        for place, value in network_parameters(net.trunk).items():
            np.testing.assert_array_equal(found[place].data().asnumpy(), value.data().asnumpy(), err_msg=place)

    def test_another_classifier(self, save):
        path = save(state(randomise(Vgg(2, 2, 3, 3, 3))))
        check_refused(CheckpointError, f"^{path}: .*features.16.weight is missing", import_trunk, path)
        check_refused(CheckpointError, "no known layout of a cpm_vgg19", import_weights, path, "cpm_vgg19")
