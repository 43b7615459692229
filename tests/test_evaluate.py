import json
import logging
import os
from pathlib import Path

import cv2
import mxnet as mx
import numpy as np
import pytest

from cpm import ConfigError, DataError, DeviceError
from cpm.codecs import PafCodec
from cpm.datasets import CocoKeypoints
from cpm.evaluation import PROTOCOLS, apply_protocol, pictures, score_coco
from cpm.evaluation.evaluate import evaluate_coco
from cpm.evaluation.pictures import check_display, show_picture
from cpm.evaluation.subsets import select_images
from cpm.inference import PoseEstimator
from cpm.models import get_model, save_network
from cpm.skeletons import COCO_17, OPENPOSE_18

POSE = np.array(
    [[50, 20], [53, 17], [47, 17], [57, 19], [43, 19], [63, 38], [37, 38], [70, 58], [30, 58],
     [72, 78], [28, 78], [59, 82], [41, 82], [60, 110], [40, 110], [61, 138], [39, 138]], float
)  # fmt: skip
SHIFTS = {3: [0, 100], 7: [40], 12: [], 20: [70]}  # image id: where its people stand


@pytest.fixture
def root(tmp_path):
    """Four images of 240 x 160 pixels in the layout of COCO; the grey level of each is its id."""
    folder = tmp_path / "coco"
    (folder / "annotations").mkdir(parents=True)
    (folder / "val2017").mkdir()
    images, annotations = [], []
    for image_id, shifts in SHIFTS.items():
        name = f"{image_id:012d}.png"
        cv2.imwrite(str(folder / "val2017" / name), np.full((160, 240, 3), image_id, np.uint8))
        images.append({"id": image_id, "file_name": name, "width": 240, "height": 160})
        for shift in shifts:
            keypoints = np.column_stack([POSE + np.array([shift, 0]), np.full(17, 2)])
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": image_id,
                    "category_id": 5,
                    "iscrowd": 0,
                    "area": 6000.0,
                    "bbox": [28.0 + shift, 15, 45, 125],
                    "num_keypoints": 17,
                    "keypoints": keypoints.ravel().tolist(),
                }
            )
    category = {"id": 5, "name": "person", "keypoints": list(COCO_17.joints)}
    content = {"images": images, "annotations": annotations, "categories": [category]}
    (folder / "annotations" / "person_keypoints_val2017.json").write_text(json.dumps(content))
    return folder


@pytest.fixture
def dataset(root):
    return CocoKeypoints(root, "val2017")


class KnowingNet:
    """Knows the image by its grey level and returns the maps of the truth, drawn by the codec."""

    def __init__(self, codec):
        self.codec = codec
        self.calls = 0

    def __call__(self, images):
        self.calls += 1
        image = images[0]
        poses = [
            np.column_stack([POSE + np.array([shift, 0]), np.full(17, 2)]) for shift in SHIFTS[int(image[0, 0, 0])]
        ]
        targets = self.codec.encode(np.array(poses).reshape(-1, 17, 3), image.shape[:2])
        return [{name: mx.nd.array(maps[None]) for name, maps in targets.maps.items()}]


@pytest.fixture
def estimator():
    codec = PafCodec(COCO_17)
    return PoseEstimator(KnowingNet(codec), codec, (1,), flip=False, box_size=160)


def test_perfect_maps_score_perfectly_and_are_written(estimator, dataset, tmp_path):
    output = tmp_path / "new" / "output"
    figures = evaluate_coco(estimator, dataset, output=output, progress=False, protocol={"model": "knowing"})
    assert list(figures) == ["AP", "AP50", "AP75", "APm", "APl", "AR", "AR50", "AR75", "ARm", "ARl"]
    assert figures["AP"] > 0.99
    assert figures["AR"] > 0.99
    assert sorted(path.name for path in output.iterdir()) == ["metrics.json", "results.json"]
    assert score_coco(dataset.annotation_file, output / "results.json") == figures
    metrics = json.loads((output / "metrics.json").read_text())
    assert {name: metrics[name] for name in figures} == figures
    assert metrics["seconds_per_image"] > 0
    assert metrics["skipped"] == []
    assert metrics["protocol"] == {
        "scales": [1],
        "flip": False,
        "box_size": 160,
        "stage": -1,
        "split": "val2017",
        "model": "knowing",
        "images": 4,
        "people": None,
        "reference": "height",
    }


