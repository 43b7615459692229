"""Small networks of every kind, and what they compute."""

import mxnet as mx
import numpy as np

from cpm.codecs import HEATMAPS, JOINT_HEATMAPS, PAFS
from cpm.models import get_model

BOTH = (PAFS, HEATMAPS)
# Options, number of trainable parameters, what the stages return, and options of a smaller network of the same kind.
NETWORKS = {
    "cpm_vgg19": ({}, 52_311_446, (BOTH,) * 6, {"stages": 2}),
    "cpm_vgg19 of MPII": ({"skeleton": "MPI_15"}, 51_481_032, (BOTH,) * 6, {"stages": 2}),
    "cpm_res50": ({}, 73_492_886, (BOTH,) * 6, {"stages": 2}),
    "cpm_vgg19_bn": ({}, 52_330_390, (BOTH,) * 6, {"stages": 2}),
    "cpm_mobilenet": ({}, 3_957_227, (BOTH,) * 3, {"stages": 2, "width": 0.25}),
    "cpm_mobilenet_v2": ({}, 37_724_278, (BOTH,) * 6, {"stages": 2}),
    "cpm_small": ({}, 627_074, (BOTH,) * 2, {"stages": 2}),
    "cpm_res50_fpn": ({}, 27_393_515, (BOTH,) * 3, {"stages": 2, "channels": 32}),
    "lightweight_openpose": ({}, 4_091_698, (BOTH,) * 2, {"stages": 2}),
    "lightweight_openpose of OpenVINO": ({"block": "reduced"}, 4_108_978, (BOTH,) * 2, {"stages": 2}),
    "openpose_v2": (
        {},
        26_050_878,
        ((PAFS,), (PAFS,), BOTH, BOTH),
        {"paf_stages": 2, "heatmap_stages": 1},
    ),
    "paf_resnet": ({}, 15_387_001, (BOTH,), {}),
    "pose_small": ({}, 312_417, ((JOINT_HEATMAPS,),), {"channels": 16}),
    "pose_resnet": ({}, 33_999_697, ((JOINT_HEATMAPS,),), {"depth": 18}),
    "pose_resnet of MPII": ({"skeleton": "MPII_16"}, 33_999_440, ((JOINT_HEATMAPS,),), {"depth": 18}),
}


def small(case, **options):
    """Return the network of a case with few and thin layers."""
    of_case, _, _, fewer = NETWORKS[case]
    return get_model(case.split()[0], **{**of_case, **fewer, **options})


def lively(net):
    """Give statistics, slopes and biases values that are not those of the start, where mistakes would not show."""
    rng = np.random.default_rng(5)
    for name, parameter in net.collect_params().items():
        if name.endswith(("gamma", "running_var", "alpha")):
            parameter.set_data(mx.nd.array(rng.uniform(0.5, 1.5, parameter.shape)))
        elif name.endswith(("beta", "running_mean", "bias")):
            parameter.set_data(mx.nd.array(rng.normal(0, 0.3, parameter.shape)))
    return net


def pictures(net, batch=1, height=1, width=2):
    """Return random images of so many times the least sides."""
    size = (batch, net.multiple * max(1, 32 // net.multiple) * height, net.multiple * width, 3)
    return np.random.default_rng(batch).integers(0, 256, size, np.uint8)


def maps_of(net, images, stage=-1):
    return {name: maps.asnumpy() for name, maps in net(mx.nd.array(images, dtype=images.dtype))[stage].items()}


def assert_close(found, expected, relative=1e-4):
    assert list(found) == list(expected)
    for a, b in zip(found.values(), expected.values()):
        assert a.shape == b.shape and a.dtype == np.float32
        assert np.abs(a - b).max() <= relative * np.abs(b).max()
