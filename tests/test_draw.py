import cv2
import numpy as np
import pytest

from cpm import Person
from cpm.draw import contact_sheet, draw_heatmaps, draw_pafs, draw_people, limb_colours, save_image
from cpm.errors import ConfigError, DataError
from cpm.skeletons import COCO_17, OPENPOSE_18, SKELETONS, Skeleton

ARROW = Skeleton("arrow", ("tip", "left_fin", "right_fin"), (("tip", "left_fin"), ("tip", "right_fin")))
GREY = np.full((80, 120, 3), 100, np.uint8)


def _changed(picture, image=GREY):
    """Return rows and columns of the pixels that differ."""
    return np.nonzero((picture != image).any(axis=-1))


def _person(points, scores=(1, 1, 1)):
    return Person(np.column_stack([points, scores]).astype(np.float32), 1.0)


def test_stick_lies_on_the_line_between_its_joints():
    picture = draw_people(GREY, [_person([[20, 40], [100, 40], [0, 0]], (1, 1, 0))], ARROW)
    rows, columns = _changed(picture)
    assert abs(rows.mean() - 40) < 0.05
    assert abs(columns.mean() - 60) < 0.05
    assert set(range(20, 101)) <= set(columns)
    assert np.array_equal(GREY, np.full((80, 120, 3), 100, np.uint8))  # the image given stays


def test_joint_not_found_is_not_drawn():
    picture = draw_people(GREY, [_person([[20, 40], [100, 70], [100, 10]], (1, 0, 1))], ARROW)
    rows, _ = _changed(picture)
    assert rows.max() < 50


