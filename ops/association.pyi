import numpy as np

def join_peaks(
    pafs: np.ndarray,
    limbs: np.ndarray,
    peaks: np.ndarray,
    counts: np.ndarray,
    samples: int,
    min_sample: float,
    min_ratio: float,
    reach: float,
    min_score: float,
    max_gap: float,
    limb_by_limb: bool,
    people: np.ndarray,
    totals: np.ndarray,
) -> None: ...
def gather_people(
    peaks: np.ndarray,
    people: np.ndarray,
    totals: np.ndarray,
    min_joints: int,
    min_score: float,
    place: np.ndarray,
    keypoints: np.ndarray,
    scores: np.ndarray,
) -> int: ...
