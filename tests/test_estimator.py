"""Geometry of the estimator, with a network that marks the bright spots of its input and an exact decoder."""

from types import SimpleNamespace

import cv2
import mxnet as mx
import numpy as np
import pytest

from cpm import ConfigError, DataError, Person
from cpm.codecs import HEATMAPS, PAFS, PafCodec
from cpm.inference import PoseEstimator, fit_image, stage_from_last
from cpm.inference.averaging import resample
from cpm.skeletons import COCO_17, OPENPOSE_18, SKELETONS

from .helpers.arrows import FINNED_ARROW

STRIDE = 8
SIGMA = 16.0  # wide enough for a grid of 8 pixels to hold it exactly
SCALES = [(1.0,), (0.5,), (2.0,), (0.5, 1.0), (2.0, 1.0, 1.5, 0.5), (0.77, 1.31)]


def draw_maps(places, directions, size):
    """Return Gaussians (K + 1, h, w) at the places (K, 2) and PAFs (2L, h, w) of one direction (L, 2) each."""
    centres = [STRIDE * np.arange(length // STRIDE) + (STRIDE - 1) / 2 for length in size]
    y, x = np.meshgrid(*centres, indexing="ij")
    distances = [(x - place[0]) ** 2 + (y - place[1]) ** 2 for place in places]
    joints = np.exp(-np.array(distances) / (2 * SIGMA**2))
    heatmaps = np.concatenate([joints, 1 - joints.max(axis=0, keepdims=True)])
    pafs = np.array(directions).reshape(-1, 1, 1) * np.exp(-np.array(distances[0]) / (2 * (3 * SIGMA) ** 2))
    return heatmaps.astype(np.float32), pafs.astype(np.float32)


def find_spot(picture):
    """Return x, y of the centroid of what is brighter than the grey ground, to a fraction of a pixel."""
    light = picture.astype(float) - 128
    y, x = np.indices(light.shape)
    return np.array([(light * x).sum(), (light * y).sum()]) / light.sum()


class SpotNet:
    """Marks the spot of each colour channel: blue is the tip; of red and green, the one farther right is the left fin.

    As in a real network, which fin is the left one follows from what the input shows, so a mirror changes it.
    """

    def __init__(self):
        self.batches = []

    def __call__(self, images):
        self.batches.append(images)
        drawn = [self._maps(image) for image in images]
        heatmaps, pafs = (mx.nd.array(np.stack(maps)) for maps in zip(*drawn))
        maps = {"pafs": pafs, "heatmaps": heatmaps}
        return [{name: 0 * array for name, array in maps.items()}, maps]

    def _maps(self, image):
        red, green, tip = (find_spot(image[..., channel]) for channel in range(3))
        right, left = sorted((red, green), key=lambda place: place[0])
        directions = [(fin - tip) / np.linalg.norm(fin - tip) for fin in (left, right)]
        return draw_maps([tip, left, right], directions, image.shape[:2])


class PeakCodec(PafCodec):
    """Takes the highest peak of every joint, placed by a parabola through logarithms: exact for a Gaussian."""

    def __init__(self, skeleton=FINNED_ARROW, stride=STRIDE):
        super().__init__(skeleton, stride)

    def decode(self, maps, scale=1.0):
        keypoints = []
        for joint in maps["heatmaps"][:-1]:
            cell = np.unravel_index(joint.argmax(), joint.shape)
            along_y, along_x = joint[:, cell[1]], joint[cell[0]]
            place = np.array([cell[1] + self._offset(along_x, cell[1]), cell[0] + self._offset(along_y, cell[0])])
            pixel = self.stride * place + (self.stride - 1) / 2
            keypoints.append([*((pixel + 0.5) / scale - 0.5), joint[cell]])
        return [Person(np.array(keypoints), 1.0)]

    @staticmethod
    def _offset(line, k):
        if not 0 < k < len(line) - 1:
            return 0.0
        low, middle, high = np.log(np.maximum(line[k - 1 : k + 2].astype(float), 1e-9))
        return (low - high) / (2 * (low - 2 * middle + high))


def picture_of(size, red, green, blue, radius=0.0):
    """Return a grey picture (H, W, 3) with one bright pixel per colour channel at x, y, or a soft spot of a radius."""
    image = np.full((*size, 3), 128, np.uint8)
    for channel, (x, y) in enumerate((red, green, blue)):
        image[y, x, channel] = 255
    if radius:
        blurred = cv2.GaussianBlur(image.astype(np.float32) - 128, (0, 0), radius)
        image = (128 + blurred * (127 / blurred.max())).round().astype(np.uint8)
    return image


@pytest.mark.parametrize("scales", SCALES, ids=str)
@pytest.mark.parametrize("flip", [False, True])
@pytest.mark.parametrize("size", [(96, 128), (97, 131), (75, 203), (201, 157)], ids=str)
def test_joint_lands_on_the_bright_pixel(size, flip, scales):
    height, width = size
    spots = [(int(width * 0.81), height // 3), (width // 4, height // 2), (int(width * 0.55), int(height * 0.78))]
    estimator = PoseEstimator(SpotNet(), PeakCodec(), scales, flip, box_size=160)
    # Shrinking would move a lone pixel to the centre of the pixel it falls into; a soft spot stays. All spots lie
    # far enough inside the grid of every scale that the cells repeated beyond the border take no part.
    (person,) = estimator(picture_of(size, *spots, radius=2.5))
    tip, left, right = person.keypoints[:, :2]
    assert np.abs(np.array([left, right, tip]) - spots).max() < 0.1


def test_single_scale_is_exact_where_nothing_is_resized():
    spots = [(91, 17), (20, 66), (57, 41)]
    for flip in (False, True):
        estimator = PoseEstimator(SpotNet(), PeakCodec(), (1,), flip, box_size=96)
        tip, left, right = estimator(picture_of((96, 131), *spots))[0].keypoints[:, :2]
        assert np.abs(np.array([left, right, tip]) - spots).max() < 1e-3


def test_mirror_image_agrees_with_the_image():
    """Left and right, signs of PAFs and columns: any slip would halve something in the average."""
    image = picture_of((96, 131), (100, 20), (25, 60), (70, 75))
    straight = PoseEstimator(SpotNet(), PeakCodec(), (1,), False, box_size=96).maps(image).maps
    averaged = PoseEstimator(SpotNet(), PeakCodec(), (1,), True, box_size=96).maps(image).maps
    assert np.abs(straight["heatmaps"] - averaged["heatmaps"]).max() < 1e-5
    assert np.abs(straight["pafs"] - averaged["pafs"]).max() < 1e-5
    assert np.abs(straight["pafs"]).max() > 0.5


@pytest.mark.parametrize("skeleton", SKELETONS.values(), ids=lambda skeleton: skeleton.name)
def test_unmirror_undoes_a_mirror(skeleton):
    """Maps drawn of mirrored keypoints, left and right renamed, turn into the maps of the keypoints."""
    width, rng = 120, np.random.default_rng(3)
    keypoints = rng.uniform(5, 75, (skeleton.num_joints, 2))
    mirrored = (keypoints * [-1, 1] + [width - 1, 0])[skeleton.flip_joints]

    def draw(points):
        limbs = points[skeleton.limb_joints[:, 1]] - points[skeleton.limb_joints[:, 0]]
        heatmaps, _ = draw_maps(points, np.zeros((1, 2)), (80, width))
        pafs = [draw_maps([points[a]], [limb], (80, width))[1] for (a, _), limb in zip(skeleton.limb_joints, limbs)]
        middles = [draw_maps([points[b]], [limb], (80, width))[1] for (_, b), limb in zip(skeleton.limb_joints, limbs)]
        return heatmaps, np.concatenate(pafs) + np.concatenate(middles)

    heatmaps, pafs = draw(mirrored)
    assert np.abs(HEATMAPS.unmirror(heatmaps, skeleton) - draw(keypoints)[0]).max() < 1e-5
    assert np.abs(PAFS.unmirror(pafs, skeleton) - draw(keypoints)[1]).max() < 1e-4


def test_resampling_follows_pixel_centres_and_keeps_the_border():
    ramp = np.tile(np.arange(20, dtype=np.float32), (2, 15, 1))
    larger = resample(ramp, (33, 47), (0.43, 0.47))
    expected = ((np.arange(47) + 0.5) * 0.43 - 0.5).clip(0, 19)
    assert larger.shape == (2, 33, 47)
    assert larger.dtype == np.float32
    inside = slice(5, 43)  # a cubic is exact on a ramp except next to the border
    assert np.abs(larger[1, :, inside] - expected[inside]).max() < 1e-5
    assert np.abs(resample(np.ones((1, 4, 5), np.float32), (9, 14), (0.5, 0.5)) - 1).max() < 1e-6
    assert np.array_equal(resample(ramp, (15, 20), (1.0, 1.0)), ramp)


def test_network_sees_the_padded_image_and_its_mirror():
    net = SpotNet()
    image = picture_of((48, 61), (40, 10), (11, 31), (30, 20))
    maps = PoseEstimator(net, PeakCodec(), (1, 2), True, box_size=48, pad_value=7).maps(image)
    first, second = net.batches
    assert first.shape == (2, 48, 64, 3)
    assert first.dtype == np.uint8
    assert np.array_equal(first[0, :, :61], image)
    assert (first[0, :, 61:] == 7).all()
    assert np.array_equal(first[1], first[0, :, ::-1])
    assert second.shape == (2, 96, 128, 3)
    assert maps.maps["heatmaps"].shape == (4, 12, 16)
    assert maps.maps["pafs"].shape == (4, 12, 16)
    assert maps.scale == (2, 2)


def test_single_scale_is_not_resampled():
    net, image = SpotNet(), picture_of((90, 131), (100, 20), (25, 60), (70, 75))
    maps = PoseEstimator(net, PeakCodec(), (0.9,), False, box_size=96).maps(image).maps
    expected = net(net.batches[0])[-1]
    assert np.array_equal(maps["heatmaps"], expected["heatmaps"][0].asnumpy())
    assert np.array_equal(maps["pafs"], expected["pafs"][0].asnumpy())


def test_joints_in_the_padding():
    """A joint far out in the padding is dropped, one next to the border is moved to it."""

    class Codec(PeakCodec):
        def decode(self, maps, scale=1.0):
            lost = Person(np.array([[134.0, 5, 0.9], [5, 90, 0.9], [-9, 4, 0.9]]), 0.5)
            return [Person(np.array([[121.0, 5, 0.9], [50, 84.0, 0.8], [3, 95, 0.7]]), 2.0), lost]

    image = picture_of((80, 120), (100, 20), (25, 60), (70, 75))
    people = PoseEstimator(SpotNet(), Codec(), (1,), False, box_size=80)(image)
    assert len(people) == 1
    assert people[0].score == 2.0
    assert people[0].keypoints.tolist() == [[119, 5, 0.9], [50, 79, 0.8], [0, 0, 0]]


def test_sides_are_multiples_of_what_the_network_takes():
    spots = [(91, 17), (20, 66), (57, 41)]
    for flip in (False, True):
        net = SpotNet()
        net.multiple = 32
        estimator = PoseEstimator(net, PeakCodec(), (1,), flip, box_size=97)
        tip, left, right = estimator(picture_of((97, 131), *spots))[0].keypoints[:, :2]
        assert net.batches[0].shape == (1 + flip, 128, 160, 3)
        assert np.abs(np.array([left, right, tip]) - spots).max() < 1e-3


@pytest.mark.parametrize("size", [(2, 600), (600, 2), (1, 9000)])
@pytest.mark.parametrize("reference", ["height", "shorter"])
def test_slivers_are_bounded_with_a_warning(size, reference, caplog):
    shapes = []

    def net(images):
        shapes.append(images.shape)
        grid = (images.shape[1] // STRIDE, images.shape[2] // STRIDE)
        return [{name: np.zeros((1, 4, *grid), np.float32) for name in ("pafs", "heatmaps")}]

    estimator = PoseEstimator(net, PeakCodec(), (1,), flip=False, box_size=64, reference=reference)
    maps = estimator.maps(np.zeros((*size, 3), np.uint8))
    longest = 16 * 64
    assert max(shapes[0][1:3]) <= longest
    bounded = size[1] > size[0] or reference == "shorter"
    assert (max(shapes[0][1:3]) == longest) == bounded == ("a sliver" in caplog.text)
    assert maps.scale[np.argmax(size[::-1])] == pytest.approx((longest if bounded else 64) / max(size))


def test_what_is_not_quite_a_sliver_is_as_it_was(caplog):
    padded, scale = fit_image(np.zeros((20, 320, 3), np.uint8), 40, 8)
    assert padded.shape == (40, 640, 3) and scale == (2.0, 2.0) and not caplog.text


def test_maps_may_be_numpy_arrays():
    image, net = picture_of((96, 131), (100, 20), (25, 60), (70, 75)), SpotNet()

    def numpy_net(images):
        return [{name: maps.asnumpy().astype(float) for name, maps in stage.items()} for stage in net(images)]

    found, expected = (PoseEstimator(each, PeakCodec(), (1,)).maps(image).maps for each in (numpy_net, net))
    for name in ("heatmaps", "pafs"):
        assert np.array_equal(found[name], expected[name]) and found[name].dtype == np.float32


def test_a_stage_without_both_maps_is_refused():
    class PartialNet(SpotNet):
        def __call__(self, images):
            first, last = super().__call__(images)
            return [{"pafs": first["pafs"]}, {"heatmaps": last["heatmaps"]}]

    image, net = picture_of((96, 131), (100, 20), (25, 60), (70, 75)), PartialNet()
    with pytest.raises(ConfigError, match="stage=0 of the network has only pafs, people need pafs and heatmaps"):
        PoseEstimator(net, PeakCodec(), (1,), stage=0)(image)
    with pytest.raises(ConfigError, match="stage=-1 of the network has only heatmaps"):
        PoseEstimator(net, PeakCodec(), (1,))(image)


def test_stages_count_in_natural_order():
    image = picture_of((96, 131), (100, 20), (25, 60), (70, 75))
    assert PoseEstimator(SpotNet(), PeakCodec(), (1,), stage=0).maps(image).maps["heatmaps"].max() == 0
    for stage in (1, -1):
        estimator = PoseEstimator(SpotNet(), PeakCodec(), (1,), stage=stage)
        assert estimator.maps(image).maps["heatmaps"].max() > 0.5
    for stage in (2, -3):
        with pytest.raises(ConfigError, match=f"stage={stage}, but the network has 2 stages"):
            PoseEstimator(SpotNet(), PeakCodec(), (1,), stage=stage)(image)


def test_stages_of_the_command_line_count_from_the_last():
    six = SimpleNamespace(kinds=((PAFS, HEATMAPS),) * 6)
    assert [stage_from_last(six, number) for number in range(6)] == [5, 4, 3, 2, 1, 0]
    for number in (6, -1):
        with pytest.raises(ConfigError, match=f"--stage={number}: the network has 6 stages: 0 .the last. to 5 .the f"):
            stage_from_last(six, number)
    with pytest.raises(ConfigError, match="--stage=1: the network has one stage: 0"):
        stage_from_last(SimpleNamespace(kinds=six.kinds[:1]), 1)


def test_tuple_of_stages_is_as_good_as_a_list():
    image, net = picture_of((96, 131), (100, 20), (25, 60), (70, 75)), SpotNet()
    as_tuple = PoseEstimator(lambda images: tuple(net(images)), PeakCodec(), (1,))(image)
    assert np.array_equal(as_tuple[0].keypoints, PoseEstimator(net, PeakCodec(), (1,))(image)[0].keypoints)


def test_maps_of_another_skeleton_are_refused():
    image = picture_of((96, 131), (100, 20), (25, 60), (70, 75))
    with pytest.raises(
        ConfigError, match=r"returns pafs \(4, .* and heatmaps \(4, .* COCO_17 at stride 8 needs .*heatmaps \(18, "
    ):
        PoseEstimator(SpotNet(), PeakCodec(COCO_17))(image)
    with pytest.raises(ConfigError, match="at stride 4 needs"):
        PoseEstimator(SpotNet(), PeakCodec(stride=4), flip=False)(image)


@pytest.mark.parametrize(
    "options",
    [{"scales": ()}, {"scales": (1, 0)}, {"scales": (float("nan"),)}, {"box_size": 0}, {"pad_value": 300}],
    ids=str,
)
def test_settings_out_of_range_are_refused(options):
    with pytest.raises(ConfigError, match=next(iter(options))):
        PoseEstimator(SpotNet(), PeakCodec(OPENPOSE_18), **options)


@pytest.mark.parametrize(
    "image",
    [np.zeros((8, 8), np.uint8), np.zeros((8, 8, 4), np.uint8), np.zeros((8, 8, 3)), np.zeros((0, 8, 3), np.uint8), []],
    ids=["grey", "alpha", "float", "empty", "list"],
)
def test_what_is_no_image_is_refused(image):
    with pytest.raises(DataError, match="an image"):
        PoseEstimator(SpotNet(), PeakCodec())(image)


@pytest.mark.parametrize("scales", [(1,), (0.5, 1)])
def test_images_of_one_size_run_together_and_find_the_same(scales):
    places = [((100, 20), (25, 60), (70, 75)), ((30, 20), (80, 40), (60, 15)), ((90, 70), (25, 60), (40, 15))]
    images = [picture_of(size, *of_image) for size, of_image in zip(((96, 131), (80, 100), (96, 131)), places)]
    net = SpotNet()
    estimator = PoseEstimator(net, PeakCodec(), scales, flip=True, box_size=96)
    alone = [estimator(image) for image in images]
    assert [len(people) for people in alone] == [1, 1, 1]
    net.batches.clear()
    together = estimator.find_all(images)
    assert sorted(map(len, net.batches)) == sorted([4, 2] * len(scales))  # each with its mirror image
    for people, others in zip(together, alone):
        np.testing.assert_allclose(people[0].keypoints, others[0].keypoints, atol=1e-4)
    estimator.batch_size = 1
    net.batches.clear()
    estimator.find_all(images)
    assert list(map(len, net.batches)) == [2] * 3 * len(scales)
    assert estimator.find_all([]) == []