def test_thickness_follows_the_size_of_the_person():
    image = np.zeros((1000, 1000, 3), np.uint8)
    thickness = []
    for size in (60, 300, 900):
        picture = draw_people(image, [_person([[50, 50], [50, 50 + size], [50, 50 + size]])], ARROW)
        thickness.append(len(np.unique(np.nonzero(picture[50 + size // 2].any(axis=-1)))))
    assert thickness[0] < thickness[1] < thickness[2]


@pytest.mark.parametrize("skeleton", SKELETONS.values(), ids=lambda skeleton: skeleton.name)
def test_sides_differ_in_hue(skeleton):
    hues = {"left": [], "right": []}
    for limb, colour in zip(skeleton.limbs, limb_colours(skeleton)):
        sides = {joint.split("_")[0] for joint in limb} & set(hues)
        if len(sides) == 1:
            hues[sides.pop()].append(int(cv2.cvtColor(np.uint8([[colour]]), cv2.COLOR_RGB2HSV)[0, 0, 0]))
    assert min(hues["left"]) > 80  # green-blue to blue, on OpenCV's circle of 180
    assert max(hues["right"]) < 30  # red to yellow


def test_people_of_another_skeleton_are_refused():
    with pytest.raises(DataError, match=r"shape \(3, 3\), expected \(17, 3\) of COCO_17"):
        draw_people(GREY, [_person([[1, 1], [2, 2], [3, 3]])], COCO_17)


@pytest.mark.parametrize("image", [GREY.astype(np.float32), GREY[..., 0], "picture.jpg"], ids=["float", "grey", "path"])
def test_what_is_no_image_is_refused(image):
    with pytest.raises(DataError, match=r"expected .*uint8"):
        draw_people(image, [], ARROW)


def test_cell_of_a_heatmap_lights_its_own_pixels():
    heatmaps = np.zeros((2, 10, 15), np.float32)
    heatmaps[1] = 1  # the background is left out
    heatmaps[0, 3, 7] = 1
    scale = (1.0, 1.0)
    brightness = draw_heatmaps(np.zeros_like(GREY), heatmaps, scale, stride=8).astype(float).sum(axis=-1)
    rows, columns = np.indices(brightness.shape)
    assert abs((brightness * columns).sum() / brightness.sum() - (8 * 7 + 3.5)) < 1e-3
    assert abs((brightness * rows).sum() / brightness.sum() - (8 * 3 + 3.5)) < 1e-3


def test_overlay_heeds_different_scales_in_x_and_y():
    heatmaps = np.zeros((1, 20, 45), np.float32)
    heatmaps[0, 9, 30] = 1
    brightness = draw_heatmaps(np.zeros_like(GREY), heatmaps, (3.0, 2.0), stride=8, background=False).sum(axis=-1)
    row, column = np.unravel_index(brightness.argmax(), brightness.shape)
    # A pixel of the network's input at x is pixel (x + 0.5) / scale - 0.5 of the image.
    assert abs(column - ((8 * 30 + 4) / 3 - 0.5)) < 1
    assert abs(row - ((8 * 9 + 4) / 2 - 0.5)) < 1


@pytest.mark.parametrize(
    ("vector", "strong", "weak"), [((1, 0), 0, 2), ((-1, 0), 2, 0), ((0, 1), 1, 2), ((0, -1), 2, 1)]
)
def test_direction_of_a_paf_is_its_hue(vector, strong, weak):
    pafs = np.zeros((4, 10, 15), np.float32)
    pafs[2:, 5, 5] = vector
    pixel = draw_pafs(GREY, pafs)[43, 43].astype(int)
    assert pixel[strong] > pixel[weak] + 50


def test_brightness_of_a_paf_is_its_length():
    pafs = np.zeros((2, 10, 15), np.float32)
    pafs[0] = np.linspace(0, 1, 15)
    row = draw_pafs(np.zeros_like(GREY), pafs)[40].sum(axis=-1).astype(int)
    assert (np.diff(row) >= 0).all()
    assert row[-1] > 250


@pytest.mark.parametrize("shape", [(3, 4, 5), (0, 4, 5), (4, 5)])
def test_odd_pafs_are_refused(shape):
    with pytest.raises(DataError, match="expected \\(2L, h, w\\)"):
        draw_pafs(GREY, np.zeros(shape, np.float32))


def test_contact_sheet_places_every_image():
    images = [np.full((20, width, 3), value, np.uint8) for width, value in ((30, 10), (40, 50), (20, 90))]
    sheet = contact_sheet(images, columns=2, gap=5)
    assert sheet.shape == (45, 75, 3)
    assert (sheet[:20, :30] == 10).all()
    assert (sheet[:20, 35:] == 50).all()
    assert (sheet[25:, :20] == 90).all()
    assert (sheet[20:25] == 255).all()
    assert contact_sheet(images, columns=3, height=10, gap=0).shape == (10, 45, 3)
    with pytest.raises(DataError, match="no images"):
        contact_sheet([])


def test_slivers_stay_within_the_sheet():
    sliver = np.full((1, 500, 3), 10, np.uint8)
    sheet = contact_sheet([sliver, GREY], columns=2, height=20, gap=0)
    assert sheet.shape == (20, 320 + 30, 3)
    assert (sheet[0, :320] == 10).all() and (sheet[1:, :320] == 255).all() and (sheet[:, 320:] == 100).all()


def test_what_is_longer_than_a_jpeg_file_can_be_becomes_smaller(tmp_path):
    save_image(tmp_path / "long.jpg", np.full((2, 70_000, 3), 90, np.uint8))
    assert cv2.imread(str(tmp_path / "long.jpg")).shape == (2, 65_500, 3)


def test_images_are_saved_as_their_suffix_says(tmp_path):
    rgb = np.zeros((16, 16, 3), np.uint8)
    rgb[..., 0] = 250
    save_image(tmp_path / "new" / "red.png", rgb)
    save_image(tmp_path / "red.JPG", rgb)
    assert np.array_equal(cv2.imread(str(tmp_path / "new" / "red.png"))[..., ::-1], rgb)
    assert np.abs(cv2.imread(str(tmp_path / "red.JPG"))[..., ::-1].astype(int) - rgb).max() < 10
    assert (tmp_path / "red.JPG").read_bytes().startswith(b"\xff\xd8")
    with pytest.raises(ConfigError, match=r"red.txt: cannot write '.txt'"):
        save_image(tmp_path / "red.txt", rgb)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["new", "red.JPG"]


def test_openpose_people_are_drawn():
    rng = np.random.default_rng(0)
    keypoints = np.column_stack([rng.uniform(10, 70, (18, 2)), np.ones(18)])
    assert len(_changed(draw_people(GREY, [Person(keypoints, 1.0)], OPENPOSE_18))[0]) > 300
