"""PCKh: against a plain twin, the published predictions, and mistakes."""

import numpy as np
import pytest

from cpm.errors import DataError
from cpm.evaluation import pckh
from cpm.skeletons import MPII_16


def random_people(people=40, seed=0):
    rng = np.random.default_rng(seed)
    truth = rng.uniform(0, 200, (people, 16, 2))
    head = rng.uniform(10, 40, people)
    predictions = truth + rng.normal(0, 0.4, truth.shape) * head[:, None, None]
    return predictions, truth, rng.random((people, 16)) < 0.7, head


def twin(predictions, truth, visible, head, threshold):
    right = total = 0
    for person in range(len(truth)):
        for joint in range(16):
            if visible[person, joint] and joint not in (6, 7):
                total += 1
                right += np.hypot(*(predictions - truth)[person, joint]) <= threshold * head[person]
    return 100 * right / total


def test_equals_the_twin():
    case = random_people()
    for threshold in (0.2, 0.5, 1.0):
        assert pckh(*case, threshold=threshold)["mean"] == pytest.approx(twin(*case, threshold))
    assert pckh(*case)["mean@0.1"] == pytest.approx(twin(*case, 0.1))


def test_a_part_is_the_mean_of_its_sides():
    predictions, truth, visible, head = random_people(4)
    visible[:], predictions[:] = True, truth
    predictions[:3, MPII_16.joints.index("left_elbow")] += 100
    figures = pckh(predictions, truth, visible, head)
    assert figures["elbow"] == pytest.approx((25 + 100) / 2)
    assert figures["wrist"] == 100
    visible[:, MPII_16.joints.index("head_top")] = False
    assert np.isnan(pckh(predictions, truth, visible, head)["head"])


def test_published_predictions(test_data):
    h5py = pytest.importorskip("h5py", reason="h5py is not installed")
    from scipy.io import loadmat

    content = loadmat(test_data / "mpii" / "detections_our_format.mat")
    truth = content["pos_gt_src"].transpose(2, 0, 1)
    corners = content["headboxes_src"]
    head = 0.6 * np.linalg.norm(corners[1] - corners[0], axis=0)
    visible = content["jnt_missing"].T == 0
    for name, axes, mean in (("newell", (0, 1, 2), 88.426), ("tompson", (2, 1, 0), 82.337)):
        with h5py.File(test_data / "mpii" / "reference" / f"{name}.h5") as file:
            predictions = file["preds"][...].transpose(axes)
        assert pckh(predictions, truth, visible, head)["mean"] == pytest.approx(mean, abs=5e-4)


def test_mistakes():
    predictions, truth, visible, head = random_people(3)
    for arguments, message in (
        ((predictions[:2], truth, visible, head), r"predictions \(2, 16, 2\)"),
        ((predictions, truth, visible & False, head), "no joint is visible"),
        ((predictions, truth, visible, head * [1, 0, 1]), r"head 1 has the size 0\.0"),
    ):
        with pytest.raises(DataError, match=message):
            pckh(*arguments)
