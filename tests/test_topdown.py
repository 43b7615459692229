"""Top-down: samples, estimator, scores and scripts, from annotations to people and back."""

import json
from pathlib import Path

import cv2
import mxnet as mx
import numpy as np
import pytest

from cpm import CheckpointError, ConfigError, DataError
from cpm.codecs import JOINT_HEATMAPS, HeatmapCodec, PafCodec
from cpm.configs import list_configs, load_config
from cpm.datasets import (
    CocoKeypoints,
    CropAugmentation,
    MpiiPeople,
    PersonChoice,
    PersonSet,
    box_of,
    crop_warp,
    read_image,
)
from cpm.evaluation import (
    BoxOksEvaluator,
    Choice,
    Report,
    annotated_boxes,
    detected_boxes,
    evaluate_dataset,
    mpii_images,
    run,
    score_coco,
)
from cpm.inference import BoxEstimator, PersonDetector, PoseEstimator, ScaledMaps, given_boxes
from cpm.models import get_model, load_network, read_checkpoint, save_network
from cpm.models.networks.gluoncv_models import detector_network
from cpm.skeletons import COCO_17, MPI_15, MPII_16, convert
from cpm.tasks import top_down
from cpm.training import StageLoss

from .conftest import person
from .helpers.commands import assert_one_line

SIZE = (128, 96)
FAITHFUL, UNBIASED = HeatmapCodec(COCO_17), HeatmapCodec(COCO_17, unbiased=True)


@pytest.fixture
def coco(write_coco):
    people = [[person(50 + 8 * k, 60, 80), person(110, 70, 60)] for k in range(4)]
    write_coco(people[:2], "val2017")
    return write_coco(people, "train2017")


@pytest.fixture
def coco_topdown(test_data, tmp_path):
    source = test_data / "coco_topdown"
    (tmp_path / "annotations").mkdir()
    (tmp_path / "val2017").symlink_to(source)
    (tmp_path / "annotations" / "person_keypoints_val2017.json").symlink_to(source / "test_coco.json")
    return tmp_path


@pytest.fixture
def mpii(test_data, tmp_path):
    (tmp_path / "annot").mkdir()
    (tmp_path / "images").symlink_to(test_data / "mpii" / "images")
    (tmp_path / "annot" / "valid.json").symlink_to(test_data / "mpii" / "test_mpii.json")
    return tmp_path


class Knowing:
    """Stands for a network: returns the targets of the crops that it is told to expect, mirrored ones too."""

    multiple, stride = 32, 4

    def __init__(self, codec, size):
        self.codec, self.size, self.joints = codec, size, []

    def expect(self, boxes, keypoints):
        """(N, K, 3) in image pixels."""
        warps = [crop_warp(box, self.size) for box in boxes]
        self.joints = [warp.keypoints(each[None], self.codec.skeleton, 20) for warp, each in zip(warps, keypoints)]

    def __call__(self, images):
        assert images.shape[1:] == (*self.size, 3)
        maps = [self.codec.encode(each, self.size)["heatmaps"] for each in self.joints]
        if images.shape[0] == 2 * len(maps):
            for each in self.joints:
                mirrored = each.copy()
                mirrored[..., 0] = self.size[1] - 1 - mirrored[..., 0]
                mirrored[each[..., 2] == 0] = 0
                mirrored = mirrored[:, self.codec.skeleton.flip_joints]
                maps.append(self.codec.encode(mirrored, self.size)["heatmaps"])
        return [{"heatmaps": np.stack(maps)}]


class Cheating(BoxEstimator):
    """Knows the keypoints of the images by the boxes."""

    def __init__(self, codec, size, flip, truth):
        super().__init__(Knowing(codec, size), codec, size, flip)
        self.truth = truth

    def __call__(self, image, boxes):
        self.net.expect(boxes, [self.truth[box] for box in boxes])
        return super().__call__(image, boxes)


def score(estimator, dataset, images):
    return run(estimator, images, BoxOksEvaluator(dataset, estimator.codec.skeleton), Report(progress=False))


def truth_of(images, dataset):
    known = {}
    for entry in images:
        record = next(each for each in dataset.records if each.id == entry.image_id)
        people = [each for each in record.people if each.num_keypoints and not each.is_crowd]
        known.update({box: each.keypoints for box, each in zip(entry.boxes, people)})
    return known


