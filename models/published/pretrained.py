"""The published pretrained networks that `fetch` knows: where they are, what they are and whose licence holds.

A fact that no source states is left out: a size or hash is None then, a figure "none". Nothing here is
downloaded by importing this module; see `cpm.models.fetch`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any
from urllib.parse import urlsplit

from ...errors import ConfigError


@dataclass(frozen=True)
class SourceFile:
    """A file as its authors publish it.

    Attributes
    ----------
    name
        The name it is stored under, which also tells its format.
    url
        Where it is downloaded; None if a browser is needed for that.
    size
        In bytes; None if unknown.
    sha256
        64 lower-case hexadecimal digits; None if unknown.
    """

    name: str
    url: str | None
    size: int | None = None
    sha256: str | None = None


@dataclass(frozen=True)
class Pretrained:
    """A published network.

    Attributes
    ----------
    name, title
        By which `fetch` and people know it.
    model, options
        What `import_weights` is called with: a name of `list_models` and its options.
    files
        The importer reads the first; the others must lie beside it.
    published
        The figure its authors give, in words.
    licence
        Of the weights.
    input
        The input its authors feed it; `cpm` takes RGB, 0 to 255, everywhere and converts inside the network.
    homepage
        Where it is described.
    part
        "whole", or "trunk" for ImageNet parameters to start a training from.
    """

    name: str
    title: str
    model: str
    files: Sequence[SourceFile]
    published: str
    licence: str
    input: str
    homepage: str
    options: Mapping[str, Any] = field(default_factory=dict)
    part: str = "whole"

    @property
    def size(self) -> int | None:
        """The bytes of all files together; None if one is unknown."""
        sizes = [file.size for file in self.files]
        return None if None in sizes else sum(size for size in sizes if size is not None)


_OMZ = "https://storage.openvinotoolkit.org/repositories/open_model_zoo/2021.4/models_bin/3/human-pose-estimation-0001"
_CMU = "academic or non-profit, non-commercial research only (OpenPose)"
_OPENPOSE = "https://github.com/CMU-Perceptual-Computing-Lab/openpose"
_OPENPOSE_COPY = "https://huggingface.co/camenduru/openpose/resolve"
_CENTRED = "BGR, x / 256 - 0.5"
_SUBSET = "the COCO validation subset of Cao et al. 2017"


def _file(url: str, size: int | None = None, sha256: str | None = None) -> SourceFile:
    """Describe a file that is stored under the last part of its address."""
    return SourceFile(urlsplit(url).path.rpartition("/")[2], url, size, sha256)


def _openvino(suffix: str, precision: str, note: str, files: Mapping[str, tuple[int, str]]) -> Pretrained:
    """Describe one precision of OpenVINO's network; `files` gives the size and hash by the kind of file."""
    stem = "human-pose-estimation-0001"
    return Pretrained(
        name=f"lightweight_openpose_openvino{suffix}",
        title=f"Lightweight OpenPose, Open Model Zoo {stem}, {precision}",
        model="lightweight_openpose",
        files=tuple(_file(f"{_OMZ}/{precision}/{stem}.{kind}", *known) for kind, known in files.items()),
        published=f"AP 0.428, {_SUBSET}{note}",
        licence="Apache-2.0",
        input="BGR, 0 to 255",
        homepage=f"https://github.com/openvinotoolkit/open_model_zoo/tree/master/models/intel/{stem}",
    )


# What the networks of OpenPose, and all that were converted from them, have in common.
_openpose = partial(Pretrained, model="cpm_vgg19", licence=_CMU)


def _pose_resnet(depth: int, size: str, ap: str) -> Pretrained:
    """Describe a network of Xiao et al. 2018; `size` is the height and width of its input."""
    return Pretrained(
        name=f"pose_resnet_{depth}_{size}",
        title=f"Simple Baselines, ResNet{depth}, {size}",
        model="pose_resnet",
        options={"depth": depth, "skeleton": "COCO_17"},
        files=(SourceFile(f"pose_resnet_{depth}_{size}.pth.tar", None),),
        published=f"AP {ap}, COCO val2017, boxes of a detector (person AP 0.564), flip",
        licence='"for research purpose", says its README',
        input="BGR, x / 255, then ImageNet's RGB mean and deviation in this wrong order",
        homepage="https://github.com/microsoft/human-pose-estimation.pytorch",
    )


