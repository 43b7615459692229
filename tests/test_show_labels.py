"""Pictures of labels: what is on them, and the script that writes them."""

import cv2
import numpy as np
import pytest

from cpm import ConfigError, DataError
from cpm.codecs import PAFS
from cpm.draw import captioned, draw_arrows, draw_ignored, draw_weights, limb_colours
from cpm.skeletons import OPENPOSE_18
from cpm.training import build_samples, choose_label_recipe, choose_samples, label_sheet
from cpm.training.label_panels import label_panels, label_picture, read_sample

from .conftest import person
from .helpers.commands import assert_one_line

SMALL = [
    "model.name=cpm_small",
    "augment.crop=128",
    "people.min_keypoints=2",
    "augment.height=0.9",
    "augment.scale=(1.0,1.0)",
]
TOPDOWN = ["augment.size=(128,96)"]


@pytest.fixture
def known(write_coco):
    """Two images; in the first a right arm goes to the right and a left thigh down, and a crowd is at the right."""
    joints = np.zeros((17, 3))
    joints[6], joints[8] = (40, 45, 2), (75, 45, 1)  # right shoulder and elbow
    joints[11], joints[13] = (50, 70, 2), (50, 100, 2)  # left hip and knee
    limbs = person(60, 60, 110, keypoints=joints.ravel().tolist(), num_keypoints=4)
    crowd = person(130, 60, 60, iscrowd=1, keypoints=[0] * 51, num_keypoints=0)
    crowd["segmentation"] = {"size": [120, 160], "counts": [120 * 90, 120 * 70]}  # the columns from 90 on
    return write_coco([[limbs, crowd], [person(80, 60, 100)]])


def samples_of(root, changes, config=None, augment=False):
    recipe = choose_label_recipe(config, None, [*changes, f"data.root={str(root)!r}"])
    return build_samples(recipe, "train2017", augment=augment)


def coloured(picture, colour, within=60):
    """Where (y, x) a picture has about this colour."""
    return np.argwhere(np.abs(picture.astype(int) - colour).sum(axis=-1) < within)


def assert_points(spots, vector, cell):
    """Check that pixels (N, 2), counted from the centre of a cell, are an arrow of a vector in cells."""
    length = cell * np.hypot(*vector)
    along, across = spots @ vector * cell / length, spots @ np.array([-vector[1], vector[0]]) * cell / length
    assert 0.38 * length < along.max() < 0.52 * length and -0.52 * length < along.min() < -0.38 * length
    # The head is at the end: it is the broad part.
    assert np.ptp(across[along > 0.1 * length]) > 2 * np.ptp(across[along < -0.1 * length])
    assert abs(across.mean()) < 0.6


@pytest.mark.parametrize("vector", [(1, 0), (0, 1), (-1, 0), (0, -1), (0.6, -0.8), (-0.3, 0.4)])
def test_an_arrow_points_along_the_field(vector):
    pafs = np.zeros((4, 3, 5))
    pafs[2:, 1, 3] = vector
    image = np.full((96, 160, 3), 90, np.uint8)
    picture = draw_arrows(image, pafs, [(255, 0, 0), (0, 255, 0)], 32)
    assert len(coloured(picture, (255, 0, 0))) == 0
    spots = coloured(picture, (0, 255, 0))[:, ::-1] - [111.5, 47.5]  # from the centre of the cell
    assert_points(spots, np.array(vector), 32)
    assert (image == 90).all()