@pytest.mark.parametrize(("codec", "least"), [(FAITHFUL, 0.99), (UNBIASED, 0.999)])
@pytest.mark.parametrize("flip", [False, True])
def test_perfect_maps_score_in_full(coco_topdown, codec, least, flip):
    dataset = CocoKeypoints(coco_topdown, "val2017")
    images = annotated_boxes(dataset, 192 / 256)
    estimator = Cheating(codec, (256, 192), flip, truth_of(images, dataset))
    figures = score(estimator, dataset, images)
    assert figures["AP"] >= least and figures["AR"] >= least


def test_a_detector_gives_more_boxes_than_there_are_people(coco_topdown, test_data, tmp_path):
    """Its 118 boxes run through a network of random weights to a score; boxes on top of each other leave one person."""
    dataset = CocoKeypoints(coco_topdown, "val2017")
    file = test_data / "coco_topdown" / "test_coco_det_AP_H_56.json"
    images = detected_boxes(dataset, file, 0.75)
    assert sum(len(image.boxes) for image in images) == 118
    net = get_model("pose_resnet", depth=18)
    estimator = BoxEstimator(net, FAITHFUL, SIZE, flip=True)
    report = Report(tmp_path / "out", progress=False)
    assert "AP50" in evaluate_dataset(estimator, dataset, Choice(boxes=file), report)[1]
    results = json.loads((tmp_path / "out" / "results.json").read_text())
    metrics = json.loads((tmp_path / "out" / "metrics.json").read_text())
    assert (
        0 < len(results) <= 118 and metrics["protocol"]["boxes"] == str(file) and metrics["protocol"]["people"] == 118
    )
    assert score_coco(dataset.annotation_file, results)["AP"] == metrics["AP"]
    (tmp_path / "none.json").write_text('[{"image_id": 1}]')
    for path, message in (
        ("nowhere.json", "no such file"),
        (tmp_path / "none.json", "no 'category_id', expected COCO"),
    ):
        with pytest.raises(DataError, match=message):
            detected_boxes(dataset, path, 0.75)


def test_of_two_boxes_on_one_person_the_surer_stays(coco):
    dataset = CocoKeypoints(coco, "val2017")
    images = annotated_boxes(dataset, 0.75)
    known = truth_of(images, dataset)
    double = [
        type(image)(image.path, image.size, image.image_id, image.boxes * 2, (0.5,) * len(image.boxes) + image.scores)
        for image in images
    ]
    estimator = Cheating(UNBIASED, SIZE, False, known)
    once, twice = (score(estimator, dataset, each) for each in (images, double))
    assert twice["AP"] == pytest.approx(once["AP"]) and once["AP"] > 0.9


def test_perfect_maps_of_mpii_score_in_full(mpii, tmp_path):
    dataset = MpiiPeople(mpii, "valid")
    codec = HeatmapCodec(MPII_16, unbiased=True)
    images = mpii_images(dataset, 1.0)
    truth = {box: dataset.people[row].keypoints for image in images for box, row in zip(image.boxes, image.rows)}
    estimator = Cheating(codec, (256, 256), True, truth)
    figures, _ = evaluate_dataset(estimator, dataset, report=Report(tmp_path / "out", viz=True, progress=False))
    assert figures["mean"] == pytest.approx(100) and figures["mean@0.1"] == pytest.approx(100)
    assert len(json.loads((tmp_path / "out" / "results.json").read_text())) == len(dataset.people)
    assert (tmp_path / "out" / "people.jpg").exists()


