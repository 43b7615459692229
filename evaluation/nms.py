"""Which of the people that are found on top of each other to keep: suppression by the similarity of their joints."""

from __future__ import annotations

import numpy as np

from ..errors import ConfigError, DataError


def oks_matrix(keypoints: np.ndarray, areas: np.ndarray, sigmas: np.ndarray) -> np.ndarray:
    """Return how alike people are: the object keypoint similarity (OKS) of each with each.

    It is the mean over the joints of exp(-d² / (2 · (2σ)² · A)), with their distance d and the mean A of both areas;
    every joint counts, found or not (Papandreou et al. 2017, "Towards Accurate Multi-person Pose Estimation in the
    Wild", on suppression; the factor 2 is COCO's).

    Parameters
    ----------
    keypoints
        (N, K, 3) x, y in pixels and score, which is not used.
    areas
        (N,) of the people or their boxes in square pixels.
    sigmas
        (K,) the constants of the joints.

    Returns
    -------
    ndarray
        (N, N) float64 from 0 to 1, symmetric.

    Raises
    ------
    DataError
        If a shape does not fit, a number is not finite, an area below 0 or a sigma not above 0.
    """
    keypoints = np.asarray(keypoints, np.float64)
    areas = np.asarray(areas, np.float64)
    sigmas = np.asarray(sigmas, np.float64)
    if keypoints.ndim != 3 or keypoints.shape[1:] != (*sigmas.shape, 3) or areas.shape != keypoints.shape[:1]:
        raise DataError(
            f"keypoints {keypoints.shape}, areas {areas.shape} and sigmas {sigmas.shape}, "
            "expected (N, K, 3), (N,) and (K,)"
        )
    if not (np.isfinite(keypoints).all() and np.isfinite(areas).all() and (areas >= 0).all()):
        raise DataError("keypoints or areas hold a number that is not finite, or an area below 0")
    if sigmas.size == 0 or not (np.isfinite(sigmas).all() and (sigmas > 0).all()):
        raise DataError(f"sigmas are {sigmas.tolist()}, expected one number above 0 for each joint")
    area = (areas[:, None] + areas) / 2 + np.spacing(1.0)
    total = np.zeros(area.shape)
    with np.errstate(over="ignore"):  # people as far apart as that are not alike
        # One joint after the other, as N x N x K numbers are many.
        for (x, y), variance in zip(keypoints[..., :2].transpose(1, 2, 0), (2 * sigmas) ** 2):
            squares = (x[:, None] - x) ** 2 + (y[:, None] - y) ** 2
            total += np.exp(-squares / variance / area / 2)
    return total / len(sigmas)


def oks_nms(
    keypoints: np.ndarray, scores: np.ndarray, areas: np.ndarray, sigmas: np.ndarray, threshold: float = 0.9
) -> np.ndarray:
    """Keep the best of the people that are nearly the same.

    The best is kept, and who is more like them than the threshold is dropped; then the best of the others, and so on.

    Parameters
    ----------
    keypoints, areas, sigmas
        See :func:`oks_matrix`.
    scores
        (N,) of the people; of equal ones the first comes first.
    threshold
        A similarity.

    Returns
    -------
    ndarray
        (M,) int: the people to keep, best first.

    Raises
    ------
    DataError
        As :func:`oks_matrix` does, or if a score is not a finite number.
    ConfigError
        If the threshold is not within 0 and 1.
    """
    if not 0 <= threshold <= 1:
        raise ConfigError(f"threshold is {threshold}, expected 0 to 1")
    alike = oks_matrix(keypoints, areas, sigmas) > threshold
    scores = np.asarray(scores, np.float64)
    if scores.shape != alike.shape[:1] or not np.isfinite(scores).all():
        raise DataError(f"scores have the shape {scores.shape}, expected {alike.shape[:1]} finite numbers")
    order = np.argsort(-scores, kind="stable")
    dropped = np.zeros(len(scores), bool)
    kept = []
    for person in order.tolist():
        if not dropped[person]:
            kept.append(person)
            dropped |= alike[person]
    return np.array(kept, int)


def rescore(box_score: float, keypoints: np.ndarray, visible: float = 0.2) -> float:
    """Return the score of a person: that of their box times the mean score of the joints that are visible.

    Parameters
    ----------
    box_score
        How sure the detector was.
    keypoints
        (K, 3) x, y and score.
    visible
        Joints with a higher score are visible; without any the score is 0.

    Raises
    ------
    DataError
        If the shape is another or a score not finite.
    """
    keypoints = np.asarray(keypoints, np.float64)
    if keypoints.ndim != 2 or keypoints.shape[1] != 3:
        raise DataError(f"keypoints have the shape {keypoints.shape}, expected (K, 3)")
    scores = keypoints[:, 2]
    if not (np.isfinite(scores).all() and np.isfinite(box_score)):
        raise DataError(f"a joint or the box, {box_score}, has a score that is not finite")
    seen = scores[scores > visible]
    return float(box_score * seen.mean()) if len(seen) else 0.0
