"""Which tensor of a published file belongs where in a network of this package."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Callable

from ..files.parameters import network_parameters
from ..networks.posenet import MAX_STAGES, PoseNet

# How a source wants its input: the order of its channels, and the normalisation of the same network in RGB.
INPUTS: dict[str, tuple[str, str]] = {
    "openpose-bgr": ("bgr", "openpose"),
    "openpose-rgb": ("rgb", "openpose"),
    "caffe-bgr": ("bgr", "caffe"),
    "imagenet-rgb": ("rgb", "imagenet"),
    "imagenet-bgr": ("bgr", "imagenet_swapped"),
    "centred-rgb": ("rgb", "centred"),
}

_VGG = [f"conv{block}_{k}" for block, layers in enumerate((2, 2, 4, 2), 1) for k in range(1, layers + 1)]
_OURS = ("pafs", "heatmaps", "features")


@dataclass(frozen=True)
class Layout:
    """The names of the tensors in the files of one publisher.

    Attributes
    ----------
    format
        The format of the file: "caffe", "torch" or "mxnet".
    model
        The network in the registry.
    sign
        The name of a tensor that only this layout has.
    modules
        Called with the network, returns the source's names of its layers in the order of the network.
    input
        One of `INPUTS`.
    seen
        In what order later stages see the maps of earlier ones and the features.
    unused
        Matches tensors that the network has no use for.
    options
        Options of the network that the layout settles.
    stage
        Finds the number of a stage in the name of a tensor.
    first_stage
        The number that the first stage has, or would have.
    by_order
        Whether the tensors that do not belong to the head are those of the trunk, in its order.
    trunk
        Whether it is the layout of a classifier, of which only the trunk is used.
    """

    format: str
    model: str
    sign: str
    modules: Callable[[PoseNet], Sequence[str]]
    input: str
    seen: tuple[str, ...] = _OURS
    unused: str = r"(?!)"
    options: tuple[tuple[str, str], ...] = ()
    stage: str = ""
    first_stage: int = 1
    by_order: bool = False
    trunk: bool = False


def find_layouts(file_format: str, model: str, names: Iterable[str], trunk: bool = False) -> dict[str, Layout]:
    """Return the layouts of a network whose sign is among the names of a file, by what stands before it there.

    That is "" as a rule, or a prefix such as ``model.``, where the network is a part of a larger one.
    """
    fitting = [layout for layout in LAYOUTS if (layout.format, layout.model) == (file_format, model)]
    found: dict[str, Layout] = {}
    for name in names:
        for layout in fitting:
            prefix = name.removesuffix(layout.sign)
            if layout.trunk == trunk and prefix != name and (not prefix or prefix.endswith(".")):
                found.setdefault(prefix, layout)
    return found


def count_stages(layout: Layout, names: Iterable[str]) -> dict[str, int]:
    """Return the option of the network that says how many stages the names of a file tell of, if they tell.

    Raises
    ------
    ValueError
        If a stage between the others is missing or there are too many.
    """
    if not layout.stage:
        return {}
    matches = (re.match(layout.stage, name) for name in names)
    numbers = {found[1] for found in matches if found} | {str(layout.first_stage)}
    expected = {str(layout.first_stage + k) for k in range(len(numbers))}
    if numbers != expected or len(numbers) > MAX_STAGES:
        raise ValueError(f"its stages are not those of a network of up to {MAX_STAGES}")
    return {"stages": len(numbers)}


def tensor_names(net: PoseNet, layout: Layout) -> dict[str, str]:
    """Return the name of the source's tensor for every place of the network, or of its trunk."""
    kinds = {"gamma": "weight", "beta": "bias", "alpha": "weight"} if layout.format == "torch" else {}
    places = [place for place in network_parameters(net) if place.startswith("trunk.") or not layout.trunk]
    sources = dict(zip(_modules(places), layout.modules(net)))
    names = {}
    for place in places:
        module, _, kind = place.rpartition(".")
        names[place] = f"{sources[module]}.{kinds.get(kind, kind)}"
    return names