def test_a_sample_shows_its_joints(coco):
    dataset = CocoKeypoints(coco, "train2017")
    people = PersonChoice().people(dataset, SIZE[1] / SIZE[0])
    assert len(people) == 8
    still = CropAugmentation().without_chance()
    samples = PersonSet(people, COCO_17, UNBIASED, SIZE, still, seed=1)
    sample = samples[0, 3]
    heatmaps = sample.targets["heatmaps"]
    assert sample.image.shape == (128, 96, 3) and heatmaps.shape == (17, 32, 24)
    assert list(sample.targets.maps) == ["heatmaps"] and sample.mask.tolist() == [[[1]]]
    found = UNBIASED.find_joints(heatmaps)
    expected = crop_warp(people[3].box, SIZE).keypoints(people[3].keypoints, COCO_17)
    labelled = (expected[:, 2] > 0) & (sample.targets.weights["heatmaps"][:, 0, 0] > 0)
    assert labelled.sum() > 10
    np.testing.assert_allclose(found[labelled, :2], expected[labelled, :2], atol=0.1)
    drawn = PersonSet(people, COCO_17, UNBIASED, SIZE, CropAugmentation(), seed=1)
    again = PersonSet(people, COCO_17, UNBIASED, SIZE, CropAugmentation(), seed=1)
    assert np.array_equal(drawn[2, 5].image, again[2, 5].image) and not np.array_equal(
        drawn[2, 5].image, drawn[3, 5].image
    )


def test_colours_are_rgb(tmp_path, write_coco):
    root = write_coco([[person(80, 60, 80)]], "val2017")
    red = np.zeros((120, 160, 3), np.uint8)
    red[..., 2] = 250  # OpenCV writes BGR
    cv2.imwrite(str(root / "val2017" / "000000000001.jpg"), red)
    dataset = CocoKeypoints(root, "val2017")
    people = PersonChoice().people(dataset, 0.75)
    image = PersonSet(people, COCO_17, FAITHFUL, SIZE, CropAugmentation().without_chance(), 0)[0, 0].image
    assert image[64, 48, 0] > 240 and image[64, 48, 2] < 10


def test_unlabelled_joints_do_not_count(coco):
    loss = StageLoss("half_mean")
    prediction, target = mx.nd.ones((2, 3, 4, 4)), mx.nd.zeros((2, 3, 4, 4))
    weights = mx.nd.array([[1, 0, 0], [1, 1, 1]]).reshape((2, 3, 1, 1))
    np.testing.assert_allclose(loss(prediction, target, weights).asnumpy(), [1 / 6, 1 / 2])


def test_flipping_averages_with_the_mirror_image(coco):
    net = get_model("pose_resnet", depth=18)
    image = read_image(next((coco / "val2017").glob("*.jpg")))
    box = box_of((20, 10, 60, 80), (120, 160), 0.75)
    plain, flipped = (BoxEstimator(net, UNBIASED, SIZE, flip) for flip in (False, True))
    crop = crop_warp(box, SIZE).image(image)[None]
    mirrored = plain.heatmaps(np.ascontiguousarray(crop[:, :, ::-1]))[0]
    mean = (plain.heatmaps(crop)[0] + JOINT_HEATMAPS.unmirror(mirrored, COCO_17)) / 2
    np.testing.assert_allclose(flipped.heatmaps(crop)[0], mean, atol=1e-5)
    assert len(flipped(image, [box] * 3)) == 3 and flipped(image, []) == []
    with pytest.raises(ConfigError, match="expected positive numbers"):
        BoxEstimator(net, UNBIASED, (0, 4))
    with pytest.raises(ConfigError, match=r"the network returns heatmaps .*, but COCO_17 at stride 4 needs heatmaps"):
        BoxEstimator(get_model("cpm_small", channels=16, stages=1), UNBIASED, SIZE)(image, [box])


def test_recipes_are_those_of_the_paper():
    names = list_configs("top_down")
    published = {f"pose_resnet{d}_coco_{s}" for d in (50, 101, 152) for s in ("256x192", "384x288")}
    assert published | {"pose_resnet50_mpii_256x256", "pose_resnet50_mpii_384x384"} <= set(names)
    for name in names:
        config = load_config(name)
        if name.startswith("pose_resnet"):
            height, width = name.rsplit("_", 1)[1].split("x")
            assert config.augment["size"] == (int(height), int(width))
            assert config.labels.sigma == (2.0 if min(int(height), 300) == 256 else 3.0) and not config.labels.unbiased
            assert config.schedule.steps == (90, 120) and config.train.epochs == 140


@pytest.mark.slow("builds every network in full")
def test_networks_have_the_published_sizes():
    for skeleton, expected in ((COCO_17, 33_999_697), (MPII_16, 33_999_440)):
        net = get_model("pose_resnet", skeleton=skeleton)
        counted = [p for name, p in net.collect_params().items() if "running" not in name and "normalise" not in name]
        assert sum(int(np.prod(p.shape)) for p in counted) == expected