def test_only_the_chosen_images_are_evaluated(estimator, dataset):
    figures = evaluate_coco(estimator, dataset, [20, 7, 20], progress=False)
    assert estimator.net.calls == 2
    assert figures["AP"] > 0.99
    with pytest.raises(DataError, match=r"person_keypoints_val2017.json: no image 8 in it \(1 of 2 ids\)"):
        evaluate_coco(estimator, dataset, [7, 8], progress=False)


def test_broken_image_is_named_counted_and_scored_as_empty(estimator, dataset, tmp_path, caplog):
    broken = dataset.records[1].path
    broken.write_bytes(b"no picture")
    with caplog.at_level(logging.WARNING):
        figures = evaluate_coco(estimator, dataset, output=tmp_path, progress=False)
    assert [str(broken) in record.getMessage() for record in caplog.records] == [True]
    assert json.loads((tmp_path / "metrics.json").read_text())["skipped"] == [7]
    assert {result["image_id"] for result in json.loads((tmp_path / "results.json").read_text())} == {3, 20}
    assert 0.7 < figures["AR"] < 0.8  # three of four people


def test_no_readable_image_is_an_error_and_writes_nothing(estimator, dataset, tmp_path):
    for record in dataset.records:
        record.path.unlink()
    with pytest.raises(DataError, match=r"none of the 4 images of .*val2017 can be read"):
        evaluate_coco(estimator, dataset, output=tmp_path / "output", progress=False)
    assert not (tmp_path / "output").exists()


def test_finding_nobody_scores_zero(dataset):
    def blind(images):
        h, w = images.shape[1] // 8, images.shape[2] // 8
        return [{"pafs": mx.nd.zeros((1, 38, h, w)), "heatmaps": mx.nd.zeros((1, 18, h, w))}]

    estimator = PoseEstimator(blind, PafCodec(COCO_17), (1,), flip=False, box_size=160)
    figures = evaluate_coco(estimator, dataset, progress=False)
    assert figures["AP"] == 0
    assert figures["AR"] == 0


def test_pictures_are_written(estimator, dataset, tmp_path):
    evaluate_coco(estimator, dataset, [3, 7], tmp_path, progress=False, viz=True)
    pictures = sorted((tmp_path / "viz").iterdir())
    assert [path.name for path in pictures] == ["000000000003.jpg", "000000000007.jpg"]
    picture = cv2.imread(str(pictures[0]))
    assert picture.shape == (160, 3 * 240 + 2 * 4, 3)
    thirds = [picture[:, left : left + 240].astype(int) for left in (0, 244, 488)]
    for third in thirds:  # both people, 100 pixels apart, and none between them
        columns = third.max(axis=(0, 2)) > 90
        assert columns[40:60].all()
        assert columns[140:160].all()
        assert not columns[95:105].any()


def test_mistakes_show_before_the_run(estimator, dataset, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="file: cannot be made the output folder"):
        evaluate_coco(estimator, dataset, output=tmp_path / "file", progress=False)
    with pytest.raises(ConfigError, match="viz=True needs output"):
        evaluate_coco(estimator, dataset, progress=False, viz=True)
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"):
        monkeypatch.delenv(name, raising=False)
    if os.name == "posix" and not Path("/System/Library").exists():
        with pytest.raises(DeviceError, match="no display"):
            evaluate_coco(estimator, dataset, progress=False, show=True)
    assert estimator.net.calls == 0


