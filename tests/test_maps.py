"""The kinds of maps, and what codecs, samples and networks have of each by its name."""

import mxnet as mx
import numpy as np
import pytest

from cpm import ConfigError, DataError
from cpm.codecs import (
    HEATMAPS,
    JOINT_HEATMAPS,
    OFFSETS,
    PAFS,
    HeatmapCodec,
    OffsetCodec,
    PafCodec,
    Targets,
    kinds_of,
)
from cpm.datasets import Sample
from cpm.models import get_model
from cpm.skeletons import COCO_17, MPI_15, OPENPOSE_18
from cpm.training.pictures import target_and_prediction

KINDS = {"pafs": PAFS, "heatmaps": HEATMAPS, "joint heatmaps": JOINT_HEATMAPS, "offsets": OFFSETS}
SKELETONS = pytest.mark.parametrize("skeleton", [OPENPOSE_18, COCO_17, MPI_15], ids=lambda skeleton: skeleton.name)
EACH_KIND = pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
SIZE = (96, 128)


def somebody(skeleton):
    """(1, K, 3): a person whose joints are anywhere in the image, but not near the edges of their cells."""
    rng = np.random.default_rng(7)
    shape = (1, skeleton.num_joints)
    person = np.full((*shape, 3), 2.0)
    for axis, length in ((0, SIZE[1]), (1, SIZE[0])):
        person[..., axis] = 8 * rng.integers(0, length // 8, shape) + rng.uniform(1, 6, shape)
    return person


def mirrored(person, skeleton):
    """Return the person of the mirror image."""
    other = person[:, skeleton.flip_joints].copy()
    other[..., 0] = SIZE[1] - 1 - other[..., 0]
    return other


def draw(kind, person, skeleton):
    """(C, h, w): the targets of one kind."""
    codec = HeatmapCodec(skeleton, stride=8, unbiased=True) if kind is JOINT_HEATMAPS else OffsetCodec(skeleton)
    return codec.encode(person, SIZE)[kind.name]


@EACH_KIND
@SKELETONS
def test_every_channel_has_a_name(kind, skeleton):
    names = kind.channel_names(skeleton)
    assert len(names) == len(set(names)) == kind.channels(skeleton) == len(draw(kind, somebody(skeleton), skeleton))
    assert kind.known_channels(np.ones(skeleton.num_joints, bool), skeleton).tolist() == [True] * len(names)
    assert kind.known_channels(np.zeros(skeleton.num_joints, bool), skeleton).sum() == (kind is HEATMAPS)


def test_channels_are_those_of_openpose():
    channels = {name: kind.channels(OPENPOSE_18) for name, kind in KINDS.items()}
    assert channels == {"pafs": 38, "heatmaps": 19, "joint heatmaps": 18, "offsets": 36}
    assert HEATMAPS.channel_names(OPENPOSE_18)[::18] == ["nose", "background"]
    assert PAFS.channel_names(OPENPOSE_18)[1] == "neck-right_hip y"
    assert OFFSETS.channel_names(OPENPOSE_18)[2] == "neck x"


@EACH_KIND
@SKELETONS
def test_unmirroring_undoes_a_mirror_and_twice_it_does_nothing(kind, skeleton):
    person = somebody(skeleton)
    maps = draw(kind, person, skeleton)
    other = draw(kind, mirrored(person, skeleton), skeleton)
    assert np.abs(other - maps).max() > 0.4
    np.testing.assert_allclose(kind.unmirror(other, skeleton), maps, atol=1e-5)
    np.testing.assert_allclose(kind.unmirror(kind.unmirror(maps, skeleton), skeleton), maps, atol=1e-6)
    batch = np.stack([other, maps])
    np.testing.assert_array_equal(kind.unmirror(batch, skeleton)[0], kind.unmirror(other, skeleton))
    np.testing.assert_array_equal(batch[0], other)  # it stays as it was


@EACH_KIND
@SKELETONS
def test_targets_averaged_with_those_of_the_mirror_image_are_the_targets(kind, skeleton):
    person = somebody(skeleton)
    maps = draw(kind, person, skeleton)
    other = draw(kind, mirrored(person, skeleton), skeleton)
    np.testing.assert_allclose(kind.average(maps, other, skeleton), maps, atol=1e-5)
    batch = np.stack([maps, other])
    both = kind.average(batch, batch[::-1], skeleton)
    np.testing.assert_allclose(both, batch, atol=1e-5)


@pytest.mark.parametrize("codec", [PafCodec(OPENPOSE_18), OffsetCodec(OPENPOSE_18), HeatmapCodec(COCO_17, stride=8)])
def test_a_codec_needs_its_own_maps_and_no_others(codec):
    targets = codec.encode(somebody(codec.skeleton), SIZE)
    assert list(targets.maps) == [kind.name for kind in codec.kinds]
    more = {"depth": np.zeros((1, 2, 3)), **targets.maps}
    assert list(codec.average(more, more)) == list(targets.maps)
    assert len(codec.decode(more)) == len(codec.decode(targets.maps)) > 0
    for kind in codec.kinds:
        fewer = {name: maps for name, maps in more.items() if name != kind.name}
        there = " and ".join(fewer)
        for call in (codec.decode, lambda maps: codec.average(more, maps), lambda maps: codec.average(maps, more)):
            with pytest.raises(DataError) as error:
                call(fewer)
            assert str(error.value) == f"there are {there}, and no {kind.name}, which the codec decodes"
        with pytest.raises(DataError, match=f"^out holds no {kind.name}, expected a contiguous float32 "):
            codec.encode(somebody(codec.skeleton), SIZE, Targets(fewer, targets.weights))
    with pytest.raises(DataError, match=f"^there are no maps, and no {codec.kinds[0].name}, which"):
        codec.decode({})


@pytest.mark.parametrize("scale", [1.0, 0.5, (1.5, 0.25)])
@pytest.mark.parametrize("unbiased", [False, True])
def test_the_person_of_a_crop_in_pixels_of_the_image(scale, unbiased):
    codec = HeatmapCodec(COCO_17, stride=8, unbiased=unbiased)
    keypoints = somebody(COCO_17)
    keypoints[0, 3, 2] = 0
    maps = codec.encode(keypoints, SIZE).maps
    (person,) = codec.decode(maps, scale)
    joints = codec.find_joints(maps["heatmaps"])
    found = np.arange(17) != 3
    expected = (joints[found, :2] + 0.5) / np.asarray(scale) - 0.5
    np.testing.assert_allclose(person.keypoints[found, :2], expected, atol=1e-4)
    assert person.keypoints[3].tolist() == [0, 0, 0] and person.found.tolist() == found.tolist()
    assert person.score == pytest.approx(joints[:, 2].mean())
    with pytest.raises(DataError, match="scale is 0"):
        codec.decode(maps, 0)


def test_kinds_by_their_names():
    assert kinds_of(["pafs", "heatmaps", "offsets"]) == (PAFS, HEATMAPS, OFFSETS)
    assert kinds_of(["pafs"]) == (PAFS,)
    assert kinds_of(["heatmaps"]) == (JOINT_HEATMAPS,)
    with pytest.raises(ConfigError, match="a kind of maps is called 'depth', expected one of pafs, heatmaps, offsets"):
        kinds_of(["pafs", "depth"])


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("cpm_vgg19_bn", {"stages": 1}),
        ("cpm_mobilenet_v2", {"stages": 1}),
        ("cpm_res50_fpn", {"stages": 1, "channels": 16}),
        ("lightweight_openpose", {"stages": 1}),
        ("paf_resnet", {}),
    ],
)
def test_every_network_of_whole_images_may_have_offsets(name, options):
    net = get_model(name, offsets=True, sigmoid=True, **options)
    assert net.kinds[-1] == (PAFS, HEATMAPS, OFFSETS) and net.sigmoid
    images = np.random.default_rng(0).integers(0, 256, (1, 64, 64, 3)).astype(np.float32)
    maps = {kind: array.asnumpy() for kind, array in net(mx.nd.array(images))[-1].items()}
    assert {kind: array.shape[1] for kind, array in maps.items()} == {"pafs": 38, "heatmaps": 19, "offsets": 36}
    assert 0 <= maps["heatmaps"].min() < maps["heatmaps"].max() <= 1 and maps["pafs"].min() < 0