@pytest.mark.slow("trains, and starts a process for every script and mistake")
def test_train_evaluate_and_predict_as_a_user_does(run_script, coco, tmp_path):
    train = (
        "train_pose_resnet.py",
        "--config=quickstart_topdown",
        f"--dataset-root={coco}",
        "--gpus=-1",
        "--epochs=1",
        "--batch-size=4",
        "--set=augment.size=(96, 64)",
    )
    process = run_script(*train, f"--output={tmp_path / 'run'}")
    assert process.returncode == 0, process.stderr
    assert "next: cpm evaluate-topdown --checkpoint=" in process.stdout
    last = tmp_path / "run" / "last.npz"
    process = run_script("train_pose_resnet.py", f"--resume={last}", "--epochs=2", "--gpus=-1")
    assert process.returncode == 0, process.stderr
    evaluate = ("evaluate_topdown.py", f"--resume={last}", "--gpus=-1", f"--output={tmp_path / 'eval'}")
    process = run_script(*evaluate, "--viz")
    assert process.returncode == 0 and "AP50" in process.stdout, process.stderr
    metrics = json.loads((tmp_path / "eval" / "metrics.json").read_text())
    assert metrics["protocol"]["size"] == [96, 64] and metrics["protocol"]["unbiased"] is True
    assert len(list((tmp_path / "eval" / "viz").iterdir())) == 2
    (tmp_path / "boxes.json").write_text(json.dumps({"000000000001.jpg": [[10, 20, 50, 80], [60, 20, 50, 80]]}))
    picture = coco / "val2017" / "000000000001.jpg"
    predict = ("predict.py", picture, f"--resume={last}", "--gpus=-1", f"--output={tmp_path / 'found'}")
    process = run_script(*predict, f"--boxes={tmp_path / 'boxes.json'}", "--min-joint-score=0")
    assert process.returncode == 0 and "2 people in 1 picture" in process.stdout, process.stderr
    content = json.loads((tmp_path / "found" / "people.json").read_text())
    assert len(content["images"][0]["people"]) == 2 and content["joints"][0] == "nose"
    assert_one_line(run_script(*predict, "--boxes=nowhere.json"), "nowhere.json: no such file")
    assert_one_line(run_script("evaluate.py", f"--resume={last}", "--gpus=-1"), "cpm evaluate-topdown")
    assert_one_line(run_script(*evaluate, "--boxes=nowhere.json"), "nowhere.json: no such file")
    assert_one_line(run_script("train_pose_resnet.py", "--config=quickstart"), "a recipe for cpm train")
    assert_one_line(run_script(*train, "--overwrite", "--set=augment.size=(96, 50)"), "pose_small needs multiples of 8")
    assert_one_line(run_script("train_pose_resnet.py", "--depth=7"), "unknown recipe 'pose_resnet7_coco_256x192'")


@pytest.mark.slow("predicts in processes of their own")
def test_predicting_with_a_network_for_whole_images(run_script, coco, tmp_path):
    save_network(tmp_path / "net.npz", get_model("cpm_small", channels=16, stages=1))
    predict = ("predict.py", coco / "val2017", f"--resume={tmp_path / 'net.npz'}", "--gpus=-1", "--box-size=64")
    process = run_script(*predict, f"--output={tmp_path / 'found'}")
    assert process.returncode == 0 and "in 2 pictures" in process.stdout, process.stderr
    assert len(list((tmp_path / "found" / "pictures").iterdir())) == 2
    assert_one_line(run_script("predict.py", "nowhere", *predict[2:]), "nowhere: no such file or folder")


def test_boxes_of_a_detector(tmp_path):
    net = detector_network("ssd_512_mobilenet1.0_voc")
    net.initialize()
    net(mx.nd.zeros((1, 3, 128, 128)))
    net.save_parameters(str(tmp_path / "ssd.params"))
    detect = PersonDetector("ssd_512_mobilenet1.0_voc", tmp_path / "ssd.params", threshold=0.0, short=128)
    image = np.random.default_rng(0).integers(0, 256, (90, 130, 3), np.uint8)
    scores = [score for _, score in detect(image)]
    assert scores == sorted(scores, reverse=True)
    (tmp_path / "other.params").write_bytes(b"nothing")
    with pytest.raises(ConfigError, match="detector 'ssd' is unknown"):
        PersonDetector("ssd", tmp_path / "ssd.params")
    for name, message in (("nowhere.params", "no such file"), ("other.params", "too short .7 B., expected an MX")):
        with pytest.raises(CheckpointError, match=message):
            PersonDetector("ssd_512_mobilenet1.0_voc", tmp_path / name)


