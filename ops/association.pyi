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
    people: np.ndarray,
    totals: np.ndarray,
) -> None: ...