def stage_inputs(net: PoseNet) -> dict[str, tuple[str, ...]]:
    """Return what the first layers of later stages see, by the places of their weights, in the network's order."""
    patterns = {
        r"stages\.[1-9]\d*\.(body|paf|heatmap)\.0\.weight": _OURS,
        r"(pafs\.[1-9]\d*|heatmaps\.0)\.0\.layers\.0\.0\.weight": ("pafs", "features"),
        r"heatmaps\.[1-9]\d*\.0\.layers\.0\.0\.weight": _OURS,
    }
    return {
        place: parts
        for place in network_parameters(net)
        for pattern, parts in patterns.items()
        if re.fullmatch(pattern, place)
    }


def _modules(places: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(place.rpartition(".")[0] for place in places))


def _caffe(net: PoseNet) -> list[str]:
    """Name the layers as the Caffe models of Cao et al. 2017 do."""
    names = [*_VGG, "conv4_3_CPM", "conv4_4_CPM"]
    names += [f"conv5_{k}_CPM_L{branch}" for branch in (1, 2) for k in range(1, 6)]
    for stage in range(2, len(net.kinds) + 1):
        names += [f"Mconv{k}_stage{stage}_L{branch}" for branch in (1, 2) for k in range(1, 8)]
    return names


def _numbered(net: PoseNet) -> list[str]:
    """Name the layers as a PyTorch port with ``nn.Sequential`` blocks does, which counts ReLUs and poolings too."""
    names = [f"model0.{k}" for k in (0, 2, 5, 7, 10, 12, 14, 16, 19, 21, 23, 25)]
    for stage in range(1, len(net.kinds) + 1):
        layers = 5 if stage == 1 else 7
        names += [f"model{stage}_{branch}.{2 * k}" for branch in (1, 2) for k in range(layers)]
    return names


def _blocks(net: PoseNet) -> list[str]:
    """Name the layers of the framework whose first network is called CMU_old."""
    names = [f"block_0.{name}.con_layer" for name in (*_VGG, "conv4_3", "conv4_4")]
    for stage in range(1, len(net.kinds) + 1):
        last = 5 if stage == 1 else 7
        for branch in (1, 2):
            block = f"block_{stage}_{branch}"
            names += [f"{block}.conv{k}.con_layer" for k in range(1, last)]
            names.append(f"{block}.conv{last}")
    return names


def _states(net: PoseNet) -> list[str]:
    """Name the layers of its second network, CMU_new."""
    names = [f"state_0.{name}" for name in _VGG]
    names += [f"state_0.{name}" for name in ("relu4_2", "conv4_3_cmu", "relu4_3", "conv4_4_cmu", "relu4_4")]
    for state in range(1, net.options["paf_stages"] + net.options["heatmap_stages"] + 1):
        for block in range(1, 6):
            names += [f"state_{state}.block{block}.conv{k}.{part}" for k in (1, 2, 3) for part in (0, 1)]
        names += [f"state_{state}.conv1.0", f"state_{state}.conv1.1", f"state_{state}.conv2"]
    return names


def _lightweight(net: PoseNet) -> list[str]:
    """Name the layers of the PyTorch release of Lightweight OpenPose."""
    names = ["model.0.0", "model.0.1"]
    names += [f"model.{block}.{part}" for block in range(1, 12) for part in (0, 1, 3, 4)]
    names.append("cpm.align.0")
    names += [f"cpm.trunk.{block}.{part}" for block in range(3) for part in (0, 2)]
    names.append("cpm.conv.0")
    names += [f"initial_stage.trunk.{k}.0" for k in range(3)]
    names += [f"initial_stage.{branch}.{k}.0" for branch in ("pafs", "heatmaps") for k in (0, 1)]
    for stage in range(len(net.kinds) - 1):
        prefix = f"refinement_stages.{stage}"
        for block in range(5):
            names.append(f"{prefix}.trunk.{block}.initial.0")
            names += [f"{prefix}.trunk.{block}.trunk.{k}.{part}" for k in (0, 1) for part in (0, 1)]
        names += [f"{prefix}.{branch}.{k}.0" for branch in ("pafs", "heatmaps") for k in (0, 1)]
    return names


