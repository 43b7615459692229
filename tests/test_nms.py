"""Suppression of people on top of each other, against a plain twin."""

import numpy as np
import pytest

from cpm import ConfigError, DataError
from cpm.evaluation.nms import oks_matrix, oks_nms, rescore
from cpm.skeletons import COCO_17

from .reference import topdown as reference

SIGMAS = np.array(COCO_17.sigmas)


def crowd(seed):
    """Few bodies with many copies: nearly the same, exactly the same, of other sizes; scores often tie."""
    rng = np.random.default_rng(seed)
    bodies = rng.uniform(0, 200, (3, 17, 3))
    people = int(rng.integers(1, 25))
    keypoints = bodies[rng.integers(0, 3, people)]
    keypoints = keypoints + rng.choice([0, 1, 6, 20], (people, 1, 1)) * rng.normal(0, 1, keypoints.shape)
    keypoints[rng.random((people, 17)) < 0.1] = 0
    return keypoints, rng.integers(0, 6, people) / 5, rng.choice([900.0, 1000.0, 20000.0], people)


@pytest.mark.parametrize("threshold", [0.0, 0.5, 0.9, 1.0])
def test_keeps_what_the_twin_keeps(threshold):
    dropped = 0
    for seed in range(40):
        keypoints, scores, areas = crowd(seed)
        kept = oks_nms(keypoints, scores, areas, SIGMAS, threshold)
        assert kept.tolist() == reference.suppress(keypoints, scores, areas, SIGMAS, threshold)
        assert (np.diff(scores[kept]) <= 0).all()
        dropped += len(scores) - len(kept)
    assert (dropped > 0) == (threshold < 1)  # nobody is more alike than 1


def test_similarity_is_the_formula():
    keypoints, _, areas = crowd(3)
    matrix = oks_matrix(keypoints, areas, SIGMAS)
    for i in range(len(areas)):
        for j in range(len(areas)):
            expected = reference.similarity(keypoints[i], keypoints[j], areas[i], areas[j], SIGMAS)
            assert matrix[i, j] == pytest.approx(expected, abs=1e-12)
    np.testing.assert_array_equal(matrix, matrix.T)
    assert (np.diag(matrix) == pytest.approx(1)) and len(areas) > 5


def test_known_value():
    pair = np.array([[[0, 0, 1]], [[3, 4, 1]]])
    assert oks_matrix(pair, [100, 300], [0.1])[0, 1] == pytest.approx(np.exp(-25 / (2 * 0.2**2 * 200)))


def test_who_is_as_alike_as_the_threshold_stays():
    keypoints, areas = np.zeros((2, 17, 3)), np.array([100.0, 100.0])
    keypoints[1, :, 0] = 1
    exactly = oks_matrix(keypoints, areas, SIGMAS)[0, 1]
    assert oks_nms(keypoints, [1, 2], areas, SIGMAS, exactly).tolist() == [1, 0]
    assert oks_nms(keypoints, [1, 2], areas, SIGMAS, np.nextafter(exactly, 0)).tolist() == [1]


def test_a_dropped_person_drops_nobody():
    keypoints = np.zeros((3, 17, 3))
    keypoints[:, :, 0] = [[0], [6], [12]]  # each is like the next, the first not like the last
    areas = np.full(3, 3000.0)
    matrix = oks_matrix(keypoints, areas, SIGMAS)
    threshold = (matrix[0, 1] + matrix[0, 2]) / 2
    assert oks_nms(keypoints, [3, 2, 1], areas, SIGMAS, threshold).tolist() == [0, 2]


def test_equal_scores_keep_the_first_and_nobody_is_fine():
    assert oks_nms(np.zeros((3, 17, 3)), np.ones(3), np.ones(3), SIGMAS).tolist() == [0]
    nobody = np.zeros((0, 17, 3))
    assert oks_matrix(nobody, [], SIGMAS).shape == (0, 0)
    kept = oks_nms(nobody, [], [], SIGMAS)
    assert kept.tolist() == []
    assert kept.dtype.kind == "i"


def test_no_area_and_far_away_people():
    keypoints = np.zeros((2, 17, 3))
    assert (oks_matrix(keypoints, [0, 0], SIGMAS) == 1).all()
    keypoints[1] = 1e200
    np.testing.assert_array_equal(oks_matrix(keypoints, [0, 1], SIGMAS), np.eye(2))


def test_rescoring():
    keypoints = np.zeros((4, 3))
    keypoints[:, 2] = (0.9, 0.2, 0.5, 0.1)
    assert rescore(0.5, keypoints) == pytest.approx(0.5 * 0.7)
    assert rescore(0.5, keypoints, visible=0.05) == pytest.approx(0.5 * 0.425)
    assert rescore(0.5, keypoints, visible=0.9) == 0
    assert isinstance(rescore(1, keypoints), float)


def test_mistakes():
    keypoints, scores, areas = np.zeros((3, 17, 3)), np.ones(3), np.ones(3)
    for arguments, error, message in (
        ((keypoints[..., :2], scores, areas, SIGMAS), DataError, r"keypoints \(3, 17, 2\)"),
        ((keypoints, scores, areas[:2], SIGMAS), DataError, r"areas \(2,\)"),
        ((keypoints, scores[:2], areas, SIGMAS), DataError, r"scores have the shape \(2,\), expected \(3,\)"),
        ((keypoints, scores * np.nan, areas, SIGMAS), DataError, "scores .* finite"),
        ((keypoints, scores, -areas, SIGMAS), DataError, "an area below 0"),
        ((keypoints + np.inf, scores, areas, SIGMAS), DataError, "not finite"),
        ((keypoints, scores, areas, ()), DataError, r"sigmas \(0,\)"),
        ((keypoints, scores, areas, SIGMAS * 0), DataError, "one number above 0 for each joint"),
        ((keypoints, scores, areas, SIGMAS, 1.5), ConfigError, "threshold is 1.5, expected 0 to 1"),
        ((keypoints, scores, areas, SIGMAS, np.nan), ConfigError, "threshold is nan"),
    ):
        with pytest.raises(error, match=message):
            oks_nms(*arguments)
    with pytest.raises(DataError, match=r"\(17, 2\), expected \(K, 3\)"):
        rescore(1, np.zeros((17, 2)))
    with pytest.raises(DataError, match="nan, has a score"):
        rescore(float("nan"), keypoints[0])