def test_arrays_of_a_sample():
    image, mask, pafs, counts = np.zeros((8, 8, 3), np.uint8), np.ones((1, 1, 1)), np.ones((4, 1, 1)), np.ones(4)
    sample = Sample(image, Targets({"pafs": pafs}, {"pafs": counts}), mask, [np.zeros((0, 3, 3))], ("a problem",))
    arrays = sample.arrays()
    assert list(arrays) == ["image", "mask", "maps.pafs", "weights.pafs"]
    for array, expected in zip(arrays.values(), (image, mask, pafs, counts)):
        assert array is expected


def test_pictures_of_training_show_the_maps_that_can_be_read():
    """Predicted offsets say something in few cells: nobody can see in which."""
    codec = OffsetCodec(OPENPOSE_18)
    maps = {name: array[None] for name, array in codec.encode(somebody(OPENPOSE_18), SIZE).maps.items()}
    batch = Sample(np.full((1, *SIZE, 3), 200, np.uint8), Targets(maps), np.ones((1, 1, 12, 16), np.float32))
    sheet = target_and_prediction(batch, maps, codec)
    assert sheet.shape == (96, 5 * 128 + 4 * 4, 3)
    crop, target, prediction, *_ = (sheet[:, left : left + 128] for left in range(0, sheet.shape[1], 132))
    np.testing.assert_array_equal(crop, batch.image[0])
    np.testing.assert_array_equal(target, prediction)
    assert (target != crop).any()