def _pose_resnet(net: PoseNet) -> list[str]:
    """Name the layers of the PyTorch release of Simple Baselines, whose blocks are named as ours."""
    parts = {"trunk.0": "conv1", "trunk.1": "bn1", "deconvolutions": "deconv_layers", "last": "final_layer"}
    parts.update({f"trunk.{k + 3}": f"layer{k}" for k in (1, 2, 3, 4)})
    modules = _modules(network_parameters(net))
    ours = "|".join(map(re.escape, parts))
    return [re.sub(rf"^({ours})(?=\.|$)", lambda found: parts[found[1]], module) for module in modules]


def _symbol(net: PoseNet) -> list[str]:
    """Name the layers as the symbol checkpoints that were converted from the Caffe models do."""
    return [f"arg:{name}" for name in _caffe(net)]


def _gluoncv_trunk(net: PoseNet) -> list[str]:
    """Name the layers of the head; those of the trunk are matched by their order and keep our names."""
    trunk = [module for module in _modules(network_parameters(net)) if module.startswith("trunk.")]
    return [*trunk, *_caffe(net)[len(_VGG) :]]


def _vgg_trunk(net: PoseNet) -> list[str]:
    return _VGG


def _torchvision_trunk(net: PoseNet) -> list[str]:
    return [f"features.{k}" for k in (0, 2, 5, 7, 10, 12, 14, 16, 19, 21)]


_CAFFE_STAGE = r"(?:arg:)?Mconv1_stage(\d+)_"
_FEATURES_FIRST = ("features", "heatmaps", "pafs")
LAYOUTS = (
    Layout("caffe", "cpm_vgg19", "conv5_1_CPM_L1.weight", _caffe, "openpose-bgr", stage=_CAFFE_STAGE),
    Layout("torch", "cpm_vgg19", "conv5_1_CPM_L1.weight", _caffe, "openpose-bgr", stage=_CAFFE_STAGE),
    Layout("torch", "cpm_vgg19", "model1_1.0.weight", _numbered, "openpose-bgr", stage=r"model(\d+)_"),
    Layout("torch", "cpm_vgg19", "block_1_1.conv1.con_layer.weight", _blocks, "openpose-bgr", stage=r"block_(\d+)_"),
    Layout("mxnet", "cpm_vgg19", "conv5_1_CPM_L1.weight", _caffe, "centred-rgb", stage=_CAFFE_STAGE),
    Layout("mxnet", "cpm_vgg19", "arg:conv5_1_CPM_L1.weight", _symbol, "openpose-rgb", stage=_CAFFE_STAGE),
    Layout(
        "mxnet",
        "cpm_res50",
        "conv5_1_CPM_L1.weight",
        _gluoncv_trunk,
        "imagenet-rgb",
        stage=_CAFFE_STAGE,
        unused=r".*dense\d+\.(weight|bias)|[^.]*_(mean|std)",
        by_order=True,
    ),
    Layout("torch", "openpose_v2", "state_1.block1.conv1.0.weight", _states, "openpose-bgr", _FEATURES_FIRST),
    Layout(
        "torch",
        "lightweight_openpose",
        "cpm.align.0.weight",
        _lightweight,
        "openpose-bgr",
        _FEATURES_FIRST,
        options=(("block", "separable"),),
        stage=r"refinement_stages\.(\d+)\.",
        first_stage=-1,
    ),
    Layout("torch", "pose_resnet", "deconv_layers.0.weight", _pose_resnet, "imagenet-bgr"),
    Layout(
        "caffe",
        "cpm_vgg19",
        "conv1_1.weight",
        _vgg_trunk,
        "caffe-bgr",
        unused=r"(conv4_[34]|conv5_\d|fc\d)\.(weight|bias)",
        trunk=True,
    ),
    Layout(
        "torch",
        "cpm_vgg19",
        "features.0.weight",
        _torchvision_trunk,
        "imagenet-rgb",
        unused=r"(features\.(2[3-9]|3\d)|classifier\.\d+)\.(weight|bias)",
        trunk=True,
    ),
)