def test_showing_goes_on_until_q(estimator, dataset, monkeypatch):
    shown, keys = [], [ord(" "), ord("q")]
    monkeypatch.setattr("cpm.evaluation.reports.check_display", lambda: None)
    monkeypatch.setattr(cv2, "imshow", lambda name, picture: shown.append(picture.shape))
    monkeypatch.setattr(cv2, "waitKey", lambda delay: keys.pop(0))
    monkeypatch.setattr(cv2, "destroyAllWindows", lambda: None)
    assert evaluate_coco(estimator, dataset, progress=False, show=True)["AP"] > 0.99
    assert shown == [(160, 728, 3)] * 2
    keys.append(-1)  # the window was closed by other means than a key
    assert show_picture(np.zeros((4, 4, 3), np.uint8))


@pytest.mark.parametrize("trial", ["raise SystemExit(1)", "import os; os.abort()"])
def test_no_display_is_told(monkeypatch, trial):
    monkeypatch.setattr(pictures, "_TRY_WINDOW", trial)
    with pytest.raises(DeviceError, match="no window can be opened"):
        check_display()


def test_a_display_is_found(monkeypatch):
    monkeypatch.setattr(pictures, "_TRY_WINDOW", "")
    check_display()


@pytest.mark.parametrize(
    ("subset", "expected"),
    [
        ("people", [3, 7, 20]),
        ("all", [3, 7, 12, 20]),
        ("20\n\n# a remark\n3  # another\n", [3, 20]),
        ("000000000012.png\n000000000007\n7\n", [7, 12]),
        ("1\t20\t000000000020.png\t160\t240\n2 3 000000000003.png 160 240\n", [3, 20]),
    ],
    ids=["people", "all", "ids", "names", "columns"],
)
def test_subsets(dataset, tmp_path, subset, expected):
    if "\n" in subset:
        (tmp_path / "list.txt").write_text(subset)
        subset = str(tmp_path / "list.txt")
    assert select_images(dataset, subset) == expected
    assert select_images(dataset, subset, limit=1) == expected[:1]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("3\n8\n", "list.txt, line 2: image 8 is not in .*person_keypoints_val2017.json"),
        ("3 000000000003.png\n", "list.txt, line 1: 2 words, expected an id"),
        ("# nothing\n", "list.txt: lists no images"),
        ("\xff", "list.txt: cannot be read as a text file"),
        (None, "list.txt: no such file; expected 'people', 'all' or"),
    ],
    ids=["unknown", "columns", "empty", "binary", "missing"],
)
def test_broken_subsets_are_refused(dataset, tmp_path, text, message):
    if text is not None:
        (tmp_path / "list.txt").write_bytes(text.encode("latin-1"))
    with pytest.raises(DataError, match=message):
        select_images(dataset, str(tmp_path / "list.txt"))


def test_limit_of_zero_is_refused(dataset):
    with pytest.raises(ConfigError, match="limit=0"):
        select_images(dataset, "all", 0)


def test_subset_of_the_paper_is_read(test_data):
    """The list of val2014 images cannot fit val2017; its first line is named."""
    dataset = CocoKeypoints(test_data / "coco_mini", "val2017")
    with pytest.raises(DataError, match=r"image_info_val2014_1k.txt, line \d+: image \d+ is not in"):
        select_images(dataset, str(test_data / "splits" / "image_info_val2014_1k.txt"))


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    path = tmp_path_factory.mktemp("checkpoint") / "tiny.npz"
    save_network(path, get_model("cpm_mobilenet", width=0.25, stages=2))
    return path


def test_script(root, checkpoint, tmp_path, run_script):
    done = run_script(
        "evaluate.py",
        f"--resume={checkpoint}",
        f"--dataset-root={root}",
        "--gpus=-1",
        "--scales=0.25,0.5",
        "--stage=1",
        "--limit=2",
        f"--output={tmp_path / 'out'}",
        "--viz",
    )
    assert done.returncode == 0, done.stderr
    assert "AP75" in done.stdout
    assert str(tmp_path / "out") in done.stdout
    assert "s per image" in done.stderr
    protocol = json.loads((tmp_path / "out" / "metrics.json").read_text())["protocol"]
    assert protocol["model"] == "cpm_mobilenet"
    assert protocol["checkpoint"] == str(checkpoint)
    assert (protocol["subset"], protocol["images"], protocol["stage"]) == ("people", 2, 0)
    assert len(list((tmp_path / "out" / "viz").iterdir())) == 2


