"""Checkpoints compared by their numbers."""

import numpy as np

from cpm.models import read_checkpoint


def parameters(path) -> dict:
    return read_checkpoint(path).params


def assert_equal(first: dict, second: dict) -> None:
    assert first.keys() == second.keys()
    for name in first:
        np.testing.assert_array_equal(first[name], second[name], err_msg=name)