def test_the_protocol_follows_the_body(tmp_path):
    for skeleton, size, dataset in ((COCO_17, (256, 192), "coco"), (MPII_16, (256, 256), "mpii")):
        net = get_model("pose_resnet", depth=18, skeleton=skeleton)
        save_network(tmp_path / "net.npz", net)
        settings = top_down.settings(read_checkpoint(tmp_path / "net.npz").meta, "net.npz")
        assert settings.size == size and settings.data.kind == dataset and settings.flip and not settings.unbiased
    assert load_network(tmp_path / "net.npz").skeleton.name == "MPII_16"


def test_given_boxes_are_checked(tmp_path):
    for text in ("[]", "{", '{"a.jpg": 7}'):
        (tmp_path / "boxes.json").write_text(text)
        with pytest.raises(DataError, match="expected JSON such as"):
            given_boxes(tmp_path / "boxes.json")
    (tmp_path / "boxes.json").write_text('{"a.jpg": []}')
    look_up = given_boxes(tmp_path / "boxes.json")
    image = np.zeros((20, 20, 3), np.uint8)
    with pytest.raises(DataError, match=r"no entry 'b.jpg'"):
        look_up(Path("b.jpg"), image, 1.0, 1.25)


def test_a_network_for_whole_images_is_scored_on_mpii(mpii, tmp_path):
    """Perfect maps of everybody annotated: each is found at their place, though nobody is told whose turn it is."""
    dataset = MpiiPeople(mpii, "valid")
    codec = PafCodec(MPI_15)
    by_path = {}
    for each in dataset.people:
        by_path.setdefault(each.path, []).append(convert(each.keypoints[None], MPII_16, MPI_15)[0])
    images = {path: read_image(path) for path in by_path}

    class Drawing(PoseEstimator):
        def maps(self, image):
            path = next(path for path, other in images.items() if np.array_equal(other, image))
            height, width = (-(-side // 8) * 8 for side in image.shape[:2])
            targets = codec.encode(np.stack(by_path[path]), (height, width))
            return ScaledMaps(targets.maps, (1.0, 1.0))

    estimator = Drawing(None, codec, (0.7, 1, 1.3), False)
    figures, _ = evaluate_dataset(estimator, dataset, report=Report(tmp_path / "out", progress=False))
    assert figures["mean"] > 97
    protocol = json.loads((tmp_path / "out" / "metrics.json").read_text())["protocol"]
    assert protocol["scales"] == [0.7, 1.0, 1.3] and protocol["people"] == 5


@pytest.mark.slow("trains in a process of its own")
def test_training_the_cpm_on_mpii(run_script, mpii, tmp_path):
    train = (
        "train_gluon_cpm.py",
        "--dataset=mpii",
        f"--dataset-root={mpii}",
        "--set=data.train='valid'",
        "--epochs=1",
        "--set=model.name=cpm_small",
        "--set=model.options.channels=8",
        "--set=model.pretrained=",
        "--gpus=-1",
        "--set=model.options.stages=1",
        "--set=augment.crop=64",
        "--batch-size=2",
        "--num-workers=0",
        "--set=optimizer.lr_mults=()",
        f"--output={tmp_path / 'run'}",
    )
    process = run_script(*train)
    assert process.returncode == 0, process.stderr
    evaluate = ("evaluate.py", f"--resume={tmp_path / 'run' / 'last.npz'}", "--gpus=-1", "--box-size=64")
    process = run_script(*evaluate, "--protocol=mpii", f"--output={tmp_path / 'eval'}")
    assert process.returncode == 0 and "Mean@0.1" in process.stdout, process.stderr
    assert "mpii: scales 0.7, 1.0, 1.3 x 64 pixels" in process.stdout