@pytest.mark.slow("starts a process for every mistake")
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--stage=2"], "error: --stage=2: the network has 2 stages: 0 (the last) to 1 (the first)"),
        (["--subset=nobody.txt"], "nobody.txt: no such file"),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_script_says_mistakes_in_one_line(root, checkpoint, run_script, arguments, message):
    done = run_script("evaluate.py", f"--resume={checkpoint}", f"--dataset-root={root}", *arguments)
    assert done.returncode == 2
    assert message in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


@pytest.mark.slow("starts a process for every protocol and mistake")
def test_protocols_are_applied_and_fixed(run_script, write_coco, tmp_path):
    from .conftest import person
    from .helpers.commands import assert_one_line

    root = write_coco([[person(50, 60, 80)], [], [person(60, 60, 80)]], "val2014")
    save_network(tmp_path / "net.npz", get_model("cpm_small", channels=16, stages=1))
    evaluate = (
        "evaluate.py",
        f"--resume={tmp_path / 'net.npz'}",
        f"--dataset-root={root}",
        "--gpus=-1",
        "--box-size=48",
        f"--output={tmp_path / 'out'}",
    )
    process = run_script(*evaluate, "--protocol=val2014-50")
    assert process.returncode == 0, process.stderr
    assert "val2014-50: scales 0.5, 1.0, 1.5, 2.0, 2.3 x 48 pixels of height, no flip, 2 images" in process.stdout
    protocol = json.loads((tmp_path / "out" / "metrics.json").read_text())["protocol"]
    assert protocol["name"] == "val2014-50" and protocol["flip"] is False and protocol["images"] == 2
    assert_one_line(run_script(*evaluate, "--protocol=val2014-50", "--flip"), "--protocol=val2014-50 fixes flip")
    assert_one_line(run_script(*evaluate, "--protocol=mine"), "protocol 'mine' is unknown", "rtpose-1160")
    assert_one_line(run_script(*evaluate, "--protocol=rtpose-1160"), "val2014_1160.txt", "is not in")
    listed = run_script("evaluate.py", "--list-protocols").stdout
    assert "rtpose-1160 " in listed and "mpii " in listed


def test_a_protocol_is_tried_on_a_few_images_if_the_table_says_so():
    given = dict.fromkeys(("dataset", "split", "scales", "flip", "reference", "subset"))
    tried = apply_protocol("rtpose-1160", given, limit=20)
    assert (tried.limit, tried.title) == (20, "rtpose-1160, only the first 20 of its images")
    whole = apply_protocol("rtpose-1160", given)
    assert (whole.limit, whole.title) == (None, "rtpose-1160")
    assert apply_protocol("val2014-2644", given, 5000).title == "val2014-2644"


def test_lists_of_the_package_are_whole():
    for protocol in PROTOCOLS.values():
        if protocol.subset.endswith(".txt"):
            lines = Path(protocol.images).read_text().splitlines()
            assert len({line for line in lines if not line.startswith("#")}) == 1160


def test_the_shorter_side_may_be_the_reference():
    shapes = []

    def net(images):
        shapes.append(images.shape)
        grid = (images.shape[1] // 8, images.shape[2] // 8)
        channels = {"pafs": 38, "heatmaps": 19}
        return [{name: np.zeros((len(images), count, *grid), np.float32) for name, count in channels.items()}]

    image = np.zeros((200, 100, 3), np.uint8)
    for reference, height in (("height", 64), ("shorter", 128)):
        PoseEstimator(net, PafCodec(OPENPOSE_18), (1,), False, 64, reference=reference)(image)
        assert shapes[-1][1:3] == (height, height // 2)
    with pytest.raises(ConfigError, match="reference='width', expected one of height, shorter"):
        PoseEstimator(net, PafCodec(OPENPOSE_18), reference="width")