def test_one_arrow_per_cell_of_the_strongest_limb():
    pafs = np.zeros((4, 2, 2))
    pafs[0], pafs[2] = 0.5, 0.9
    pafs[:, 1, 1] = 0.01  # no field
    pafs[0, 0, 1] = pafs[2, 0, 1] = 1  # both are as strong
    picture = draw_arrows(np.zeros((64, 64, 3), np.uint8), pafs, [(255, 0, 0), (0, 255, 0)], 32)
    green, red = coloured(picture, (0, 255, 0)), coloured(picture, (255, 0, 0))
    assert {tuple(cell) for cell in (np.concatenate([green, red]) // 32).tolist()} == {(0, 0), (0, 1), (1, 0)}
    assert {tuple(cell) for cell in (red // 32).tolist()} <= {(0, 1)}


def test_the_arrows_of_known_limbs(known):
    """At 4 pixels per pixel of the crop a cell is 32 pixels."""
    sample = read_sample(samples_of(known, SMALL), 0, 0)
    arrows = label_panels(sample, 512)[2][28:]
    assert arrows.shape == (512, 512, 3)
    for limb, along in ((("right_shoulder", "right_elbow"), (1, 0)), (("left_hip", "left_knee"), (0, 1))):
        colour = limb_colours(OPENPOSE_18)[OPENPOSE_18.limbs.index(limb)]
        ends = sample.keypoints[0, [OPENPOSE_18.joints.index(joint) for joint in limb], :2]
        np.testing.assert_allclose((ends[1] - ends[0]) / np.linalg.norm(ends[1] - ends[0]), along, atol=1e-5)
        spots = coloured(arrows, colour)[:, ::-1]
        cells = {tuple(cell) for cell in (spots // 32).tolist()}
        middle = (ends.mean(axis=0) + 0.5) / 8
        assert tuple(middle.astype(int).tolist()) in cells
        for cell in cells:
            assert_points(spots[(spots // 32 == cell).all(axis=1)] - (np.array(cell) * 32 + 15.5), np.array(along), 32)


def test_joints_mask_and_heatmaps_are_where_they_belong(known):
    sample = read_sample(samples_of(known, SMALL), 0, 0)
    joints, mask, _, heatmaps = (panel[28:] for panel in label_panels(sample, 512))
    shoulder, elbow = sample.keypoints[0, [2, 3], :2] * 4 + 1.5
    assert sample.keypoints[0, [2, 3], 2].tolist() == [2, 1]
    for x, y in (shoulder, elbow):
        assert heatmaps[round(y), round(x)].sum() > 500 > heatmaps[round(y) - 90, round(x)].sum()
    assert (joints[round(elbow[1]), round(elbow[0])] == 255).all()  # hollow: it is occluded
    assert (joints[round(shoulder[1]), round(shoulder[0])] != 255).any()
    crop = cv2.resize(sample.sample.image, (512, 512), interpolation=cv2.INTER_CUBIC)
    ignored = np.kron(sample.sample.mask[0] == 0, np.ones((32, 32), bool))
    counts = np.kron(sample.sample.mask[0] == 1, np.ones((32, 32), bool))
    assert ignored.any() and counts.any()
    redder = mask.astype(int)[..., 0] - mask[..., 1] - (crop.astype(int)[..., 0] - crop[..., 1])
    assert (redder[ignored] > 20).mean() > 0.95 and (mask[counts] == crop[counts]).all(axis=-1).mean() > 0.95


def test_samples_are_those_of_training(known):
    """The picture shows the very crop and labels, and leaves the set as it was."""
    samples = samples_of(known, SMALL, augment=True)
    codec = samples.codec
    sample = read_sample(samples, 3, 1)
    expected = samples[3, 1]
    np.testing.assert_array_equal(sample.sample.image, expected.image)
    np.testing.assert_array_equal(sample.sample.targets["pafs"], expected.targets["pafs"])
    assert samples.codec is codec
    targets = codec.encode(sample.keypoints, (128, 128))
    np.testing.assert_array_equal(targets["heatmaps"], expected.targets["heatmaps"])
    assert "epoch 3: 000000000002.jpg" in sample.title


def test_a_person_in_a_box(known):
    samples = samples_of(known, TOPDOWN, "quickstart_topdown")
    sample = read_sample(samples, 0, 0)
    panels = label_panels(sample, 256)
    assert len(panels) == 3 and all(len(panel) == 256 + 28 for panel in panels)
    assert panels[0].shape[1] == panels[1].shape[1] == 192
    weights = sample.sample.targets.weights["heatmaps"][:, 0, 0]
    assert weights.sum() == 4
    listed = draw_weights(680, weights, samples.codec.skeleton.joints)
    for k, counts in enumerate(weights > 0):
        ink = np.argwhere(listed[40 * k : 40 * k + 40].max(axis=-1) < 60)
        assert (len(ink) > 100) == counts
    # The grid of published networks stands for other pixels, and has joints at whole cells: the picture moves with it.
    for changes in (["labels.unbiased=True"], ["labels.unbiased=False", "labels.sigma=1.0"]):
        sample = read_sample(samples_of(known, [*TOPDOWN, *changes], "quickstart_topdown"), 0, 0)
        heat = label_panels(sample, 512)[1][28:].astype(int).sum(axis=-1)
        place = sample.keypoints[0, 6, :2]
        place = place if "labels.unbiased=True" in changes else 4 * np.floor(place / 4 + 0.5)
        x, y = place * 4 + 1.5
        near = heat[round(y) - 32 : round(y) + 33, round(x) - 32 : round(x) + 33]
        bright = np.argwhere(near > near.max() - 40).mean(axis=0) - 32
        assert np.abs(bright).max() < 4


def test_a_long_list_of_weights_has_columns_and_no_word_is_cut():
    weights = np.ones(38)
    weights[37] = 0
    names = PAFS.channel_names(OPENPOSE_18)
    listed = draw_weights(400, weights, names)
    assert listed.shape[0] == 400
    width = listed.shape[1] // 2
    for column in (0, 1):
        dark = listed[:, column * width : (column + 1) * width].max(axis=-1) < 240
        assert dark[:, :20].any() and not dark[:, -3:].any()
    assert listed[380:, width:].min() > 100 > listed[380:, :width].min()  # the last one does not count


def test_the_sheet_has_a_row_per_sample(known):
    samples = samples_of(known, SMALL)
    single = label_picture(read_sample(samples, 0, 0), 128)
    assert single.shape == (34 + 2 * (28 + 128) + 10, 2 * 128 + 10, 3)
    sheet = label_sheet(samples, 0, [0, 1], 128)
    assert sheet.shape == (2 * (34 + 28 + 128) + 14, 4 * 128 + 30, 3)


def test_which_samples():
    assert choose_samples(10, None, None) == [0] and choose_samples(10, [3, 3, 9], None) == [3, 3, 9]
    assert choose_samples(10, None, 4) == [0, 2, 5, 7] and choose_samples(3, None, 9) == [0, 1, 2]
    for arguments, message in (
        ((10, [10], None), "--index=10: the samples are numbered from 0 to 9"),
        ((10, [-1], None), "--index=-1"),
        ((10, [1], 2), "exclude each other"),
        ((10, None, 0), "--sheet=0: expected at least 1"),
    ):
        with pytest.raises(ConfigError, match=message):
            choose_samples(*arguments)


def test_a_recipe_must_fit(known):
    with pytest.raises(ConfigError, match=r"augment\.crop=100: cpm_small needs multiples of 8"):
        samples_of(known, [*SMALL, "augment.crop=100"])
    with pytest.raises(ConfigError, match=r"unknown key 'labels\.sigmas'"):
        samples_of(known, ["labels.sigmas=3"])
    with pytest.raises(ConfigError, match="at least 0"):
        choose_label_recipe(None, "mpii", [], seed=-1)
    recipe = choose_label_recipe(None, "mpii", [], root="here", seed=3)
    assert (recipe.name, recipe.data.dataset, recipe.data.root, recipe.train.seed) == (
        "cpm_vgg19_mpii",
        "mpii",
        "here",
        3,
    )


def test_drawing_checks_what_it_gets():
    image = np.zeros((16, 16, 3), np.uint8)
    with pytest.raises(DataError, match=r"expected \(2, h, w\) for 1 limbs"):
        draw_arrows(image, np.zeros((4, 2, 2)), [(255, 0, 0)], 8)
    with pytest.raises(DataError, match="uint8"):
        draw_ignored(image[0], np.ones((2, 2)))
    assert captioned(image, "a text that is far too long for so small a picture").shape == (44, 16, 3)


def test_the_script_writes_pictures(run_script, known, tmp_path):
    show = ("show_labels.py", f"--dataset-root={known}", *(f"--set={change}" for change in SMALL), "--height=128")
    output = tmp_path / "labels"
    process = run_script(*show, "--index", 0, 1, "--no-augment", f"--output={output}")
    assert process.returncode == 0, process.stderr
    files = [output / "labels-000000.png", output / "labels-000001.png"]
    assert process.stdout.split() == [str(path) for path in files] and sorted(output.iterdir()) == [
        *files,
        output / "labels.json",
    ]
    picture = cv2.imread(str(files[0]))[..., ::-1]
    np.testing.assert_array_equal(picture, label_picture(read_sample(samples_of(known, SMALL), 0, 0), 128))

    sheet = (*show, "--sheet=2", "--epoch=4", "--seed=9", f"--output={output}")
    assert_one_line(run_script(*sheet), "holds results of other options (index [0, 1], not None; ", "--overwrite")
    process = run_script(*sheet, "--overwrite")
    assert process.returncode == 0, process.stderr
    assert [path.name for path in sorted(output.iterdir())] == ["labels.json", "labels.png"]
    sheet = cv2.imread(str(output / "labels.png"))[..., ::-1]
    samples = samples_of(known, [*SMALL, "train.seed=9"], augment=True)
    np.testing.assert_array_equal(sheet, label_sheet(samples, 4, [0, 1], 128))


@pytest.mark.slow("starts a process for every kind of data")
def test_the_script_shows_mpii_and_people_in_boxes(run_script, test_data, tmp_path):
    (tmp_path / "annot").mkdir()
    (tmp_path / "images").symlink_to(test_data / "mpii" / "images")
    (tmp_path / "annot" / "valid.json").symlink_to(test_data / "mpii" / "test_mpii.json")
    for name, options in (("a", ["--dataset=mpii"]), ("b", ["--config=pose_resnet50_mpii_256x256"])):
        where = (f"--dataset-root={tmp_path}", "--split=valid", f"--output={tmp_path / name}")
        process = run_script("show_labels.py", *options, *where, "--sheet=2", "--height=96")
        assert process.returncode == 0, process.stderr
        assert cv2.imread(str(tmp_path / name / "labels.png")) is not None


@pytest.mark.slow("starts a process for every mistake")
def test_mistakes_in_the_script_are_one_line(run_script, known, tmp_path):
    def show(*arguments):
        output = tmp_path / "never"
        small = [f"--set={change}" for change in SMALL]
        process = run_script("show_labels.py", f"--dataset-root={known}", *small, f"--output={output}", *arguments)
        assert not output.exists()
        return process

    assert_one_line(show("--index=2"), "--index=2: the samples are numbered from 0 to 1")
    assert_one_line(show("--split=val2017"), "val2017")
    assert_one_line(show("--dataset-root=nowhere"), "nowhere: no such data set folder")
    assert_one_line(show("--config=none"), "unknown recipe 'none'")
    assert_one_line(show("--height=0"), "--height: '0': expected a whole number from 1 on")