_ENTRIES = (
    _openvino(
        "",
        "FP32",
        "",
        {
            "xml": (153774, "a4312443bb77b8528080c75fff2e5b99ad46d660d5c4cc753ee218dd3deb01f5"),
            "bin": (16394712, "746bddef69d602945f7db09401d0567176f805fa0ea2086d2b857b459e316254"),
        },
    ),
    _openvino(
        "_fp16",
        "FP16",
        " (not said of which precision)",
        {
            "xml": (153702, "560880b45f2e58f1f4d5388000e0364c30199ef656a1b2fd07cd4cdb7b53561c"),
            "bin": (8197356, "40dfef77d8216f23b83d86d8915659e3ade89abadbb9173bc9b946cffb6c1c9e"),
        },
    ),
    _openvino(
        "_int8",
        "FP16-INT8",
        " (not said of which precision)",
        {
            "xml": (426156, "581b082e749848fdfc6d4b4b70e8189c3c2bae1c2d59c6b2c1a026a5471754e3"),
            "bin": (4170034, "df2a9f41f15c3a0c8a0c5a704650338a3cc5c7bb588f2bfc14ea7093fa37b446"),
        },
    ),
    Pretrained(
        name="lightweight_openpose",
        title="Lightweight OpenPose, its authors' PyTorch checkpoint",
        model="lightweight_openpose",
        files=(
            _file(
                "https://download.01.org/opencv/openvino_training_extensions/models/human_pose_estimation/"
                "checkpoint_iter_370000.pth"
            ),
        ),
        published="AP 0.40, COCO val2017",
        licence="Apache-2.0",
        input="BGR, (x - 128) / 256",
        homepage="https://github.com/Daniil-Osokin/lightweight-human-pose-estimation.pytorch",
    ),
    _openpose(
        name="openpose_coco",
        title="OpenPose, 18 joints of COCO, Caffe",
        files=(
            _file(
                f"{_OPENPOSE_COPY}/7dfccd4d04829843e92f7702eb100544357a4f72/pose_iter_440000.caffemodel",
                209274056,
                "b4cf475576abd7b15d5316f1ee65eb492b5c9f5865e70a2e7882ed31fb682549",
            ),
        ),
        published=f"AP 0.584, {_SUBSET} (1,160 images of val2014)",
        input=_CENTRED,
        homepage=_OPENPOSE,
    ),
    _openpose(
        name="openpose_mpi",
        title="OpenPose, 15 joints of MPII, Caffe",
        options={"skeleton": "MPI_15"},
        files=(_file(f"{_OPENPOSE_COPY}/main/models/pose/mpi/pose_iter_160000.caffemodel"),),
        published="none for this file",
        input=_CENTRED,
        homepage=_OPENPOSE,
    ),
    _openpose(
        name="openpose_coco_hzzone",
        title="OpenPose, 18 joints of COCO, converted to PyTorch by Hzzone",
        files=(
            _file(
                "https://huggingface.co/lllyasviel/Annotators/resolve/982e7edaec38759d914a963c48c4726685de7d96/"
                "body_pose_model.pth",
                209267595,
                "25a948c16078b0f08e236bda51a385d855ef4c153598947c28c0d47ed94bb746",
            ),
        ),
        published="none of its own, see openpose_coco",
        input=_CENTRED,
        homepage="https://github.com/Hzzone/pytorch-openpose",
    ),
    _openpose(
        name="openpose_coco_tensorboy",
        title="OpenPose, 18 joints of COCO, converted to PyTorch by tensorboy",
        files=(_file("https://www.dropbox.com/s/ae071mfm2qoyc8v/pose_model.pth?dl=1"),),
        published=f"AP 0.598, {_SUBSET}, flip",
        input=_CENTRED,
        homepage="https://github.com/tensorboy/pytorch_Realtime_Multi-Person_Pose_Estimation",
    ),
    _openpose(
        name="openpose_coco_mxnet",
        title="OpenPose, 18 joints of COCO, converted to MXNet by dragonfly90",
        files=(SourceFile("realtimePose-0000.params", None),),
        published="none of its own, see openpose_coco",
        input="RGB, x / 256 - 0.5",
        homepage="https://github.com/dragonfly90/mxnet_Realtime_Multi-Person_Pose_Estimation",
    ),
    _openpose(
        name="openpose_mpi_mxnet",
        title="OpenPose, 15 joints of MPII, converted to MXNet by dragonfly90",
        options={"skeleton": "MPI_15"},
        files=(SourceFile("realtimePose_mpi-0000.params", None),),
        published="none",
        input="RGB, x / 256 - 0.5",
        homepage="https://github.com/dragonfly90/mxnet_Realtime_Multi-Person_Pose_Estimation",
    ),
    Pretrained(
        name="vgg19_caffe",
        title="VGG19 of Simonyan and Zisserman, Caffe",
        model="cpm_vgg19",
        files=(
            _file(
                "http://www.robots.ox.ac.uk/~vgg/software/very_deep/caffe/VGG_ILSVRC_19_layers.caffemodel", 574671192
            ),
        ),
        published="none for poses",
        licence="CC BY 4.0",
        input="BGR, x - (103.939, 116.779, 123.68)",
        homepage="https://www.robots.ox.ac.uk/~vgg/research/very_deep/",
        part="trunk",
    ),
    _pose_resnet(50, "256x192", "0.704"),
    _pose_resnet(50, "384x288", "0.722"),
    _pose_resnet(101, "256x192", "0.714"),
    _pose_resnet(101, "384x288", "0.736"),
    _pose_resnet(152, "256x192", "0.720"),
    _pose_resnet(152, "384x288", "0.743"),
)
PRETRAINED: dict[str, Pretrained] = {entry.name: entry for entry in _ENTRIES}


def find_pretrained(name: str) -> Pretrained:
    """Return the entry of this name.

    Raises
    ------
    ConfigError
        If there is none; the message lists the names.
    """
    if name not in PRETRAINED:
        raise ConfigError(f"pretrained network {name!r} is unknown, expected one of {', '.join(PRETRAINED)}")
    return PRETRAINED[name]
